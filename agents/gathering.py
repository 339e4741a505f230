"""Reports of many webhooks on their way to one partition travel together: most providers post one report at a time.

A record that is taken apart at its end costs a batch of its own there. So what comes within a few milliseconds goes as
one, and while more comes, what comes within half a second; whoever brought it waits until Kafka has it.
"""

import asyncio
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass, field

from app import topics
from app.delivery.reports.packs import MOST_ROWS, MOST_SIZE, size_of
from app.records import DeliveryReport, Told, encode
from app.stream.app import StreamApp

GATHER_SECONDS = 0.03  # that a report waits at least
APART_SECONDS = 0.5  # between two times at which what waits goes
MOST_WAITING = 128  # webhooks: then what they have brought goes at once, so that the next ones are read

Key = tuple[int, str, str]  # partition, route, provider


@dataclass(slots=True)
class Gathered:
    """What goes as one record."""

    done: "asyncio.Future[None]"
    at: float  # when the first of them came
    rows: list[Told] = field(default_factory=list)
    size: int = 0


class Gathering:
    """What waits to be produced, by where it goes."""

    def __init__(self, app: StreamApp) -> None:
        self._app = app
        self._waiting: dict[Key, Gathered] = {}
        self._alarm: asyncio.TimerHandle | None = None
        self._sent = float("-inf")  # when everything went, by the loop's clock
        self._webhooks = 0  # since then

    def add(self, partition: int, report: DeliveryReport) -> "asyncio.Future[None]":
        """Take *report* along; the result is there once Kafka has it."""
        key, rows, size = (partition, report.route, report.source), len(report.told), _size(report.told)
        waiting = self._waiting.get(key)
        if waiting is not None and (len(waiting.rows) + rows > MOST_ROWS or waiting.size + size > MOST_SIZE):
            self._send(key)
            waiting = None
        if waiting is None:
            waiting = self._waiting[key] = Gathered(asyncio.get_running_loop().create_future(), report.at)
            self._wind()
        waiting.rows += report.told
        waiting.size += size
        if len(waiting.rows) >= MOST_ROWS:
            self._send(key)
        return waiting.done

    async def wait(self, handed_on: Iterable[Awaitable[object]]) -> None:
        """Return when all that a webhook has brought is in Kafka."""
        self._webhooks += 1
        if self._webhooks >= MOST_WAITING:
            self._send_all()
        await asyncio.gather(*handed_on)

    def _wind(self) -> None:
        """See to it that what waits goes: all of it together, so that who reads it finds it in one fetch."""
        if self._alarm is None:
            loop = asyncio.get_running_loop()
            due = max(GATHER_SECONDS, self._sent + APART_SECONDS - loop.time())
            self._alarm = loop.call_later(due, self._send_all)

    def _send_all(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm, self._sent, self._webhooks = None, asyncio.get_running_loop().time(), 0
        for key in list(self._waiting):
            self._send(key)

    def _send(self, key: Key) -> None:
        waiting, (partition, route, source) = self._waiting.pop(key), key
        record = encode(DeliveryReport(b"", "told", waiting.at, source, told=waiting.rows, route=route))
        sent = self._app.produce_soon(topics.DELIVERY_REPORTED, partition, None, record)
        sent.add_done_callback(lambda _: None if waiting.done.done() else waiting.done.set_result(None))


def _size(rows: Iterable[Told]) -> int:
    return sum([size_of(told) for told in rows])
