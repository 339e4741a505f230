"""A load of HTTP requests from one process: kept connections, each with one request under way, answers timed.

Raw sockets on uvloop: it must cost less than the server that it measures.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import quantiles

import uvloop

WARM_UP = 1.0  # seconds that are not counted


@dataclass
class Load:
    """What a stretch of load was answered."""

    seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)  # seconds, of every counted answer

    @property
    def per_second(self) -> float:
        """Answers a second."""
        return len(self.latencies) / self.seconds if self.seconds else 0.0

    def percentile(self, percent: int) -> float:
        """Milliseconds within which *percent* of the answers came."""
        if len(self.latencies) < 2:
            return 0.0
        return quantiles(self.latencies, n=100, method="inclusive")[percent - 1] * 1000


def run(port: int, requests: Iterator[bytes], *, connections: int, seconds: float) -> Load:
    """Send *requests* (whole HTTP/1.1 requests) to 127.0.0.1:*port* for *seconds* after a warm-up."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_run(port, requests, connections, seconds))


async def _run(port: int, requests: Iterator[bytes], connections: int, seconds: float) -> Load:
    load = Load()
    begin = time.perf_counter() + WARM_UP
    end = begin + seconds
    await asyncio.gather(*(_connection(port, requests, begin, end, load) for _ in range(connections)))
    load.seconds = seconds
    return load


async def _connection(port: int, requests: Iterator[bytes], begin: float, end: float, load: Load) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        while (sent := time.perf_counter()) < end:
            writer.write(next(requests))
            status = await _answer(reader)
            now = time.perf_counter()
            if begin <= now <= end:
                load.statuses[status] += 1
                load.latencies.append(now - sent)
    finally:
        writer.close()


async def _answer(reader: asyncio.StreamReader) -> int:
    """The status of one answer; its body is read and thrown away. Answers in chunks are not understood."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            length = int(value)
    if length:
        await reader.readexactly(length)
    return int(head.split(b" ", 2)[1])
