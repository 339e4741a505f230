"""What the messages of a campaign have to pass, for a forecast: its own limits, those above, routes it may take.

Of what it shares with others that run, a campaign has its share by weight: of the account among accounts, and its own
within the account. Routes stand side by side; those of a pool share the pool's limits, pools those of their provider.
A later step of a plan counts where whatever is full before it overflows.
"""

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import NamedTuple

from app.commands import CampaignEntry
from app.delivery.limits.capacity import Passage, Quota
from app.delivery.limits.caps import (
    DAILY,
    HOURLY,
    MOVING,
    WARM_UP,
    Steady,
    Window,
    Zones,
    day_around,
    growing,
    hour_around,
)
from app.delivery.limits.usage import Key, in_force
from app.delivery.routes.checks import IMPLICIT
from app.delivery.routes.plan import place_of, plan_of, sender_of
from app.provider_accounts import SmtpServer
from app.routes import EVERY, LimitSet, LimitStatus, Route, RouteStatus
from app.things import Account

DAY = 86_400.0
OUT = ("open", "disabled")  # states of routes that take nothing


@dataclass(frozen=True, slots=True)
class Above:
    """What there is above campaigns, and how it stands."""

    zone_named: Zones
    limits: Mapping[Key, LimitSet] = field(default_factory=dict)
    usage: Mapping[str, LimitStatus] = field(default_factory=dict)  # by name of the cap
    routes: Mapping[str, Route] = field(default_factory=dict)  # those that are set
    status: Mapping[str, RouteStatus] = field(default_factory=dict)
    accounts: Mapping[str, Account] = field(default_factory=dict)
    account_rate: float = 0.0  # of an account without a limit


class Stage(NamedTuple):
    """What messages to *group* ("": all of them) have to pass."""

    passage: Passage
    group: str = ""
    leads_nowhere: bool = False  # no route takes them
    in_parts: Set[str] = frozenset()  # names of limits on any way that count parts of SMS


def stages(
    entry: CampaignEntry, running: Iterable[CampaignEntry], above: Above, now: float, parts: float = 1.0
) -> list[Stage]:
    """Every stage that may hold *entry* up, beside the others that are *running*. Its messages are of *parts* SMS."""
    path = _Path(entry, running, above, now, parts)
    found = [each._replace(in_parts=path.in_parts) for each in path.stages()]
    return [each for each in found if each.passage.is_bounded or each.leads_nowhere]


class _Path:
    """Builds the stages of one campaign."""

    def __init__(
        self, entry: CampaignEntry, running: Iterable[CampaignEntry], above: Above, now: float, parts: float
    ) -> None:
        self._entry, self._above, self._now, self._parts = entry, above, now, parts
        self.in_parts: set[str] = set()
        self._taken: dict[str, Mapping[str, Route]] = {}  # group -> routes
        self._groups = sorted({each.group for each in entry.seal.groups} if entry.seal is not None else ())
        others = [each for each in running if each.state == "RUNNING" and each.id != entry.id]
        self._of_account = _share(entry.spec.weight, [e.spec.weight for e in others if e.account == entry.account])
        beside = {each.account for each in others} - {entry.account}
        self._of_all = self._of_account * _share(self._weight(entry.account), map(self._weight, beside))

    def _weight(self, account: str) -> int:
        known = self._above.accounts.get(account)
        return known.weight if known is not None else 1

    def stages(self) -> Iterator[Stage]:
        """All of them, also those that hold nothing up."""
        throttle, account = self._entry.spec.throttle, self._entry.account
        if throttle.rate is not None:
            yield Stage(_rate("throttle.rate", throttle.rate))
        yield Stage(self._account())
        yield Stage(self._routes(""))
        for group in self._groups:
            rate = throttle.per_group.get(group, throttle.per_group.get(EVERY))
            if rate is not None:
                yield Stage(_rate(f"throttle.per_group.{group if group in throttle.per_group else EVERY}", rate), group)
            country, carrier = place_of(group)
            if not country:
                yield Stage(self._limit("account", account, group, self._of_account), group)
                yield Stage(self._limit("group", group, "", self._of_all), group)
            yield Stage(self._limit("country", country, "", self._of_all) if country else Passage(), group)
            yield Stage(self._limit("carrier", group, "", self._of_all) if carrier else Passage(), group)
            yield Stage(self._routes(group), group, not self._routes_to(group))

    def _account(self) -> Passage:
        account = self._entry.account
        if in_force(("account", account, ""), self._above.limits) is None and self._above.account_rate:
            return _rate(f"limit.account.{account}", self._above.account_rate * self._of_account)
        return self._limit("account", account, "", self._of_account)

    # -- routes

    def _routes(self, group: str) -> Passage:
        """The routes that messages to *group* may take, "" for those of all groups, side by side."""
        found: dict[str, Route] = {}
        for each in [group] if group else self._groups:
            found.update(self._routes_to(each))
        by_pool: dict[tuple[str, str], list[Route]] = {}
        for route in found.values():
            by_pool.setdefault((route.provider, route.sender), []).append(route)
        by_provider: dict[str, list[Passage]] = {}
        for (provider, pool), routes in sorted(by_pool.items()):
            ways = tuple(self._route(route, group) for route in routes)
            own = [self._of_scope("pool", pool, group), self._shaped(routes, pool, group)]
            by_provider.setdefault(provider, []).append(_behind(own, ways))
        return Passage(
            ways=tuple(_behind([self._of_scope("provider", name, group)], ways) for name, ways in by_provider.items())
        )

    def _routes_to(self, group: str) -> Mapping[str, Route]:
        known = self._taken.get(group)
        if known is None:
            known = self._taken[group] = self._planned(group)
        return known

    def _planned(self, group: str) -> Mapping[str, Route]:
        """The routes of the first step of the plan, and of later ones that what is full before them leads to."""
        spec, known = self._entry.spec, self._above.routes or {IMPLICIT: _IMPLIED}
        usable = {name: route for name, route in known.items() if self._state(name) not in OUT} or known
        plan = plan_of(
            usable, channel=spec.channel, account=self._entry.account, tags=spec.route_tags, group=group,
        )  # fmt: skip
        taken: dict[str, Route] = {}
        for step in plan.steps:
            taken.update({name: usable[name] for name in step})
            if not all(self._overflows(usable[name], group) for name in step):
                break
        return taken

    def _state(self, route: str) -> str:
        status = self._above.status.get(route)
        return status.state if status is not None else "closed"

    def _overflows(self, route: Route, group: str) -> bool:
        limits = [
            self._above.limits[key]
            for of in (("provider", route.provider), ("pool", route.sender), ("route", route.name))
            for towards in ("", group)
            if (key := in_force((*of, towards), self._above.limits)) is not None
        ]
        return bool(limits) and all(each.full == "overflow" for each in limits)

    def _route(self, route: Route, group: str) -> Passage:
        own = [self._of_scope("route", route.name, group)]
        numbers = [self._limit("sender", each, "", self._of_all) for each in self._senders(route)]
        ways = tuple(numbers) if all(each.is_bounded for each in numbers) else ()
        per_route = self._entry.spec.throttle.per_route
        rate = per_route.get(route.name, per_route.get(EVERY))
        if rate is not None:
            own.append(_rate(f"throttle.per_route.{route.name if route.name in per_route else EVERY}", rate))
        return _behind(own, ways)

    def _senders(self, route: Route) -> list[str]:
        """The numbers or sender ids that share the messages over *route*; none for mail."""
        name = sender_of(route, self._entry.spec.sender_id)
        account = self._above.accounts.get(self._entry.account)
        pools = account.number_pools if account is not None else []
        return next((each.senders for each in pools if each.name == name), [name] if name else [])

    def _of_scope(self, scope: str, name: str, group: str) -> Passage:
        """The limit of a provider, pool or route; for one group also that towards it."""
        own = self._limit(scope, name, "", self._of_all)
        is_mx_group = group and not place_of(group)[0]
        return _behind([own, self._limit(scope, name, group, self._of_all)], ()) if is_mx_group else own

    def _shaped(self, routes: list[Route], pool: str, group: str) -> Passage:
        """How fast a pool is towards a group because of what it was answered."""
        for route in routes:
            status = self._above.status.get(route.name)
            for each in status.senders if status is not None and group else ():
                if (each.pool, each.group) == (pool, group) and each.rate is not None:
                    return _rate(f"adaptive.{pool}.{group}", each.rate * self._of_all)
        return Passage()

    # -- limits

    def _limit(self, scope: str, name: str, group: str, share: float) -> Passage:
        """The limit that is in force for what is named, as far as this campaign can count on it."""
        key = in_force((scope, name, group), self._above.limits)
        if key is None:
            return Passage()
        limit, called = self._above.limits[key], ".".join(["limit", *filter(None, key)])
        of = "|".join(filter(None, (scope, name, group)))
        if limit.unit == "parts":  # as many messages as they make
            share /= self._parts
            self.in_parts.update(called + cap for cap in ("", ".hourly", ".daily", ".moving_daily", ".warm_up"))
        rates = ((called, limit.per_second * share),) if limit.per_second is not None else ()
        return Passage(rates, tuple(self._quotas(limit, called, of, share)))

    def _quotas(self, limit: LimitSet, called: str, of: str, share: float) -> Iterator[Quota]:
        zone = self._above.zone_named(limit.time_zone) or UTC
        if limit.hourly is not None:
            used = self._used(HOURLY + of)
            yield Quota(f"{called}.hourly", Steady(limit.hourly), hour_around, zone, used, share)
        if limit.daily is not None:
            used = self._used(DAILY + of)
            yield Quota(f"{called}.daily", Steady(limit.daily), day_around, zone, used, share)
        if limit.moving_daily is not None:
            used = self._used(MOVING + of)
            yield Quota(f"{called}.moving_daily", Steady(limit.moving_daily), self._day_from_now, zone, used, share)
        if limit.warm_up is not None:
            used = self._used(WARM_UP + of)
            yield Quota(f"{called}.warm_up", growing(limit.warm_up), day_around, zone, used, share)

    def _day_from_now(self, at: float, _zone: tzinfo) -> Window:
        """24 hours, as if what is used of them came back all at once."""
        start = self._now + (at - self._now) // DAY * DAY
        return Window(start, start + DAY)

    def _used(self, cap: str) -> int:
        status = self._above.usage.get(cap)
        if status is None or status.used is None or (status.resets_at or 0.0) <= self._now:
            return 0
        return status.used


_IMPLIED = Route(name=IMPLICIT, smtp=SmtpServer(host="localhost"))


def _share(own: int, others: Iterable[int]) -> float:
    return own / (own + sum(others))


def _rate(name: str, rate: float) -> Passage:
    return Passage(((name, rate),))


def _behind(parts: Iterable[Passage], ways: Iterable[Passage]) -> Passage:
    """One passage of all that *parts* have, with *ways* behind it."""
    parts = list(parts)
    return Passage(
        tuple(rate for part in parts for rate in part.rates),
        tuple(q for part in parts for q in part.quotas),
        tuple(ways),
    )
