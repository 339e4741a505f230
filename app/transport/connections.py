"""Connections to one relay: made when needed, reused, bounded, handed to the urgent first."""

import asyncio
from collections.abc import Awaitable, Callable

from app.transport.smtp_connect import Fault, UnavailableError
from app.transport.smtp_wire import SmtpWire
from app.transport.turns import Turns

# Seconds after a failed try to connect. A route that fails is taken out of service by its breaker and probed now and
# then: a probe must find out, so the longest is well below the pause between two.
FIRST_BACKOFF, LONGEST_BACKOFF = 0.2, 2.0


class Connections:
    """At most *size* connections, some of them for the urgent alone. After a failed try, everybody is refused until
    the backoff has passed.
    """

    def __init__(self, connect: Callable[[], Awaitable[SmtpWire]], size: int) -> None:
        self._connect = connect
        self._turns = Turns(size)
        self._idle: list[SmtpWire] = []
        self._backoff = 0.0
        self._refused_until = 0.0
        self._why: tuple[Fault, str] = ("connection", "")
        self._closed = False

    async def acquire(self, priority: int = 1) -> SmtpWire:
        """A connected wire. Raises UnavailableError while the relay lets nobody in."""
        await self._turns.take(priority)
        try:
            while self._idle:
                wire = self._idle.pop()
                if wire.usable:
                    return wire
            return await self._connected()
        except BaseException:
            self._turns.free()
            raise

    def urgent(self, priority: int) -> bool:
        """Whether somebody more urgent than *priority* waits for a connection."""
        return self._turns.urgent(priority)

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
        self._turns.free()

    def discard(self, wire: SmtpWire) -> None:
        """Give a wire back that must not be used again, whatever state its transaction is in."""
        wire.give_up("given up")
        self._turns.free()

    def retire(self, wire: SmtpWire) -> None:
        """Give a wire back that has carried its share of messages."""
        wire.close()
        self._turns.free()

    def close(self) -> None:
        """Close what is idle, and what is in use as soon as it is given back."""
        self._closed = True
        for wire in self._idle:
            wire.close()
        self._idle.clear()
