"""Beats: every 200 ms a worker tells that it lives and how far it has read the directory of campaigns."""

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING

from aiokafka.structs import RecordMetadata

from app import topics
from app.records import Beat, encode
from app.stream.clock import ClockMismatch, check_offset
from app.stream.directory import Directory

if TYPE_CHECKING:
    from app.stream.app import StreamApp

BEAT_SECONDS = 0.2
FRESH_SECONDS = 2.0
LOG_APPEND_TIME = 1  # Kafka's type of a timestamp that the broker gave


class Beats:
    """The beats of one worker. They start with the worker and go on through rebalances."""

    def __init__(self, app: "StreamApp", worker: str, plane: str, directory: Directory) -> None:
        self._app = app
        self._worker = worker
        self._plane = plane
        self._directory = directory
        self._clock_checked = False
        self._acknowledged = -FRESH_SECONDS  # monotonic time at which the last acknowledged beat was made
        app.before_start(self._start)

    def fresh(self) -> bool:
        """Whether a beat made within the last 2 s was acknowledged: others know what we know, and we still hear."""
        return time.monotonic() - self._acknowledged < FRESH_SECONDS

    async def _start(self) -> None:
        self._app.add_future(self._run())

    async def _run(self) -> None:
        app, key = self._app, self._worker.encode()
        while not app.should_stop:
            made = time.monotonic()
            at = app.now()
            beat = Beat(self._worker, self._plane, at, self._directory.position)
            ack = app.produce_soon(topics.WORKER_BEAT, 0, key, encode(beat))
            ack.add_done_callback(partial(self._acked, made, at))
            await asyncio.sleep(BEAT_SECONDS)

    def _acked(self, made: float, at: float, future: "asyncio.Future[RecordMetadata]") -> None:
        if not future.cancelled():
            self._check_clock(at, future.result())
            self._acknowledged = max(self._acknowledged, made)

    def _check_clock(self, sent: float, metadata: RecordMetadata) -> None:
        """The first beat tells how late it is for the broker: all times that workers compare are of such clocks."""
        if self._clock_checked or metadata.timestamp_type != LOG_APPEND_TIME:
            return
        self._clock_checked = True
        try:
            check_offset(sent, metadata.timestamp, self._app.now())
        except ClockMismatch as mismatch:
            self._app.die(str(mismatch))
