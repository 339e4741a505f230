"""Adaptive pacing: how a sender (pool) is slowed down towards an MX group that pushes back, and how it comes back.

Two things slow it down. A named reply does what the table of app/delivery/routes/signals.py says: suspends it, caps its
rate or its messages on the way for a time, lowers its factor. And when more than *troubles* of at least *least* answers
within *window* were deferrals, throttles or blocks, its factor is halved, once every *settle* seconds at most.

The factor is of its base: what it was really answered a second just before it got into trouble. A limit that allows
more would not slow it down, one that allows less holds anyway. After each *quiet* seconds without new trouble the
factor rises by *step*; at 1 nothing holds the sender back any more but limits.
"""

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from app.delivery.routes.health import Shaping
from app.delivery.routes.signals import HOUR, MINUTE, SHARE, Reaction, reaction_to

SLOT = 5.0  # seconds
FEW = 10  # answers by which a sender that is raised is judged
LEAST_BASE = 1.0  # messages a second: less says how little there was to send, not what the provider bears
ALERT_PAUSE = HOUR  # between two alerts that change nothing, by the same signal

ChangeKind = Literal["slowed", "suspended", "raised", "restored", "warned"]
Level = Literal["info", "warning", "alert"]


@dataclass(frozen=True, slots=True)
class AdaptiveRules:
    """When senders are slowed down, and how fast they come back. Times in seconds."""

    least: int = 50
    window: float = 60.0
    troubles: float = 0.10
    cut: float = 0.5
    settle: float = 60.0
    quiet: float = 15 * MINUTE
    step: float = 0.25
    floor: float = 1 / MINUTE  # messages a second: it never stops asking


def rules_with(recovery: float) -> AdaptiveRules:
    """The rules with *recovery* seconds of quiet before each step up."""
    return AdaptiveRules(quiet=recovery, settle=min(MINUTE, recovery))


@dataclass(slots=True)
class Answers:
    """What a sender was answered: *troubles* are deferrals, throttles and blocks that count against it."""

    answers: int = 0
    accepted: int = 0
    troubles: int = 0
    signals: Counter[str] = field(default_factory=Counter)

    def add(self, more: "Answers") -> None:
        """Count *more* as well."""
        self.answers += more.answers
        self.accepted += more.accepted
        self.troubles += more.troubles
        self.signals.update(more.signals)


@dataclass(frozen=True, slots=True)
class Change:
    """A sender goes on in another way."""

    kind: ChangeKind
    level: Level
    reason: str
    figures: dict[str, float] = field(default_factory=dict)


class KeptSender(msgspec.Struct, array_like=True):
    """What outlives a restart."""

    factor: float
    base: float
    since: float
    stepped_at: float
    quiet_since: float
    suspended_until: float
    rate: float | None
    rate_until: float
    connections: int | None
    connections_until: float
    reason: str


class Sender:
    """One pool towards one MX group. Times are seconds since 1970; they come in as arguments."""

    def __init__(self, group: str, rules: AdaptiveRules, now: float) -> None:
        self.group, self.rules = group, rules
        self.heard_at = now
        self.state = KeptSender(1.0, 0.0, now, float("-inf"), now, 0.0, None, 0.0, None, 0.0, "")
        self._slots: deque[tuple[float, Answers]] = deque()  # (begin, answers), the oldest first
        self._since_step = Answers()
        self._hour: dict[str, deque[tuple[float, int]]] = {}  # signal -> (minute, times)
        self._fresh: set[str] = set()  # signals heard since the last look
        self._warned: dict[str, float] = {}

    # -- asked

    @property
    def is_free(self) -> bool:
        """Nothing holds it back."""
        now = self.state
        return now.factor >= 1 and not now.suspended_until and now.rate is None and now.connections is None

    @property
    def rate(self) -> float | None:
        """Messages a second in force, None: as limits say."""
        state = self.state
        rates = [state.base * state.factor] if state.factor < 1 else []
        rates += [state.rate] if state.rate is not None else []
        return max(self.rules.floor, min(rates)) if rates else None

    def shaping(self) -> Shaping | None:
        """How it is held back, or None."""
        if self.is_free:
            return None
        return Shaping(self.rate, self.state.connections, self.state.suspended_until, self.state.reason)

    # -- told

    def hear(self, more: Answers, now: float) -> None:
        """Take in what was answered."""
        self.heard_at = now
        # Half of the time to settle: what was on the way at the last step tells nothing of how it goes since.
        if now - self.state.stepped_at >= self.rules.settle / 2:
            if not self._slots or now - self._slots[-1][0] >= SLOT:
                self._slots.append((now, Answers()))
            self._slots[-1][1].add(more)
            self._since_step.add(more)
        for name, times in more.signals.items():
            minutes = self._hour.setdefault(name, deque())
            if minutes and now - minutes[-1][0] < MINUTE:
                minutes[-1] = (minutes[-1][0], minutes[-1][1] + times)
            else:
                minutes.append((now, times))
            self._fresh.add(name)

    def look(self, now: float) -> Change | None:
        """What is to change now; the most urgent first, one at a look."""
        while self._slots and now - self._slots[0][0] > self.rules.window:
            self._slots.popleft()
        for name in sorted(self._fresh):
            self._fresh.discard(name)
            change = self._react(name, now)
            if change is not None:
                return change
        return self._cut(now) or self._ease(now)

    def raised_by_hand(self, now: float) -> Change | None:
        """Forget all that holds it back."""
        if self.is_free:
            return None
        self._start_over(now)
        self._hour.clear()
        state = self.state
        state.stepped_at = now  # what is on the way was sent before that, and is answered as before
        state.factor, state.suspended_until, state.rate, state.connections = 1.0, 0.0, None, None
        return self._changed("restored", "info", "nothing holds it back any more: restored by hand", now)

    # -- slower

    def _react(self, name: str, now: float) -> Change | None:
        """Do what the table says of a signal that has come often enough."""
        reaction, state = reaction_to(name, self.group), self.state
        if reaction is None or now < state.suspended_until:
            return None
        lately, times = self._lately(), self._times(name, now)
        if times < reaction.least or not lately.answers or lately.signals[name] < SHARE * lately.answers:
            return None
        figures = {"times": float(times), "answers": float(lately.answers)}
        said = f"{name}: {times} times within an hour, {lately.signals[name]:,} of {lately.answers:,} answers lately"
        if reaction == Reaction(least=reaction.least, alert=True):
            if now - self._warned.get(name, float("-inf")) < ALERT_PAUSE:
                return None
            self._warned[name] = now
            return Change("warned", "alert", said, figures)
        if not self._apply(reaction, now):
            return None
        self._hour.pop(name, None)
        kind: ChangeKind = "suspended" if reaction.suspend else "slowed"
        level: Level = "alert" if reaction.alert else "warning"
        return self._changed(kind, level, f"{said}: {reaction.words}", now, figures)

    def _apply(self, reaction: Reaction, now: float) -> bool:
        """Whether *reaction* changes anything: what is in force already is not done twice."""
        state, changed = self.state, False
        base = self._observed(now)
        if reaction.suspend:
            state.suspended_until, changed = now + reaction.suspend, True
        if reaction.rate is not None and (state.rate is None or reaction.rate < state.rate):
            state.rate, state.rate_until, changed = reaction.rate, now + reaction.rate_for, True
        if reaction.connections is not None and state.connections is None:
            state.connections, changed = reaction.connections, True
            state.connections_until = now + reaction.connections_for
        if reaction.factor < 1 and now - state.stepped_at >= self.rules.settle:
            self._lower(reaction.factor, base, now)
            changed = True
        if changed:
            self._start_over(now)
        return changed

    def _cut(self, now: float) -> Change | None:
        """Halve the factor where too large a share of the answers is trouble."""
        rules, lately = self.rules, self._lately()
        if lately.answers < rules.least or lately.troubles <= rules.troubles * lately.answers:
            return None
        if now < self.state.suspended_until or now - self.state.stepped_at < rules.settle:
            return None
        self._lower(rules.cut, self._observed(now), now)
        self._start_over(now)
        reason = (
            f"{lately.troubles / lately.answers:.0%} of {lately.answers:,} answers within {rules.window:g} s were "
            f"deferrals, throttles or blocks: {self._in_force()}"
        )
        figures = {"troubles": float(lately.troubles), "answers": float(lately.answers)}
        return self._changed("slowed", "warning", reason, now, figures)

    def _lower(self, factor: float, base: float, now: float) -> None:
        state = self.state
        if state.factor >= 1:
            state.base = base
        state.factor = max(state.factor * factor, min(1.0, self.rules.floor / state.base))
        state.stepped_at = now

    # -- faster

    def _ease(self, now: float) -> Change | None:
        state, rules = self.state, self.rules
        over = []
        if state.suspended_until and now >= state.suspended_until:
            state.suspended_until = 0.0
            over.append("the suspension is over")
        if state.rate is not None and now >= state.rate_until:
            state.rate = None
            over.append("the time of its lower rate is over")
        if state.connections is not None and now >= state.connections_until:
            state.connections = None
            over.append("the time of fewer messages on the way is over")
        if over:
            self._start_over(now)
            return self._raised(", ".join(over), now)
        if (
            state.factor >= 1
            or state.suspended_until
            or state.rate is not None
            or now - state.quiet_since < rules.quiet
        ):
            return None
        since = self._since_step
        if since.answers >= FEW and since.troubles > rules.troubles * since.answers:
            state.quiet_since, self._since_step = now, Answers()  # it is not better yet: wait on
            return None
        state.factor = min(1.0, state.factor + rules.step)
        state.stepped_at = now
        self._start_over(now)
        return self._raised(f"quiet for {rules.quiet / MINUTE:g} min", now)

    def _raised(self, why: str, now: float) -> Change:
        free = self.is_free
        return self._changed("restored" if free else "raised", "info", f"{why}: {self._in_force()}", now)

    # -- shared

    def _changed(
        self, kind: ChangeKind, level: Level, reason: str, now: float, figures: dict[str, float] | None = None
    ) -> Change:
        state = self.state
        state.reason, state.since = ("" if self.is_free else reason), now
        rate = {} if self.rate is None else {"rate": round(self.rate, 4)}
        return Change(kind, level, reason, (figures or {}) | {"factor": round(state.factor, 4)} | rate)

    def _in_force(self) -> str:
        rate = self.rate
        if self.is_free:
            return "as fast as limits allow"
        parts = [f"{self.state.factor:.0%} of its rate"] if self.state.factor < 1 else []
        if rate is not None:
            parts.append(f"{rate:.3g} a second" if rate >= 1 else f"{rate * MINUTE:.3g} a minute")
        if self.state.connections is not None:
            parts.append(f"{self.state.connections} on the way at a time")
        return ", ".join(parts)

    def _start_over(self, now: float) -> None:
        """What was answered so far is answered for: only what comes now tells how it goes on."""
        self._slots.clear()
        self._since_step = Answers()
        self._fresh.clear()
        self.state.quiet_since = max(now, self.state.suspended_until)

    def _lately(self) -> Answers:
        lately = Answers()
        for _, each in self._slots:
            lately.add(each)
        return lately

    def _times(self, name: str, now: float) -> int:
        minutes = self._hour.get(name, deque())
        while minutes and now - minutes[0][0] > HOUR:
            minutes.popleft()
        return sum(times for _, times in minutes)

    def _observed(self, now: float) -> float:
        """Messages a second that were taken in the best of the last stretches; of all answers, where none was taken."""
        ends = [*[begin for begin, _ in self._slots][1:], now]
        stretches = [(each, max(end - begin, 1.0)) for (begin, each), end in zip(self._slots, ends, strict=False)]
        taken = max((each.accepted / span for each, span in stretches), default=0.0)
        asked = max((each.answers / span for each, span in stretches), default=self.state.base)
        return max(taken or asked, LEAST_BASE)
