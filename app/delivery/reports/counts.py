"""How reports count for the health of their route: names of counters of RouteHealth, which only grow.

| name | counts |
|---|---|
| reported.delivered, .bounced, .blocked, .failed, .expired | messages by fate: each once as delivered, once as not |
| reported.complained, .deferred | messages, once each |
| reported.auth | of those not delivered: for want of SPF, DKIM or DMARC |
| fresh.told | of all fates: told within FRESH of the moment at which it happened |
| fresh.delivered, .against, .failed | of those: delivered; blocked for our sake; by a fault of route or account |
| fresh.deferred | deferrals told as soon, not due to the recipient |
| heard, looked_up | reports that the provider sent by itself, and answers to look-ups |
| lag.1, lag.2 ... lag.over | of those heard: seconds from what they tell of to their arrival, up to that many |

What is not fresh, as after an hour without webhooks, says nothing of how the route does now: breakers and adaptive
pacing leave it out. What the answer of an attempt told already is not counted again.
"""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence

from app.delivery.outcomes import REPORTED
from app.delivery.partition_records import MessageState
from app.delivery.reports.kinds import ReportKind
from app.delivery.reports.moves import COUNTER, FAILED, FATE, Move, was_told
from app.delivery.routes.signals import RECIPIENT, signal_in
from app.records import Told

FRESH = 900.0  # seconds
AUTH = f"{REPORTED}.auth"
TOLD, DELIVERED, AGAINST, FAULTS, PUT_OFF = (
    "fresh.told",
    "fresh.delivered",
    "fresh.against",
    "fresh.failed",
    "fresh.deferred",
)
TOGETHER = 0.6  # seconds within which webhooks come whose reports travel together
HEARD, LOOKED_UP = "heard", "looked_up"
LOOKUP = ", looked up"  # at the end of the source of a report that was fetched

LAGS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 21_600, 86_400)  # seconds
LAG_NAMES = (*(f"lag.{bound}" for bound in LAGS), "lag.over")

_AGAINST = frozenset({"block", "auth"})  # classes of what is refused for our sake
_FAULTS = frozenset({"account", "technical"})
_RECIPIENTS = frozenset({"soft", "mailbox_full", "hard", "suppressed"})  # classes of deferrals that are not about us
_READ = frozenset({
    ReportKind.DEFERRED, ReportKind.BOUNCED, ReportKind.BLOCKED, ReportKind.FAILED, ReportKind.EXPIRED,
})  # fmt: skip
_GONE = _READ - {ReportKind.DEFERRED}
_REPLY = re.compile(r"\b([45]\d\d)[ -]", re.ASCII)


def counted(state: MessageState, told: Told, move: Move, now: float) -> tuple[list[str], str]:
    """(names to count, signal that asks to slow down or "") of *told* on a message that was in *state*."""
    names = _once(state, move)
    if not names:
        return names, ""
    if told.klass == "auth" and move.kind in _READ and move.kind is not ReportKind.DEFERRED:
        names.append(AUTH)
    if not -FRESH <= now - told.at <= FRESH:
        return names, ""
    signal = signal_of(state, told) if move.kind in _READ else ""
    return names + _fresh(told, move.kind, signal), "" if signal == RECIPIENT else signal


def _once(state: MessageState, move: Move) -> list[str]:
    """The counter of a kind that had not come before, where it changes what is known of the message."""
    name = COUNTER[move.kind]
    if not move.first or name not in move.counts:
        return []
    before = FATE.get(state.status, "")
    if move.kind is ReportKind.DELIVERED:
        return [] if before else [name]
    if move.kind is ReportKind.DEFERRED:
        return [] if state.status in FAILED else [name]
    again = move.kind in _READ and (state.status in FAILED or was_told(state, _GONE))
    return [] if again else [name]


def _fresh(told: Told, kind: ReportKind, signal: str) -> list[str]:
    if kind is ReportKind.DEFERRED:
        return [] if signal == RECIPIENT or told.klass in _RECIPIENTS else [PUT_OFF]
    if kind is ReportKind.DELIVERED:
        return [TOLD, DELIVERED]
    if kind not in _READ:
        return []
    if signal != RECIPIENT and told.klass in _AGAINST:
        return [TOLD, AGAINST]
    return [TOLD, FAULTS] if told.klass in _FAULTS else [TOLD]


def signal_of(state: MessageState, told: Told) -> str:
    """The signal in the words of a mail server that a report hands on, RECIPIENT, or ""."""
    if state.channel != "email" or not told.detail:
        return ""
    code = told.code
    if not 400 <= code < 600:
        found = _REPLY.search(told.detail)
        code = int(found[1]) if found else (450 if told.kind == ReportKind.DEFERRED else 550)
    return signal_in(code, told.detail, state.group)


def lag_name(lag: float) -> str:
    """The counter of a report that came *lag* seconds after what it tells of."""
    return LAG_NAMES[bisect_left(LAGS, lag)]


def heard_counts(rows: Sequence[Told], source: str, arrived: float) -> Counter[str]:
    """What to count of reports for their arrival alone, whatever becomes of them; the first came at *arrived*."""
    if source.endswith(LOOKUP):
        return Counter({LOOKED_UP: len(rows)})
    # Providers that tell no time have it that everything happened on its arrival, with those that came just before.
    lags = Counter([each.at for each in rows if not arrived <= each.at <= arrived + TOGETHER])
    counts = Counter({HEARD: len(rows)})
    for at, count in lags.items():  # many are of the same second
        counts[lag_name(max(0.0, arrived - at))] += count
    return counts


def lag_at(share: float, counts: Mapping[str, int]) -> float | None:
    """Within how many seconds *share* of the reports came, at most (infinite: a day or more); None where none did."""
    total = sum(counts.get(name, 0) for name in LAG_NAMES)
    seen = 0
    for bound, name in zip((*LAGS, float("inf")), LAG_NAMES, strict=True):
        seen += counts.get(name, 0)
        if total and seen >= share * total:
            return float(bound)
    return None
