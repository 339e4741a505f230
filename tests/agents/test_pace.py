"""Pacing as the recipients see it: demand in, numbered credit out, within every limit, across restarts."""

import io
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from agents.pacing import GROUP_KEY
from app import topics
from app.clickhouse.contacts import import_people
from app.control import new_command_id
from app.records import Beat, ClassDemand, Demand, Slip, decode, encode
from app.routes import LimitSet
from tests.agents.conftest import PARTITIONS, Wire, Workers

pytestmark = pytest.mark.integration


class Recipients:
    """Plays the recipients plane: reports demand, collects slips, and spends each at once."""

    def __init__(self, wire: Wire, consumer: AIOKafkaConsumer, campaign: str) -> None:
        self.wire, self.campaign = wire, campaign
        self.slips: list[Slip] = []
        self._consumer = consumer
        self._applied = [-1] * PARTITIONS
        self._version = int(time.time() * 1000)  # later than what another test reported

    async def report(self, due: int, group: str = "gmail") -> None:
        """A full snapshot of every partition: *due* messages of one class in the first."""
        self._version += 1
        for partition in range(PARTITIONS):
            classes = [ClassDemand(self.campaign, topics.BULK, group, due, 0.0, 0)] if partition == 0 else []
            snapshot = Demand(
                partition, self._version, self._version, time.time(), True, self._applied[partition], classes, {}
            )
            await self.wire.put(topics.DEMAND_REPORTED, encode(snapshot), key=GROUP_KEY)

    async def listen(self, seconds: float) -> None:
        """Take in the slips of so many seconds."""
        for records in (await self._consumer.getmany(timeout_ms=int(seconds * 1000))).values():
            for record in records:
                slip = decode(Slip, record.value)
                assert isinstance(slip, Slip)
                self.slips.append(slip)
                self._applied[slip.partition] = max(self._applied[slip.partition], slip.number)

    async def demand(self, due: int, seconds: float, group: str = "gmail") -> None:
        """Have *due* messages waiting for so many seconds."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            await self.report(due, group)
            await self.listen(0.2)

    def granted(self) -> list[tuple[float, int]]:
        """(time, messages) of every grant for the campaign."""
        return [(s.issued_at, g.count) for s in self.slips for g in s.grants if g.campaign == self.campaign]


@asynccontextmanager
async def recipients(workers: Workers, wire: Wire) -> AsyncIterator[Recipients]:
    """The recipients plane of a campaign that runs."""
    await import_people(workers.settings, io.BytesIO(b"email\nann@example.com\nbob@example.com\n"), "pace")
    spec = {"from_email": "news@acme.example", "lists": ["pace"]}
    content = {"subject": "Hello", "text": "Hello"}
    campaign = (
        await wire.ask(id=new_command_id(), kind="campaign.create", start=True, spec=spec, content=content)
    ).campaign
    while (entry := wire.control.campaigns.get(campaign)) is None or entry.state != "RUNNING":
        await wire.control.changed(1.0)
    consumer = AIOKafkaConsumer(bootstrap_servers=workers.settings.kafka)
    await consumer.start()
    places = [TopicPartition(topics.CREDIT_GRANTED, number) for number in range(PARTITIONS)]
    consumer.assign(places)
    await consumer.seek_to_end(*places)
    try:
        yield Recipients(wire, consumer, campaign)
    finally:
        await wire.ask(id=new_command_id(), kind="campaign.pause", campaign=campaign)
        await consumer.stop()


def most_in(granted: list[tuple[float, int]], window: float) -> int:
    """The most messages granted within any *window* seconds."""
    return max(sum(n for at, n in granted if start <= at < start + window) for start, _ in granted)


async def test_no_more_is_granted_than_waits(workers: Workers, wire: Wire) -> None:
    """
    Credit that nobody can spend is rate that is lost.
    """
    async with recipients(workers, wire) as plane:
        await plane.report(120)
        end = time.monotonic() + 40
        while not plane.granted():
            assert time.monotonic() < end
            await plane.listen(0.2)
        await plane.listen(1.0)
        assert sum(n for _, n in plane.granted()) == 120


async def test_a_limit_and_the_numbers_of_slips_hold_across_a_kill(workers: Workers, wire: Wire) -> None:
    """
    A restart is no gift: what was granted before it counts, and a number that was used is never used again.
    """
    limit = {"scope": "group", "name": "limited.example", "rate": 100.0}
    assert (await wire.ask(id=new_command_id(), kind="limit.set", limit=limit)).status == 200
    async with recipients(workers, wire) as plane:
        await plane.demand(5_000, 3.0, "limited.example")
        workers.kill("pacing")
        workers.start("pacing")
        before = len(plane.slips)
        end = time.monotonic() + 40
        while len(plane.slips) < before + 10:
            assert time.monotonic() < end
            await plane.demand(5_000, 0.5, "limited.example")
        granted = plane.granted()
        for window in (1.0, 3.0, 10.0):
            assert most_in(granted, window) <= 100.0 * window * 1.02 + 100.0
        numbers = [slip.number for slip in plane.slips if slip.partition == 0]
        assert numbers == sorted(set(numbers))
        assert (
            await wire.ask(id=new_command_id(), kind="limit.set", limit=LimitSet(scope="group", name="limited.example"))
        ).status == 200
        end = time.monotonic() + 40
        while most_in(plane.granted(), 1.0) <= 400:
            assert time.monotonic() < end, "the limit was removed"
            await plane.demand(5_000, 0.5, "limited.example")


@pytest.mark.parametrize(
    "raw",
    [b"{", b"", None, b"\xc1", encode(Beat("w", "senders", 1.0, 1)), encode(Demand(99, 1, 1, 1.0, True, 0, [], {}))],
    ids=["text", "empty", "none", "not msgpack", "another record", "a partition that is none"],
)
async def test_garbage_among_demand_is_set_aside(workers: Workers, wire: Wire, raw: bytes | None) -> None:
    """
    One bad snapshot must not keep every campaign from its credit.
    """
    for partition in range(PARTITIONS):
        await wire.put(topics.DEMAND_REPORTED, raw, partition=partition)
    await wire.dead(topics.DEMAND_REPORTED, lambda each: each.value == (raw or b""))
    assert "pacing" in workers.alive()
