"""Buckets and caps in the pacing table: stored before what they pay for, however many they are."""

import contextlib

import pytest

from agents.pace import writes_of
from app import topics
from app.delivery.limits.rates import Bucket
from app.records import ClassDemand, Demand, Slip, encode
from app.routes import MOST, MOST_ON_THE_WAY
from tables import pacing as sections
from tests.agents.pacing_world import GROUP, START, Death, Process, World

MANY = 8_000  # with these names more than one batch takes


@pytest.mark.parametrize("moment", range(8))
async def test_credit_is_given_only_once_all_that_it_was_paid_from_is_stored(moment: int) -> None:
    """
    Limits for every MX group over some routes are thousands of buckets in one tick: one write of them was refused, and
    pacing died of it at each start. A kill between two writes must not give away what is not paid for.
    """
    world, checks = World(), 0
    names = [f"pool|sender{number:05d}|mailbox-provider.example" for number in range(MANY)]

    def dies() -> bool:
        nonlocal checks
        checks += 1
        return checks == moment

    async def give() -> None:
        pacer = world.pacing.pacer
        pacer.buckets.update({name: Bucket(1.0, 2.0, 0.25, START) for name in names})
        pacer.touched.update(names)
        pacer.numbers[0] = 7
        await world.pacing.write([], writes_of(pacer, [Slip(0, 7, START, START + 1, START + 1, [])]))
        assert not pacer.touched

    world.store.deaths = dies
    with contextlib.suppress(Death):
        await give()
    stored = sections.buckets(world.process, GROUP)  # type: ignore[arg-type]
    paid = len(stored) == MANY
    assert paid or not sections.slip_numbers(world.process, GROUP)  # type: ignore[arg-type]
    assert paid or moment


async def test_limits_of_the_version_before_are_read_however_large_they_are() -> None:
    """
    A burst of a trillion was taken then. Refused now, it kept pacing from ever starting again.
    """
    world = World()
    for name, value in (
        ("a", b'"rate":5,"burst":1e12'),
        ("b", b'"rate":null,"concurrency":9000000'),
    ):
        raw = b'{"scope":"account","name":"%s",%s}' % (name.encode(), value)
        world.store.rows[sections.LIMIT + b"account|" + name.encode()] = raw
    world.process = Process(world.store)
    found = {limit.name: limit for limit in world.pacing.things.limits.values()}
    assert (found["a"].rate, found["a"].burst, found["b"].concurrency) == (5, MOST, MOST_ON_THE_WAY)
    assert {key[1] for key in world.pacing.pacer.book.limits} == {"a", "b"}


def test_a_report_of_very_many_classes_finds_room_in_its_topic() -> None:
    """A hundred campaigns to some hundred domains each were more than the broker takes, and the worker died of it."""
    classes = [ClassDemand(f"c_{n:08x}", "bulk", f"d{n % 300}.example", 9, 0.0, 0, "engaged") for n in range(30_000)]
    report = encode(Demand(0, 1, 1, START, True, 1, classes, {}))
    (topic,) = (each for each in topics.TOPICS if each.name == topics.DEMAND_REPORTED)
    assert 1_048_588 < len(report) < int(topic.config["max.message.bytes"])
