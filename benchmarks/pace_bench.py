"""Pacing alone: 100 campaigns x 20 groups over 3 routes and 8 partitions, under limits of every kind, each 100 ms."""

import statistics
import time

from app.commands import CampaignEntry
from app.delivery.pacing.pacer import Pacer
from app.provider_accounts import SmtpServer
from app.records import ClassDemand, Demand
from app.routes import LimitSet, Route
from app.specs import CampaignSpec, Throttle
from benchmarks.stand import Measured

CAMPAIGNS, GROUPS, PARTITIONS = 100, 20, 8
ROUTES = ("a", "b", "c")
LOOKS, WARM_UP = 50, 5  # until the speed of the answers is known
START = 1_700_000_000.0


def demands(pacer: Pacer, version: int, at: float) -> list[Demand]:
    """Every class of every partition has something to send, all of what was granted is answered."""
    classes = [
        ClassDemand(f"c_{c}", "bulk", f"group{g}", 10_000, 0.0, 0) for c in range(CAMPAIGNS) for g in range(GROUPS)
    ]
    answered = dict.fromkeys(ROUTES, version * 7_000)
    return [Demand(p, version, 0, at, True, pacer.numbers[p], classes, {}, answered) for p in range(PARTITIONS)]


def limited_pacer() -> Pacer:
    """One with routes, accounts that share by weight, and limits on every way that no message runs into alone."""
    pacer = Pacer(PARTITIONS)
    for name in ROUTES:
        pacer.route(name, Route(name=name, provider=f"of {name}", smtp=SmtpServer(host="relay.example")))
    pacer.limit(LimitSet(scope="provider", name="*", rate=1_000_000, concurrency=1_000_000))
    pacer.limit(LimitSet(scope="pool", name="*", group="*", daily=1_000_000_000))
    pacer.limit(LimitSet(scope="group", name="*", rate=500_000))
    for number in range(10):
        pacer.account(f"a{number}", 1 + number % 3)
    for c in range(CAMPAIGNS):
        throttle = Throttle(rate=50_000.0, per_group={"*": 10_000.0})
        spec = CampaignSpec(from_email="a@b.c", lists=["l"], throttle=throttle)
        pacer.campaign(CampaignEntry(id=f"c_{c}", account=f"a{c % 10}", state="RUNNING", spec=spec, created_at=START))
    return pacer


def main(looks: int = LOOKS) -> Measured:
    """Credits granted in a second of CPU over more than WARM_UP *looks*, with demand heard in full before each."""
    pacer, now, granted = limited_pacer(), START, 0
    spent: list[float] = []
    for look in range(looks):
        now += 0.1
        heard = demands(pacer, look, now)
        began = time.process_time()
        for demand in heard:
            pacer.hear(demand)
        slips = pacer.tick(now)
        if look >= WARM_UP:
            spent.append(time.process_time() - began)
            granted += sum(grant.count for slip in slips for grant in slip.grants)
    details = {
        "cpu_ms_a_look_least": min(spent) * 1000,
        "cpu_ms_a_look": statistics.median(spent) * 1000,
        "cpu_ms_a_look_most": max(spent) * 1000,
    }
    return Measured(granted / sum(spent), sum(spent) / granted * 1e6, details)


if __name__ == "__main__":
    print(main())
