"""Places: so many handlers of one key at work at a time, and those of one key cost those of another nothing."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.stream.exits import Abandoned
from app.stream.lanes import Lanes


class Places:
    """*most* places for each key, taken inside the handlers of *lanes* in the order in which they ask.

    The lanes must run more handlers at a time than one key can ever have waiting: who waits here holds one.
    When a rebalance or shutdown begins, whoever waits gives way: Abandoned.
    """

    def __init__(self, lanes: Lanes, most: int) -> None:
        self._most = most
        self._taken: dict[str, int] = {}
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        lanes.on_let_go(self._let_go)

    @asynccontextmanager
    async def take(self, key: str) -> AsyncIterator[None]:
        """Stay inside while at work for *key*. Afterwards ask again whether the event is still ours."""
        if self._taken.get(key, 0) < self._most and not self._waiting.get(key):
            self._taken[key] = self._taken.get(key, 0) + 1
        else:
            await self._turn(key)
        try:
            yield
        finally:
            self._free(key)

    def taken(self, key: str) -> int:
        """Handlers at work for *key*."""
        return self._taken.get(key, 0)

    async def _turn(self, key: str) -> None:
        """Wait until a place is handed over by `_free`: no newcomer can take it on the way."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, deque()).append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self._free(key)  # the place was ours already
            raise

    def _free(self, key: str) -> None:
        waiting = self._waiting.get(key)
        while waiting:
            waiter = waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
        self._waiting.pop(key, None)
        self._taken[key] -= 1
        if not self._taken[key]:
            del self._taken[key]

    def _let_go(self) -> None:
        waiting, self._waiting = self._waiting, {}
        for waiters in waiting.values():
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_exception(Abandoned())
