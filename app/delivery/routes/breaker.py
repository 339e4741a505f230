"""The breaker of a route: takes it out of service when it fails, tries it with a few messages, lets it back in.

    closed     every answer is watched; it opens on errors, on bounces, on silence
    open       the route takes nothing, until a moment that lies farther off each time
    half_open  a few messages try it: all answered well, it closes; one failure, it opens again

What counts. An answer is what a server said of a message, or that it said nothing at all: an *error* is a message that
no service took (UNAVAILABLE) or whose answer was lost (UNCERTAIN). A *bounce* here is a message that was blocked for
our sake: reputation, policy, authentication. Unknown users are no bounces: a dirty list is not the route's fault, and
another route would only repeat it; nor is a content that is refused. Deferrals and throttles are answers of a route
that works; adaptive pacing deals with them. When one MX group alone does all the blocking, the route is not to blame
either: that group is left out, and adaptive pacing slows or suspends the pool towards it.

Reports that come after a message was taken count as well, as far as they are fresh (app/delivery/reports/counts.py):
when half of them tell that messages are blocked for our sake, or fail by a fault of the provider or the account, it
opens. They are a share of what is reported, or of what is answered meanwhile, whichever is more; where nothing tells
of deliveries, as with bounces that come by mail, there is nothing to compare them with but answers.

A window that was full of good answers would hide for seconds that nothing works any more. So it also opens when
nothing but errors has come for a second, and at least as many as are needed for any judgement. The same when nothing
was taken for a second, and servers of several MX groups have deferred or blocked everything: one mailbox provider
pushes back against a sender; several, and nothing else, are a relay that is out of order.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from app.routes import BreakerRules

STREAK_SECONDS = 1.0  # without any good answer
MOST_GROUPS = 1_000  # whose refusals are told apart
SLOTS = 20  # of a window: it moves on by one of them
FOR_EVER = float("inf")

State = Literal["closed", "open", "half_open"]


@dataclass(slots=True)
class Tally:
    """Answers of a stretch of time."""

    answers: int = 0
    errors: int = 0
    bounces: int = 0
    refused: int = 0  # not taken, by no fault of recipient or content: errors, bounces, deferrals
    taken: int = 0

    def add(self, more: "Tally", sign: int = 1) -> None:
        """Count *more* as well; with *sign* -1 no longer."""
        self.answers += sign * more.answers
        self.errors += sign * more.errors
        self.bounces += sign * more.bounces
        self.refused += sign * more.refused
        self.taken += sign * more.taken


@dataclass(frozen=True, slots=True)
class Turn:
    """A breaker has changed its state."""

    state: State
    reason: str
    figures: dict[str, float] = field(default_factory=dict)


class Kept(msgspec.Struct, array_like=True):
    """What outlives a restart."""

    state: State
    since: float
    until: float
    reason: str
    times: int
    by_hand: bool


class Breaker:
    """One route. Times are seconds since 1970; they come in as arguments."""

    def __init__(self, rules: BreakerRules, now: float) -> None:
        self.rules = rules
        self.state: State = "closed"
        self.since = now
        self.until = 0.0  # open: when it is tried
        self.reason = ""
        self.times = 0  # it has opened without having closed in between
        self.by_hand = False  # stays as it is until somebody says otherwise
        self._slots: deque[tuple[float, dict[str, Tally]]] = deque()  # (begin, MX group -> tally), the oldest first
        self._total = Tally()
        self._reported: deque[tuple[float, dict[str, Tally]]] = deque()  # reports, as the slots of answers
        self._streak = 0  # errors since the last good answer
        self._good_at = now  # when that came, or the first error after a pause
        self._refused: dict[str, int] = {}  # MX group -> refused since anything was taken
        self._refused_since = now
        self._answered_at = now
        self._waiting_since = 0.0  # since when messages are on the way without an answer
        self._tried = Tally()  # answers while half open

    # -- asked

    @property
    def places(self) -> int | None:
        """How many messages may be on the way: None any number."""
        return {"closed": None, "open": 0, "half_open": self.rules.probes}[self.state]

    # -- told

    def hear(self, group: str, more: Tally, now: float) -> None:
        """Take in answers of servers of *group*."""
        if more.answers <= 0:
            return
        self._answered_at, self._waiting_since = now, 0.0
        slot = self._slot(now)
        slot.setdefault(group, Tally()).add(more)
        self._total.add(more)
        if more.answers > more.errors:
            self._streak, self._good_at = 0, now
        elif self._streak == 0:
            self._good_at = now
        self._streak += more.errors
        self._count_refused(group, more, now)
        if self.state == "half_open":
            self._tried.add(more)

    def told(self, group: str, more: Tally, now: float) -> None:
        """Take in reports: *answers* of them tell what became of messages. Those of before it opened tell nothing."""
        if self.state == "closed" and more.answers > 0:
            if not self._reported or now - self._reported[-1][0] >= self.rules.window / SLOTS:
                self._reported.append((now, {}))
            self._reported[-1][1].setdefault(group, Tally()).add(more)

    def _count_refused(self, group: str, more: Tally, now: float) -> None:
        if more.taken:
            self._refused.clear()
        elif more.refused:
            if not self._refused:
                self._refused_since = now
            if group in self._refused or len(self._refused) < MOST_GROUPS:
                self._refused[group] = self._refused.get(group, 0) + more.refused

    def tick(self, on_the_way: int, now: float) -> Turn | None:
        """Look at what was heard, with so many messages on the way; what has changed."""
        self._forget(now)
        if on_the_way <= 0:
            self._waiting_since = 0.0
        elif not self._waiting_since:
            self._waiting_since = now
        if self.by_hand:
            return None
        if self.state == "closed":
            return self._judge(on_the_way, now)
        if self.state == "open":
            # What was on the way when it opened may still time out: that must not count against who tries it.
            drained = on_the_way <= 0 or now >= self.until + self.rules.longest
            return self._half_open(now) if now >= self.until and drained else None
        return self._try(on_the_way, now)

    def by_hands(self, state: Literal["open", "closed"], now: float, reason: str) -> Turn | None:
        """Open it until it is closed by hand, or close it; None when it is so already."""
        if state == "open":
            if self.by_hand:
                return None
            self.by_hand, self.until = True, FOR_EVER
            return self._to("open", now, reason)
        if self.state == "closed":
            return None
        self._close()
        return self._to("closed", now, reason)

    # -- decisions

    def _judge(self, on_the_way: int, now: float) -> Turn | None:
        total, rules = self._total, self.rules
        if self._streak >= rules.least and now - self._good_at >= STREAK_SECONDS:
            seconds = now - self._good_at
            return self._open(now, f"{self._streak} messages failed in {seconds:.1f} s, and none got through", total)
        refused, lasts = sum(self._refused.values()), now - self._refused_since
        if len(self._refused) > 1 and refused >= rules.least and lasts >= STREAK_SECONDS:
            groups = f"{len(self._refused)} MX groups"
            return self._open(
                now, f"{refused} messages to {groups} were refused in {lasts:.1f} s, and none taken", total
            )
        if total.answers >= rules.least:
            share = total.errors / total.answers
            if share >= rules.errors:
                return self._open(now, f"{share:.0%} of {_figure(total)} failed", total)
            if total.bounces >= rules.bounces * total.answers and (rest := self._without_worst()) is not None:
                share = rest.bounces / rest.answers
                return self._open(now, f"{share:.0%} of {_figure(rest)} were blocked", rest)
        return self._judge_reports(now) or self._silent(on_the_way, now)

    def _judge_reports(self, now: float) -> Turn | None:
        if not self._reported:
            return None
        told, answered = _by_group(self._reported), _by_group(self._slots)
        seen = _compared(told, answered)
        if seen.answers >= self.rules.least and seen.errors >= self.rules.errors * seen.answers:
            share = seen.errors / seen.answers
            return self._open(now, f"{share:.0%} of {_figure(seen)} failed, as reports tell", seen)
        if len(told) > 1:
            worst = max(told, key=lambda group: told[group].bounces)
            told.pop(worst)
            answered.pop(worst, None)
            seen = _compared(told, answered)
        if seen.answers >= self.rules.least and seen.bounces >= self.rules.bounces * seen.answers:
            share = seen.bounces / seen.answers
            return self._open(now, f"{share:.0%} of {_figure(seen)} were blocked, as reports tell", seen)
        return None

    def _without_worst(self) -> Tally | None:
        """The answers that speak for the whole route, if too many of them are bounces."""
        groups = _by_group(self._slots)
        rest = Tally()
        rest.add(self._total)
        if len(groups) > 1:
            rest.add(max(groups.values(), key=lambda each: each.bounces), -1)
        enough = rest.answers >= self.rules.least
        return rest if enough and rest.bounces >= self.rules.bounces * rest.answers else None

    def _silent(self, on_the_way: int, now: float) -> Turn | None:
        waited = now - self._waiting_since if self._waiting_since else 0.0
        if waited < self.rules.silence:
            return None
        return self._open(now, f"no answer for {waited:.0f} s with {on_the_way} messages on the way", self._total)

    def _half_open(self, now: float) -> Turn:
        self._start_over(now)
        return self._to("half_open", now, f"tried with {self.rules.probes} messages")

    def _try(self, on_the_way: int, now: float) -> Turn | None:
        tried = self._tried
        failed = tried.errors + tried.bounces
        if tried.answers >= self.rules.probes and not tried.taken:
            failed = max(failed, tried.refused)
        if failed:
            return self._open(now, f"{failed} of {_figure(tried)} that tried it failed", tried)
        if tried.answers >= self.rules.probes:
            self._close()
            return self._to("closed", now, f"{_figure(tried)} that tried it were answered well", _figures(tried))
        return self._silent(on_the_way, now)

    def _open(self, now: float, reason: str, seen: Tally) -> Turn:
        # Past 32 doublings *longest* rules anyway, and 2.0 ** 1024 overflows.
        pause = min(self.rules.longest, self.rules.open_for * 2.0 ** min(self.times, 32))
        self.times += 1
        self.until = now + pause
        return self._to("open", now, f"{reason}; tried again in {pause:g} s", _figures(seen))

    def _close(self) -> None:
        self.times, self.until, self.by_hand = 0, 0.0, False

    def _to(self, state: State, now: float, reason: str, figures: dict[str, float] | None = None) -> Turn:
        self.state, self.since, self.reason = state, now, reason
        self._start_over(now)
        return Turn(state, reason, figures or {})

    # -- the window

    def _start_over(self, now: float) -> None:
        """What was answered before says nothing of what comes now."""
        self._slots.clear()
        self._reported.clear()
        self._total, self._tried = Tally(), Tally()
        self._streak, self._good_at, self._waiting_since = 0, now, 0.0
        self._refused.clear()

    def _slot(self, now: float) -> dict[str, Tally]:
        width = self.rules.window / SLOTS
        if not self._slots or now - self._slots[-1][0] >= width:
            self._slots.append((now, {}))
        return self._slots[-1][1]

    def _forget(self, now: float) -> None:
        while self._slots and now - self._slots[0][0] > self.rules.window:
            for tally in self._slots.popleft()[1].values():
                self._total.add(tally, -1)
        while self._reported and now - self._reported[0][0] > self.rules.window:
            self._reported.popleft()

    # -- restart

    def keep(self) -> Kept | None:
        """What to store; None while there is nothing to tell."""
        if self.state == "closed":
            return None
        return Kept(self.state, self.since, self.until, self.reason, self.times, self.by_hand)

    def restore(self, kept: Kept, now: float) -> None:
        """Go on where another process was. Who was tried is tried anew: nobody knows what became of it."""
        self.state, self.since, self.until = kept.state, kept.since, kept.until
        self.reason, self.times, self.by_hand = kept.reason, kept.times, kept.by_hand
        self._start_over(now)


def _by_group(slots: Iterable[tuple[float, Mapping[str, Tally]]]) -> dict[str, Tally]:
    groups: dict[str, Tally] = {}
    for _, slot in slots:
        for group, tally in slot.items():
            groups.setdefault(group, Tally()).add(tally)
    return groups


def _compared(told: Mapping[str, Tally], answered: Mapping[str, Tally]) -> Tally:
    """What reports tell, as a share of as many messages as they can be compared with."""
    whole = Tally()
    for each in told.values():
        whole.add(each)
    answers = sum(each.answers for each in answered.values())
    return Tally(max(answers, whole.answers if whole.taken else 0), whole.errors, whole.bounces)


def _figure(tally: Tally) -> str:
    return f"{tally.answers:,} messages"


def _figures(tally: Tally) -> dict[str, float]:
    return {"answers": tally.answers, "errors": tally.errors, "bounces": tally.bounces}
