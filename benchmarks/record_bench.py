"""The record alone: event packs from Kafka into ClickHouse, and a file of people into contacts."""

import asyncio
import tempfile
import time
from pathlib import Path

import psutil
from aiokafka import AIOKafkaProducer

from app import ids, topics
from app.clickhouse.client import ClickHouse
from app.clickhouse.contacts import import_people
from app.clickhouse.demo_contacts import write_csv
from app.clickhouse.migrate import apply
from app.local import clickhouse
from app.local.ports import free_ports
from app.records import EventPack, encode
from app.settings import Settings
from benchmarks.stand import Measured, cpu_seconds, process, producing, stand

PACK = 250
DETAIL = "2.0.0 OK queued as 4f0a7c1d"
WHY = "route smtp: the only one; paid by group|gmail, account|bench, campaign|c_bench"


def packs(events: int, partitions: int) -> list[tuple[int, bytes]]:
    """(partition, encoded pack) of *events*: for each message that it is queued, then that it was sent."""
    packed = []
    now = time.time()
    for number in range(events // PACK):
        messages = b"".join([ids.pack_id("m", number // 2, i, 0, PACK) for i in range(PACK)])
        pack = EventPack("bench", "c_bench", "email", "bulk", "queued", "gmail", "", 0, now, messages, messages)
        if number % 2:
            pack.kind, pack.route, pack.attempt, pack.why = "sent", "smtp", 1, WHY
            pack.times, pack.codes, pack.classes = [now] * PACK, [250] * PACK, [""] * PACK
            pack.details, pack.refs = [DETAIL] * PACK, [f"ref-{number}-{i}" for i in range(PACK)]
        packed.append((number // 2 % partitions, encode(pack)))
    return packed


async def run(settings: Settings, events: int) -> Measured:
    """Fill the topic, start the record, measure from its first rows to the last."""
    await apply(settings)
    with producing(settings) as producer:
        await producer.start()
        await _fill(producer, packs(events, settings.partitions))
        await producer.stop()
    async with ClickHouse(settings) as client:
        with process(settings, "-m", "app.cli.main", "record", name="record") as record:
            measured = await _watch(client, record, events)
    measured.details["contacts_per_second"] = await _import(settings, events // 5)
    return measured


async def _fill(producer: AIOKafkaProducer, packed: list[tuple[int, bytes]]) -> None:
    sent = [await producer.send(topics.EVENT_RECORDED, value, partition=p) for p, value in packed]
    await asyncio.gather(*sent)


async def _watch(client: ClickHouse, record: psutil.Process, events: int) -> Measured:
    deadline = time.monotonic() + 120
    since = (time.monotonic(), cpu_seconds(record), 0)  # the first rows, or the last look before them
    while time.monotonic() < deadline:
        total = int((await client.rows("SELECT count() FROM events"))[0][0])
        now = (time.monotonic(), cpu_seconds(record), total)
        if total < events and not since[2]:
            since = now
        if total >= events:
            seconds, cpu, rows = now[0] - since[0], now[1] - since[1], total - since[2]
            return Measured(rows / seconds, cpu / rows * 1e6)
        await asyncio.sleep(0.02)
    raise RuntimeError(f"{total} of {events} events were recorded")


async def _import(settings: Settings, people: int) -> float:
    """People a second from a CSV."""
    path = settings.state_dir / "people.csv"
    write_csv(path, people)
    report = await import_people(settings, path, "all")
    if report.imported != people:
        raise RuntimeError(f"{report.imported} of {people} people were imported")
    return people / report.seconds


def main(events: int = 500_000) -> Measured:
    """Measure recording; details have people imported a second."""
    with stand() as kafka, tempfile.TemporaryDirectory(prefix="fanfare-bench-") as folder:
        port = free_ports()
        with clickhouse.running(Path(folder), port) as server:
            settings = kafka.model_copy(update={"clickhouse": server.url, "clickhouse_port": port})
            return asyncio.run(run(settings, events))


if __name__ == "__main__":
    print(main())
