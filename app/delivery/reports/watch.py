"""What reports tell of routes, accounts and campaigns: many complaints or bounces, webhooks that are late or missing.

It changes nothing but what people are told: breakers and adaptive pacing hear of reports by themselves. Counts of
routes and accounts are of the last 24 hours as far as this process has heard them; those of campaigns are of all
their time. Limits of complaints: Gmail's, whose postmaster page shows 0.1 % as the aim and 0.3 % as the end.
"""

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from app.delivery.campaigns.notice_ids import notice_id, thing_of
from app.delivery.outcomes import Kind
from app.delivery.reports.counts import AUTH, HEARD, LAG_NAMES, LAGS, lag_at
from app.delivery.reports.moves import UNDONE
from app.provider_accounts import HttpAccount
from app.routes import Notice, Route

DAY, HOUR, MINUTE = 86_400.0, 3_600.0, 60.0
SLOT = 10 * MINUTE
LOOK_EVERY = 5.0  # seconds
COMPLAINED, BOUNCED = "reported.complained", "reported.bounced"

Level = Literal["info", "warning", "alert"]
Scope = Literal["route", "account", "campaign"]
HookState = Literal["", "late", "missing"]


class Rule(NamedTuple):
    """From which share on somebody is told. *least* is how many of them there must be, *of* of how many."""

    kind: Literal["complaints", "bounces", "auth_failures"]
    name: str  # of what is counted
    warns: float
    alerts: float
    least: int
    of: int
    words: str


HOOK_STATES: dict[str, HookState] = {"reports_late": "late", "reports_missing": "missing", "reports_back": ""}

RULES = (
    Rule("complaints", "complained", 0.001, 0.003, 3, 100, "complained"),
    Rule("bounces", "bounced", 0.05, 0.10, 10, 100, "bounced"),
    Rule("auth_failures", "auth", 0.0, 0.0, 5, 5, "were refused for want of SPF, DKIM or DMARC"),
)

LATE, LATE_OVER = 300.0, 150.0  # seconds: median of what came in the last LATELY
LATELY, LEAST_HEARD = 10 * MINUTE, 20
SILENT, LEAST_SILENT = 15 * MINUTE, 20  # seconds without a report, messages that were taken before that
MOST_KEYS = 10_000  # accounts and campaigns that are watched
MOST_DRAFTS = 10


class Window:
    """Sums by name over the last *seconds*, in slots of *slot* seconds."""

    def __init__(self, seconds: float, slot: float) -> None:
        self._seconds, self._slot = seconds, slot
        self._slots: deque[tuple[float, dict[str, int]]] = deque()
        self.total: dict[str, int] = {}

    def add(self, counts: Mapping[str, int], now: float) -> None:
        """Count *counts* as well."""
        if not self._slots or now - self._slots[-1][0] >= self._slot:
            self._slots.append((now, {}))
        for name, count in counts.items():
            self._slots[-1][1][name] = self._slots[-1][1].get(name, 0) + count
            self.total[name] = self.total.get(name, 0) + count

    def forget(self, now: float) -> dict[str, int]:
        """The sums, without what is too old."""
        while self._slots and now - self._slots[0][0] > self._seconds:
            for name, count in self._slots.popleft()[1].items():
                self.total[name] -= count
        return self.total


@dataclass(slots=True)
class Hooks:
    """The webhooks of one route."""

    lags: Window = field(default_factory=lambda: Window(LATELY, MINUTE))
    unheard: deque[tuple[float, int]] = field(default_factory=deque)  # (when, taken) since a report came last
    heard_at: float = 0.0
    state: HookState = ""
    since: float = 0.0  # of *state*


class ReportWatch:
    """Told of counts as they grow; asked for notices every few seconds."""

    def __init__(self, address_of: Callable[[str], str] = lambda _: "") -> None:
        self._address_of = address_of
        self._routes: dict[str, Window] = {}
        self._accounts: dict[str, Window] = {}
        self._campaigns: dict[str, tuple[str, dict[str, int]]] = {}  # campaign -> account, its sums
        self._hooks: dict[str, Hooks] = {}
        self._told: dict[str, tuple[float, Level]] = {}  # what was told of: kind, whose, name -> when, how urgently
        self._looked_at = float("-inf")

    # -- told

    def hear(self, route: str, counts: Mapping[str, int], now: float) -> None:
        """What is new of *route*, by the names of RouteHealth."""
        taken = sum(counts.get(kind, 0) for kind in (Kind.ACCEPTED, Kind.DELIVERED))
        sums = {
            "taken": taken + counts.get(Kind.REFUSED, 0), "complained": counts.get(COMPLAINED, 0),
            "bounced": counts.get(Kind.REFUSED, 0) + counts.get(BOUNCED, 0), "auth": counts.get(AUTH, 0),
        }  # fmt: skip
        if any(sums.values()):
            self._routes.setdefault(route, Window(DAY, SLOT)).add(sums, now)
        hooks = self._hooks.setdefault(route, Hooks())
        if counts.get(HEARD, 0) > 0:
            hooks.heard_at = now
            hooks.unheard.clear()
            hooks.lags.add({name: counts[name] for name in LAG_NAMES if counts.get(name)}, now)
        if taken > 0:
            _add_taken(hooks.unheard, taken, now)

    def campaign(self, campaign: str, account: str, counts: Mapping[str, int], now: float) -> None:
        """How *campaign* stands; *counts* are its counters."""
        sums = {
            "taken": sum(counts.get(name, 0) for name in ("sent", "delivered", "bounced")),
            "complained": counts.get(COMPLAINED, 0),
            "bounced": counts.get("bounced", 0) + counts.get(BOUNCED, 0) - counts.get(f"{BOUNCED}.{UNDONE}", 0),
            "auth": sum(counts.get(f"reported.{kind}.auth", 0) for kind in ("bounced", "blocked", "failed")),
        }  # fmt: skip
        known = self._campaigns.get(campaign)
        if known is None and len(self._campaigns) >= MOST_KEYS:
            return
        self._campaigns[campaign] = account, sums
        if known is None:
            return  # what it was when this process began is not of the last hours
        more = {name: count - known[1].get(name, 0) for name, count in sums.items() if count > known[1].get(name, 0)}
        if more and (account in self._accounts or len(self._accounts) < MOST_KEYS):
            self._accounts.setdefault(account, Window(DAY, SLOT)).add(more, now)

    def forget_campaigns(self, kept: Iterable[str]) -> None:
        """Only these are watched from now on."""
        kept = set(kept)
        for campaign in [each for each in self._campaigns if each not in kept]:
            del self._campaigns[campaign]

    def gone(self, route: str) -> None:
        """The route was deleted."""
        self._routes.pop(route, None)
        self._hooks.pop(route, None)

    def restore(self, notices: Iterable[Notice]) -> None:
        """Begin with what was told before, the oldest first: it is not told again so soon."""
        for notice in notices:
            if notice.kind in ("reports_late", "reports_missing", "reports_back"):
                hooks = self._hooks.setdefault(notice.route, Hooks())
                hooks.state, hooks.since = HOOK_STATES[notice.kind], notice.at
            elif notice.kind in ("complaints", "bounces", "auth_failures"):
                self._told[thing_of(notice.id)] = notice.at, notice.level

    # -- asked

    def lag(self, route: str, now: float) -> tuple[float | None, float | None]:
        """Within how many seconds half, and 95 %, of the reports of the last minutes came; None where none did."""
        hooks = self._hooks.get(route)
        counts = {} if hooks is None else hooks.lags.forget(now)
        return lag_at(0.5, counts), lag_at(0.95, counts)

    def state(self, route: str) -> tuple[HookState, float]:
        """(how its webhooks do: "", late or missing, when a report came last)."""
        hooks = self._hooks.get(route)
        return ("", 0.0) if hooks is None else (hooks.state, hooks.heard_at)

    def share(self, route: str, name: str, now: float) -> float:
        """The share of the messages of the last day that were *name*: bounced, complained."""
        window = self._routes.get(route)
        sums = {} if window is None else window.forget(now)
        return sums.get(name, 0) / sums["taken"] if sums.get("taken") else 0.0

    # -- decided

    def tick(self, routes: Mapping[str, Route], now: float) -> list["Draft"]:
        """What is to be told; a few at a time, the others at the next look."""
        if now - self._looked_at < LOOK_EVERY:
            return []
        self._looked_at = now
        drafts: list[Draft] = []
        for name, window in self._routes.items():
            drafts += self._judge("route", name, window.forget(now), now)
        for name, window in self._accounts.items():
            drafts += self._judge("account", name, window.forget(now), now)
        for name, (_, sums) in self._campaigns.items():
            drafts += self._judge("campaign", name, sums, now)
        for name, route in routes.items():
            if isinstance(route.config, HttpAccount) and not route.config.test:
                drafts += self._look_at_hooks(name, now)
        for draft in drafts[:MOST_DRAFTS]:
            self._note(draft, now)
        return drafts[:MOST_DRAFTS]

    def campaigns_of(self, account: str) -> list[str]:
        """Its campaigns that are watched."""
        return [campaign for campaign, (whose, _) in self._campaigns.items() if whose == account]

    def _judge(self, scope: Scope, name: str, sums: Mapping[str, int], now: float) -> list["Draft"]:
        drafts = []
        for rule in RULES:
            count, taken = sums.get(rule.name, 0), sums.get("taken", 0)
            if count < rule.least or taken < rule.of or count <= rule.warns * taken:
                continue
            level: Level = "alert" if count > rule.alerts * taken else "warning"
            at, before = self._told.get(_thing(rule.kind, scope, name), (float("-inf"), "info"))
            if now - at < DAY and (before == level or before == "alert"):
                continue
            span = "" if scope == "campaign" else " within a day"
            text = f"{count:,} of {taken:,} messages of the {scope} {name}{span} {rule.words}: {count / taken:.2%}"
            limit = rule.alerts if level == "alert" else rule.warns
            text += f", more than {limit:.1%}" if limit else ""
            drafts.append(Draft(rule.kind, level, scope, name, text, {rule.name: count, "messages": taken}))
        return drafts

    def _look_at_hooks(self, route: str, now: float) -> list["Draft"]:
        """What has changed with the webhooks of *route*."""
        hooks = self._hooks.get(route)
        if hooks is None:
            return []
        silent = sum(taken for at, taken in hooks.unheard if now - at >= SILENT)
        if silent >= LEAST_SILENT:
            return [] if hooks.state == "missing" else [self._missing(route, silent, now)]
        lags = hooks.lags.forget(now)
        median, heard = lag_at(0.5, lags), sum(lags.get(name, 0) for name in LAG_NAMES)
        if median is not None and heard >= LEAST_HEARD and median > LATE:
            return [] if hooks.state == "late" else [_late(route, median, heard)]
        back = hooks.state and hooks.heard_at > hooks.since and (median is None or median <= LATE_OVER)
        text = f"webhooks of route {route} come as they should again"
        return [Draft("reports_back", "info", "route", route, text, {})] if back else []

    def _missing(self, route: str, silent: int, now: float) -> "Draft":
        others = any(each.heard_at > now - SILENT for name, each in self._hooks.items() if name != route)
        address = self._address_of(route)
        text = (
            f"webhooks of route {route} are missing: {silent:,} messages were taken more than {SILENT / MINUTE:.0f} "
            f"minutes ago, and no report has come since{'' if others else ', nor of any other route'}; check the "
            f"address at the provider{f', {address}' if address else ''}"
        )
        return Draft("reports_missing", "alert" if others else "warning", "route", route, text, {"messages": silent})

    def _note(self, draft: "Draft", now: float) -> None:
        if draft.scope == "route" and draft.kind.startswith("reports_"):
            hooks = self._hooks.setdefault(draft.name, Hooks())
            hooks.state, hooks.since = HOOK_STATES[draft.kind], now
        else:
            self._told[_thing(draft.kind, draft.scope, draft.name)] = now, draft.level
            self._told = {key: each for key, each in self._told.items() if now - each[0] < DAY}


@dataclass(frozen=True, slots=True)
class Draft:
    """What is to be told, without whom it concerns."""

    kind: Literal["complaints", "bounces", "auth_failures", "reports_late", "reports_missing", "reports_back"]
    level: Level
    scope: Scope
    name: str
    text: str
    figures: Mapping[str, float]


def _thing(kind: str, scope: Scope, name: str) -> str:
    return thing_of(notice_id(0.0, kind, scope, name))


def _late(route: str, median: float, heard: int) -> Draft:
    longer = LAGS[bisect_left(LAGS, median) - 1]
    text = f"webhooks of route {route} are late: half of {heard:,} took longer than {longer / MINUTE:g} minutes"
    return Draft("reports_late", "warning", "route", route, text, {"median": min(median, 2 * DAY), "reports": heard})


def _add_taken(unheard: deque[tuple[float, int]], taken: int, now: float) -> None:
    """Count *taken* by minutes, of the last hour."""
    if unheard and now - unheard[-1][0] < MINUTE:
        unheard[-1] = unheard[-1][0], unheard[-1][1] + taken
    else:
        unheard.append((now, taken))
    while now - unheard[0][0] > HOUR:
        unheard.popleft()
