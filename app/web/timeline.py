"""The picture of a message's time: stretches in which it waited, and moments in which something became of it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from app.delivery.explain.story import HITS, Explanation, Step
from app.delivery.explain.words import span

WIDTH = 1_000.0
SHORTEST = 1.0  # seconds: of what is over sooner there is no picture
NARROWEST = 2.0  # of a stretch, to be seen
MARKS = (
    "dropped",
    "sent",
    "delivered",
    "deferred",
    "bounced",
    "blocked",
    "unknown",
    "failed",
    "expired",
    *HITS,
)


@dataclass(frozen=True, slots=True)
class Stretch:
    """It waited, from *x* on for *width*; *tone* is why."""

    x: float
    width: float
    tone: str  # turn, retry, time, paused
    title: str


@dataclass(frozen=True, slots=True)
class Mark:
    """Something became of it."""

    x: float
    tone: str  # kind of the event
    title: str


@dataclass(frozen=True, slots=True)
class Picture:
    """Places between 0 and 1,000."""

    begins: float
    ends: float
    stretches: list[Stretch]
    marks: list[Mark]


def picture_of(told: Explanation, now: float) -> Picture | None:
    """Where its time went, up to its end or up to *now*; None where there is nothing to see."""
    steps = [each for each in told.steps if each.kind not in HITS]
    known = [each.at for each in steps if each.kind != "waits"]
    if not known:
        return None
    begins, ends = min(known), now if told.waiting is not None else max(known)
    if ends - begins < SHORTEST:
        return None

    def place(at: float) -> float:
        return round(WIDTH * (min(max(at, begins), ends) - begins) / (ends - begins), 1)

    def stretch(since: float, until: float, tone: str, what: str) -> Stretch:
        x = place(since)
        return Stretch(x, max(NARROWEST, place(until) - x), tone, f"{span(until - since)} {what}")

    found = [stretch(*each) for each in _waits(told, steps, ends)]
    marks = [Mark(place(each.at), each.kind, each.text) for each in steps if each.kind in MARKS]
    return Picture(begins, ends, found, marks)


def _waits(told: Explanation, steps: Sequence[Step], ends: float) -> list[tuple[float, float, str, str]]:
    """(since, until, tone, what for): first what it waited for, then pauses of its campaign, drawn over it."""
    found = []
    for each in steps:
        due = min(each.figures.get("due", 0.0), ends)
        if each.kind == "waited":
            found.append((each.at, each.at + each.figures["seconds"], "turn", "until its turn"))
        elif each.kind == "retry":
            found.append((each.at, max(each.at, due), "retry", "until the next try"))
        elif each.kind == "queued" and due > each.at:
            found.append((each.at, due, "time", "until its time"))
    waiting = told.waiting
    if waiting is not None and not any(since <= waiting.since < until == ends for since, until, _, _ in found):
        found.append((max(waiting.since, found[-1][1] if found else 0.0), ends, "turn", waiting.text))
    changes = [each for each in steps if each.kind == "campaign"]
    for each, following in pairwise([*changes, Step(ends, "campaign", "")]):
        if each.rule == "campaign.paused":
            found.append((each.at, following.at, "paused", "its campaign was paused"))
    return [(since, until, tone, what) for since, until, tone, what in found if until > since]
