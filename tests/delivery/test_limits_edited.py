"""Limits that are set, changed and removed while campaigns run: what holds from then on, and what stays used."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from app.commands import CampaignEntry
from app.delivery.limits import book as limit_book
from app.delivery.limits.caps import Cap, Zones, caps_of
from app.delivery.pacing.pacer import Pacer
from app.records import ClassDemand, Demand
from app.routes import LimitSet, Route
from app.specs import CampaignSpec
from tests.delivery.pacers import SERVER, a_route

NOON = datetime(2027, 5, 5, 12, tzinfo=UTC).timestamp()


@dataclass
class Day:
    """One partition with endless demand for gmail, and a clock."""

    pacer: Pacer
    now: float = NOON
    applied: int = 0
    version: int = 0
    routes: list[str] = field(default_factory=list)  # of what was granted last

    def seconds(self, count: float) -> int:
        """What is granted in *count* seconds; all of it is answered at once."""
        total, until = 0, self.now + count
        self.routes.clear()
        while self.now < until:
            self.version += 1
            due = ClassDemand("c_1", "bulk", "gmail", 1_000_000, 0.0, 0)
            self.pacer.hear(Demand(0, self.version, 0, self.now, True, self.applied, [due], {}))
            for slip in self.pacer.tick(self.now):
                self.applied = slip.number
                total += sum(grant.count for grant in slip.grants)
                self.routes += [grant.route for grant in slip.grants]
            self.now += 0.1
        return total

    def set(self, scope: str, name: str, **limit: object) -> None:
        self.pacer.limit(LimitSet.model_validate({"scope": scope, "name": name} | limit))


def running(pacer: Pacer) -> Pacer:
    spec = CampaignSpec(from_email="a@b.c", lists=["l"])
    pacer.campaign(CampaignEntry(id="c_1", account="acme", state="RUNNING", spec=spec, created_at=NOON))
    return pacer


@pytest.fixture
def day() -> Iterator[Day]:
    """With the implied route."""
    pacer = running(Pacer(1, zone_named=ZoneInfo))
    pacer.implied(Route(name="smtp", pool="smtp", smtp=SERVER))
    yield Day(pacer)


@pytest.mark.parametrize("scope", ["account", "provider", "pool", "route", "group"])
def test_what_loses_its_own_limit_falls_back_to_that_of_each(day: Day, scope: str) -> None:
    """And without one to what is beside it. At once, without a pause."""
    name = {"account": "acme", "group": "gmail"}.get(scope, "smtp")
    other = "account" if scope == "group" else "group"
    day.set(other, {"account": "acme", "group": "gmail"}[other], rate=80)
    day.set(scope, "*", rate=20)
    day.set(scope, name, rate=5)
    day.seconds(10)
    assert day.seconds(20) == pytest.approx(100, abs=2)
    day.set(scope, name)
    day.seconds(2)
    assert day.seconds(20) == pytest.approx(400, abs=8)
    day.set(scope, "*")
    day.seconds(2)
    assert day.seconds(20) == pytest.approx(1_600, abs=32)


@pytest.mark.parametrize("scope", ["account", "provider", "pool", "route"])
def test_a_limit_towards_a_group_falls_back_step_by_step(day: Day, scope: str) -> None:
    """Its own towards gmail, its own towards each, that of each towards gmail, that of each towards each."""
    name = "acme" if scope == "account" else "smtp"
    places = [(name, "gmail"), (name, "*"), ("*", "gmail"), ("*", "*")]
    day.set(scope, name, rate=90)
    for rate, (of, group) in zip((10, 20, 30, 40), places, strict=True):
        day.set(scope, of, group=group, rate=rate)
    for rate, (of, group) in zip((10, 20, 30, 40), places, strict=True):
        day.seconds(3)
        assert day.seconds(20) == pytest.approx(20 * rate, abs=rate)
        day.set(scope, of, group=group)
    day.seconds(3)
    assert day.seconds(20) == pytest.approx(1_800, abs=36)


def test_what_is_used_of_a_cap_stays_used_through_edits_and_restarts(day: Day) -> None:
    """Raised, lowered, in another time zone, after a restart: never more than the day may have."""
    day.set("account", "acme", daily=1_000)
    assert day.seconds(5) == 1_000
    day.set("account", "acme", daily=1_500)
    assert day.seconds(5) == 500
    day.set("account", "acme", daily=1_200)
    assert day.seconds(5) == 0
    day.set("account", "acme", daily=1_600, time_zone="Asia/Tokyo")
    assert day.seconds(5) == 100
    stored = {name: cap.stored for name, cap in day.pacer.caps.items()}
    again = running(Pacer(1, zone_named=ZoneInfo))
    again.implied(Route(name="smtp", pool="smtp", smtp=SERVER))
    again.limit(LimitSet(scope="account", name="acme", daily=1_700, time_zone="Europe/Lisbon"))
    again.restore({}, dict(enumerate(day.pacer.numbers)), day.now, stored)
    after = Day(again, day.now + 10, day.applied)
    assert after.seconds(10) == 100
    after.now = datetime(2027, 5, 5, 23, 0, 2, tzinfo=UTC).timestamp()  # midnight in Lisbon
    assert after.seconds(5) == 1_700


def test_a_cap_that_is_removed_holds_no_longer_and_one_that_is_set_holds_at_once(day: Day) -> None:
    """Edits of what is full: who waits at it is woken."""
    day.set("group", "gmail", hourly=100)
    assert day.seconds(5) == 100
    day.set("group", "gmail")
    assert day.seconds(5) > 500
    day.set("group", "gmail", hourly=30, rate=1_000)
    assert day.seconds(5) <= 30


def test_nothing_leaves_before_a_warm_up_begins_and_then_each_day_has_its_own(day: Day) -> None:
    """Days are those of the limit's zone; the fourth is warm."""
    plan = {"begins": "2027-05-06", "caps": [50, 100, 200]}
    day.set("pool", "smtp", group="gmail", warm_up=plan, time_zone="Europe/Lisbon", rate=200)
    assert day.seconds(5) == 0
    for most in (50, 100, 200):
        day.now = datetime(2027, 5, 5 + (50, 100, 200).index(most), 23, 0, 2, tzinfo=UTC).timestamp()
        assert day.seconds(5) == most
    day.now = datetime(2027, 5, 8, 23, 0, 2, tzinfo=UTC).timestamp()
    assert day.seconds(5) > 800


def test_the_excess_of_a_warm_up_flows_to_the_warm_pool_or_waits() -> None:
    """As its limit says: overflow takes the next route on the way, wait waits for the next day."""
    for full, more in (("overflow", True), ("wait", False)):
        pacer = running(Pacer(1, zone_named=ZoneInfo))
        for route in (a_route("cold", pool="cold"), a_route("warm", pool="warm", cost=1)):
            pacer.route(route.name, route)
        day = Day(pacer)
        day.set("pool", "cold", warm_up={"begins": "2027-05-05", "caps": [50, 100]}, full=full)
        assert (day.seconds(5) > 50) is more
        assert ("warm" in day.routes) is more and "cold" in day.routes


def test_a_change_costs_a_look_at_each_limit_and_not_one_for_each_class(monkeypatch: pytest.MonkeyPatch) -> None:
    """With 200 routes and many campaigns, pacing would stand still for seconds at each change."""
    looked: list[str] = []

    def noted(limit: LimitSet, name: str, now: float, zones: Zones) -> list[tuple[str, Cap]]:
        looked.append(name)
        return caps_of(limit, name, now, zones)

    monkeypatch.setattr(limit_book, "caps_of", noted)
    pacer = Pacer(1, zone_named=ZoneInfo)
    for number in range(20):
        pacer.route(f"r{number}", a_route(f"r{number}", pool="warm", provider="p"))
    pacer.limit(LimitSet(scope="pool", name="*", daily=1_000_000))
    for number in range(20):
        entry = running(pacer).book.campaigns["c_1"]
        pacer.campaign(entry.model_copy(update={"id": f"c_{number}"}))
    due = [ClassDemand(f"c_{number}", "bulk", "gmail", 50, 0.0, 0) for number in range(20)]
    pacer.hear(Demand(0, 1, 0, NOON + 60, True, 0, due, {}))
    assert pacer.tick(NOON + 60)
    assert looked == ["pool|warm"]
