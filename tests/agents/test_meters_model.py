"""Buckets and caps in the pacing table: stored before what they pay for, however many they are."""

import contextlib

import pytest

from agents.pace import writes_of
from app import topics
from app.commands import CampaignEntry
from app.delivery.limits.rates import Bucket
from app.records import ClassDemand, Demand, Slip, encode
from app.routes import MOST, MOST_ON_THE_WAY, LimitSet, Route
from app.specs import CampaignSpec
from tables import pacing as sections
from tests.agents.pacing_world import GROUP, START, Death, Process, World
from tests.delivery.pacers import SERVER
from tests.delivery.test_pacing import demand

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


async def test_all_that_is_used_of_a_limit_outlives_the_process() -> None:
    """
    A cap of any 24 hours was stored as if it were a bucket, and forgotten at each restart: 579 left where 300 may.
    """
    world = World()
    limit = {
        "scope": "route", "name": "smtp", "rate": 1, "burst": 500, "hourly": 400, "daily": 300, "moving_daily": 200,
        "warm_up": {"caps": [250, 251], "begins": "2027-01-15"},
    }  # fmt: skip
    world.store.rows[sections.LIMIT + b"route|smtp"] = LimitSet.model_validate(limit).model_dump_json().encode()
    world.process = Process(world.store)
    pacer = world.pacing.pacer
    pacer.implied(Route(name="smtp", pool="smtp", smtp=SERVER))
    spec = CampaignSpec(from_email="a@b.c", lists=["l"])
    pacer.campaign(CampaignEntry(id="c_1", account="acme", state="RUNNING", spec=spec, created_at=START))
    pacer.hear(demand(0, 0, START, ClassDemand("c_1", "bulk", "gmail", 1_000, 0.0, 0)))
    slips = pacer.tick(START + 1)
    assert sum(grant.count for slip in slips for grant in slip.grants) == 200
    used = {name: cap.used for name, cap in pacer.caps.items()}
    assert {name.partition("|")[0]: count for name, count in used.items()} == dict.fromkeys(
        ["hour", "day", "24 h", "warm-up"], 200
    )
    await world.pacing.write([], writes_of(pacer, slips))
    again = Process(world.store).pacing.pacer
    again.implied(Route(name="smtp", pool="smtp", smtp=SERVER))
    again.campaign(CampaignEntry(id="c_1", account="acme", state="RUNNING", spec=spec, created_at=START))
    again.hear(demand(0, pacer.numbers[0], START + 2, ClassDemand("c_1", "bulk", "gmail", 800, 0.0, 0)))
    assert not again.tick(START + 60)
    assert {name: cap.used for name, cap in again.caps.items()} == used
    assert {name: round(bucket.tokens) for name, bucket in again.buckets.items()} == {"route|smtp": 359}


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
