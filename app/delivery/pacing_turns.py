"""Whose turn it is: campaigns share by weight, whatever the number of their classes.

Start-time fair queueing. A campaign has a tag; who has the lowest is next, and what it is given moves its tag on by
count / weight. Now and then all is settled: the clock goes to the lowest tag of those who wait, and who does not wait
and is not ahead of it loses its tag. Who comes begins at the clock, so that a pause saves nothing up, and what was
taken ahead of the others counts for who comes back at once. Where nobody waits, nobody is owed anything.
"""

import heapq
from collections import deque
from functools import lru_cache
from typing import Generic, TypeVar

T = TypeVar("T")

ROUND = 997


@lru_cache(maxsize=10_000)
def _place(campaign: str) -> int:
    """Where in a round of equals the campaign stands."""
    return int.from_bytes(campaign[-4:].encode(), "big")


class Turns(Generic[T]):
    """Things that wait for what is short: campaigns by their share so far, and in each its things in order."""

    __slots__ = ("_clock", "_heap", "_shift", "_tags", "_waiting")

    def __init__(self, salt: int = 0) -> None:
        # Of equals, each partition begins elsewhere in the round: together they serve all of them at once.
        self._shift = salt * 616  # 0.618 of a round: evenly spread, however many partitions there are
        self._waiting: dict[str, deque[T]] = {}
        self._tags: dict[str, float] = {}
        self._heap: list[tuple[float, int, str]] = []  # an entry whose tag is not the campaign's is out of date
        self._clock = 0.0

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, campaign: str, thing: T) -> None:
        """Queue *thing* behind the others of its campaign."""
        waiting = self._waiting.get(campaign)
        if waiting is None:
            waiting = self._waiting[campaign] = deque()
            self._move(campaign, self._tags.get(campaign, self._clock))
        waiting.append(thing)

    def take(self) -> T | None:
        """Take out what is next. None when nothing waits."""
        while self._heap:
            tag, _, campaign = self._heap[0]
            waiting = self._waiting.get(campaign)
            if waiting is None or tag != self._tags.get(campaign):
                heapq.heappop(self._heap)
                continue
            thing = waiting.popleft()
            if not waiting:
                del self._waiting[campaign]
                heapq.heappop(self._heap)
            return thing
        return None

    def charge(self, campaign: str, amount: float) -> None:
        """Note what *campaign* was given: a count, divided by its weight."""
        self._move(campaign, self._tags.get(campaign, self._clock) + amount)

    def settle(self) -> None:
        """Move the clock on, and forget who is not ahead of it and does not wait. Call it when all had their chance."""
        if not self._waiting:
            self._tags.clear()
            self._heap.clear()
            self._clock = 0.0
            return
        self._clock = max(self._clock, min(self._tags[campaign] for campaign in self._waiting))
        if len(self._tags) > len(self._waiting):
            ahead = {name: tag for name, tag in self._tags.items() if tag > self._clock or name in self._waiting}
            self._tags = ahead

    def _move(self, campaign: str, tag: float) -> None:
        self._tags[campaign] = tag
        if campaign in self._waiting:
            order = (_place(campaign) + self._shift) % ROUND
            heapq.heappush(self._heap, (tag, order, campaign))


class Line(Generic[T]):
    """Who waits at one limit: transactional things first, in order; then the others by their turns."""

    __slots__ = ("bulk", "urgent")

    def __init__(self) -> None:
        self.urgent: deque[T] = deque()
        self.bulk: Turns[T] = Turns()

    def __bool__(self) -> bool:
        return bool(self.urgent) or bool(self.bulk)

    def take(self) -> T | None:
        """Take out what is next. None when nothing waits."""
        return self.urgent.popleft() if self.urgent else self.bulk.take()
