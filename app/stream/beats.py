"""Beats: every 200 ms a worker tells that it lives and how far it has read the directory of campaigns."""

import asyncio
import time
from typing import TYPE_CHECKING

from aiokafka.structs import RecordMetadata

from app import topics
from app.records import Beat, encode
from app.stream.directory import Directory

if TYPE_CHECKING:
    from app.stream.app import StreamApp

BEAT_SECONDS = 0.2
FRESH_SECONDS = 2.0


class Beats:
    """The beats of one worker. They start with the worker and go on through rebalances."""

    def __init__(self, app: "StreamApp", worker: str, plane: str, directory: Directory) -> None:
        self._app = app
        self._worker = worker
        self._plane = plane
        self._directory = directory
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
            beat = Beat(self._worker, self._plane, app.now(), self._directory.position)
            ack = app.produce_soon(topics.WORKER_BEAT, 0, key, encode(beat))
            ack.add_done_callback(lambda future, made=made: self._acked(future, made))
            await asyncio.sleep(BEAT_SECONDS)

    def _acked(self, future: "asyncio.Future[RecordMetadata]", made: float) -> None:
        if not future.cancelled():
            self._acknowledged = max(self._acknowledged, made)
