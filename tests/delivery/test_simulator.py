"""Days of traffic in seconds: every limit holds on the wire, is used in full, and is shared as it was said."""

import random
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from app.delivery.limits.rates import LONGEST_VALIDITY, burst_of, least_burst
from app.delivery.partition_records import ClassKey
from app.routes import LimitSet, Route
from tests.delivery.pacers import a_route
from tests.delivery.simulator import Promise, Simulator

START = 1_700_000_000.0  # a Tuesday, 22:13:20 UTC
TICK = 0.1
GROUPS = ("gmail", "yahoo", "other")
FATES = ("now", "now", "now", "late", "never", "twice")

SCOPES = {
    "account": ("acme", "beta", "*"),
    "provider": ("p1", "p2", "*"),
    "pool": ("a", "b", "*"),
    "route": ("a", "b", "*"),
}


@st.composite
def limits(draw: st.DrawFn) -> dict[str, Any]:
    """Any limit of rates and numbers."""
    scope = draw(st.sampled_from([*SCOPES, "group"]))
    said: dict[str, Any] = {"scope": scope, "name": draw(st.sampled_from(SCOPES.get(scope, (*GROUPS, "*"))))}
    if scope != "group":
        said["group"] = draw(st.sampled_from(("", "gmail", "*", "other")))
    what = draw(st.sampled_from(("rate", "burst", "concurrency", "both")))
    if what != "concurrency":
        said["rate"] = draw(st.floats(2, 300))
    if what == "burst":
        said["burst"] = least_burst(said["rate"]) + draw(st.floats(0.1, 100))
    if what in ("concurrency", "both"):
        said["concurrency"] = draw(st.integers(1, 150))
    if scope in ("provider", "pool", "route"):
        said["full"] = draw(st.sampled_from(("wait", "overflow")))
    return said


@st.composite
def routes(draw: st.DrawFn) -> list[Route]:
    """One to three routes over two providers."""
    names = ["a", "b", "c"][: draw(st.integers(1, 3))]
    return [
        a_route(
            name, provider=draw(st.sampled_from(("p1", "p2"))), weight=draw(st.integers(0, 3)),
            cost=draw(st.sampled_from((0.0, 1.0))), groups=draw(st.sampled_from(([], [], ["gmail"]))),
        )
        for name in names
    ]  # fmt: skip


def throttles() -> st.SearchStrategy[dict[str, Any]]:
    """Limits of a campaign."""
    rate = st.floats(2, 300)
    return st.fixed_dictionaries(
        {},
        optional={
            "rate": rate,
            "per_group": st.dictionaries(st.sampled_from(("gmail", "*")), rate, max_size=2),
            "per_route": st.dictionaries(st.sampled_from(("a", "*")), rate, max_size=2),
            "concurrency": st.integers(1, 100),
        },
    )


class Promises:
    """What was promised of everything that is limited, from when on, and whether it was kept."""

    def __init__(self, world: Simulator) -> None:
        self._world = world
        self._said: dict[tuple[str, ...], list[tuple[float, Promise]]] = defaultdict(list)
        self._under_way: Counter[tuple[str, ...]] = Counter()
        self._changed = 0.0
        world.watch.append(self._took)

    def note(self, classes: Iterable[ClassKey]) -> None:
        """Limits are from now on as they are."""
        self._changed = self._world.now
        for key in classes:
            for route in self._world.routes:
                for what, promise in self._world.bounds(key, route):
                    said = self._said[what]
                    if not said or said[-1][1] != promise:
                        said.append((self._world.now, promise))
        gone = set(self._said) - {
            what for key in classes for route in self._world.routes for what, _ in self._world.bounds(key, route)
        }
        for what in gone:
            self._said[what].append((self._world.now, Promise()))

    def _took(self, key: ClassKey, route: str) -> None:
        """Numbers on the way hold whenever something new is on the way; what was granted before a change may be."""
        world = self._world
        if world.now < self._changed + 4.0:
            return
        for what, promise in world.bounds(key, route):
            if promise.concurrency is not None:
                under_way = sum(
                    count
                    for traffic in world.traffic
                    for (each, over), count in traffic.on_the_way.items()
                    if any(what == other for other, _ in world.bounds(each, over))
                )
                assert under_way <= promise.concurrency, (what, under_way)

    def check_rates(self) -> None:
        """In no window of the wire is there more than rate times window and burst."""
        events: dict[tuple[str, ...], list[tuple[float, int]]] = defaultdict(list)
        for sent in self._world.sent:
            for what, _ in self._world.bounds(sent.key, sent.route):
                events[what].append((sent.at, sent.count))
        for what, said in self._said.items():
            for number, (said_at, promise) in enumerate(said):
                until = said[number + 1][0] if number + 1 < len(said) else float("inf")
                # A slip of before a change is spent within a second of it.
                since = said_at if said_at == START else said_at + LONGEST_VALIDITY
                self._check(what, events[what], since, until, promise)

    @staticmethod
    def _check(
        what: tuple[str, ...], events: list[tuple[float, int]], since: float, until: float, promise: Promise
    ) -> None:
        if promise.rate is None:
            return
        inside = [(at, count) for at, count in events if since <= at < until]
        burst = burst_of(promise.rate, promise.burst)
        for window in (1.0, 2.5, 6.0):
            assert most_in(inside, window) <= promise.rate * window + burst + 1e-6, (what, promise, window)


def most_in(times: list[tuple[float, int]], window: float) -> int:
    """The most messages within any *window* seconds."""
    times = sorted(times)
    moments = [at for at, _ in times]
    sums = [0]
    for _, count in times:
        sums.append(sums[-1] + count)
    return max((sums[bisect_right(moments, at + window)] - sums[i] for i, at in enumerate(moments)), default=0)


def classes_of(campaigns: Iterable[str]) -> list[ClassKey]:
    """What the campaigns have to send."""
    return [
        ClassKey(name, "bulk", group, retry=retry) for name in campaigns for group in GROUPS for retry in (False, True)
    ]


@given(
    routes(),
    st.lists(limits(), min_size=1, max_size=6),
    st.lists(st.tuples(throttles(), st.integers(1, 3)), min_size=1, max_size=3),
    st.integers(1, 3),
    st.lists(st.tuples(st.floats(1, 9), limits(), st.booleans()), max_size=3),
    st.booleans(),
    st.integers(0, 2**32).map(random.Random),
)
@settings(max_examples=60, deadline=None)
def test_no_limit_is_exceeded_whatever_happens_to_slips(
    over: list[Route], set_: list[dict[str, Any]], campaigns: list[tuple[dict[str, Any], int]], partitions: int,
    edits: list[tuple[float, dict[str, Any], bool]], restart: bool, dice: random.Random,
) -> None:  # fmt: skip
    """Limits of all scopes, changed and removed while campaigns run; slips lost, late and doubled; a restart."""
    world = Simulator(
        partitions, START, routes=over, fate=lambda: dice.choice(FATES), delay=lambda: dice.uniform(0, 1.2),
        latency=lambda _: dice.uniform(0, 0.5),
    )  # fmt: skip
    for number, (throttle, weight) in enumerate(campaigns):
        # Without any rate, slips would be valid for longer, and a limit that is set would not hold for those.
        throttle = {"rate": 500.0} | throttle
        world.campaign(f"c{number}", ("acme", "beta")[number % 2], throttle=throttle, weight=weight)
    classes = classes_of(world.campaigns)
    for key in classes:
        world.demand(key)
    for limit in set_:
        world.limit(**limit)
    promises = Promises(world)
    promises.note(classes)
    for seconds, limit, removed in sorted(edits, key=lambda each: each[0]):
        world.run(START + seconds, TICK)
        if removed:
            first = next(iter(world.limits.values()), None)
            if first is not None:
                world.limit(scope=first.scope, name=first.name, group=first.group)
        else:
            world.limit(**limit)
        promises.note(classes)
    if restart:
        world.run(START + 10, TICK)
        world.restart(dice.uniform(0, 2))
    world.run(START + 15, TICK)
    promises.check_rates()


def is_excused(world: Simulator, key: ClassKey, full: set[tuple[str, ...]]) -> bool:
    """Whether limits that are used in full keep the class from more, on every route that it may take."""
    plan = world.pacer.book.plan(world.campaigns[key.campaign], key.group, key.tier, key.pin, key.channel)
    for step in plan.steps:
        waits = False
        for route in step:
            bounds = [(what, promise) for what, promise in world.bounds(key, route) if what in full]
            if not bounds:
                return False
            waits = waits or any(promise.full == "wait" for _, promise in bounds)
        if waits:
            return True
    return True


@given(
    routes(),
    st.lists(limits().filter(lambda each: "rate" in each), max_size=6),
    st.lists(st.tuples(throttles(), st.integers(1, 3)), min_size=1, max_size=3),
    st.integers(1, 3),
)
@settings(max_examples=60, deadline=None)
def test_whoever_could_send_more_waits_for_a_limit_that_is_used_to_98_percent(
    over: list[Route], set_: list[dict[str, Any]], campaigns: list[tuple[dict[str, Any], int]], partitions: int
) -> None:
    """With demand everywhere, no limit is kept by leaving a part of it unused."""
    world = Simulator(partitions, START, routes=over)
    for number, (throttle, weight) in enumerate(campaigns):
        throttle = {name: value for name, value in throttle.items() if name != "concurrency"}
        world.campaign(f"c{number}", ("acme", "beta")[number % 2], throttle=throttle, weight=weight)
    classes = classes_of(world.campaigns)
    for key in classes:
        world.demand(key)
    world.limit(scope="provider", name="*", rate=300)
    for limit in set_:
        limit.pop("concurrency", None)
        world.limit(**limit)
    world.run(START + 5, TICK)
    seconds = 30
    began = world.now
    world.run(START + 5 + seconds, TICK)
    used: Counter[tuple[str, ...]] = Counter()
    rates: dict[tuple[str, ...], float] = {}
    for sent in world.sent:
        if sent.at >= began:
            for what, _ in world.bounds(sent.key, sent.route):
                used[what] += sent.count
    for key in classes:
        for route in world.routes:
            rates |= {what: promise.rate for what, promise in world.bounds(key, route) if promise.rate is not None}
    full = {what for what, rate in rates.items() if used[what] >= rate * seconds * 0.98 - 1}
    for key in classes:
        assert is_excused(world, key, full), (key, {what: (used[what], rate * seconds) for what, rate in rates.items()})


SHARERS = st.lists(
    st.tuples(st.integers(1, 5), st.lists(st.tuples(st.integers(1, 5), st.integers(1, 3)), min_size=1, max_size=3)),
    min_size=1, max_size=3,
)  # fmt: skip


@given(
    SHARERS, st.integers(1, 3), st.sampled_from(("provider", "group", "room", "places")), st.booleans(), st.booleans()
)
@settings(max_examples=40, deadline=None)
def test_shares_follow_weights_of_accounts_and_campaigns(
    sharers: list[tuple[int, list[tuple[int, int]]]], partitions: int, short: str, plans: bool, retries: bool
) -> None:
    """Of whatever is short, on whatever routes: within 5 %."""
    over = [a_route("a", provider="p", groups=["g0"] if plans else []), a_route("b", provider="p")]
    if short == "room":
        over = over[1:]
    world = Simulator(
        partitions, START, routes=over, slow=short == "room", latency=lambda _: 0.05 if short == "places" else 0.0
    )
    due: dict[tuple[str, bool], float] = {}
    for a, (weight, campaigns) in enumerate(sharers):
        world.account(f"a{a}", weight)
        of_account = weight / sum(each for each, _ in sharers)
        for c, (own, groups) in enumerate(campaigns):
            name = f"a{a}c{c}"
            world.campaign(name, f"a{a}", weight=own)
            share = of_account * own / sum(each for each, _ in campaigns)
            for retry, part in ((False, 0.8), (True, 0.2)) if retries else ((False, 1.0),):
                due[name, retry] = share * part
                for g in range(1 if short == "group" else groups):
                    world.demand(ClassKey(name, "bulk", f"g{g}", retry=retry))
    if short == "provider":
        world.limit(scope="provider", name="p", rate=1_000)
    elif short == "group":
        world.limit(scope="group", name="g0", rate=1_000)
    elif short == "places":
        world.limit(scope="provider", name="p", concurrency=40)
    world.run(START + 5, TICK)
    began = world.now
    world.run(START + 5 + 60, TICK)
    total = world.count(began)
    for (name, retry), share in due.items():
        got = world.count(began, campaign=name, retry=retry)
        assert abs(got - total * share) <= 0.05 * total * share + 100 * (partitions + 1), (
            name,
            retry,
            got,
            total * share,
        )


@given(st.lists(st.integers(1, 5), min_size=2, max_size=4), st.integers(1, 3))
@settings(max_examples=20, deadline=None)
def test_routes_of_a_step_share_by_weight(weights: list[int], partitions: int) -> None:
    """Within 5 %, while all of them have room for more."""
    over = [a_route(f"r{number}", weight=weight) for number, weight in enumerate(weights)]
    world = Simulator(partitions, START, routes=over)
    world.campaign("c", throttle={"rate": 500.0})
    for group in GROUPS:
        world.demand(ClassKey("c", "bulk", group))
    world.run(START + 30, TICK)
    total = world.count()
    for number, weight in enumerate(weights):
        due = total * weight / sum(weights)
        assert abs(world.count(route=f"r{number}") - due) <= 0.05 * due + 100


ZONES = ("UTC", "Europe/Lisbon", "Asia/Kolkata", "America/St_Johns")


@st.composite
def calendar_limits(draw: st.DrawFn) -> dict[str, Any]:
    """Any limit with caps of hours, of days, or with a warm-up; perhaps with a rate by the hour."""
    scope = draw(st.sampled_from([*SCOPES, "group"]))
    said: dict[str, Any] = {"scope": scope, "name": draw(st.sampled_from(SCOPES.get(scope, (*GROUPS, "*"))))}
    if scope != "group":
        said["group"] = draw(st.sampled_from(("", "gmail", "*")))
    said["time_zone"] = draw(st.sampled_from(ZONES))
    caps = draw(st.sets(st.sampled_from(("hourly", "daily", "warm_up")), min_size=1))
    if "hourly" in caps:
        said["hourly"] = draw(st.integers(1, 500))
    if "daily" in caps:
        said["daily"] = draw(st.integers(1, 5_000))
    if "warm_up" in caps and scope in ("pool", "route"):
        days = draw(st.lists(st.integers(1, 3_000), min_size=1, max_size=3))
        said["warm_up"] = {"begins": draw(st.sampled_from(("2023-11-14", "2023-11-15", "2023-11-16"))), "caps": days}
    if draw(st.booleans()):
        said |= {"rate": draw(st.floats(100, 3_000)), "per": "hour", "burst": 300.0}
    if scope in ("provider", "pool", "route"):
        said["full"] = draw(st.sampled_from(("wait", "overflow")))
    return said


def caps_at(limit: LimitSet, at: float) -> Iterator[tuple[object, int]]:
    """(the window that a moment falls into, what it may have) of every cap of *limit*, by the clock on the wall."""
    wall = datetime.fromtimestamp(at, ZoneInfo(limit.time_zone))
    if limit.hourly is not None:
        yield ("hour", wall.date(), wall.hour, wall.utcoffset()), limit.hourly
    if limit.daily is not None:
        yield ("day", wall.date()), limit.daily
    if limit.warm_up is not None:
        number, days = (wall.date() - limit.warm_up.begins).days, limit.warm_up.days()
        if number < len(days):
            yield ("warm-up", wall.date()), days[number] if number >= 0 else 0


def exceeded(world: Simulator) -> str:
    """Which cap was exceeded in any of its windows, "" for none."""
    used: Counter[tuple[object, ...]] = Counter()
    for sent in world.sent:
        for what, limit in world.limits_of(sent.key, sent.route):
            for window, most in caps_at(limit, sent.at):
                used[what, window] += sent.count
                if used[what, window] > most:
                    return f"{what} {window}: more than {most}"
    return ""


@given(
    routes(),
    st.lists(calendar_limits(), min_size=1, max_size=4),
    st.integers(1, 2),
    st.integers(0, 2**32).map(random.Random),
)
@settings(max_examples=15, deadline=None)
def test_no_cap_is_exceeded_in_two_days(
    over: list[Route], set_: list[dict[str, Any]], partitions: int, dice: random.Random
) -> None:
    """Whatever the zone; with slips lost, late and doubled, and pacing that is killed and back in the same day."""
    world = Simulator(
        partitions, START, routes=over, fate=lambda: dice.choice(FATES), delay=lambda: dice.uniform(0, 1.2)
    )
    world.campaign("c0", "acme")
    world.campaign("c1", "beta")
    for key in classes_of(world.campaigns):
        world.demand(key)
    for limit in set_:
        world.limit(**limit)
    for hours in (5, 26):
        world.run(START + hours * 3_600, 60.0)
        world.restart(dice.uniform(0, 7_200))
    world.run(START + 48 * 3_600, 60.0)
    assert exceeded(world) == ""


@given(st.lists(calendar_limits(), min_size=1, max_size=3))
@settings(max_examples=20, deadline=None)
def test_caps_are_used_in_full(set_: list[dict[str, Any]]) -> None:
    """With demand at any time, each window has what caps and rates leave it, to within 2 %."""
    world = Simulator(1, START, routes=[a_route("a", provider="p1")])
    world.campaign("c0", "acme")
    key = ClassKey("c0", "bulk", "gmail")
    world.demand(key)
    for limit in set_:
        world.limit(**{name: value for name, value in limit.items() if name not in ("rate", "per", "burst")})
    used: Counter[tuple[object, ...]] = Counter()
    best, minute = 0, 60.0
    limits_now = list(world.limits_of(key, "a"))
    caps = [(what, limit) for what, limit in limits_now if any(True for _ in caps_at(limit, START + 30 * 86_400))]
    assume(any(limit.hourly or limit.daily for _, limit in caps))
    while world.now < START + 30 * 3_600:
        room = min(
            most - used[what, window] for what, limit in limits_now for window, most in caps_at(limit, world.now)
        )
        best += room
        for what, limit in limits_now:
            for window, _ in caps_at(limit, world.now):
                used[what, window] += room
        world.run(world.now + minute, minute)
    assert world.count() >= 0.98 * best


@given(
    st.lists(st.tuples(st.integers(1, 4), st.none() | st.floats(10, 400)), min_size=2, max_size=5), st.integers(1, 3)
)
@settings(max_examples=30, deadline=None)
def test_who_wants_less_than_its_share_gets_it_and_the_others_share_the_rest(
    campaigns: list[tuple[int, float | None]], partitions: int
) -> None:
    """Campaigns with limits of their own beside others, all of them under one limit."""
    world = Simulator(partitions, START, routes=[a_route("a"), a_route("b")])
    world.limit(scope="account", name="acme", rate=500)
    wants: dict[str, tuple[int, float]] = {}
    for number, (weight, rate) in enumerate(campaigns):
        world.campaign(f"c{number}", weight=weight, throttle={} if rate is None else {"rate": rate})
        world.demand(ClassKey(f"c{number}", "bulk", GROUPS[number % 3]))
        wants[f"c{number}"] = weight, rate or float("inf")
    shares, left = {}, 500.0
    for name, (weight, rate) in sorted(wants.items(), key=lambda each: each[1][1] / each[1][0]):
        heavy = sum(w for other, (w, _) in wants.items() if other not in shares)
        shares[name] = min(rate, left * weight / heavy)
        left -= shares[name]
    world.run(START + 5, TICK)
    began = world.now
    world.run(START + 65, TICK)
    for name, share in shares.items():
        assert abs(world.count(began, campaign=name) - share * 60) <= 0.05 * share * 60 + 100, (name, share * 60)


@given(st.integers(1, 3), st.booleans(), st.integers(1, 30))
@settings(max_examples=20, deadline=None)
def test_neither_retries_nor_first_attempts_starve_the_others(partitions: int, retry: bool, drip: int) -> None:
    """Those that come now and then get what they want at once; what they leave, the others have."""
    world = Simulator(partitions, START, routes=[a_route("a")])
    world.campaign("c", throttle={"rate": 500.0})
    world.demand(ClassKey("c", "bulk", "gmail", retry=not retry))
    few, wanted = ClassKey("c", "bulk", "yahoo", retry=retry), 0

    def come() -> None:
        nonlocal wanted
        world.demand(few, drip // 3, partition=wanted % partitions)
        wanted += drip // 3

    world.run(START + 30, TICK, come)
    assert world.count(retry=retry) >= wanted - 10 * drip
    assert world.count() >= 0.98 * 30 * 500


@pytest.mark.parametrize("apart", ["accounts", "campaigns", "retries"])
def test_who_comes_later_has_saved_nothing_up(apart: str) -> None:
    """It has its share from then on, and the others theirs, on each level of sharing."""
    world = Simulator(2, START, routes=[a_route("a")])
    world.limit(scope="provider", name="p-a", rate=500)
    world.campaign("early", "acme")
    world.campaign("late", "beta" if apart == "accounts" else "acme")
    early = ClassKey("early", "bulk", "gmail")
    late = early._replace(retry=True) if apart == "retries" else early._replace(campaign="late")
    world.demand(early)
    world.run(START + 30, TICK)
    world.demand(late)
    began = world.now
    world.run(START + 40, TICK)
    share = 0.2 if apart == "retries" else 0.5
    of_late = sum(sent.count for sent in world.sent if sent.key == late)
    assert abs(of_late - share * world.count(began)) <= 0.05 * world.count(began)


def test_the_work_of_a_tick_grows_with_what_it_grants_and_not_with_what_waits() -> None:
    """100 campaigns x 30 groups x 8 partitions over 3 routes: 24,000 classes wait, and a tick looks at few of them."""
    world = Simulator(8, START, routes=[a_route(name, provider="p1") for name in ("a", "b", "c")], slow=True)
    world.limit(scope="group", name="*", rate=20)
    world.limit(scope="provider", name="p1", rate=1_000)
    for c in range(100):
        world.campaign(f"c{c}", ("acme", "beta")[c % 2], throttle={"rate": 100.0})
        for g in range(30):
            world.demand(ClassKey(f"c{c}", "bulk", f"g{g}"))
    pacer = world.pacer
    world.run(START + 0.25, TICK)
    looks, slips = pacer.looks, 0
    for _ in range(3):
        world.report()
        before = pacer.looks
        given = pacer.tick(world.now)
        slips = sum(len(slip.grants) for slip in given)
        assert pacer.looks - before <= 5 * slips + 3 * 30
        for slip in given:
            world._carry(slip)
        world.run(world.now + TICK, TICK)
    assert looks < pacer.looks
    world.report()
    pacer.tick(world.now)
    before = pacer.looks
    assert not pacer.tick(world.now) and pacer.looks == before, "nothing has come, so nothing is looked at"
