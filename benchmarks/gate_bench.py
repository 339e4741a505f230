"""The gate alone: packs of 250, every recipient checked against suppressions and sightings, and written."""

import asyncio
import sys
import time

import psutil
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import TopicPartition

from app import ids, topics
from app.records import Demand, Recipient, RecipientPack, decode, encode
from app.settings import Settings
from app.things import Account, FrequencyCap
from benchmarks.stand import CAMPAIGN, Measured, announce, cpu_seconds, process, producing, stand

PACK = 250
DAY = 20_000


def packs(people: int, partitions: int) -> list[tuple[int, bytes]]:
    """(partition, encoded pack) for *people* recipients."""
    rows: list[list[Recipient]] = [[] for _ in range(partitions)]
    for i in range(people):
        address = f"user{i}@example.com"
        rid = ids.recipient_id(b"bench", "email", address)
        variables = b'{"first_name":"Ann","last_name":"Example","city":"Lisbon"}'
        rows[ids.partition_of(rid, partitions)].append(Recipient(rid, address, "gmail", variables))
    return [
        (
            p,
            encode(
                RecipientPack(ids.pack_id("s", at, p, 0, PACK), "bench", CAMPAIGN, 1, DAY, "bulk", mine[at : at + PACK])
            ),
        )
        for p, mine in enumerate(rows)
        for at in range(0, len(mine), PACK)
    ]


async def run(settings: Settings, people: int, capped: bool) -> Measured:
    """List everybody, start one worker, measure from its first report to the last."""
    with producing(settings) as producer:
        await producer.start()
        entry = await announce(producer)
        if capped:
            caps = [FrequencyCap(messages=2, window=86_400)]
            account = Account(name=entry.account, frequency_caps=caps)
            await producer.send_and_wait(
                topics.ACCOUNT_CHANGED, account.model_dump_json().encode(), key=account.name.encode()
            )
        await _list(producer, packs(people, settings.partitions))
        await producer.stop()
    with process(settings, "-m", "app.cli.main", "worker", "recipients", name="recipients") as worker:
        return await _watch(settings, worker, people)


async def _list(producer: AIOKafkaProducer, listed: list[tuple[int, bytes]]) -> None:
    sent = [await producer.send(topics.LISTED_BULK, value, partition=p) for p, value in listed]
    await asyncio.gather(*sent)


async def _watch(settings: Settings, worker: psutil.Process, people: int) -> Measured:
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.kafka)
    await consumer.start()
    consumer.assign([TopicPartition(topics.DEMAND_REPORTED, p) for p in range(settings.partitions)])
    await consumer.seek_to_beginning()
    listed: dict[int, int] = {}
    since = (time.monotonic(), cpu_seconds(worker), 0)  # the first report, or the last look before it
    deadline = time.monotonic() + 120
    try:
        while time.monotonic() < deadline:
            records = await consumer.getmany(timeout_ms=200)
            for batch in records.values():
                for record in batch:
                    demand = decode(Demand, record.value)
                    if isinstance(demand, Demand) and CAMPAIGN in demand.counters:
                        listed[demand.partition] = demand.counters[CAMPAIGN].get("listed", 0)
            total = sum(listed.values())
            now = (time.monotonic(), cpu_seconds(worker), total)
            if total < people and not since[2]:
                since = now
            if total >= people:
                seconds, cpu, n = now[0] - since[0], now[1] - since[1], total - since[2]
                return Measured(n / seconds, cpu / n * 1e6)
    finally:
        await consumer.stop()
    raise RuntimeError(f"the gate listed {sum(listed.values())} of {people}")


def main(people: int = 200_000, capped: bool = False) -> Measured:
    """Measure the gate; *capped*: of an account with a frequency cap."""
    with stand() as settings:
        return asyncio.run(run(settings, people, capped))


if __name__ == "__main__":
    print(main(capped="--capped" in sys.argv))
