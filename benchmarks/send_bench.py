"""Sending alone: releases of 100 ready-made messages, ledger, journal, pipelined SMTP, a sink that takes everything."""

import asyncio
import time
from collections.abc import Callable

import psutil

from app import ids, topics
from app.local.sink_read import duplicates, load
from app.records import Outgoing, Release, encode
from app.settings import Settings
from benchmarks.stand import CAMPAIGN, Measured, announce, cpu_seconds, process, producing, stand

SLICE = 100
DAY = 20_000


def releases(people: int, partitions: int) -> list[tuple[int, bytes]]:
    """(partition, encoded release) for *people* messages."""
    rows: list[list[Outgoing]] = [[] for _ in range(partitions)]
    for i in range(people):
        rid = ids.recipient_id(b"bench", "email", f"user{i}@example.com")
        message = ids.message_id(DAY, CAMPAIGN, 1, rid, "email")
        rows[ids.partition_of(rid, partitions)].append(Outgoing(message, rid, f"user{i}@example.com", b"{}"))
    made, now = [], time.time()
    for p, mine in enumerate(rows):
        for n, at in enumerate(range(0, len(mine), SLICE)):
            part = mine[at : at + SLICE]
            release = Release(
                ids.release_id(p, n), "bench", CAMPAIGN, "bulk", "gmail", "smtp", 1, now, now + 600, 1, part
            )
            made.append((p, encode(release)))
    return made


async def run(settings: Settings, people: int) -> Measured:
    """Produce all releases, start one sender, measure by the sink's record."""
    with producing(settings) as producer:
        await producer.start()
        await announce(producer)
        topic = topics.send_attempted("email", "bulk")
        sent = [await producer.send(topic, value, partition=p) for p, value in releases(people, settings.partitions)]
        await asyncio.gather(*sent)
        await producer.stop()
    record = settings.state_dir / "sink.txt"
    sink = ("-m", "app.local.sink", "--port", str(settings.smtp_port), "--record", str(record), "--behaviour", "accept")
    with (
        process(settings, *sink, name="sink"),
        process(settings, "-m", "benchmarks.send_worker", name="sender") as worker,
    ):
        before = await _until(worker, lambda: record.exists() and record.stat().st_size > 0)
        size = people * (record.read_text().index("\n") + 1) - people * 4
        used = await _until(worker, lambda: record.stat().st_size >= size and len(load(record)) >= people)
    accepted = load(record)
    if duplicates(accepted) or len(accepted) != people:
        raise RuntimeError(f"{len(accepted)} of {people} accepted, {len(duplicates(accepted))} more than once")
    seconds = accepted[-1].at - accepted[0].at
    return Measured(people / seconds, (used - before) / people * 1e6)


async def _until(worker: psutil.Process, done: Callable[[], bool]) -> float:
    """Wait for *done*; the worker's CPU seconds by then."""
    deadline = time.monotonic() + 120
    while not done():
        if time.monotonic() > deadline:
            raise RuntimeError("the sender did not finish within 120 s")
        await asyncio.sleep(0.05)
    return cpu_seconds(worker)


def main(people: int = 100_000) -> Measured:
    """Measure sending."""
    with stand() as settings:
        return asyncio.run(run(settings, people))


if __name__ == "__main__":
    print(main())
