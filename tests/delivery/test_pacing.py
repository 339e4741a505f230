"""Limits hold on the wire, whatever happens to slips: the promise of pacing, as properties."""

from bisect import bisect_right

from hypothesis import given, settings
from hypothesis import strategies as st

from app.commands import CampaignEntry
from app.delivery.limits.rates import Bucket, bucket, least_burst
from app.delivery.pacing.pacer import Pacer
from app.records import ClassDemand, Demand, Slip
from app.routes import LimitSet
from app.specs import CampaignSpec, Throttle
from tests.delivery.pacers import a_pacer

START = 1_000_000.0
FATES = st.sampled_from(("now", "late", "never", "twice"))


def campaign(name: str = "c_1", **throttle: object) -> CampaignEntry:
    spec = CampaignSpec(from_email="a@b.c", lists=["l"], throttle=Throttle.model_validate(throttle))
    return CampaignEntry(id=name, account="acme", state="RUNNING", spec=spec, created_at=START)


def demand(partition: int, slip: int, at: float, *classes: ClassDemand, version: int = 0) -> Demand:
    return Demand(partition, version, 0, at, True, slip, list(classes), {})


def most_in(times: list[tuple[float, int]], window: float) -> int:
    """The most messages within any *window* seconds."""
    moments = [at for at, _ in times]
    sums = [0]
    for _, count in times:
        sums.append(sums[-1] + count)
    return max((sums[bisect_right(moments, at + window)] - sums[i] for i, at in enumerate(moments)), default=0)


class Wire:
    """Partitions that spend slips at once, late, twice or never, and report what they did."""

    def __init__(self, pacer: Pacer, partitions: int) -> None:
        self.pacer = pacer
        self.partitions = partitions
        self.applied = [0] * partitions
        self.sent: list[tuple[float, int]] = []
        self.version = 0

    def report(self, now: float, waiting: int = 100_000) -> None:
        self.version += 1
        for p in range(self.partitions):
            due = ClassDemand("c_1", "bulk", "gmail", waiting, 0.0, 0)
            self.pacer.hear(demand(p, self.applied[p], now, due, version=self.version))

    def spend(self, slip: Slip, when: float) -> None:
        if slip.number > self.applied[slip.partition] and when <= slip.valid_until:
            self.applied[slip.partition] = slip.number
            self.sent.append((when, sum(grant.count for grant in slip.grants)))


@given(
    st.floats(1, 500),
    st.integers(1, 4),
    st.lists(st.tuples(FATES, st.floats(0, 1)), min_size=5, max_size=40),
    st.floats(0.02, 0.4),
    st.booleans(),
    st.floats(0, 6),
)
@settings(max_examples=200, deadline=None)
def test_no_window_of_the_wire_sees_more_than_rate_times_window_and_burst(
    rate: float, partitions: int, fates: list[tuple[str, float]], tick: float, restart: bool, quiet: float
) -> None:
    """Slips may be lost, late or doubled, pacing may restart, nothing may wait for a time: the limit is kept."""
    pacer = a_pacer(partitions)
    pacer.campaign(campaign(rate=rate))
    wire = Wire(pacer, partitions)
    now, step = START, 0
    while now < START + 8:
        wire.report(now, 0 if 1 < now - START < 1 + quiet else 100_000)
        for slip in pacer.tick(now):
            fate, delay = fates[step % len(fates)]
            step += 1
            if fate != "never":
                wire.spend(slip, now + (delay if fate == "late" else 0.0))
            if fate == "twice":
                wire.spend(slip, now + delay)
        if restart and START + 4 < now < START + 4 + tick:
            stored = {name: (b.rate, b.burst, b.tokens) for name, b in pacer.buckets.items()}
            numbers = dict(enumerate(pacer.numbers))
            pacer = wire.pacer = a_pacer(partitions)
            pacer.campaign(campaign(rate=rate))
            pacer.restore(stored, numbers, now + 1.0)
            now += 1.0
        now += tick
    wire.sent.sort()
    burst = max(rate, 2.0)
    for window in (1.0, 2.5, 6.0):
        assert most_in(wire.sent, window) <= rate * window + burst + 1e-6


@given(st.floats(1, 2000), st.integers(1, 8))
@settings(max_examples=60, deadline=None)
def test_a_limit_is_used_to_at_least_98_percent_while_there_is_demand(rate: float, partitions: int) -> None:
    """A limit that is kept by sending half of it is not what was asked for."""
    pacer = a_pacer(partitions)
    pacer.campaign(campaign(rate=rate))
    wire = Wire(pacer, partitions)
    now = START
    while now < START + 60:
        wire.report(now)
        for slip in pacer.tick(now):
            wire.spend(slip, now)
        now += 0.1
    assert sum(count for _, count in wire.sent) >= rate * 60 * 0.98 - 1


@given(st.floats(1, 1000), st.floats(0.5, 100))
def test_a_bucket_never_holds_more_than_the_wire_may_see(rate: float, extra: float) -> None:
    """Capacity and validity together stay within the burst, and one message always fits."""
    made = bucket(rate, least_burst(rate) + extra, START)
    assert made.capacity + made.rate * made.validity <= made.burst + 1e-6
    assert made.capacity >= 1 - 1e-9 and made.validity >= 0.0999


def test_time_that_steps_back_brings_no_tokens() -> None:
    """Clocks are set; limits stay."""
    made = Bucket(10.0, 10.0, 0.0, START)
    made.fill(START - 100)
    assert made.tokens == 0.0


def test_a_limit_that_is_lowered_takes_tokens_away_and_one_that_is_raised_gives_none() -> None:
    """Whoever lowers a limit means now; whoever raises it means from now on."""
    made = bucket(100.0, 200.0, START)
    full = made.tokens
    made.changed(10.0, 20.0)
    assert made.tokens == made.capacity < full
    made.changed(1_000.0, 2_000.0)
    assert made.tokens < full


def test_every_limit_on_the_path_counts() -> None:
    """The narrowest of account, campaign, route and group decides."""
    pacer = a_pacer(1)
    pacer.campaign(campaign(rate=1000.0, per_group={"gmail": 50.0}))
    pacer.limit(LimitSet(scope="account", name="acme", rate=20.0))
    pacer.hear(demand(0, 0, START, ClassDemand("c_1", "bulk", "gmail", 1000, 0.0, 0)))
    granted = sum(grant.count for slip in pacer.tick(START) for grant in slip.grants)
    assert granted == 10  # half a second of 20/s


def test_concurrency_bounds_what_is_on_the_way() -> None:
    """Open releases and credit under way both count."""
    pacer = a_pacer(1)
    pacer.campaign(campaign(concurrency=30))
    pacer.hear(demand(0, 0, START, ClassDemand("c_1", "bulk", "gmail", 1000, 0.0, 10)))
    assert sum(grant.count for slip in pacer.tick(START) for grant in slip.grants) == 20
    assert not pacer.tick(START + 0.1)


def test_the_transactional_lane_is_served_first() -> None:
    """A password reset does not wait for a newsletter."""
    pacer = a_pacer(1)
    pacer.campaign(campaign())
    pacer.hear(
        demand(
            0, 0, START, ClassDemand("c_1", "bulk", "gmail", 100_000, 0.0, 0),
            ClassDemand("c_1", "transactional", "gmail", 1, 0.0, 0),
        )
    )  # fmt: skip
    (slip,) = pacer.tick(START)
    assert slip.grants[0].lane == "transactional"


def test_campaigns_share_what_there_is() -> None:
    """A big campaign does not starve a small one."""
    pacer = a_pacer(1)
    for name in ("c_1", "c_2"):
        pacer.campaign(campaign(name))
    classes = [ClassDemand(name, "bulk", "gmail", 100_000, 0.0, 0) for name in ("c_1", "c_2")]
    pacer.hear(demand(0, 0, START, *classes))
    granted = {"c_1": 0, "c_2": 0}
    for slip in pacer.tick(START):
        for grant in slip.grants:
            granted[grant.campaign] += grant.count
    assert granted["c_1"] == granted["c_2"] > 0


def test_a_partition_gets_nothing_until_it_was_heard_in_full() -> None:
    """What pacing does not know could already be on the way."""
    pacer = a_pacer(1)
    pacer.campaign(campaign())
    partial = demand(0, 0, START, ClassDemand("c_1", "bulk", "gmail", 10, 0.0, 0))
    partial.full = False
    pacer.hear(partial)
    assert not pacer.tick(START)


def test_an_older_snapshot_is_ignored() -> None:
    """Snapshots come late and twice."""
    pacer = a_pacer(1)
    assert pacer.hear(demand(0, 0, START, version=5))
    assert not pacer.hear(demand(0, 0, START + 1, version=4))


def test_a_campaign_with_many_groups_gets_no_more_than_one_with_few() -> None:
    """Campaigns share equally: how an audience is spread over mailbox providers does not matter."""
    pacer = a_pacer(1)
    for name in ("c_1", "c_2"):
        pacer.campaign(campaign(name))
    many = [ClassDemand("c_1", "bulk", f"g{i}", 100_000, 0.0, 0) for i in range(20)]
    pacer.hear(demand(0, 0, START, *many, ClassDemand("c_2", "bulk", "gmail", 100_000, 0.0, 0)))
    granted = {"c_1": 0, "c_2": 0}
    for slip in pacer.tick(START):
        for grant in slip.grants:
            granted[grant.campaign] += grant.count
    assert granted["c_1"] == granted["c_2"] > 0


def test_a_full_bulk_lane_leaves_room_for_the_transactional_one() -> None:
    """With everything on the way that may be, a password reset still leaves at once."""
    pacer = a_pacer(1)
    pacer.campaign(campaign())
    bulk = ClassDemand("c_1", "bulk", "gmail", 100_000, 0.0, 5_000)
    pacer.hear(demand(0, 0, START, bulk, ClassDemand("c_1", "transactional", "gmail", 1, 0.0, 0)))
    (slip,) = pacer.tick(START)
    assert [(grant.lane, grant.count) for grant in slip.grants] == [("transactional", 1)]


def test_concurrency_holds_after_a_restart() -> None:
    """What other partitions have open, and what old slips still pay for, is not known at first: so nothing is given."""
    pacer = a_pacer(2)
    pacer.campaign(campaign(concurrency=30))
    pacer.restore({}, {0: 7, 1: 7}, START)
    due = ClassDemand("c_1", "bulk", "gmail", 100, 0.0, 0)
    pacer.hear(demand(0, 7, START, due))
    assert not pacer.tick(START)  # partition 1 was not heard
    pacer.hear(demand(1, 6, START, ClassDemand("c_1", "bulk", "gmail", 100, 0.0, 10)))
    assert not pacer.tick(START + 0.1)  # slip 7 may still be spent there
    pacer.hear(demand(1, 7, START + 0.2, ClassDemand("c_1", "bulk", "gmail", 90, 0.0, 20)))
    assert sum(grant.count for slip in pacer.tick(START + 0.2) for grant in slip.grants) == 10


def test_concurrency_holds_when_a_partition_dies_after_it_has_spent_a_slip() -> None:
    """Nobody reports what it has released: it is on the way all the same, however long the partition has no owner."""
    pacer = a_pacer(2)
    pacer.campaign(campaign(concurrency=100))
    due = ClassDemand("c_1", "bulk", "gmail", 10_000, 0.0, 0)
    for p in range(2):
        pacer.hear(demand(p, 0, START, due))
    (spent,) = pacer.tick(START)
    alive = 1 - spent.partition
    for tenths in range(1, 150):
        now = START + tenths / 10
        pacer.hear(demand(alive, 0, now, due, version=tenths))
        assert not pacer.tick(now)
    answered = ClassDemand("c_1", "bulk", "gmail", 9_900, 0.0, 0)
    pacer.hear(demand(spent.partition, spent.number, START + 15, answered, version=200))
    assert pacer.tick(START + 15)


def test_concurrency_holds_when_pacing_restarts_beside_a_partition_that_has_died() -> None:
    """A snapshot from before the death that comes by late does not know of the last slip."""
    pacer = a_pacer(2)
    pacer.campaign(campaign(concurrency=100))
    due = ClassDemand("c_1", "bulk", "gmail", 10_000, 0.0, 0)
    pacer.restore({}, {0: 5, 1: 5}, START)
    pacer.hear(demand(0, 4, START - 0.1, due))
    for tenths in range(150):
        now = START + tenths / 10
        pacer.hear(demand(1, 5, now, due, version=tenths))
        assert not pacer.tick(now)
    pacer.hear(demand(0, 4, START + 15, due, version=1))  # it never came to spend it
    assert pacer.tick(START + 15)


def test_concurrency_of_a_route_counts_all_campaigns() -> None:
    """A relay that takes 50 messages at once does not care whose they are."""
    pacer = a_pacer(1)
    pacer.limit(LimitSet(scope="route", name="smtp", concurrency=50))
    for name in ("c_1", "c_2"):
        pacer.campaign(campaign(name))
    classes = [ClassDemand(name, "bulk", "gmail", 1_000, 0.0, 15) for name in ("c_1", "c_2")]
    pacer.hear(demand(0, 0, START, *classes))
    assert sum(grant.count for slip in pacer.tick(START) for grant in slip.grants) == 20


def test_many_small_classes_use_a_shared_limit_in_full() -> None:
    """400 classes with a message each share one rate: those that wait are woken as far as it reaches."""
    pacer = a_pacer(1)
    pacer.campaign(campaign(rate=100.0))
    classes = [ClassDemand("c_1", "bulk", f"g{i}", 1, 0.0, 0) for i in range(400)]
    pacer.hear(demand(0, 0, START, *classes))
    granted, groups = 0, []
    for step in range(11):
        for slip in pacer.tick(START + step * 0.1):
            granted += sum(grant.count for grant in slip.grants)
            groups += [grant.group for grant in slip.grants]
    assert 145 <= granted <= 150 and len(set(groups)) == len(groups)  # half a second's stock and 1 s of rate


def test_a_paused_campaign_gets_nothing_and_goes_on_when_resumed() -> None:
    """Pause holds at once; resume needs no new demand."""
    pacer = a_pacer(1)
    running = campaign()
    pacer.campaign(running.model_copy(update={"state": "PAUSED"}))
    pacer.hear(demand(0, 0, START, ClassDemand("c_1", "bulk", "gmail", 100, 0.0, 0)))
    assert not pacer.tick(START)
    pacer.campaign(running)
    assert sum(grant.count for slip in pacer.tick(START + 0.1) for grant in slip.grants) == 100


@given(st.integers(1, 6), st.integers(1, 40), st.floats(2, 9))
@settings(max_examples=60, deadline=None)
def test_a_transactional_message_is_paid_for_before_any_bulk_one(partitions: int, classes: int, rate: float) -> None:
    """However many classes wait at the limit they share, and in whatever partition: what comes in next is its own."""
    pacer = a_pacer(partitions)
    pacer.limit(LimitSet(scope="account", name="acme", rate=rate))
    for name in ("t", *(f"c{number}" for number in range(classes))):
        pacer.campaign(campaign(name))
    waiting = [ClassDemand(f"c{number}", "bulk", "gmail", 1_000, 0.0, 0) for number in range(classes)]
    for p in range(partitions):
        pacer.hear(demand(p, 0, START, *waiting))
    now = START
    while now < START + 3:  # until the bucket is empty and every class is parked
        now += 0.1
        pacer.tick(now)
    last = partitions - 1
    urgent = ClassDemand("t", "transactional", "gmail", 3, 0.0, 0)
    pacer.hear(demand(last, 0, now, *waiting, urgent, version=1))
    granted = [grant.lane for slip in pacer.tick(now) for grant in slip.grants]
    for version in range(2, 30):
        if granted:
            break
        # A class that has just come has its turn at once: not before one that waits in the other lane.
        fresh = ClassDemand("c0", "bulk", f"group {version}", 10, 0.0, 0)
        pacer.hear(Demand(0, version, 0, now, False, 0, [fresh], {}))
        now += 0.1
        assert now < START + 6
        granted += [grant.lane for slip in pacer.tick(now) for grant in slip.grants]
    assert granted == ["transactional"]


def test_counters_of_a_campaign_that_a_partition_has_forgotten_are_forgotten() -> None:
    """A year of campaigns must not stay in memory."""
    pacer = a_pacer(1)
    pacer.hear(Demand(0, 1, 1, START, True, 0, [], {"old": {"sent": 5}, "new": {"sent": 1}}))
    pacer.hear(Demand(0, 2, 2, START, False, 0, [], {"new": {"sent": 2}}))
    assert (pacer.counts("old"), pacer.counts("new")) == ({"sent": 5}, {"sent": 2})
    pacer.hear(Demand(0, 3, 3, START, True, 0, [], {"new": {"sent": 2}}))
    assert (pacer.counts("old"), pacer.counts("new")) == ({}, {"sent": 2})
