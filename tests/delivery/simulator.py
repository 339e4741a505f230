"""Traffic on a virtual clock: pacing, and partitions that spend what they are given and report what they did.

Everything on the way between both may be lost, late or doubled. What reached the wire is recorded, with who has sent
it where: limits are judged by that record and by nothing that pacing keeps.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Literal, NamedTuple

from app.commands import CampaignEntry
from app.delivery.pacing.pacer import Pacer
from app.delivery.partition_records import ClassKey, class_of
from app.delivery.routes.health import Health
from app.records import ClassDemand, Demand, Slip
from app.routes import LimitSet, Route
from app.specs import CampaignSpec
from app.stream.zones import zone_named
from tests.delivery.pacers import SERVER

Fate = Literal["now", "late", "never", "twice"]

ENDLESS = 10**9


class Sent(NamedTuple):
    """Messages of one class that started at one moment."""

    at: float
    key: ClassKey
    route: str
    count: int


class Promise(NamedTuple):
    """What a limit says. None: nothing of that."""

    rate: float | None = None
    burst: float | None = None
    concurrency: int | None = None
    full: str = "wait"


@dataclass
class Traffic:
    """What one partition holds, has on the way and has told."""

    waiting: Counter[ClassKey] = field(default_factory=Counter)
    on_the_way: Counter[tuple[ClassKey, str]] = field(default_factory=Counter)
    applied: int = -1
    answered: Counter[str] = field(default_factory=Counter)
    wasted: list[tuple[int, int, int]] = field(default_factory=list)


class Simulator:
    """A pacing group and its partitions."""

    def __init__(
        self,
        partitions: int,
        start: float,
        *,
        routes: list[Route] | None = None,
        health: Health | None = None,
        fate: Callable[[], Fate] = lambda: "now",
        delay: Callable[[], float] = lambda: 0.0,
        latency: Callable[[str], float] = lambda _: 0.0,
        account_rate: float = 0.0,
        slow: bool = False,
    ) -> None:
        """*slow*: so little is answered that each partition may have the least on the way, and no more."""
        self.now = start
        self.traffic = [Traffic() for _ in range(partitions)]
        self.sent: list[Sent] = []
        self.campaigns: dict[str, CampaignEntry] = {}
        self.routes: dict[str, Route] = {route.name: route for route in routes or []}
        self.limits: dict[tuple[str, str, str], LimitSet] = {}
        self.weights: dict[str, int] = {}
        self.watch: list[Callable[[ClassKey, str], None]] = []  # called whenever something has come onto the way
        self._fate, self._delay, self._latency = fate, delay, latency
        self._health, self._account_rate, self._slow = health, account_rate, slow
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = 0
        self._version = 0
        self.pacer = self._new_pacer()

    # -- what is set

    def _new_pacer(self) -> Pacer:
        pacer = Pacer(len(self.traffic), self._health, self._account_rate, zone_named)
        pacer.implied(Route(name="smtp", pool="smtp", smtp=SERVER))
        for name, route in self.routes.items():
            pacer.route(name, route)
        for limit in self.limits.values():
            pacer.limit(limit)
        for name, weight in self.weights.items():
            pacer.account(name, weight)
        for entry in self.campaigns.values():
            pacer.campaign(entry)
        return pacer

    def campaign(self, name: str, account: str = "acme", *, weight: int = 1, **spec: object) -> None:
        """A campaign that runs."""
        fields = {"from_email": "a@b.c", "lists": ["l"], "weight": weight} | spec
        entry = CampaignEntry(
            id=name, account=account, state="RUNNING", spec=CampaignSpec.model_validate(fields), created_at=self.now
        )
        self.campaigns[name] = entry
        self.pacer.campaign(entry)

    def account(self, name: str, weight: int) -> None:
        """The share of an account."""
        self.weights[name] = weight
        self.pacer.account(name, weight)

    def limit(self, **fields: object) -> LimitSet:
        """Set a limit, or remove one."""
        limit = LimitSet.model_validate(fields)
        if limit.limits_nothing:
            self.limits.pop(limit.key, None)
        else:
            self.limits[limit.key] = limit
        self.pacer.limit(limit)
        return limit

    def demand(self, key: ClassKey, messages: int = ENDLESS, partition: int | None = None) -> None:
        """Messages of one class begin to wait, in one partition or in each."""
        for number, traffic in enumerate(self.traffic):
            if partition in (None, number):
                traffic.waiting[key] += messages

    def restart(self, downtime: float) -> None:
        """Pacing is killed, and another one takes over from what was stored."""
        old = self.pacer
        buckets = {name: (each.rate, each.burst, each.tokens) for name, each in old.buckets.items()}
        caps = {name: cap.stored for name, cap in old.caps.items()}
        self._pass(self.now + downtime)
        self.pacer = self._new_pacer()
        self.pacer.restore(buckets, dict(enumerate(old.numbers)), self.now, caps)

    # -- time

    def run(self, until: float, tick: float, each: Callable[[], None] = lambda: None) -> None:
        """Let time pass: before every tick all partitions report."""
        while self.now < until:
            each()
            self.report()
            for slip in self.pacer.tick(self.now):
                self._carry(slip)
            self._pass(self.now + tick)

    def report(self) -> None:
        """Every partition tells all that it has."""
        self._version += 1
        for number, traffic in enumerate(self.traffic):
            opened: dict[ClassKey, dict[str, int]] = {}
            for (key, route), count in traffic.on_the_way.items():
                if count:
                    opened.setdefault(key, {})[route] = count
            classes = [
                ClassDemand(
                    key.campaign, key.lane, key.group, traffic.waiting[key], 0.0, sum(opened.get(key, {}).values()),
                    key.tier, key.retry, key.pin, opened.get(key, {}), key.channel, key.parts, key.sender,
                )
                for key in traffic.waiting.keys() | opened.keys()
            ]  # fmt: skip
            self.pacer.hear(
                Demand(
                    number, self._version, 0, self.now, True, traffic.applied, classes, {}, dict(traffic.answered),
                    wasted=traffic.wasted[-20:],
                )
            )  # fmt: skip

    def _pass(self, until: float) -> None:
        while self._events and self._events[0][0] <= until:
            at, _, happens = heapq.heappop(self._events)
            self.now = max(self.now, at)
            happens()
        self.now = until

    def _at(self, moment: float, happens: Callable[[], None]) -> None:
        self._order += 1
        heapq.heappush(self._events, (moment, self._order, happens))

    def _carry(self, slip: Slip) -> None:
        fate = self._fate()
        if fate == "never":
            return
        if fate == "late":
            self._at(self.now + self._delay(), partial(self._spend, slip))
            return
        self._spend(slip)
        if fate == "twice":
            self._at(self.now + self._delay(), partial(self._spend, slip))

    def _spend(self, slip: Slip) -> None:
        traffic = self.traffic[slip.partition]
        if slip.number <= traffic.applied or self.now > slip.valid_until:
            return
        traffic.applied = slip.number
        for index, grant in enumerate(slip.grants):
            key = class_of(grant)
            taken = min(grant.count, traffic.waiting[key])
            if taken < grant.count:
                traffic.wasted.append((slip.number, index, grant.count - taken))
            if not taken:
                continue
            if traffic.waiting[key] < ENDLESS // 2:
                traffic.waiting[key] -= taken
            traffic.on_the_way[key, grant.route] += taken
            starts = min(slip.not_after, self.now + self._delay())
            self._at(starts, partial(self._start, traffic, key, grant.route, taken))
            for watched in self.watch:
                watched(key, grant.route)

    def _start(self, traffic: Traffic, key: ClassKey, route: str, count: int) -> None:
        self.sent.append(Sent(self.now, key, route, count))
        self._at(self.now + self._latency(route), partial(self._answer, traffic, key, route, count))

    def _answer(self, traffic: Traffic, key: ClassKey, route: str, count: int) -> None:
        traffic.on_the_way[key, route] -= count
        if not traffic.on_the_way[key, route]:
            del traffic.on_the_way[key, route]
        traffic.answered[route] += 0 if self._slow else count

    # -- what came of it

    def count(self, since: float = 0.0, **where: object) -> int:
        """Messages on the wire of which this is true: campaign, group, route, retry, tier, account."""
        return sum(each.count for each in self.sent if each.at >= since and self._is(each, where))

    def _is(self, sent: Sent, where: dict[str, object]) -> bool:
        return all(self.of(sent.key, sent.route, name) == value for name, value in where.items())

    def of(self, key: ClassKey, route: str, name: str) -> object:
        """What a message is by that name: a field of its class, or account, route, pool, provider."""
        if name == "account":
            return self.campaigns[key.campaign].account
        if name in ("route", "pool", "provider"):
            known = self.routes.get(route)
            return {
                "route": route,
                "pool": known.sender if known is not None else route,
                "provider": known.provider if known is not None else "smtp",
            }[name]
        return getattr(key, name)

    def limit_for(self, scope: str, name: str, group: str) -> LimitSet | None:
        """The one limit that counts, looked up as docs/pacing.md says."""
        names = [name] if (scope, name) == ("group", "other") else [name, "*"]
        groups = [group] if group in ("", "other") else [group, "*"]
        found = [self.limits.get((scope, each, towards)) for each in names for towards in groups]
        return next((limit for limit in found if limit is not None), None)

    def limits_of(self, key: ClassKey, route: str) -> Iterator[tuple[tuple[str, str, str], LimitSet]]:
        """(scope, name and group, the limit) of every limit above campaigns that counts for a class over a route."""
        for scope in ("account", "provider", "pool", "route", "group"):
            name = str(self.of(key, route, scope))
            for group in ("",) if scope == "group" else ("", key.group):
                limit = self.limit_for(scope, name, group)
                if limit is not None:
                    yield (scope, name, group), limit

    def bounds(self, key: ClassKey, route: str) -> Iterator[tuple[tuple[str, ...], Promise]]:
        """(what is limited, what was promised) for every limit that counts for a class over a route."""
        for what, limit in self.limits_of(key, route):
            yield what, Promise(limit.per_second, limit.burst, limit.concurrency, limit.full)
        throttle = self.campaigns[key.campaign].spec.throttle
        own = ("campaign", key.campaign)
        yield own, Promise(throttle.rate, throttle.burst, throttle.concurrency)
        yield (*own, "group", key.group), Promise(throttle.per_group.get(key.group, throttle.per_group.get("*")))
        yield (*own, "route", route), Promise(throttle.per_route.get(route, throttle.per_route.get("*")))
