"""Breakers and suspensions of the pacing plane on a real broker: told, kept across a kill, taken back by hand."""

import time
from typing import Any

import pytest
from aiokafka.structs import ConsumerRecord

from agents.pacing import GROUP_KEY
from app import topics
from app.control import new_command_id
from app.provider_accounts import SmtpServer
from app.records import Demand, RouteHealth, encode
from app.routes import BreakerRules, Notice, RouteStatus
from app.things import ThingRecord
from tests.agents.conftest import PARTITIONS, Wire, Workers

pytestmark = pytest.mark.integration


class Reports:
    """Plays partitions that report what became of messages on two routes."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self._version = int(time.time() * 1000) + 10_000_000  # later than what another test reported
        self._epoch = time.time()
        self._totals: dict[tuple[str, str], RouteHealth] = {}

    def came(self, route: str, group: str, signals: dict[str, int] | None = None, **counts: int) -> None:
        health = self._totals.setdefault((route, group), RouteHealth(route, group, {}))
        for kind, count in counts.items():
            health.counts[kind] = health.counts.get(kind, 0) + count
        for signal, count in (signals or {}).items():
            health.signals[signal] = health.signals.get(signal, 0) + count

    async def report(self) -> None:
        self._version += 1
        for partition in range(PARTITIONS):
            health = list(self._totals.values()) if partition == 0 else []
            demand = Demand(
                partition, self._version, self._version, time.time(), True, -1, [], {}, epoch=self._epoch, health=health
            )
            await self.wire.put(topics.DEMAND_REPORTED, encode(demand), key=GROUP_KEY)


def status_of(records: list[ConsumerRecord], route: str) -> RouteStatus | None:
    """How *route* stands by what was told last."""
    told = [record.value for record in records if record.key == f"route|{route}".encode() and record.value]
    return RouteStatus.model_validate_json(told[-1]) if told else None


def notices_in(records: list[ConsumerRecord], **fields: Any) -> dict[str, Notice]:
    """The notices with these fields, by id."""
    things = [ThingRecord.model_validate_json(record.value) for record in records if record.value]
    found = [Notice.model_validate(each.body) for each in things if each.kind == "notice"]
    return {each.id: each for each in found if all(getattr(each, name) == it for name, it in fields.items())}


async def test_a_dead_route_and_a_blocked_pool_are_told_of_once_and_outlive_a_kill(
    workers: Workers, wire: Wire
) -> None:
    """
    Killed between its decision and telling of it, pacing tells afterwards; and it forgets no suspension.
    """
    rules = BreakerRules(open_for=600, longest=600)  # a worker that starts slowly must not find it half open
    for name in ("h-main", "h-spare"):
        route = {"name": name, "smtp": SmtpServer(host="127.0.0.1").model_dump(), "breaker": rules.model_dump()}
        assert (await wire.ask(id=new_command_id(), kind="route.set", route=route)).status < 300
    plane = Reports(wire)
    plane.came("h-main", "gmail", accepted=100)
    plane.came("h-spare", "outlook", accepted=100)
    await plane.report()
    workers.forget_death("pace.written")
    workers.kill("pacing")
    workers.start("pacing", crash_after="pace.written")
    end = time.monotonic() + 60
    while "pacing" in workers.alive():  # it dies with its decision in the table, before anybody is told
        assert time.monotonic() < end
        plane.came("h-main", "gmail", unavailable=100)
        plane.came("h-spare", "outlook", {"outlook block list": 20}, accepted=80, blocked=20)
        await plane.report()
    workers.wait("pacing")
    workers.start("pacing")

    def both_out(records: list[ConsumerRecord]) -> bool:
        dead, blocked = status_of(records, "h-main"), status_of(records, "h-spare")
        return bool(dead and dead.state == "open" and blocked and blocked.senders)

    for _ in range(10):
        plane.came("h-main", "gmail", unavailable=100)
        plane.came("h-spare", "outlook", {"outlook block list": 20}, accepted=80, blocked=20)
        await plane.report()
    records = await wire.until(topics.PACING_STATUS, both_out, 60)
    blocked = status_of(records, "h-spare")
    assert blocked is not None
    (sender,) = blocked.senders
    assert sender.suspended_until > time.time() + 6_000
    workers.kill("pacing")
    workers.start("pacing")
    began = len(records)
    records = await wire.until(topics.PACING_STATUS, lambda now: both_out(now[began:]), 60)
    after = status_of(records[began:], "h-spare")
    assert after is not None
    assert after.senders == [sender]
    recorded = await wire.until(
        topics.THING_RECORDED,
        lambda now: (
            bool(notices_in(now, kind="breaker_opened", route="h-main"))
            and bool(notices_in(now, kind="suspended", pool="h-spare"))
        ),
    )
    assert len(notices_in(recorded, kind="suspended", pool="h-spare")) == 1
    assert {each.level for each in notices_in(recorded, kind="breaker_opened", route="h-main").values()} == {"alert"}
    for name in ("h-main", "h-spare"):
        back = await wire.ask(id=new_command_id(), kind="route.close", thing=name)
        assert back.status == 200, back.error
    began = len(records)
    await wire.until(
        topics.PACING_STATUS,
        lambda now: all(
            (each := status_of(now[began:], name)) is not None and each.state == "closed" and not each.senders
            for name in ("h-main", "h-spare")
        ),
        60,
    )
    for name in ("h-main", "h-spare"):
        assert (await wire.ask(id=new_command_id(), kind="route.delete", thing=name)).status == 200
