"""Watchdog: a worker that looks healthy and does nothing must end, so that its restart goes on.

It judges only while the broker answers: an outage is waited for.
"""

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any, cast

from faust.types import TP

from app.stream.gaps import holds_records

if TYPE_CHECKING:
    from app.stream.app import StreamApp

logger = logging.getLogger(__name__)

LOOK_SECONDS = 2.0
STALL_SECONDS = 20.0
RECOVERY_SECONDS = 60.0
GAP_SECONDS = 10.0  # for finding out whether a gap is one


class Watchdog:
    """Ends the worker when it stands still for no reason."""

    def __init__(self, app: "StreamApp") -> None:
        self._app = app
        self._recovering_since: float | None = None
        self._progress: dict[TP, int | None] = {}
        self._stalled: dict[TP, tuple[int | None, float]] = {}  # partition -> committed offset, since when
        self._empty: dict[TP, tuple[int, int]] = {}  # partition -> offsets known to hold no record

    def recovery_begins(self) -> None:
        """Partitions were assigned."""
        self._recovering_since = time.monotonic()
        self._progress = {}
        self._stalled.clear()

    def recovery_ended(self) -> None:
        """The tables are recovered and the streams flow."""
        self._recovering_since = None

    async def run(self) -> None:
        """Look every two seconds until the worker stops."""
        app = self._app
        while not app.should_stop:
            await asyncio.sleep(LOOK_SECONDS)
            if self._recovering_since is not None:
                self._look_at_recovery()
            if app.working:
                await self._look_at_lag()

    def _look_at_recovery(self) -> None:
        progress = dict(cast(Any, self._app.tables).recovery.active_offsets)
        if progress != self._progress:
            self._progress = progress
            self._recovering_since = time.monotonic()
        elif self._recovering_since is not None and time.monotonic() - self._recovering_since > RECOVERY_SECONDS:
            self._app.die(f"partitions were assigned, but recovery has not moved for {RECOVERY_SECONDS:.0f} s")

    async def _look_at_lag(self) -> None:
        consumer, generation = self._app.consumer, self._app.consumer_generation_id
        tps = [tp for tp in consumer.assignment() if self._app.topics.acks_enabled_for(tp.topic)]
        idle = [tp for tp in tps if not consumer.unfinished(tp)]
        try:
            ends = await asyncio.wait_for(consumer.highwaters(*idle), LOOK_SECONDS) if idle else {}
        except Exception:
            # Whatever keeps the broker from answering is no stall of ours.
            self._stalled.clear()
            return
        if not self._app.working or generation != self._app.consumer_generation_id:
            self._stalled.clear()
            return
        now = time.monotonic()
        for tp in set(self._stalled) - set(idle):
            del self._stalled[tp]
        for tp in idle:
            committed = consumer.committed_offset(tp)
            if self._is_done(tp, committed or 0, ends[tp]) or consumer.unfinished(tp):
                self._stalled.pop(tp, None)
                continue
            before, since = self._stalled.setdefault(tp, (committed, now))
            if before != committed:
                self._stalled[tp] = (committed, now)
            elif now - since > STALL_SECONDS and await self._holds_records(tp, committed or 0, ends[tp]):
                self._app.die(
                    f"{tp.topic}[{tp.partition}] stands still: committed {committed}, end {ends[tp]}, nothing in flight"
                )

    def _is_done(self, tp: TP, committed: int, end: int) -> bool:
        return committed >= end or self._empty.get(tp) == (committed, end)

    async def _holds_records(self, tp: TP, start: int, end: int) -> bool:
        """Whether there is anything to do: the end of a log may be a gap, which nobody ever acknowledges."""
        try:
            async with asyncio.timeout(GAP_SECONDS):
                found = await holds_records(self._app.settings.kafka, tp.topic, tp.partition, start, end)
        except Exception:
            # Not known: the next look asks again.
            self._stalled.clear()
            return False
        if not found:
            logger.warning("%s[%d] holds no record in [%d, %d)", tp.topic, tp.partition, start, end)
            self._empty[tp] = (start, end)
        app = self._app
        moved = app.consumer.committed_offset(tp) != start or app.consumer.unfinished(tp)
        return found and not moved and app.working
