"""Connections to one relay: made when needed, reused, bounded, handed to the urgent first."""

import asyncio
import heapq
from collections.abc import Awaitable, Callable
from itertools import count

from app.transport.smtp_connect import Fault, UnavailableError
from app.transport.smtp_wire import SmtpWire

# Seconds after a failed try to connect. A route that fails is taken out of service by its breaker and probed now and
# then: a probe must find out, so the longest is well below the pause between two.
FIRST_BACKOFF, LONGEST_BACKOFF = 0.2, 2.0


URGENT = 0  # the priority for which some connections are kept
KEPT_OF, MOST_KEPT = 8, 2  # one of so many, and at most


class Connections:
    """At most *size* connections, some of them for the urgent alone. After a failed try, everybody is refused until
    the backoff has passed.
    """

    def __init__(self, connect: Callable[[], Awaitable[SmtpWire]], size: int) -> None:
        self._connect = connect
        self._size = size
        self._for_others = size - min(MOST_KEPT, size // KEPT_OF)
        self._idle: list[SmtpWire] = []
        self._taken = 0
        self._queue: list[tuple[int, int, asyncio.Future[None]]] = []  # priority, arrival
        self._arrivals = count()
        self._backoff = 0.0
        self._refused_until = 0.0
        self._why: tuple[Fault, str] = ("connection", "")
        self._closed = False

    async def acquire(self, priority: int = 1) -> SmtpWire:
        """A connected wire. Raises UnavailableError while the relay lets nobody in."""
        if self._taken < self._limit(priority):
            self._taken += 1
        else:
            await self._turn(priority)
        try:
            while self._idle:
                wire = self._idle.pop()
                if wire.usable:
                    return wire
            return await self._connected()
        except BaseException:
            self._free()
            raise

    async def _turn(self, priority: int) -> None:
        """Wait for a slot: it is handed over by `_free`, so that no newcomer can take it on the way."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._queue, (priority, next(self._arrivals), waiter))
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self._free()  # the slot was ours already
            raise

    def urgent(self, priority: int) -> bool:
        """Whether somebody more urgent than *priority* waits for a connection."""
        while self._queue and self._queue[0][2].done():
            heapq.heappop(self._queue)
        return bool(self._queue) and self._queue[0][0] < priority

    @property
    def healthy(self) -> bool:
        """The last try to connect worked, or none was made yet."""
        return not self._backoff

    async def _connected(self) -> SmtpWire:
        loop = asyncio.get_running_loop()
        began = loop.time()
        if began < self._refused_until:
            raise UnavailableError(*self._why)
        try:
            wire = await self._connect()
        except Exception as error:
            if began >= self._refused_until:  # tries that fail together count once
                self._backoff = min(LONGEST_BACKOFF, self._backoff * 2 or FIRST_BACKOFF)
                self._refused_until = loop.time() + self._backoff
            self._why = (error.fault if isinstance(error, UnavailableError) else "connection", str(error))
            raise UnavailableError(*self._why) from error
        self._backoff = 0.0
        return wire

    def release(self, wire: SmtpWire) -> None:
        """Give a wire back for the next message."""
        if self._closed:
            wire.close()
        else:
            self._idle.append(wire)
        self._free()

    def discard(self, wire: SmtpWire) -> None:
        """Give a wire back that must not be used again, whatever state its transaction is in."""
        wire.give_up("given up")
        self._free()

    def retire(self, wire: SmtpWire) -> None:
        """Give a wire back that has carried its share of messages."""
        wire.close()
        self._free()

    def _limit(self, priority: int) -> int:
        return self._size if priority <= URGENT else self._for_others

    def _free(self) -> None:
        while self._queue and self._queue[0][2].done():
            heapq.heappop(self._queue)
        if self._queue and self._taken <= self._limit(self._queue[0][0]):
            heapq.heappop(self._queue)[2].set_result(None)  # the slot stays taken: it is the waiter's now
        else:
            self._taken -= 1

    def close(self) -> None:
        """Close what is idle, and what is in use as soon as it is given back."""
        self._closed = True
        for wire in self._idle:
            wire.close()
        self._idle.clear()
