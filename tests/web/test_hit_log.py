"""Hits on their way: none that was acknowledged is lost, nothing overtakes, and nobody waits for Kafka for long."""

import asyncio

from app.content.links import MessageRef
from app.control.errors import UnreachableError
from app.delivery.reports.hits import Hit
from app.records import EventPack, decode
from app.topics import EVENT_RECORDED
from app.web.hit_log import MOST_IN_PACK, MOST_WAITING, HitLog


class Wire:
    """Takes records while *up*."""

    def __init__(self) -> None:
        self.packs: list[tuple[int, EventPack]] = []
        self.up = asyncio.Event()
        self.refused = 0

    async def produce(self, topic: str, record: bytes, partition: int) -> None:
        if not self.up.is_set():
            self.refused += 1
            raise UnreachableError("away", "wait")
        assert topic == EVENT_RECORDED
        pack = decode(EventPack, record)
        assert isinstance(pack, EventPack)
        self.packs.append((partition, pack))


def ref(number: int, campaign: str = "c") -> MessageRef:
    """A message."""
    return MessageRef("acme", campaign, number.to_bytes(16, "big"), bytes(16))


def hit(number: int, kind: str = "clicked") -> Hit:
    """A click."""
    return Hit(number.to_bytes(16, "big"), kind, 1_790_000_000.0 + number, detail=f"{number}", klass="human")


async def test_hits_of_a_moment_travel_in_few_packs_in_order() -> None:
    """
    A record for each click would be a hundred times the work for everybody behind.
    """
    wire = Wire()
    wire.up.set()
    hits = HitLog(wire.produce, 8)
    hits.start()
    waits = [hits.add(ref(number), [hit(number)]) for number in range(1_200)]
    other = hits.add(ref(1, "d"), [hit(1, "opened")])
    assert len({id(told) for told in [*waits, other]}) == 1
    assert other is not None
    await other
    await hits.stop()
    sizes = [(pack.campaign, pack.kind, len(pack.times)) for _, pack in wire.packs]
    assert sizes == [
        ("c", "clicked", MOST_IN_PACK), ("c", "clicked", MOST_IN_PACK), ("c", "clicked", 200), ("d", "opened", 1),
    ]  # fmt: skip
    assert [detail for _, pack in wire.packs[:3] for detail in pack.details] == [str(n) for n in range(1_200)]
    assert len({partition for partition, _ in wire.packs[:3]}) == 1


async def test_while_kafka_is_away_people_are_answered_and_hits_wait() -> None:
    """
    A link must lead on although nobody can write down that it did.
    """
    wire = Wire()
    hits = HitLog(wire.produce, 8)
    hits.start()
    told = hits.add(ref(1), [hit(1)])
    assert told is not None
    await told  # by the clock, not by Kafka
    assert (wire.packs, wire.refused > 0) == ([], True)
    wire.up.set()
    later = hits.add(ref(2), [hit(2)])
    assert later is not None
    await later
    await hits.stop()
    assert [pack.details for _, pack in wire.packs] == [["1"], ["2"]]


async def test_what_waits_is_bounded() -> None:
    """
    An outage of a night must not fill the memory of the edge.
    """
    hits = HitLog(Wire().produce, 8)
    assert hits.add(ref(1), [hit(1)] * MOST_WAITING) is not None
    assert hits.add(ref(2), [hit(2)]) is None
