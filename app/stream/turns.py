"""Turns: handlers of bulk begin one by one, so that what is urgent never waits for a row of them.

A fetch brings dozens of packs at once. Begun together, they would hold the event loop for as long as all of
them take, one behind the other; begun in turns, the loop comes round after each. While something urgent is on
its way they keep a distance, too: it needs the loop a dozen times, for every acknowledgement.
"""

import asyncio
from collections import deque

DISTANCE = 0.008  # seconds between two beginnings while something urgent is on its way


class Turns:
    """Who may begin when. For the event loop's thread."""

    def __init__(self) -> None:
        self.urgent = 0  # urgent handlers at work
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._called = False
        self._last = 0.0

    async def mine(self) -> None:
        """Return when it is the caller's turn: in the order of the calls, one each time the loop comes round."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        self._call()
        await turn

    def _call(self) -> None:
        if self._called or not self._waiting:
            return
        self._called = True
        loop = asyncio.get_running_loop()
        wait = self._last + DISTANCE - loop.time() if self.urgent else 0.0
        if wait > 0:
            loop.call_later(wait, self._next)
        else:
            loop.call_soon(self._next)

    def _next(self) -> None:
        self._called = False
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():  # cancelled meanwhile
                turn.set_result(None)
                self._last = asyncio.get_running_loop().time()
                break
        self._call()
