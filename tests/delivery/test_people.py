"""The tier of a WhatsApp number: pacing and a partition on a virtual clock, judged by who was written to."""

import random
from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from app.commands import CampaignEntry
from app.delivery.limits.moving_caps import COUNTS_FOR, SLOT, SPAN, MovingCap
from app.delivery.partition_records import WaitingPack
from app.delivery.people.tier import AGAIN, is_paid, paid_keys, stamp_of
from app.delivery.release import Permits, spend
from app.delivery.sweep import horizon, is_old_sighting
from app.records import Demand, Outgoing, Slip
from app.routes import LimitSet, Route
from app.specs import CampaignSpec
from tables.recipients import Batch, restore, sightings_of
from tests.delivery.pacers import a_pacer
from tests.delivery.test_settle import Rows

START = 1_800_000_000.0
TIER = {"scope": "route", "name": "*", "unit": "people"}
META = {"number_id": "1" * 15, "token": "env:TOKEN"}


def a_number(name: str, weight: int = 1) -> Route:
    said = {"name": name, "channel": "whatsapp", "provider": "meta", "whatsapp": META, "weight": weight}
    return Route.model_validate(said)


class World:
    """One partition of people, the pacing of its numbers, and what lies between both."""

    def __init__(self, most: int, routes: tuple[str, ...] = ("wa",), **more: object) -> None:
        self.now = START
        self.table, self.wire = Rows(), list[tuple[float, str, int]]()  # latest moment of leaving, number, person
        self.state = restore(self.table, 0)
        self.routes = routes
        self.limits: dict[tuple[str, str, str], LimitSet] = {}
        self.lost: list[Slip] = []
        self.versions = self.messages = 0
        self.pacer = self._new_pacer()
        self.limit(most, **more)

    def _new_pacer(self):  # type: ignore[no-untyped-def]
        pacer = a_pacer(1, *(a_number(name) for name in self.routes))
        for limit in self.limits.values():
            pacer.limit(limit)
        spec = CampaignSpec.model_validate({"channel": "whatsapp", "lists": ["l"], "fallbacks": []})
        pacer.campaign(CampaignEntry(id="c", account="acme", state="RUNNING", spec=spec, created_at=START))
        return pacer

    def limit(self, most: int | None, **more: object) -> None:
        limit = LimitSet.model_validate(TIER | {"moving_daily": most} | more)
        self.limits[limit.key] = limit
        self.pacer.limit(limit)

    def kill_pacing(self) -> None:
        caps, old = {name: cap.stored for name, cap in self.pacer.caps.items()}, self.pacer
        caps |= {name: each for name, each in old.book.stored_caps.items() if name not in caps}
        self.pacer = self._new_pacer()
        self.pacer.restore({}, dict(enumerate(old.numbers)), self.now, caps)

    def kill_partition(self) -> None:
        self.state = restore(self.table, 0)

    def list(self, people: Iterator[int] | range | list[int]) -> None:
        """The gate lets these people pass."""
        rows: dict[int, list[Outgoing]] = {}
        for person in people:
            self.messages += 1
            recipient = b"%016d" % person
            (seen,) = sightings_of(self.table, 0, paid_keys([recipient]))
            parts = AGAIN if is_paid(seen, b"", self.now) else 1
            rows.setdefault(parts, []).append(Outgoing(b"%016d" % self.messages, recipient, f"{person}", b"{}"))
        for parts, lot in rows.items():
            batch = Batch()
            pack = WaitingPack(
                "acme", "c", "bulk", "PT", 1, self.now, self.now, len(lot), channel="whatsapp", parts=parts
            )
            self.state.add(batch, pack, lot)
            self._write(batch)

    def _write(self, batch: Batch) -> None:
        self.state.tell(batch, [])
        self.table.apply(batch)

    def tick(self, fate: str = "now") -> None:
        """The partition reports, pacing grants, and the slips that are not lost or late are spent, and answered."""
        self.versions += 1
        self.state.advance(self.now)
        classes = [self.state.demand_of(key) for key in self.state.queues]
        wasted = self.state.wasted_since(self.now - 60)
        self.pacer.hear(
            Demand(0, self.versions, 0, self.now, True, self.state.marks.slip, classes, {}, {}, wasted=wasted)
        )
        for slip in self.pacer.tick(self.now):
            if fate == "now":
                self.spend(slip)
            elif fate == "late":
                self.lost.append(slip)
        self.now += 0.3
        if fate != "late":
            for slip in self.lost:
                self.spend(slip)
            self.lost.clear()

    def spend(self, slip: Slip) -> None:
        batch = Batch()
        permits = Permits(lambda _: 1, lambda *_: [], seen=lambda keys: sightings_of(self.table, 0, list(keys)))
        spent = spend(self.state, batch, slip, permits, self.now)
        if spent is None:
            return
        self._write(batch)
        for number in spent.releases:
            open_ = self.state.releases[number]
            rows = self.state.rows_of(open_.pack)[open_.start : open_.stop]
            for i, row in enumerate(rows):
                if i not in open_.skipped:
                    self.wire.append((open_.not_after, open_.route, int(row.recipient_id)))
            done = Batch()
            self.state.close(done, number)
            self._write(done)

    def run(self, ticks: int) -> int:
        """How many messages leave in these ticks."""
        before = len(self.wire)
        for _ in range(ticks):
            self.tick()
        return len(self.wire) - before


def most_people(wire: list[tuple[float, str, int]], number: str) -> int:
    """The most people that *number* has written to in any 24 hours."""
    times = sorted((at, person) for at, route, person in wire if route == number)
    return max((len({who for at, who in times if first <= at <= first + SPAN}) for first, _ in times), default=0)


def test_who_was_written_to_within_a_day_takes_no_second_place() -> None:
    """A tier of 50 people that counted messages would hold the second campaign to the same people for a day."""
    world = World(50)
    world.list(range(60))
    assert world.run(10) == 50
    world.now += 7_200
    world.list(range(50))
    assert world.run(10) == 50
    assert most_people(world.wire, "wa") == 50
    world.now = START + 25 * 3_600  # a day after the first message, and not after the second
    assert world.run(10) == 0
    world.now = START + 7_200 + COUNTS_FOR + SLOT
    assert world.run(10) == 10


def test_a_new_number_knows_nobody() -> None:
    """Who was paid for at another number takes a place at this one, and waits while it has none."""
    world = World(50, ("old",))
    world.list(range(50))
    assert world.run(5) == 50
    world.now += 60
    world.pacer.route("old", None)
    world.pacer.route("new", a_number("new"))
    world.limit(20)
    world.list(range(50))
    assert world.run(10) == 20
    assert {number for _, number, _ in world.wire[50:]} == {"new"}


def test_who_waits_so_long_that_their_place_is_gone_takes_a_new_one() -> None:
    """Nobody waits for ever because they were known once, and none of them leaves for nothing."""
    world = World(10)
    world.list(range(10))
    assert world.run(5) == 10
    world.list(range(10))
    world.now += SPAN + 2 * SLOT
    world.list(range(100, 105))
    world.run(20)
    assert len(world.wire) == 20 and most_people(world.wire[10:], "wa") == 10


WHAT = ("list", "list", "list", "wait", "wait", "pacing", "partition", "edit", "unit")


@given(st.integers(0, 2**31).map(random.Random), st.booleans())
@settings(max_examples=60, deadline=None)
def test_no_24_hours_hold_more_people_than_the_tier(dice: random.Random, calm: bool) -> None:
    """
    Slips lost, late and doubled, pacing and partitions killed, the tier edited, over days: Meta would block the number.
    """
    most = highest = dice.randrange(1, 6)
    world = World(most)
    for what in dice.choices(WHAT[:5] if calm else WHAT, k=60):
        world.now += dice.choice((0, 1, 600, 7_200, 14_400)) * dice.random()
        if what == "list":
            world.list([dice.randrange(8) for _ in range(dice.randrange(1, 6))])
        elif what == "pacing":
            world.kill_pacing()
        elif what == "partition":
            world.kill_partition()
        elif what == "edit":
            highest = max(highest, most := dice.randrange(1, 6))
            world.limit(most)
        elif what == "unit":
            world.limit(most, unit=dice.choice(("messages", "people", "people")))
        for _ in range(dice.randrange(4)):
            world.tick(dice.choice(("now", "now", "now", "late", "never")))
    assert most_people(world.wire, "wa") <= highest


@given(st.lists(st.tuples(st.floats(0, 20_000), st.integers(1, 20), st.booleans()), max_size=60))
@settings(max_examples=100, deadline=None)
def test_what_is_renewed_comes_back_later_and_never_sooner(steps: list[tuple[float, int, bool]]) -> None:
    """At each moment as much is used as without renewing, or more; and stored is what there is."""
    renewed, plain, now = MovingCap(50), MovingCap(10_000), START
    for seconds, count, again in steps:
        now += seconds
        if again:
            renewed.renew(count, now)
        elif taken := min(count, renewed.room(now)):
            renewed.take(taken)
            plain.room(now)
            plain.take(taken)
        plain.room(now)
        assert plain.used <= renewed.used == sum(used for _, used in renewed.slots) <= 50
        again_made = MovingCap(50)
        again_made.restore(*renewed.stored)
        assert [slot for slot in renewed.slots if slot[1]] == list(again_made.slots)
    assert renewed.room(now + SPAN + 2 * SLOT) == 50


def test_what_is_known_of_who_was_paid_for_goes_in_time() -> None:
    """A sighting that names limits in place of a message must not stay for ever."""
    stamp, now = stamp_of(["24 h|route|wa"]), START
    (key,) = paid_keys([b"p" * 16])
    assert not is_old_sighting(key, stamp, now, horizon(now + 29 * 86_400, []))
    assert is_old_sighting(key, stamp, now, horizon(now + 31 * 86_400, []))
