"""Whose turn it is: accounts share by weight, in them campaigns, in these first attempts and retries.

Start-time fair queueing, on each of the three levels. Each sharer has a tag; who has the lowest is next, and what it
is given moves its tag on by count / weight. Now and then all is settled: the clock goes to the lowest tag of those who
wait, and who does not wait and is not ahead of it loses its tag. Who comes begins at the clock, so that a pause saves
nothing up, and what was taken ahead of the others counts for who comes back at once. Where nobody waits, nobody is
owed anything.
"""

import heapq
from collections import OrderedDict
from functools import lru_cache
from typing import Generic, TypeVar

from app.topics import TRANSACTIONAL

T = TypeVar("T")

ROUND = 997
FIRST, RETRY = ("first", 80.0), ("retry", 20.0)  # of a campaign, when both have something to send
AHEAD = ("first", 1e12)  # transactional first attempts go before any retry

# (name, weight) of the account, of the campaign, and of first attempts or retries.
Share = tuple[tuple[str, float], tuple[str, float], tuple[str, float]]


def share_of(account: str, account_weight: int, campaign: str, weight: int, lane: str, *, retry: bool) -> Share:
    """Whose share it is when a class of messages is served."""
    kind = RETRY if retry else AHEAD if lane == TRANSACTIONAL else FIRST
    return (account, float(account_weight)), (campaign, float(weight)), kind


@lru_cache(maxsize=10_000)
def _place(name: str) -> int:
    """Where in a round of equals the sharer stands."""
    return int.from_bytes(name[-4:].encode(), "big")


class _Level(Generic[T]):
    """Sharers of one level. Each that waits has a child: the level below, or at the lowest its queue."""

    __slots__ = ("children", "clock", "heap", "shift", "stirred", "tags", "waiting")

    def __init__(self, shift: int | None) -> None:
        self.children: dict[str, _Level[T] | OrderedDict[T, None]] = {}
        self.waiting: set[str] = set()
        self.tags: dict[str, float] = {}
        # In order, when two wait or more; an entry whose tag is not the sharer's is out of date.
        self.heap: list[tuple[float, int, str]] = []
        self.clock = 0.0
        self.shift = shift
        self.stirred: set[str] = set()  # whose child something has happened in since all was settled

    def enter(self, name: str) -> None:
        """*name* waits from now on."""
        self.stirred.add(name)
        waiting = self.waiting
        if name in waiting:
            return
        waiting.add(name)
        self.tags[name] = self.owed(name)
        if len(waiting) == 2:  # one alone needs no order
            self._order_all()
        elif len(waiting) > 2:
            self._push(name)

    def leave(self, name: str) -> None:
        """*name* waits no more."""
        self.waiting.discard(name)
        if len(self.waiting) < 2:
            self.heap.clear()

    def owed(self, name: str) -> float:
        """The tag of *name*: at least the clock."""
        tag = self.tags.get(name, self.clock)
        return max(self.clock, tag)

    def first(self) -> str:
        """Who is next of those who wait. Somebody must."""
        if len(self.waiting) == 1:
            (name,) = self.waiting
        else:
            while True:
                tag, _, name = self.heap[0]
                if tag == self.tags.get(name) and name in self.waiting:
                    break
                heapq.heappop(self.heap)
        self.stirred.add(name)
        return name

    def charge(self, name: str, amount: float) -> None:
        """*name* was given something."""
        self.stirred.add(name)
        self.tags[name] = self.owed(name) + amount
        if len(self.waiting) > 1 and name in self.waiting:
            self._push(name)

    def _push(self, name: str) -> None:
        order = 0 if self.shift is None else (_place(name) + self.shift) % ROUND
        heapq.heappush(self.heap, (self.tags[name], order, name))

    def _order_all(self) -> None:
        self.heap.clear()
        for name in self.waiting:
            self._push(name)

    def settle(self) -> None:
        """Move the clock on, here and below; forget who is not ahead of it and does not wait."""
        for name in self.stirred:
            child = self.children.get(name)
            if isinstance(child, _Level):
                child.settle()
            if name not in self.waiting:
                self.children.pop(name, None)
        if not self.waiting:
            self.tags.clear()
            self.clock = 0.0
        else:
            self.clock = max(self.clock, self.tags[self.first()])
            if len(self.tags) > 2 * len(self.waiting):
                self.tags = {name: tag for name, tag in self.tags.items() if tag > self.clock or name in self.waiting}
            if len(self.heap) > 4 * len(self.waiting) + 16:
                self._order_all()
        self.stirred.clear()


class Turns(Generic[T]):
    """Things that wait for what is short: by the shares so far of those whose they are, and of equals in order."""

    __slots__ = ("_root", "_shift")

    def __init__(self, salt: int = 0) -> None:
        # Of equals, each partition begins elsewhere in the round: together they serve all of them at once.
        self._shift = salt * 616  # 0.618 of a round: evenly spread, however many partitions there are
        self._root: _Level[T] = _Level(self._shift)

    def __bool__(self) -> bool:
        return bool(self._root.waiting)

    def add(self, share: Share, thing: T) -> None:
        """Queue *thing* behind the others of its share."""
        level = self._root
        for depth, (name, _) in enumerate(share):
            level.enter(name)
            child = level.children.get(name)
            if child is None:
                child = OrderedDict() if depth == 2 else _Level(self._shift if depth == 0 else None)
                level.children[name] = child
            if isinstance(child, OrderedDict):
                child[thing] = None
                return
            level = child

    def take(self) -> T | None:
        """Take out what is next. None when nothing waits."""
        if not self._root.waiting:
            return None
        level, path = self._root, []
        while True:
            name = level.first()
            path.append((level, name))
            child = level.children[name]
            if isinstance(child, OrderedDict):
                thing, _ = child.popitem(last=False)
                if not child:
                    _leave(path)
                return thing
            level = child

    def is_before(self, share: Share) -> bool:
        """Whether *share* has had less than who is next: it would be its turn."""
        level = self._root
        for name, _ in share:
            if not level.waiting:
                return True
            first = level.first()
            if first != name:
                return level.owed(name) < level.tags[first]
            child = level.children[name]
            if not isinstance(child, _Level):
                return False
            level = child
        return False

    def remove(self, share: Share, thing: T) -> None:
        """Take out *thing*, which waits."""
        level, path = self._root, []
        for name, _ in share:
            path.append((level, name))
            level.stirred.add(name)
            child = level.children[name]
            if isinstance(child, OrderedDict):
                del child[thing]
                if not child:
                    _leave(path)
                return
            level = child

    def charge(self, share: Share, count: float) -> None:
        """Note that so many messages were given to *share*."""
        level = self._root
        for name, weight in share:
            level.charge(name, count / weight)
            child = level.children.get(name)
            if not isinstance(child, _Level):
                return
            level = child

    def settle(self) -> None:
        """Call it when all had their chance: who still waits comes before who did not have to."""
        if self._root.stirred:
            self._root.settle()


def _leave(path: "list[tuple[_Level[T], str]]") -> None:
    """The last one at the end of *path* waits no more: nor does who has nobody else that waits."""
    for level, name in reversed(path):
        level.leave(name)
        if level.waiting:
            return


class Line(Generic[T]):
    """Who waits at one bound: transactional things first, in order; then the others by their turns."""

    __slots__ = ("bulk", "urgent", "urgent_retries")

    def __init__(self, salt: int = 0) -> None:
        self.urgent: OrderedDict[T, None] = OrderedDict()
        self.urgent_retries: OrderedDict[T, None] = OrderedDict()
        self.bulk: Turns[T] = Turns(salt)

    def __bool__(self) -> bool:
        return bool(self.urgent or self.urgent_retries or self.bulk)

    def add(self, lane: str, share: Share, thing: T) -> None:
        """Queue *thing*."""
        if lane == TRANSACTIONAL:
            self._urgent(share)[thing] = None
        else:
            self.bulk.add(share, thing)

    def remove(self, lane: str, share: Share, thing: T) -> None:
        """Take out *thing*, which waits."""
        if lane == TRANSACTIONAL:
            del self._urgent(share)[thing]
        else:
            self.bulk.remove(share, thing)

    def is_before(self, share: Share) -> bool:
        """Whether it would be the turn of *share*, in the bulk lane."""
        return not (self.urgent or self.urgent_retries) and self.bulk.is_before(share)

    def take_urgent(self) -> T | None:
        """Take out the next transactional thing. None when there is none."""
        for waiting in (self.urgent, self.urgent_retries):
            if waiting:
                return waiting.popitem(last=False)[0]
        return None

    def take(self) -> T | None:
        """Take out what is next. None when nothing waits."""
        urgent = self.take_urgent()
        return self.bulk.take() if urgent is None else urgent

    def _urgent(self, share: Share) -> OrderedDict[T, None]:
        return self.urgent_retries if share[2] is RETRY else self.urgent
