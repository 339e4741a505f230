"""What became of messages on each route towards each MX group, counted where results are settled and reports applied.

Counts only grow while a partition has the same owner. Pacing takes differences, so a report that is lost costs nothing.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from app.delivery.mx_groups import OTHER
from app.delivery.outcomes import Kind
from app.delivery.routes.signals import RECIPIENT, signal_in
from app.records import Outcome, RouteHealth

MOST_PAIRS = 1_000  # of route and group in one partition: later groups are counted as "other"

# Counts beside those by kind, of failures that tell nothing against route and sender.
SOFT_EXCUSED = "deferred.recipient"  # of deferred and throttled: due to the recipient
HARD_EXCUSED = "blocked.message"  # of blocked: due to recipient or content

_RECIPIENT_CLASSES = frozenset(
    {"greylisted", "mailbox_full", "mailbox_busy", "unknown_user", "bad_domain", "bad_syntax", "pair"}
)
_MESSAGE_CLASSES = frozenset({"content", "too_large", "bad_syntax"})
_READ = frozenset({Kind.DEFERRED, Kind.THROTTLED, Kind.BLOCKED})  # kinds whose reply is read
NO_SIGNALS: Mapping[str, int] = {}


class RouteCounts:
    """The counts of one partition since its owner started."""

    def __init__(self) -> None:
        self._pairs: dict[tuple[str, str], RouteHealth] = {}
        self._changed: set[tuple[str, str]] = set()

    def __bool__(self) -> bool:
        return bool(self._changed)

    def note(self, route: str, group: str, outcomes: Sequence[Outcome]) -> None:
        """Count what one release came to. Call it once a release."""
        health = self._of(route, group)
        for outcome in outcomes:
            if outcome.kind in _READ:
                self._read(health, outcome, group)
        # A message that was blocked without a reply never met a server: it could not be made.
        kinds = Counter(each.kind for each in outcomes if each.kind != Kind.BLOCKED or each.code)
        for kind, count in kinds.items():
            health.counts[kind] = health.counts.get(kind, 0) + count

    def told(self, route: str, group: str, counts: Mapping[str, int], signals: Mapping[str, int] = NO_SIGNALS) -> None:
        """Count what reports tell, by the names of app/delivery/reports/counts.py."""
        health = self._of(route, group)
        for name, count in counts.items():
            health.counts[name] = health.counts.get(name, 0) + count
        for signal, count in signals.items():
            health.signals[signal] = health.signals.get(signal, 0) + count

    def _of(self, route: str, group: str) -> RouteHealth:
        """The counts of a pair, which are about to change."""
        pair = (route, group)
        health = self._pairs.get(pair)
        if health is None:
            if len(self._pairs) >= MOST_PAIRS:
                pair = (route, OTHER)
            health = self._pairs.setdefault(pair, RouteHealth(route, pair[1], {}))
        self._changed.add(pair)
        return health

    def _read(self, health: RouteHealth, outcome: Outcome, group: str) -> None:
        """Look at a failure that a server has answered: is it a signal, or nobody's fault here?"""
        if not outcome.code:
            return
        signal = signal_in(outcome.code, outcome.detail, group)
        if signal and signal != RECIPIENT:
            health.signals[signal] = health.signals.get(signal, 0) + 1
        excused = ""
        if outcome.kind != Kind.BLOCKED:
            excused = SOFT_EXCUSED if signal == RECIPIENT or outcome.klass in _RECIPIENT_CLASSES else ""
        elif signal == RECIPIENT or outcome.klass in _MESSAGE_CLASSES:
            excused = HARD_EXCUSED
        if excused:
            health.counts[excused] = health.counts.get(excused, 0) + 1

    def report(self, *, full: bool) -> list[RouteHealth]:
        """What has changed since the last report, or everything; as it is now, for it goes on counting."""
        pairs: Iterable[tuple[str, str]] = self._pairs if full else self._changed
        told = [
            RouteHealth(each.route, each.group, dict(each.counts), dict(each.signals))
            for each in (self._pairs[pair] for pair in pairs)
        ]
        self._changed.clear()
        return told
