"""Pacing alone: 100 campaigns x 20 groups over 8 partitions, all of them limited, a look every 100 ms."""

import time

from app.commands import CampaignEntry
from app.delivery.pacing import Pacer
from app.records import ClassDemand, Demand
from app.routes import Route, SmtpServer
from app.specs import CampaignSpec, Throttle
from benchmarks.stand import Measured

CAMPAIGNS, GROUPS, PARTITIONS = 100, 20, 8
LOOKS, WARM = 50, 5
START = 1_000_000.0


def demands(applied: list[int], version: int, at: float) -> list[Demand]:
    """Every class of every partition has something to send, half of it is answered between two looks."""
    classes = [
        ClassDemand(f"c_{c}", "bulk", f"group{g}", 10_000, 0.0, 0) for c in range(CAMPAIGNS) for g in range(GROUPS)
    ]
    answered = {"smtp": version * 20_000}
    return [Demand(p, version, 0, at, True, applied[p], classes, {}, answered) for p in range(PARTITIONS)]


def main(looks: int = LOOKS) -> Measured:
    """Credits granted in a second of CPU over more than WARM *looks*, with demand heard in full before each."""
    pacer = Pacer(PARTITIONS)
    pacer.implied(Route(name="smtp", smtp=SmtpServer(host="relay.example")))
    for c in range(CAMPAIGNS):
        throttle = Throttle(rate=50_000.0, per_group={"*": 10_000.0})
        spec = CampaignSpec(from_email="a@b.c", lists=["l"], throttle=throttle)
        pacer.campaign(CampaignEntry(id=f"c_{c}", account="a", state="RUNNING", spec=spec, created_at=START))
    granted, spent, now = 0, 0.0, START
    for look in range(looks):
        now += 0.1
        heard = demands(list(pacer.numbers), look, now)
        began = time.process_time()
        for demand in heard:
            pacer.hear(demand)
        slips = pacer.tick(now)
        spent += time.process_time() - began
        if look >= WARM:  # the speed of the answers is known by then
            granted += sum(grant.count for slip in slips for grant in slip.grants)
        else:
            spent = 0.0
    return Measured(granted / spent, spent / granted * 1e6, {"cpu_ms_a_look": spent / (looks - WARM) * 1000})


if __name__ == "__main__":
    print(main())
