"""Watchdog: a worker that looks healthy and does nothing must end, so that its restart goes on.

It judges only while the broker answers: an outage is waited for.
"""

import asyncio
import time
from typing import TYPE_CHECKING

from faust.types import TP

if TYPE_CHECKING:
    from app.stream.app import StreamApp

LOOK_SECONDS = 2.0
STALL_SECONDS = 20.0
RECOVERY_SECONDS = 60.0


class Watchdog:
    """Ends the worker when it stands still for no reason."""

    def __init__(self, app: "StreamApp") -> None:
        self._app = app
        self._recovering_since: float | None = None
        self._progress: dict[TP, int | None] = {}
        self._stalled: dict[TP, tuple[int | None, float]] = {}  # partition -> committed offset, since when

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
        progress = dict(self._app.tables.recovery.active_offsets)
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
        except Exception:  # noqa: BLE001 - whatever keeps the broker from answering is no stall of ours
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
            if (committed or 0) >= ends[tp] or consumer.unfinished(tp):
                self._stalled.pop(tp, None)
                continue
            before, since = self._stalled.setdefault(tp, (committed, now))
            if before != committed:
                self._stalled[tp] = (committed, now)
            elif now - since > STALL_SECONDS:
                self._app.die(
                    f"{tp.topic}[{tp.partition}] stands still: committed {committed}, end {ends[tp]}, nothing in flight"
                )
