"""A bounded number of places at one provider: the urgent go first, and some places are kept for them."""

import asyncio
import heapq
from itertools import count

URGENT = 0  # the priority for which some places are kept
KEPT_OF, MOST_KEPT = 8, 2  # one of so many, and at most


class Turns:
    """At most *size* places, some of them for the urgent alone; lower priorities go first, then who came first."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._for_others = size - min(MOST_KEPT, size // KEPT_OF)
        self._taken = 0
        self._queue: list[tuple[int, int, asyncio.Future[None]]] = []  # priority, arrival
        self._arrivals = count()

    async def take(self, priority: int) -> None:
        """Take a place, as soon as there is one."""
        if self._taken < self._limit(priority):
            self._taken += 1
        else:
            await self._turn(priority)

    async def _turn(self, priority: int) -> None:
        """Wait for a place: it is handed over by `free`, so that no newcomer can take it on the way."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._queue, (priority, next(self._arrivals), waiter))
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self.free()  # the place was ours already
            raise

    def urgent(self, priority: int) -> bool:
        """Whether somebody more urgent than *priority* waits for a place."""
        while self._queue and self._queue[0][2].done():
            heapq.heappop(self._queue)
        return bool(self._queue) and self._queue[0][0] < priority

    def free(self) -> None:
        """Give a place back."""
        while self._queue and self._queue[0][2].done():
            heapq.heappop(self._queue)
        if self._queue and self._taken <= self._limit(self._queue[0][0]):
            heapq.heappop(self._queue)[2].set_result(None)  # the place stays taken: it is the waiter's now
        else:
            self._taken -= 1

    def _limit(self, priority: int) -> int:
        return self._size if priority <= URGENT else self._for_others
