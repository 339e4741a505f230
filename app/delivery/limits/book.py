"""The book of limits: which bounds lie on the way of a class of messages, over each route that it may take.

Common to all routes: campaign, campaign towards a group, account, account towards a group, group, country, carrier.
Of a route: health, campaign over this route, sender (a number or sender id), provider, pool and route, each of these
three also towards a group, and how health shapes the pool towards the group. A limit that names its thing goes before
one for "*", which gives each thing bounds of its own; only one of them counts. "other", the long tail of domains, is no
thing that "*" stands for, and groups are those of mail: phones have countries and carriers.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from app.commands import CampaignEntry
from app.delivery.limits.bounds import (
    ON_THE_WAY,
    SHAPED,
    Bound,
    Closed,
    Counted,
    Flow,
    Full,
    Metered,
    Places,
    Service,
    Shaped,
)
from app.delivery.limits.caps import MOVING, Cap, Zones, caps_of
from app.delivery.limits.moving_caps import MovingCap
from app.delivery.limits.rates import Bucket, bucket, burst_of
from app.delivery.limits.usage import Key, in_force
from app.delivery.partition_records import ClassKey
from app.delivery.routes.health import Health
from app.delivery.routes.plan import Balance, Plan, Step, place_of, plan_of, sender_of
from app.routes import EVERY, LimitScope, LimitSet, Route

STATE = "state|"  # + campaign: where classes wait whose campaign does not run
NO_ROUTE = "no route|"  # + campaign: where classes wait that no route takes
TOO_LONG = "too long|"  # + cap: where classes wait whose messages take more parts than the whole cap

OF_ROUTES: tuple[LimitScope, ...] = ("provider", "pool", "route")

OptionKey = tuple[str, str, int, str]  # group, sender, parts, route


class StoredCap(NamedTuple):
    """What is stored of a cap: the start of its window, what is used in it, and of any 24 hours the slots."""

    start: float
    used: int
    slots: bytes = b""


class Option(NamedTuple):
    """One route that a class may take."""

    route: str
    bounds: tuple[Bound, ...]
    counted: tuple[Counted, ...]  # what has to know how many of the class are on the way over it


class Way:
    """How the messages of a class may go."""

    __slots__ = ("balances", "common", "options", "plan", "stale")

    def __init__(self, plan: Plan, common: tuple[Bound, ...], balances: list[Balance]) -> None:
        self.plan, self.common, self.balances = plan, common, balances
        self.options: dict[str, Option] = {}  # route -> what lies on it, as far as somebody has looked
        self.stale = False  # limits or routes have changed since


class LimitBook:
    """Limits, routes and campaigns, and the bounds made of them. A bound is one object for as long as it is known."""

    def __init__(self, account_rate: float, health: Health, flow: Flow, zone_named: Zones) -> None:
        self.buckets: dict[str, Bucket] = {}
        self.caps: dict[str, Cap | MovingCap] = {}
        self.touched: set[str] = set()  # buckets and caps debited since they were last stored
        self.limits: dict[Key, LimitSet] = {}
        self.routes: dict[str, Route] = {}  # as they are now: those that are set, or the implied one
        self.bounds: dict[str, Bound] = {}
        self.campaigns: dict[str, CampaignEntry] = {}
        self._set_routes: dict[str, Route] = {}
        self._implied: dict[str, Route] = {}
        self._account_rate, self._health, self._flow, self._zone_named = account_rate, health, flow, zone_named
        self._about: dict[str, Key] = {}  # name of a bound -> what it limits
        self._own: dict[str, set[str]] = {}  # campaign -> names of its bounds
        self.stored_caps: dict[str, StoredCap] = {}  # from before a restart, and not asked about since
        self._ways: dict[str, dict[tuple[object, ...], Way]] = {}  # campaign -> what decides on routes -> way
        self._options: dict[str, dict[OptionKey, Option]] = {}  # by campaign
        self._of_limits: dict[Key, tuple[Bound, ...]] = {}  # what limits are for -> the bounds of the one that counts
        self._plans: dict[tuple[object, ...], Plan] = {}
        self._balances: dict[Step, Balance] = {}
        self.nowhere = Closed(STATE)  # where classes of campaigns wait that are not known
        self._unknown = Way(Plan("", ()), (self.nowhere,), [])
        self._unknown.stale = True  # asked for again each time

    # -- what is known

    def campaign(self, entry: CampaignEntry) -> None:
        """Take over a campaign."""
        self.campaigns[entry.id] = entry
        self._forget_ways(entry.id)

    def forget_campaign(self, campaign: str) -> None:
        """The campaign has ended: its buckets go."""
        if self.campaigns.pop(campaign, None) is None:
            return
        self._forget_ways(campaign)
        for name in self._own.pop(campaign, ()):
            self.bounds.pop(name, None)
            if self.buckets.pop(name, None) is not None:
                self.touched.add(name)

    def bounds_of(self, campaign: str) -> list[Bound]:
        """The bounds that are a campaign's own."""
        return [self.bounds[name] for name in sorted(self._own.get(campaign, ())) if name in self.bounds]

    def limit(self, limit: LimitSet) -> list[Bound]:
        """Set a limit, or remove it; the bounds that are concerned."""
        if limit.limits_nothing:
            self.limits.pop(limit.key, None)
        else:
            self.limits[limit.key] = limit
        self._forget_all_ways()
        return [self.bounds[name] for name, about in self._about.items() if _concerns(limit, about)]

    def route(self, name: str, route: Route | None) -> None:
        """Set a route, or remove it."""
        if route is None:
            self._set_routes.pop(name, None)
        else:
            self._set_routes[name] = route
        self._routes_changed()

    def implied(self, route: Route) -> None:
        """The route that there is as long as none is set."""
        self._implied = {route.name: route}
        self._routes_changed()

    def _routes_changed(self) -> None:
        self.routes.clear()
        self.routes.update(self._set_routes or self._implied)
        self._plans.clear()
        self._balances.clear()
        self._forget_all_ways()

    def _forget_ways(self, campaign: str) -> None:
        for way in self._ways.pop(campaign, {}).values():
            way.stale = True
        self._options.pop(campaign, None)

    def _forget_all_ways(self) -> None:
        for campaign in list(self._ways):
            self._forget_ways(campaign)
        self._options.clear()
        self._of_limits.clear()

    # -- the way of a class

    def way(self, key: ClassKey, now: float) -> Way:
        """The way of a class, remembered until something changes."""
        ways = self._ways.get(key.campaign)
        if ways is None:
            if key.campaign not in self.campaigns:
                return self._unknown
            ways = self._ways[key.campaign] = {}
        deciding = key.group, key.tier, key.pin, key.channel, key.parts, key.sender
        way = ways.get(deciding)
        if way is None:
            way = ways[deciding] = self._made(self.campaigns[key.campaign], key, now)
        return way

    def option(self, campaign: str, group: str, sender: str, route: str, now: float, parts: int = 1) -> Option:
        """A route with its bounds for messages of *parts* SMS from *sender*, whether or not they may take it."""
        options = self._options.get(campaign, {})
        option = options.get((group, sender, parts, route))
        if option is None:
            entry = self.campaigns.get(campaign)
            if entry is not None:
                options = self._options.setdefault(campaign, {})
            own = tuple(self._that_fit(self._of_route(entry, group, sender, route, now), parts))
            common = tuple(self._common(entry, group, now)) if entry is not None else ()
            option = Option(route, own, tuple(each for each in (*common, *own) if isinstance(each, Counted)))
            if entry is not None:
                options[group, sender, parts, route] = option
        return option

    def _that_fit(self, bounds: Iterable[Bound], parts: int) -> Iterator[Bound]:
        """*bounds*; in place of one that messages of so many parts can never pass, one that is closed."""
        for bound in bounds:
            if isinstance(bound, Metered) and bound.never_fits(parts):
                closed = self._closed(bound.name, TOO_LONG, of_campaign=False)
                closed.full = bound.full
                self._about[closed.name] = self._about[bound.name]
                yield closed
            else:
                yield bound

    def recount(self, now: float) -> None:
        """Count anew what is on the way, where it has to be known: limits or routes have changed."""
        for bound in self.bounds.values():
            if isinstance(bound, Counted):
                bound.used = 0
        for campaign, flows in self._flow.of_campaign.items():
            for (group, sender, route), messages in flows.items():
                for bound in self.option(campaign, group, sender, route, now).counted:
                    bound.used += messages

    def plan(self, entry: CampaignEntry, group: str, tier: str, pin: str, channel: str = "") -> Plan:
        """The routes that a class may take. *channel* "" is that of its campaign."""
        spec = entry.spec
        channel = channel or spec.channel
        key = (channel, entry.account, tuple(spec.route_tags), group, tier, pin)
        plan = self._plans.get(key)
        if plan is None:
            plan = self._plans[key] = plan_of(
                self.routes, channel=channel, account=entry.account, tags=spec.route_tags,
                group=group, tier=tier, pin=pin,
            )  # fmt: skip
        return plan

    def balance(self, step: Step) -> Balance:
        """Whose turn it is among the routes of *step*."""
        balance = self._balances.get(step)
        if balance is None:
            balance = self._balances[step] = Balance({name: self.routes[name].weight for name in step})
        return balance

    def _made(self, entry: CampaignEntry, key: ClassKey, now: float) -> Way:
        plan = self.plan(entry, key.group, key.tier, key.pin, key.channel)
        common = tuple(self._that_fit(self._common(entry, key.group, now), key.parts))
        if entry.state != "RUNNING":
            common = (self._closed(entry.id, STATE), *common)
        elif not plan.steps:
            common = (self._closed(entry.id, NO_ROUTE), *common)
        return Way(plan, common, [self.balance(step) for step in plan.steps])

    def _closed(self, of: str, why: str, *, of_campaign: bool = True) -> Bound:
        name = why + of
        return self.bounds.get(name) or self._keep(Closed(name), of if of_campaign else "")

    def _keep(self, bound: Bound, campaign: str = "") -> Bound:
        self.bounds[bound.name] = bound
        if campaign:
            self._own.setdefault(campaign, set()).add(bound.name)
        return bound

    # -- the bounds of limits

    def _common(self, entry: CampaignEntry, group: str, now: float) -> Iterator[Bound]:
        throttle, own = entry.spec.throttle, f"campaign|{entry.id}"
        if throttle.concurrency is not None:
            yield self._places(own, throttle.concurrency, "wait", entry.id)
        if throttle.rate is not None:
            yield self._bucket(f"{own}|", throttle.rate, throttle.burst, now, "wait", entry.id)
        rate = throttle.per_group.get(group, throttle.per_group.get(EVERY))
        if rate is not None:
            yield self._bucket(f"{own}|{group}", rate, None, now, "wait", entry.id)
        if self._limit_for("account", entry.account) is None and self._account_rate:
            default = self._bucket(f"account|{entry.account}", self._account_rate, None, now, "wait")
            self._about[default.name] = ("account", entry.account, "")
            yield default
        country, carrier = place_of(group)
        towards = "" if country else group  # phones have no MX group
        named: list[tuple[LimitScope, str, str]] = [
            ("account", entry.account, ""), ("account", entry.account if towards else "", towards),
            ("group", towards, ""),
            ("country", country, ""), ("carrier", group if carrier else "", ""),
        ]  # fmt: skip
        for scope, name, to in named:
            if name:
                yield from self._of_limit(scope, name, to, now, common=True)

    def _of_route(self, entry: CampaignEntry | None, group: str, sender: str, name: str, now: float) -> Iterator[Bound]:
        route = self.routes.get(name)
        service = self.bounds.get(f"health|{name}") or self._keep(Service(name, self._health, self._flow))
        yield service
        if entry is not None:
            throttle = entry.spec.throttle
            rate = throttle.per_route.get(name, throttle.per_route.get(EVERY))
            if rate is not None:
                yield self._bucket(f"campaign|{entry.id}|route|{name}", rate, None, now, "wait", entry.id)
        pool = route.sender if route is not None else name
        named: list[tuple[LimitScope, str]] = [("pool", pool), ("route", name)]
        if route is not None:
            named.insert(0, ("provider", route.provider))
            sender = sender_of(route, sender)
        if sender:
            yield from self._of_limit("sender", sender, "", now)
        country, _ = place_of(group)
        for scope, of in named:
            yield from self._of_limit(scope, of, "", now)
            if not country:
                yield from self._of_limit(scope, of, group, now)
        yield self._shaped(pool, group)

    def _shaped(self, pool: str, group: str) -> Bound:
        made = self.bounds.get(f"{SHAPED}{pool}|{group}")
        if made is None:
            made = self._keep(Shaped(pool, group, self._health, self._flow, self.buckets, self.touched))
            self._about[made.name] = ("pool", pool, group)
        limit = self._limit_for("pool", pool, group) or self._limit_for("pool", pool)
        made.full = limit.full if limit is not None else "wait"
        return made

    def _limit_for(self, scope: LimitScope, name: str, group: str = "") -> LimitSet | None:
        """The one limit that counts for *name* and *group*."""
        key = in_force((scope, name, group), self.limits)
        return None if key is None else self.limits[key]

    def _of_limit(
        self, scope: LimitScope, name: str, group: str, now: float, *, common: bool = False
    ) -> Iterable[Bound]:
        """The bounds of the limit that counts; the same for all classes until limits or routes change."""
        made = self._of_limits.get((scope, name, group))
        if made is None:
            made = self._of_limits[scope, name, group] = tuple(self._made_of(scope, name, group, now, common=common))
        return made

    def _made_of(self, scope: LimitScope, name: str, group: str, now: float, *, common: bool) -> Iterable[Bound]:
        limit = self._limit_for(scope, name, group)
        if limit is None:
            return
        full: Full = "wait" if common else limit.full
        of = f"{scope}|{name}|{group}" if group else f"{scope}|{name}"
        made: list[Bound] = []
        if limit.concurrency is not None:
            made.append(self._places(of, limit.concurrency, full))
        if limit.per_second is not None:
            made.append(self._bucket(of, limit.per_second, limit.burst, now, full))
        for cap_name, cap in caps_of(limit, of, now, self._zone_named):
            made.append(self._cap(cap_name, cap, full))
        if limit.moving_daily is not None:
            made.append(self._cap(MOVING + of, MovingCap(limit.moving_daily), full))
        for bound in made:
            self._about[bound.name] = (scope, name, group)
            bound.of_route = scope in OF_ROUTES and not group
            if isinstance(bound, Metered):
                bound.in_parts = limit.unit == "parts"
                bound.in_people = limit.unit == "people" and isinstance(bound.meter, MovingCap)
        yield from made

    def _places(self, of: str, most: int, full: Full, campaign: str = "") -> Places:
        name = ON_THE_WAY + of
        bound = self.bounds.get(name)
        if not isinstance(bound, Places):
            bound = Places(name, self._flow)
            self._keep(bound, campaign)
        bound.most, bound.full = most, full
        return bound

    def _bucket(self, name: str, rate: float, burst: float | None, now: float, full: Full, campaign: str = "") -> Bound:
        known = self.buckets.get(name)
        if known is None:
            known = self.buckets[name] = bucket(rate, burst, now)
        bound = self.bounds.get(name)
        if not isinstance(bound, Metered):
            bound = Metered(name, known, self.touched)
            self._keep(bound, campaign)
        bound.becomes(rate, burst_of(rate, burst))
        bound.full = full
        return bound

    def _cap(self, name: str, made: Cap | MovingCap, full: Full) -> Bound:
        known = self.caps.get(name)
        if known is None:
            known = self.caps[name] = made
            if (stored := self.stored_caps.pop(name, None)) is not None:
                known.restore(*stored)
        else:
            known.changed(made)  # type: ignore[arg-type]  # the name says of which kind they are
        bound = self.bounds.get(name) or self._keep(Metered(name, known, self.touched))
        bound.full = full
        return bound

    # -- asked

    def is_free(self, entry: CampaignEntry) -> bool:
        """Whether no limit of rate or number lies on the way of any message of the campaign."""
        own = entry.spec.throttle
        if own.rate or own.per_group or own.per_route or own.concurrency or self._account_rate:
            return False
        return all(
            limit.scope == "account" and limit.name not in (entry.account, EVERY) for limit in self.limits.values()
        )

    # -- forgotten

    def forget_bounds(self, names: Collection[str]) -> None:
        """Make these anew when they are asked about again; those of a campaign stay as long as it does."""
        names = [name for name in names if name in self._about]
        if not names:
            return
        self._forget_all_ways()
        self._plans.clear()
        for name in names:
            del self.bounds[name]
            del self._about[name]

    def forget_meters(self, names: Collection[str]) -> None:
        """Remove these, also from what is stored; those of a campaign go with it."""
        for name in names:
            if not name.startswith("campaign|"):
                self.buckets.pop(name, None)
                self.caps.pop(name, None)
                self.stored_caps.pop(name, None)
                self.touched.add(name)

    # -- restart

    def restore(
        self,
        buckets: Mapping[str, tuple[float, float, float]],
        caps: Mapping[str, StoredCap | tuple[float, int] | tuple[float, int, bytes]],
        now: float,
    ) -> None:
        """Take over stored (rate, burst, tokens) of buckets and what is stored of caps."""
        for name, (rate, burst, tokens) in buckets.items():
            self.buckets[name] = Bucket(rate, burst, tokens, now)
            if name.startswith("campaign|"):
                self._own.setdefault(name.split("|")[1], set()).add(name)
        self.stored_caps.update({name: StoredCap(*stored) for name, stored in caps.items()})


def _concerns(limit: LimitSet, about: Key) -> bool:
    """Whether what is limited by *limit* may be what a bound is *about*."""
    scope, name, group = about
    return limit.scope == scope and limit.name in (EVERY, name) and limit.group in ("", group, EVERY)
