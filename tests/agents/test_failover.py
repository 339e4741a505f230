"""Failover as the recipients see it: credit for another route, also across a kill, and back again."""

import time

import pytest

from agents.pacing import GROUP_KEY
from app import topics
from app.control import new_command_id
from app.provider_accounts import SmtpServer
from app.records import ClassDemand, Demand, RouteHealth, encode
from app.routes import BreakerRules
from tests.agents.conftest import PARTITIONS, Wire, Workers
from tests.agents.test_pace import Recipients, recipients

pytestmark = pytest.mark.integration


class Failing:
    """A recipients plane whose messages over the route f-main are answered as it says."""

    def __init__(self, plane: Recipients) -> None:
        self.plane, self.epoch = plane, time.time()
        self.kind = "accepted"
        self.totals: dict[str, dict[str, int]] = {"f-main": {}, "f-spare": {}}
        self._seen = 0

    def routes(self, since: float = 0.0) -> set[str]:
        """Routes that credit was given for."""
        return {g.route for slip in self.plane.slips if slip.issued_at > since for g in slip.grants}

    async def step(self) -> None:
        """Take in slips, answer what they paid for at once, report."""
        await self.plane.listen(0.2)
        for slip in self.plane.slips[self._seen :]:
            for grant in slip.grants:
                kind = self.kind if grant.route == "f-main" else "accepted"
                counts = self.totals.setdefault(grant.route, {})
                counts[kind] = counts.get(kind, 0) + grant.count
        self._seen = len(self.plane.slips)
        self.plane._version += 1
        health = [RouteHealth(route, "gmail", dict(counts)) for route, counts in self.totals.items()]
        for partition in range(PARTITIONS):
            first = partition == 0
            classes = [ClassDemand(self.plane.campaign, topics.BULK, "gmail", 5_000, 0.0, 0)] if first else []
            demand = Demand(
                partition, self.plane._version, self.plane._version, time.time(), True,
                self.plane._applied[partition], classes, {}, epoch=self.epoch, health=health if first else [],
            )  # fmt: skip
            await self.plane.wire.put(topics.DEMAND_REPORTED, encode(demand), key=GROUP_KEY)


async def test_credit_moves_to_the_fallback_and_back_after_recovery(workers: Workers, wire: Wire) -> None:
    """
    A provider that refuses everything keeps nobody waiting, not even when pacing is killed in the middle of it.
    """
    rules = BreakerRules(open_for=3, longest=3)
    for name, weight, fallbacks in (("f-spare", 0, []), ("f-main", 1, ["f-spare"])):
        route = {
            "name": name, "weight": weight, "fallbacks": fallbacks, "breaker": rules.model_dump(),
            "smtp": SmtpServer(host="127.0.0.1").model_dump(),
        }  # fmt: skip
        answer = await wire.ask(id=new_command_id(), kind="route.set", route=route)
        assert answer.status < 300, answer.error
    async with recipients(workers, wire) as plane:
        failing = Failing(plane)
        end = time.monotonic() + 60
        while sum(failing.totals["f-main"].values()) < 2_000:
            assert time.monotonic() < end
            await failing.step()
        assert failing.routes() == {"f-main"}
        failing.kind = "unavailable"
        while "f-spare" not in failing.routes():
            assert time.monotonic() < end
            await failing.step()
        workers.kill("pacing")
        killed = time.time()
        workers.start("pacing")
        while not failing.routes(since=killed):
            assert time.monotonic() < end
            await failing.step()
        probes = [g for s in plane.slips if s.issued_at > killed for g in s.grants if g.route == "f-main"]
        assert sum(g.count for g in probes) <= rules.probes * (time.time() - killed) / rules.open_for + rules.probes
        failing.kind, mended = "accepted", time.time()
        while sum(g.count for s in plane.slips if s.issued_at > mended for g in s.grants if g.route == "f-main") < 500:
            assert time.monotonic() < end
            await failing.step()
    for name in ("f-main", "f-spare"):
        assert (await wire.ask(id=new_command_id(), kind="route.delete", thing=name)).status == 200
