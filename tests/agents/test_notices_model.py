"""Wherever pacing is killed while a breaker turns: what is decided is kept with its notice, and the notice is told."""

import asyncio

import pytest

from app import topics
from app.delivery.outcomes import Kind
from app.provider_accounts import SmtpServer
from app.records import Demand, RouteHealth
from app.routes import Route
from app.things import ThingRecord
from tables import pacing_health as sections
from tests.agents.pacing_world import GROUP, START, World


class Health(World):
    """A world in which one route is reported on."""

    def __init__(self) -> None:
        super().__init__()
        self.totals: dict[str, int] = {}
        self.store.now += 1
        self.report()
        self.pacing.watch.hear(self.demand, self.store.now)

    def report(self, **counts: int) -> None:
        """What a partition has counted since its owner started, before pacing did."""
        for kind, count in counts.items():
            self.totals[kind] = self.totals.get(kind, 0) + count
        told = [RouteHealth("main", "gmail", dict(self.totals))]
        self.demand = Demand(0, 1, 1, self.store.now, True, 0, [], {}, epoch=START - 1, health=told)

    async def look(self) -> None:
        """Hear what is reported, and decide, as agents/pace.py does."""

        async def decide() -> None:
            self.pacing.watch.hear(self.demand, self.store.now)
            items = self.pacing.look_at_health(self.store.now, [])
            if items:
                await self.pacing.write(items)

        self.store.now += 0.2
        await self.survive(decide)

    def told(self) -> list[str]:  # type: ignore[override]
        """Kinds of the notices that were told, each id once, in the order of their ids."""
        found = {}
        for _, value in self.store.topics.get(topics.THING_RECORDED, []):
            record = ThingRecord.model_validate_json(value or b"")
            if record.kind == "notice":
                found[record.id] = record.body["kind"]
        return [found[ident] for ident in sorted(found)]

    def stored(self) -> list[str]:
        """Kinds of the notices in the table."""
        return [each.kind for each in sections.notices(self.process, GROUP)]  # type: ignore[arg-type]

    def breakers(self) -> list[str]:
        """States of the stored breakers."""
        return [kept.state for kept in sections.breakers(self.process, GROUP).values()]  # type: ignore[arg-type]


@pytest.mark.parametrize("moment", range(12))
async def test_a_breaker_that_opens_and_closes_is_told_of_wherever_pacing_is_killed(moment: int) -> None:
    """
    A provider that was out for an hour and of which nobody was told is found in the complaints.
    """
    world, checks = Health(), 0

    def dies() -> bool:
        nonlocal checks
        checks += 1
        return checks == moment

    world.store.deaths = dies
    for _ in range(10):
        world.report(unavailable=30)
        await world.look()
    assert world.breakers() == ["open"]
    assert world.pacing.watch.places("main", world.store.now) == 0
    await world.pacing.announce_again()
    assert world.told() == world.stored() == ["breaker_opened"]
    world.store.now += 11
    await world.look()
    for _ in range(5):
        world.report(accepted=5)
        await world.look()
    assert world.breakers() == []
    assert world.told() == ["breaker_opened", "breaker_probes", "breaker_closed"]
    assert world.pacing.watch.places("main", world.store.now) is None
    assert world.pacing.standing_notices(world.store.now) == []


async def test_old_notices_leave_the_table_and_those_that_hold_on_stay() -> None:
    """
    The table must not grow with every change of a provider that has its ups and downs.
    """
    world = Health()
    world.report(unavailable=100)
    await world.look()
    first = next(iter(sections.notices(world.process, GROUP))).id  # type: ignore[arg-type]
    for number in range(300):
        world.store.now += 0.2
        watch = world.pacing.watch
        drafts = watch.by_hand(f"r{number % 3}", "open" if number // 3 % 2 == 0 else "closed", world.store.now)
        await world.pacing.write(world.pacing._health_items(drafts))
        await asyncio.sleep(0)  # Kafka has it
        await world.pacing.things.outbox._cross_off()
    stored = [each.id for each in sections.notices(world.process, GROUP)]  # type: ignore[arg-type]
    assert len(stored) <= 205
    assert first in stored


def test_kinds_are_written_as_the_recipients_plane_does() -> None:
    """
    The tests here name them as fields.
    """
    assert (Kind.UNAVAILABLE, Kind.ACCEPTED) == ("unavailable", "accepted")


async def test_the_last_route_that_is_deleted_is_watched_no_more() -> None:
    """
    It stayed on the page of routes for ever, with its breaker, though mail went over the server of the settings.
    """
    world = Health()
    route = Route(name="main", smtp=SmtpServer(host="relay.example"))
    world.pacing.things.routes["main"] = route
    await world.look()
    assert "main" in world.pacing.watch.routes
    del world.pacing.things.routes["main"]
    world.demand.health.clear()
    await world.look()
    assert not world.pacing.watch.names()
