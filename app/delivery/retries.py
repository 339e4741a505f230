"""When a message that was not taken is tried again: which policy its outcome falls under, and the moment that gives.

Policies (docs/retries.md): *transient* for a temporary refusal, *soft* for one that is about the mailbox, *throttle*
for "not so fast", which is no attempt, *pair* for that about one person on WhatsApp. A route that took nothing says
nothing of the message: it is tried again in about a second, on whichever route pacing then picks. A permanent refusal
is never tried again.

Jitter spreads what failed together. A share s of 1 (full) draws a delay from (0, delay], a share of 0 waits all of it,
and any other draws from (delay x (1 - s), delay]: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from app.delivery.fallbacks.onward import Leg
from app.delivery.outcomes import Kind
from app.records import Outcome

# Classes of a reply, or of a call: it is about the mailbox or the phone, not about the server.
SOFT = frozenset({"mailbox_full", "mailbox_busy", "unknown_user", "busy", "no_answer"})
PAIR = "pair"  # class of a reply: this one person has had messages too fast from this number
# Seconds before attempts 2, 3 ...: 6 x 4^n, as Meta asks for after error 131056.
PAIR_DELAYS = (6.0, 24.0, 96.0, 384.0, 1_536.0)
PATIENT = frozenset({"greylisted"})  # who comes back before the delay is over begins anew (RFC 6647): no jitter
SOON = 1.0  # seconds until a message is tried again that its route could not take
GAVE_UP = "gave_up"  # no retry was left
EXPIRED = "expired"  # there was one, and the campaign ends before it


def as_it_is(_: str, due: float) -> float:
    """The moment of a campaign that knows no hours."""
    return due


@dataclass(frozen=True, slots=True)
class RetryRules:
    """When messages of one campaign are tried again. Delays and spans are seconds."""

    transient: Sequence[float] = (60.0, 300.0, 900.0, 3_600.0)  # before attempts 2, 3 ...
    soft: Sequence[float] = (3_600.0, 14_400.0, 43_200.0)  # within a day: a mailbox that is full then stays full
    throttle: float = 60.0
    give_up_after: float = 259_200.0  # since the gate; bounds what repeats without counting as an attempt
    jitter: float = 1.0  # share of a delay that is drawn
    resend_unknown: bool = False  # policy "resend": at least once instead of at most once
    ends_at: float = float("inf")  # nothing of the campaign leaves from then on
    placed: Callable[[str, float], float] = as_it_is  # (zone, due) -> the first moment from *due* on inside the hours


# Which policy an outcome that is tried again falls under; "soft" is that of SOFT among those deferred.
POLICIES = {
    Kind.DEFERRED: "transient",
    Kind.THROTTLED: "throttle",
    Kind.UNAVAILABLE: "route",
    Kind.UNCERTAIN: "resend",
}


def policy_of(kind: str, klass: str) -> str:
    """The policy for an outcome of a Kind, by value; "" for one that is not tried again."""
    if kind == Kind.DEFERRED and (klass in SOFT or klass == PAIR):
        return PAIR if klass == PAIR else "soft"
    return POLICIES.get(Kind(kind), "")


class Again(NamedTuple):
    """A message waits again: for attempt number *attempt*, until *due*."""

    attempt: int
    due: float
    tried: bool = True  # False: nothing was begun, it stands where it stood
    pinned: bool = False  # to the route it was on: nobody knows what became of it there
    leg: Leg | None = None  # on another channel, where it begins anew


def next_try(
    outcome: Outcome, attempt: int, since: float, zone: str, rules: RetryRules, now: float, dice: float, began: int = 1
) -> Again | str:
    """What follows *outcome* of *attempt* (from 1), or why nothing does: "" where the outcome is an end in itself.

    *since* is when the message passed the gate. *dice* is in [0, 1), rolled for each release: those of one release may
    come back together, those of an outage spread. *began* is the attempt with which its channel began: those before
    were tried on another one.
    """
    before, attempt = began - 1, attempt - began + 1
    found = _next_try(outcome, attempt, since, zone, rules, now, dice)
    return found._replace(attempt=found.attempt + before) if isinstance(found, Again) else found


def _next_try(
    outcome: Outcome, attempt: int, since: float, zone: str, rules: RetryRules, now: float, dice: float
) -> Again | str:
    if outcome.kind == Kind.RETURNED:
        return Again(attempt, now, tried=False)
    match policy_of(outcome.kind, outcome.klass):
        case "resend":
            resent = rules.resend_unknown and attempt <= len(rules.transient) and now < rules.ends_at
            return Again(attempt + 1, now, pinned=True) if resent else ""
        case "throttle":
            return _waits(attempt, rules.throttle, rules.jitter, since, zone, rules, now, dice)
        case "route":
            return _waits(attempt, 1.5 * SOON, 2 / 3, since, zone, rules, now, dice)
        case "soft" | "transient" | "pair" as policy:
            delays = PAIR_DELAYS if policy == PAIR else rules.soft if policy == "soft" else rules.transient
            if attempt > len(delays):
                return GAVE_UP
            jitter = 0.0 if outcome.klass in PATIENT or policy == PAIR else rules.jitter
            return _waits(attempt + 1, delays[attempt - 1], jitter, since, zone, rules, now, dice)
    return ""


def _waits(
    attempt: int, delay: float, jitter: float, since: float, zone: str, rules: RetryRules, now: float, dice: float
) -> Again | str:
    """A wait of *delay* with jitter, drawn so that it ends in time where that is possible."""
    given_up = since + rules.give_up_after
    earliest, latest = now + delay * (1.0 - jitter), min(rules.ends_at, given_up)
    if earliest >= latest:
        return EXPIRED if rules.ends_at <= given_up else GAVE_UP
    # 1 - dice is in (0, 1]: the end of a campaign is outside, the end of a delay inside.
    span = min(now + delay, latest) - earliest
    due = earliest + span * (1.0 - dice if now + delay < latest else dice)
    due = rules.placed(zone, due)
    return EXPIRED if due >= rules.ends_at else Again(attempt, due)
