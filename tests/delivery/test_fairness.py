"""Campaigns share what is short by their weights, whatever their sizes, groups and limits; nobody starves."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from app.commands import CampaignEntry
from app.delivery.pacing.pacer import Pacer
from app.delivery.pacing.turns import Turns, share_of
from app.records import ClassDemand, Demand
from app.routes import LimitSet
from app.specs import CampaignSpec, Throttle
from tests.delivery.pacers import a_pacer

START = 1_000_000.0
TICK = 0.1


def campaign(name: str, weight: int = 1, **throttle: object) -> CampaignEntry:
    limits = Throttle.model_validate(throttle)
    spec = CampaignSpec(from_email="a@b.c", lists=["l"], throttle=limits, weight=weight)
    return CampaignEntry(id=name, account="acme", state="RUNNING", spec=spec, created_at=START)


class Plane:
    """Partitions that hold messages by class, send what they get credit for, and report after every look."""

    def __init__(self, pacer: Pacer, partitions: int) -> None:
        self.pacer = pacer
        self.waiting: list[Counter[tuple[str, str]]] = [Counter() for _ in range(partitions)]
        self.sent: Counter[str] = Counter()
        self.now = START
        self._applied = [0] * partitions
        self._version = 0

    def look(self) -> None:
        self._version += 1
        for p, waiting in enumerate(self.waiting):
            classes = [ClassDemand(c, "bulk", group, due, 0.0, 0) for (c, group), due in waiting.items() if due]
            self.pacer.hear(Demand(p, self._version, 0, self.now, True, self._applied[p], classes, {}))
        for slip in self.pacer.tick(self.now):
            self._applied[slip.partition] = slip.number
            for grant in slip.grants:
                self.waiting[slip.partition][grant.campaign, grant.group] -= grant.count
                self.sent[grant.campaign] += grant.count
                assert self.waiting[slip.partition][grant.campaign, grant.group] >= 0
        self.now += TICK


WEIGHTS = st.lists(st.tuples(st.integers(1, 6), st.integers(1, 5)), min_size=2, max_size=6)


@given(WEIGHTS, st.integers(1, 4), st.sampled_from([None, 150.0, 900.0]), st.integers(0, 40), st.booleans())
@settings(max_examples=30, deadline=None)
def test_shares_follow_weights_within_5_percent_and_nobody_starves(
    heavy: list[tuple[int, int]], partitions: int, rate: float | None, drip: int, own_limits: bool
) -> None:
    """Of the room to send, and of a limit that all share alike; who wants less than its share gets what it wants."""
    pacer = a_pacer(partitions)
    if rate is not None:
        pacer.limit(LimitSet(scope="account", name="acme", rate=rate))
    plane = Plane(pacer, partitions)
    for number, (weight, groups) in enumerate(heavy):
        pacer.campaign(campaign(f"heavy{number}", weight, **({"rate": 100_000.0} if own_limits else {})))
        for waiting in plane.waiting:
            waiting.update({(f"heavy{number}", f"group{g}"): 1_000_000 for g in range(groups)})
    pacer.campaign(campaign("light"))
    looks = 60 if rate is None else int(90_000 / rate) * 2
    wanted = 0
    for look in range(looks):
        if drip and look % 10 == 0:
            fair = (rate * TICK * 10 if rate else 400 * partitions) / (1 + sum(w for w, _ in heavy))
            more = min(drip, int(fair / 2))
            wanted += more
            plane.waiting[look % partitions]["light", "gmail"] += more
        plane.look()
    total = sum(plane.sent[f"heavy{n}"] for n in range(len(heavy)))
    for number, (weight, _) in enumerate(heavy):
        due = total * weight / sum(w for w, _ in heavy)
        assert abs(plane.sent[f"heavy{number}"] - due) <= 0.05 * due + 100 * (partitions + 1)  # a slice is not divided
    assert plane.sent["light"] >= wanted - 2 * drip


def test_a_campaign_of_weight_three_gets_three_slices_where_another_gets_one() -> None:
    """What people see: three times as fast."""
    pacer = a_pacer(1)
    plane = Plane(pacer, 1)
    for name, weight in (("a", 3), ("b", 1)):
        pacer.campaign(campaign(name, weight))
        plane.waiting[0][name, "gmail"] = 1_000_000
    plane.look()
    assert plane.sent == {"a": 300, "b": 100}


def test_a_hundred_campaigns_of_a_thousand_progress_side_by_side() -> None:
    """No campaign waits for another to finish: when the first is half done, the last is nearly so."""
    pacer = a_pacer(8)
    plane = Plane(pacer, 8)
    for number in range(100):
        pacer.campaign(campaign(f"c{number}"))
        for p, waiting in enumerate(plane.waiting):
            waiting[f"c{number}", f"group{(number + p) % 5}"] = 125
    spread = []
    for _ in range(60):
        plane.look()
        done = [plane.sent[f"c{number}"] for number in range(100)]
        spread.append(max(done) - min(done))
    assert min(plane.sent.values()) == max(plane.sent.values()) == 1_000
    assert max(spread) <= 500


def test_a_limit_by_route_holds_for_one_campaign_alone() -> None:
    """A relay that a campaign must go easy on is not slow for the others."""
    pacer = a_pacer(1)
    plane = Plane(pacer, 1)
    pacer.campaign(campaign("careful", per_route={"*": 20.0}))
    pacer.campaign(campaign("other", per_route={"elsewhere": 20.0}))
    for name in ("careful", "other"):
        plane.waiting[0][name, "gmail"] = 1_000
    for _ in range(11):
        plane.look()
    assert 25 <= plane.sent["careful"] <= 30 and plane.sent["other"] == 1_000


def test_a_limit_that_is_lifted_frees_who_waited_at_it() -> None:
    """A new throttle holds at once, also for what stood in line at the old one."""
    pacer = a_pacer(1)
    plane = Plane(pacer, 1)
    pacer.campaign(campaign("a", rate=2.0))
    plane.waiting[0]["a", "gmail"] = 300
    plane.look()
    pacer.campaign(campaign("a"))
    plane.look()
    assert plane.sent["a"] == 300


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(1, 9)), max_size=200))
def test_every_thing_that_is_queued_is_taken_once(steps: list[tuple[str, int]]) -> None:
    """A class that is lost from its queue never sends again."""
    turns: Turns[tuple[str, int]] = Turns()
    queued, taken = [], []
    for number, (name, amount) in enumerate(steps):
        share = share_of("acme", 1, name, 1, "bulk", retry=False)
        turns.add(share, (name, number))
        queued.append((name, number))
        if amount > 4 and (thing := turns.take()) is not None:
            taken.append(thing)
            turns.charge(share_of("acme", 1, thing[0], 1, "bulk", retry=False), amount)
        if amount > 7:
            turns.settle()
    while (thing := turns.take()) is not None:
        taken.append(thing)
    assert sorted(taken) == sorted(queued) and not turns


@given(st.lists(st.integers(1, 5), min_size=2, max_size=5), st.integers(2, 60), st.integers(1, 3), st.booleans())
@settings(max_examples=40, deadline=None)
def test_places_on_the_way_are_shared_by_weight_and_nobody_starves(
    weights: list[int], places: int, partitions: int, mixed: bool
) -> None:
    """A relay that takes a few messages at once: who had the least gets the next place, also beside a rate limit."""
    pacer = a_pacer(partitions)
    pacer.limit(LimitSet(scope="route", name="smtp", concurrency=places))
    if mixed:
        pacer.limit(LimitSet(scope="account", name="acme", rate=5_000.0))
    plane = Plane(pacer, partitions)
    for number, weight in enumerate(weights):
        pacer.campaign(campaign(f"c{number}", weight))
        for waiting in plane.waiting:
            waiting[f"c{number}", "gmail"] = 1_000_000
    for _ in range(300):
        plane.look()
    total = sum(plane.sent.values())
    assert total >= places * 300 * 0.5
    for number, weight in enumerate(weights):
        due = total * weight / sum(weights)
        assert abs(plane.sent[f"c{number}"] - due) <= 0.05 * due + 2 * places
