"""Why something happened to a message, in the words that its event keeps: written here, and read again by explain.

The parts are divided by "; ". What a person of an account may have named stands last: nothing is read behind it.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from app.delivery import retries

LONGEST = 500  # characters
SCHEDULE, HOURS, CAP = "schedule", "hours", "cap"  # why a message waits for a moment

_MOMENT = r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)"
_TIER = re.compile(r"(?:^|; )(engaged|new|dormant) recipient(?:;|$)")
_LATER = re.compile(rf"(?:^|; )not before {_MOMENT} \((\w+)\)")
_KEY = re.compile(r"(?:^|; )dedup key (.*)", re.DOTALL)  # the first one, to the end
_AGAIN = re.compile(rf"(?:^|; )next: attempt (\d+) at {_MOMENT} \((\w+)\)$")


@dataclass(frozen=True, slots=True)
class Again:
    """When a message is tried again, and by which of the retry policies."""

    attempt: int
    due: float
    policy: str  # as app/delivery/retries.py names it


def of_queued(tier: str, due: float, cause: str, dedup_key: str) -> str:
    """Of a message that passed the gate: how its reader has reacted, until when it waits (0: not), its dedup key."""
    parts = [f"{tier} recipient"] if tier else []
    if due:
        parts.append(f"not before {told(due)} ({cause})")
    if dedup_key:
        parts.append(f"dedup key {dedup_key}")
    return "; ".join(parts)[:LONGEST]


def tier_in(why: str) -> str:
    """The tier of a queued message, or ""."""
    found = _TIER.search(_KEY.sub("", why, count=1))
    return found[1] if found else ""


def later_in(why: str) -> tuple[float, str] | None:
    """Until when a queued message waits, and for what; None when it may leave at once."""
    found = _LATER.search(_KEY.sub("", why, count=1))
    return (moment_of(found[1]), found[2]) if found else None


def dedup_key_in(why: str) -> str:
    """The dedup key of a queued message; "" where it is that of the campaign."""
    found = _KEY.search(why)
    return found[1] if found else ""


def with_again(why: str, again: Again) -> str:
    """*why* a message was sent, and when it is tried again."""
    said = f"next: attempt {again.attempt} at {told(again.due)} ({again.policy})"
    return f"{why[: LONGEST - len(said) - 2]}; {said}" if why else said


def with_next(why: str, again: retries.Again | None, policy: str) -> str:
    """*why* something was told, and what follows: another channel, or a try by this retry *policy*."""
    if again is None:
        return why
    return with_again(why, Again(again.attempt, again.due, again.leg.channel if again.leg is not None else policy))


def without_again(why: str) -> tuple[str, Again | None]:
    """What `with_again` put together."""
    found = _AGAIN.search(why)
    if found is None:
        return why, None
    return why[: found.start()], Again(int(found[1]), moment_of(found[2]), found[3])


def told(at: float) -> str:
    """A moment in words: whole seconds, UTC."""
    try:
        return datetime.fromtimestamp(round(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, ValueError, OSError):
        return "9999-12-31T23:59:59Z"


def moment_of(text: str) -> float:
    """The moment that `told` told."""
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return 0.0
