"""The events of a message in the order of causes, and where it stands by them.

Providers have clocks of their own, some of whole seconds: what is told of an attempt may seem to be older than the
attempt. And of a message that is tried again the record says that it was sent: that was the attempt before.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from app.delivery.explain.story import HITS, Event
from app.delivery.outcomes import DropReason, EventKind, Status
from app.delivery.why import without_again

COARSE = 1.0  # seconds that a provider's clock may be behind for having no fractions
_OURS = (EventKind.QUEUED, EventKind.DROPPED, EventKind.SENT, EventKind.UNKNOWN)  # by our clock
_FIRST: dict[str, int] = {EventKind.QUEUED: 0, EventKind.SENT: 1}  # of what is of one moment; all else is 2


def in_order(events: Iterable[Event]) -> list[Event]:
    """*events* by attempt, then by time: what is told of an attempt is never before it was taken."""
    events = list(events)
    taken: dict[int, float] = {}
    for each in events:
        if each.kind == EventKind.SENT:
            taken[each.attempt] = min(each.at, taken.get(each.attempt, each.at))
    placed = [replace(each, at=_moment(each, taken.get(each.attempt, each.at))) for each in events]
    return sorted(placed, key=lambda each: (each.attempt, each.at, _FIRST.get(each.kind, 2)))


def standing(status: str, events: Sequence[Event]) -> str:
    """*status* as it is by the last of *events*, in order, where the record has that of an earlier attempt."""
    last = next((each for each in reversed(events) if each.kind not in HITS), None)
    if status != Status.SENT or last is None:
        return status
    if without_again(last.why)[1] is not None or (last.kind, last.klass) == (EventKind.DEFERRED, DropReason.CAPPED):
        return Status.DEFERRED
    return Status.UNKNOWN if last.kind == EventKind.UNKNOWN else status


def _moment(event: Event, taken: float) -> float:
    """When *event* was, of an attempt that was taken at that moment."""
    again = without_again(event.why)[1]
    is_end = again is not None and again.attempt > event.attempt
    is_just_before = event.kind not in _OURS and again is None and taken - event.at < COARSE
    return max(event.at, taken) if is_end or is_just_before else event.at
