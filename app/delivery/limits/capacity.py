"""How long messages take through rates and caps: it walks the calendar, from one thing that changes to the next.

Messages are a fluid here. A passage lets through what its own rates and caps do, and no more than all ways behind it
together. Rates stay the same between two moments at which something changes: hours open or close, a cap is used up, or
begins anew. The one that held the flow for the longest is what binds.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import NamedTuple

from app.delivery.limits.caps import NO_CAP, Growing, Steady, Windows

FASTEST = 1_000_000.0  # messages a second, where no rate limits
LEAST_STEPS, MOST_STEPS = 60, 600
MOST_WORK = 6_000  # steps times passages: a walk takes some milliseconds at most
NOTHING = 1e-3  # messages: a cap of which less is left is used up
NEVER = float("inf")

Hours = Callable[[float], tuple[float, float]]  # the next open stretch from a moment on: (opens, closes)


def always(at: float) -> tuple[float, float]:
    """Hours that never close."""
    return at, NEVER


class Quota(NamedTuple):
    """A cap, or the share of it that is to be counted on."""

    name: str
    plan: Steady | Growing
    windows: Windows
    zone: tzinfo
    used: float = 0.0  # of the whole, in the window in which the walk begins
    share: float = 1.0

    def most(self, at: float) -> float:
        """Messages that the window around *at* may have: the share of them."""
        start = self.windows(at, self.zone).start
        return self.plan.on(datetime.fromtimestamp(start, self.zone).date()) * self.share


@dataclass(frozen=True, slots=True)
class Passage:
    """What messages go through: rates by name, caps, and the ways behind it, of which each message takes one."""

    rates: tuple[tuple[str, float], ...] = ()
    quotas: tuple[Quota, ...] = ()
    ways: tuple["Passage", ...] = ()

    @property
    def is_bounded(self) -> bool:
        """Whether it can hold anything up."""
        return bool(self.rates or self.quotas) or (bool(self.ways) and all(each.is_bounded for each in self.ways))

    @property
    def has_caps(self) -> bool:
        """Whether a calendar matters."""
        return bool(self.quotas) or any(each.has_caps for each in self.ways)

    @property
    def size(self) -> int:
        """How many passages it consists of."""
        return 1 + sum(each.size for each in self.ways)

    def names(self) -> Iterator[str]:
        """All that may hold something up."""
        yield from (name for name, _ in self.rates)
        yield from (each.name for each in self.quotas)
        for way in self.ways:
            yield from way.names()


class Passed(NamedTuple):
    """When all are through, when the first leaves, and the names of what held them up the longest."""

    at: float
    first: float
    bound_by: tuple[str, ...]


@dataclass(slots=True)
class _Cap:
    """A quota during a walk."""

    quota: Quota
    left: float
    end: float
    inflow: float = 0.0


@dataclass(slots=True)
class _Node:
    """A passage during a walk. *flow* is what it could let through, and *held_by* why it is not more."""

    passage: Passage
    caps: list[_Cap]
    ways: list["_Node"]
    flow: float = 0.0
    held_by: tuple[str, ...] = field(default_factory=tuple)


def through(passage: Passage, count: float, begins: float, hours: Hours = always) -> Passed | None:
    """When *count* messages are through that may begin at *begins*. None: too far away to look."""
    root = _node(passage, begins)
    caps = list(_caps(root))
    held: dict[tuple[str, ...], float] = {}
    at, first, left = begins, NEVER, float(count)
    for _ in range(max(LEAST_STEPS, min(MOST_STEPS, MOST_WORK // passage.size))):
        at, closes = hours(at)
        _renew(caps, at)
        end = min([closes, *(cap.end for cap in caps)])
        rate, seconds = _measure(root), end - at
        if rate > 0:
            first = min(first, at)
            _pour(root, rate)
            # Spans, not moments: those are too coarse for what goes through in a millisecond.
            seconds = min([seconds, left / rate, *(cap.left / cap.inflow for cap in caps if cap.inflow > 0)])
            left -= rate * seconds
            for cap in caps:
                cap.left -= cap.inflow * seconds
        if seconds == NEVER:
            return None
        held[root.held_by] = held.get(root.held_by, 0.0) + seconds
        if left <= NOTHING:
            return Passed(at + seconds, first, max(held, key=lambda each: held[each]))
        at = end if seconds == end - at else at + seconds
    return None


def _node(passage: Passage, at: float) -> _Node:
    caps = [_Cap(each, max(0.0, each.most(at) - each.used * each.share), _end(each, at)) for each in passage.quotas]
    return _Node(passage, caps, [_node(each, at) for each in passage.ways])


def _end(quota: Quota, at: float) -> float:
    """When its window ends; never, once it is warm."""
    is_warm = isinstance(quota.plan, Growing) and quota.most(at) >= NO_CAP * quota.share
    return NEVER if is_warm else quota.windows(at, quota.zone).end


def _caps(node: _Node) -> Iterator[_Cap]:
    yield from node.caps
    for way in node.ways:
        yield from _caps(way)


def _renew(caps: list[_Cap], at: float) -> None:
    for cap in caps:
        if at >= cap.end:
            cap.left, cap.end = cap.quota.most(at), _end(cap.quota, at)


def _measure(node: _Node) -> float:
    """Messages a second that could pass *node* just now, noted with what holds it there."""
    name, rate = min(node.passage.rates, key=lambda each: each[1], default=("", FASTEST))
    node.flow, node.held_by = rate, (name,) if name else ()
    behind = sum(_measure(way) for way in node.ways)
    if node.ways and behind < rate:
        node.flow = behind
        flowing = [way for way in node.ways if way.flow > 0] or node.ways
        node.held_by = tuple(sorted({each for way in flowing for each in way.held_by}))
    for cap in node.caps:
        if cap.left <= NOTHING:
            node.flow, node.held_by = 0.0, (cap.quota.name,)
    return node.flow


def _pour(node: _Node, rate: float) -> None:
    """Let *rate* through *node*, divided among its ways by what each could let through."""
    for cap in node.caps:
        cap.inflow = rate
    behind = sum(way.flow for way in node.ways)
    for way in node.ways:
        _pour(way, rate * way.flow / behind if behind > 0 else 0.0)
