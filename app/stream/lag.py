"""Lag: how many records of each topic partition wait for this worker."""

from typing import TYPE_CHECKING

from faust.types import TP

if TYPE_CHECKING:
    from app.stream.app import StreamApp


def lag_of(app: "StreamApp") -> dict[TP, int]:
    """Records between what is committed and the end as of the last fetch, by assigned stream partition."""
    consumer = app.consumer
    lags = {}
    for tp in consumer.assignment():
        end = consumer.highwater(tp) if app.topics.acks_enabled_for(tp.topic) else None
        if end is not None:
            lags[tp] = max(0, end - (consumer.committed_offset(tp) or 0))
    return lags


def lag_by_topic(app: "StreamApp") -> dict[str, int]:
    """The same, summed by topic: for web views and metrics."""
    sums: dict[str, int] = {}
    for tp, lag in lag_of(app).items():
        sums[tp.topic] = sums.get(tp.topic, 0) + lag
    return sums
