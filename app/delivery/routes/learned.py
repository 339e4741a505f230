"""The health of routes and senders, learned from what partitions report: breakers, adaptive pacing, and their notices.

It answers what the Pacer asks (app/delivery/routes/health.py). Counts come as totals since a partition's owner started,
so what is new is a difference; where a total cannot be compared, counting begins anew. Notices are drafts: who keeps
them adds the accounts.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Literal, NamedTuple

from app.delivery.campaigns.notice_ids import notice_id
from app.delivery.outcomes import Kind
from app.delivery.reports.counts import AGAINST, DELIVERED, FAULTS, PUT_OFF, TOLD
from app.delivery.reports.watch import Draft, ReportWatch
from app.delivery.routes.adaptive import AdaptiveRules, Answers, Change, KeptSender, Sender
from app.delivery.routes.breaker import FOR_EVER, Breaker, Kept, Tally, Turn
from app.delivery.routes.counts import HARD_EXCUSED, SOFT_EXCUSED
from app.delivery.routes.health import Shaping
from app.records import Demand, Grant, RouteHealth
from app.routes import BreakerRules, Notice, Route, RouteStatus, SenderStatus

LOOK_EVERY = 0.1  # seconds
FORGET_EVERY = 60.0
LATELY = 600.0  # seconds for which a campaign is concerned by a route after it last had messages on it
MOST_SHOWN = 500  # senders in the status of a route, of up to 1.5 kB each: it is one record
MOST_SENDERS = 2_000  # pools x MX groups
MOST_CONCERNED = 100  # campaigns of a notice
MOST_TURNED = 10  # notices of one look, of up to 25 kB each: they go in one batch; the others come at the next look
SPEED_SECONDS = 5.0
DAY = 86_400.0

ERRORS = (Kind.UNAVAILABLE, Kind.UNCERTAIN)
TAKEN = (Kind.ACCEPTED, Kind.DELIVERED)
ANSWERED = frozenset({*ERRORS, *TAKEN, Kind.DEFERRED, Kind.THROTTLED, Kind.REFUSED, Kind.BLOCKED})

NOTICE_OF: dict[str, tuple[Literal["breaker_opened", "breaker_probes", "breaker_closed"], Literal["info", "alert"]]] = {
    "open": ("breaker_opened", "alert"),
    "half_open": ("breaker_probes", "info"),
    "closed": ("breaker_closed", "info"),
}


class SenderKey(NamedTuple):
    """One pool towards one MX group."""

    pool: str
    group: str


@dataclass(slots=True)
class Reporter:
    """What one partition has reported since its owner started."""

    epoch: float
    whole: bool  # every pair that it counts is known: one that is new began at nothing
    pairs: dict[tuple[str, str], RouteHealth] = field(default_factory=dict)


class Speed:
    """Messages a second over the last seconds."""

    def __init__(self) -> None:
        self._points: deque[tuple[float, int]] = deque()

    def add(self, count: int, now: float) -> None:
        """*count* more."""
        if self._points and now - self._points[-1][0] < LOOK_EVERY:
            count += self._points.pop()[1]
        self._points.append((now, count))

    def at(self, now: float) -> float:
        """How fast it is."""
        while self._points and now - self._points[0][0] > SPEED_SECONDS:
            self._points.popleft()
        return sum(count for _, count in self._points) / SPEED_SECONDS


class RouteWatch:
    """Breakers of routes and shaping of senders, of one pacing group."""

    def __init__(
        self, rules: AdaptiveRules, started: float, *, adaptive: bool = True, reports: ReportWatch | None = None
    ) -> None:
        self._rules, self._started, self._adaptive = rules, started, adaptive
        self.reports = ReportWatch() if reports is None else reports
        self.routes: dict[str, Route] = {}
        self._breakers: dict[str, Breaker] = {}
        self._senders: dict[SenderKey, Sender] = {}
        self._reporters: dict[int, Reporter] = {}
        self._speeds: dict[str, Speed] = {}
        self._seen: dict[tuple[str, str], dict[str, float]] = {}  # (route, group) -> campaign -> last granted
        self._due: set[SenderKey] = set()  # senders to look at: heard of, or held back
        self._raised: set[SenderKey] = set()  # senders that are restored by hand, at the next looks
        self._touched: set[str | SenderKey] = set()  # routes and senders whose state is not stored yet
        self._looked_at = self._forgot_at = float("-inf")

    # -- asked by the Pacer

    def places(self, route: str, now: float) -> int | None:  # noqa: ARG002 - a breaker turns at its tick
        """How many messages may be on the way over *route*: None any number, 0 none; a few while it is probed."""
        breaker = self._breakers.get(route)
        return None if breaker is None else breaker.places

    def shaping(self, pool: str, group: str) -> Shaping | None:
        """How *pool* is held back towards *group*, or None."""
        sender = self._senders.get(SenderKey(pool, group))
        return None if sender is None else sender.shaping()

    def is_shaped(self, pool: str) -> bool:
        """Whether *pool* is held back towards any group."""
        return any(key.pool == pool and self._senders[key].shaping() is not None for key in self._due)

    def why_not(self, route: str) -> str:
        """Why *route* takes nothing or little just now, in words; "" when it does."""
        breaker = self._breakers.get(route)
        if breaker is None or breaker.state == "closed":
            return ""
        return f"the breaker of {route} is {breaker.state.replace('_', ' ')}: {breaker.reason}"

    # -- told

    def route(self, name: str, route: Route | None, now: float) -> None:
        """A route was set, or (None) deleted."""
        if route is None:
            self.routes.pop(name, None)
            self.reports.gone(name)
            if self._breakers.pop(name, None) is not None:
                self._touched.add(name)
            return
        self.routes[name] = route
        breaker = self._breakers.get(name)
        if breaker is None:
            self._breakers[name] = Breaker(route.breaker, now)
        else:
            breaker.rules = route.breaker

    def names(self) -> set[str]:
        """The routes that are watched: those told, and those that were reported."""
        return {*self.routes, *self._breakers}

    def granted(self, grants: Iterable[Grant], now: float) -> None:
        """Messages of these campaigns are about to go over these routes."""
        for grant in grants:
            campaigns = self._seen.setdefault((grant.route, grant.group), {})
            if grant.campaign in campaigns or len(campaigns) < MOST_CONCERNED:
                campaigns[grant.campaign] = now

    def hear(self, demand: Demand, now: float) -> None:
        """Take in what one partition reports."""
        known = self._reporters.get(demand.partition)
        if known is None or known.epoch != demand.epoch:
            known = self._reporters[demand.partition] = Reporter(demand.epoch, demand.epoch >= self._started)
        for each in demand.health:
            before = known.pairs.get((each.route, each.group))
            known.pairs[each.route, each.group] = each
            # A report of before the takeover, read once more, was news to who paced then: it only tells where to go on.
            if (before is not None or known.whole) and demand.at >= self._started:
                self._take(each.route, each.group, *_more(each, before), now)
        known.whole = known.whole or demand.full

    def _take(self, route: str, group: str, counts: Mapping[str, int], signals: Mapping[str, int], now: float) -> None:
        self.reports.hear(route, counts, now)
        told = counts.get(TOLD, 0)
        if told > 0:
            against, faults = counts.get(AGAINST, 0), counts.get(FAULTS, 0)
            self._breaker(route, now).told(group, Tally(told, faults, against, taken=counts.get(DELIVERED, 0)), now)
        answers = sum(count for kind, count in counts.items() if kind in ANSWERED)
        if answers <= 0 and not (signals or counts.get(AGAINST) or counts.get(PUT_OFF)):
            return
        self._answered(route, group, answers, counts, signals, now)

    def _answered(
        self, route: str, group: str, answers: int, counts: Mapping[str, int], signals: Mapping[str, int], now: float
    ) -> None:
        errors = sum(counts.get(kind, 0) for kind in ERRORS)
        blocked = counts.get(Kind.BLOCKED, 0) - counts.get(HARD_EXCUSED, 0)
        deferred = sum(counts.get(kind, 0) for kind in (Kind.DEFERRED, Kind.THROTTLED)) - counts.get(SOFT_EXCUSED, 0)
        reported = counts.get(AGAINST, 0) + counts.get(PUT_OFF, 0)
        taken, refused = sum(counts.get(kind, 0) for kind in TAKEN), errors + max(0, blocked) + max(0, deferred)
        self._breaker(route, now).hear(group, Tally(answers, errors, blocked, refused, taken), now)
        self._speeds.setdefault(route, Speed()).add(answers, now)
        known = self.routes.get(route)
        if not self._adaptive or (known is not None and not known.adaptive) or (answers <= errors and not reported):
            return
        key = SenderKey(self._pool_of(route), group)
        sender = self._sender(key, now)
        if sender is not None:
            sender.hear(Answers(answers - errors, taken, max(0, blocked + deferred) + reported, Counter(signals)), now)
            self._due.add(key)

    def _pool_of(self, route: str) -> str:
        known = self.routes.get(route)
        return route if known is None else known.sender

    def _breaker(self, route: str, now: float) -> Breaker:
        breaker = self._breakers.get(route)
        if breaker is None:
            known = self.routes.get(route)
            breaker = self._breakers[route] = Breaker(BreakerRules() if known is None else known.breaker, now)
        return breaker

    def _sender(self, key: SenderKey, now: float) -> Sender | None:
        sender = self._senders.get(key)
        if sender is None:
            if len(self._senders) >= MOST_SENDERS:
                self._forget_a_sender()
            if len(self._senders) < MOST_SENDERS:
                sender = self._senders[key] = Sender(key.group, self._rules, now)
        return sender

    def _forget_a_sender(self) -> None:
        """Make room: who is not held back and has been silent for longest."""
        free = [key for key, sender in self._senders.items() if sender.is_free]
        if free:
            gone = min(free, key=lambda key: self._senders[key].heard_at)
            del self._senders[gone]
            self._due.discard(gone)

    # -- decided

    def tick(self, now: float, on_the_way: Callable[[str], int]) -> list[Notice]:
        """Look at everything, at most ten times a second; drafts of notices for what has changed."""
        if now - self._looked_at < LOOK_EVERY:
            return []
        self._looked_at = now
        if now - self._forgot_at >= FORGET_EVERY:
            self._forgot_at = now
            self._forget_campaigns(now)
        notices = [self._drafted(draft, now) for draft in self.reports.tick(self.routes, now)]
        for route, breaker in self._breakers.items():
            if len(notices) >= MOST_TURNED:
                break
            turn = breaker.tick(on_the_way(route), now)
            if turn is not None:
                notices.append(self._turned(route, turn, now))
        for key in list(self._due):
            if len(notices) >= MOST_TURNED:
                break
            sender = self._senders[key]
            change = sender.raised_by_hand(now) if key in self._raised else sender.look(now)
            self._raised.discard(key)
            if change is not None:
                notices.append(self._changed(key, change, now))
            elif sender.is_free:
                self._due.discard(key)
        return notices

    def by_hand(self, route: str, state: Literal["open", "closed"], now: float, who: str = "") -> list[Notice]:
        """Take *route* out of service until it is put back, or put it back with all that holds its pool back undone."""
        said = f"{'taken out of service' if state == 'open' else 'put back into service'} by hand"
        breaker = self._breaker(route, now)
        turn = breaker.by_hands(state, now, f"{said} ({who})" if who else said)
        self._touched.add(route)
        notices = [] if turn is None else [self._turned(route, turn, now)]
        if state == "closed":
            pool = self._pool_of(route)
            held = sorted(key for key in self._due if key.pool == pool)
            for key in held[:MOST_TURNED]:
                change = self._senders[key].raised_by_hand(now)
                if change is not None:
                    notices.append(self._changed(key, change, now))
            self._raised.update(held[MOST_TURNED:])
        return notices

    def _turned(self, route: str, turn: Turn, now: float) -> Notice:
        self._touched.add(route)
        kind, level = NOTICE_OF[turn.state]
        return Notice(
            id=notice_id(now, kind, route), at=now, kind=kind, level=level, route=route, pool=self._pool_of(route),
            reason=turn.reason, figures=turn.figures, campaigns=self.concerned(now, route=route),
        )  # fmt: skip

    def _drafted(self, draft: Draft, now: float) -> Notice:
        campaigns = {
            "route": lambda: self.concerned(now, route=draft.name), "campaign": lambda: [draft.name],
            "account": lambda: self.reports.campaigns_of(draft.name)[:MOST_CONCERNED],
        }[draft.scope]()  # fmt: skip
        route = draft.name if draft.scope == "route" else ""
        return Notice(
            id=notice_id(now, draft.kind, draft.scope, draft.name), at=now, kind=draft.kind, level=draft.level,
            route=route, pool=self._pool_of(route) if route else "", reason=draft.text, figures=dict(draft.figures),
            campaigns=campaigns,
        )  # fmt: skip

    def _changed(self, key: SenderKey, change: Change, now: float) -> Notice:
        self._touched.add(key)
        return Notice(
            id=notice_id(now, change.kind, *key), at=now, kind=change.kind, level=change.level, pool=key.pool,
            group=key.group, reason=change.reason, figures=change.figures,
            campaigns=self.concerned(now, pool=key.pool, group=key.group),
        )  # fmt: skip

    def concerned(self, now: float, *, route: str = "", pool: str = "", group: str = "") -> list[str]:
        """Campaigns that had messages lately on *route*, or on any of *pool*; towards *group* where one is given.

        Without route and pool: on whichever.
        """
        found = {
            campaign
            for (name, to), campaigns in self._seen.items()
            if (name == route or (self._pool_of(name) == pool if pool else not route)) and group in ("", "*", to)
            for campaign, at in campaigns.items()
            if now - at <= LATELY
        }
        return sorted(found)[:MOST_CONCERNED]

    def _forget_campaigns(self, now: float) -> None:
        for pair, campaigns in list(self._seen.items()):
            kept = {campaign: at for campaign, at in campaigns.items() if now - at <= LATELY}
            if kept:
                self._seen[pair] = kept
            else:
                del self._seen[pair]

    # -- kept

    def take_touched(self) -> tuple[dict[str, Kept | None], dict[SenderKey, KeptSender | None]]:
        """The states of routes and senders that changed since the last call: to be stored; None is to be removed."""
        touched, self._touched = self._touched, set()
        breakers: dict[str, Kept | None] = {}
        senders: dict[SenderKey, KeptSender | None] = {}
        for each in touched:
            if isinstance(each, SenderKey):
                sender = self._senders.get(each)
                senders[each] = None if sender is None or sender.is_free else sender.state
            else:
                breaker = self._breakers.get(each)
                breakers[each] = None if breaker is None else breaker.keep()
        return breakers, senders

    def restore(self, breakers: Mapping[str, Kept], senders: Mapping[SenderKey, KeptSender], now: float) -> None:
        """Take over what was stored. A suspension goes on until the moment that was decided."""
        for route, kept in breakers.items():
            self._breaker(route, now).restore(kept, now)
        for key, state in senders.items():
            sender = Sender(key.group, self._rules, now)
            sender.state = state
            self._senders[key] = sender
            self._due.add(key)

    # -- shown

    def status(self, now: float, on_the_way: Callable[[str], int]) -> list[RouteStatus]:
        """Every route as it stands."""
        return [self._status(route, now, on_the_way) for route in sorted(self.names())]

    def _status(self, name: str, now: float, on_the_way: Callable[[str], int]) -> RouteStatus:
        breaker, route, speed = self._breakers.get(name), self.routes.get(name), self._speeds.get(name)
        shown: dict[str, Any] = {}
        if breaker is not None:
            until = 0.0 if breaker.until == FOR_EVER else breaker.until
            shown = {"state": breaker.state, "since": breaker.since, "until": until, "reason": breaker.reason}
        if route is not None and not route.enabled:
            shown = {"state": "disabled"}
        pool = self._pool_of(name)
        lag, lag_most = self.reports.lag(name, now)
        reports, reported_at = self.reports.state(name)
        held = (self._sender_status(key) for key in sorted(self._due) if key.pool == pool)
        senders = islice((each for each in held if each is not None), MOST_SHOWN)
        return RouteStatus(
            route=name, at=now, speed=0.0 if speed is None else round(speed.at(now), 1), on_the_way=on_the_way(name),
            senders=list(senders), **shown, lag=_finite(lag), lag_most=_finite(lag_most), reports=reports,
            reported_at=reported_at, bounced=round(self.reports.share(name, "bounced", now), 5),
            complained=round(self.reports.share(name, "complained", now), 6),
        )  # fmt: skip

    def _sender_status(self, key: SenderKey) -> SenderStatus | None:
        sender = self._senders[key]
        if sender.is_free:
            return None
        state = sender.state
        return SenderStatus(
            pool=key.pool, group=key.group, factor=round(state.factor, 4), rate=sender.rate,
            suspended_until=state.suspended_until, reason=state.reason, since=state.since,
        )  # fmt: skip


def _finite(lag: float | None) -> float | None:
    """*lag* as JSON has it: of a day or more, two days."""
    return 2 * DAY if lag == float("inf") else lag


def _more(now: RouteHealth, before: RouteHealth | None) -> tuple[dict[str, int], dict[str, int]]:
    """What has come since *before*; everything, where a count is lower than it was."""
    if before is None or any(now.counts.get(name, 0) < count for name, count in before.counts.items()):
        return now.counts, now.signals
    counts = {name: count - before.counts.get(name, 0) for name, count in now.counts.items()}
    signals = {name: count - before.signals.get(name, 0) for name, count in now.signals.items()}
    return counts, {name: count for name, count in signals.items() if count > 0}
