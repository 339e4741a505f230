"""Reports of many webhooks on their way to one partition travel together: most providers post one report at a time.

A record that is taken apart at its end costs a batch of its own there. So what comes within a few milliseconds goes as
one; whoever brought it waits until Kafka has it.
"""

import asyncio
from collections.abc import Iterable

from app import topics
from app.delivery.report_packs import MOST_ROWS
from app.records import DeliveryReport, Told, encode
from app.stream.app import StreamApp

GATHER_SECONDS = 0.03
MOST_BYTES = 200_000  # of texts in a record

Key = tuple[int, str, str]  # partition, route, provider


class Gathering:
    """What waits to be produced, by where it goes."""

    def __init__(self, app: StreamApp) -> None:
        self._app = app
        self._waiting: dict[Key, tuple[list[Told], list[int], asyncio.Future[None]]] = {}

    def add(self, partition: int, report: DeliveryReport) -> "asyncio.Future[None]":
        """Take *report* along; the result is there once Kafka has it."""
        key, size = (partition, report.route, report.source), _size(report.told)
        waiting = self._waiting.get(key)
        if waiting is not None and (
            len(waiting[0]) + len(report.told) > MOST_ROWS or waiting[1][0] + size > MOST_BYTES
        ):
            self._send(key, report.at)
            waiting = None
        if waiting is None:
            loop = asyncio.get_running_loop()
            waiting = self._waiting[key] = [], [0], loop.create_future()
            loop.call_later(GATHER_SECONDS, self._send_if_there, key, report.at, waiting[2])
        rows, sizes, done = waiting
        rows += report.told
        sizes[0] += size
        if len(rows) >= MOST_ROWS:
            self._send(key, report.at)
        return done

    def _send_if_there(self, key: Key, at: float, done: "asyncio.Future[None]") -> None:
        waiting = self._waiting.get(key)
        if waiting is not None and waiting[2] is done:
            self._send(key, at)

    def _send(self, key: Key, at: float) -> None:
        rows, _, done = self._waiting.pop(key)
        partition, route, source = key
        record = encode(DeliveryReport(b"", "told", at, source, told=rows, route=route))
        sent = self._app.produce_soon(topics.DELIVERY_REPORTED, partition, None, record)
        sent.add_done_callback(lambda _: None if done.done() else done.set_result(None))


def _size(rows: Iterable[Told]) -> int:
    return sum(200 + len(told.detail) + len(told.url) + len(told.event) + len(told.ref) for told in rows)
