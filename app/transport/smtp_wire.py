"""One SMTP connection: commands out, replies in, pipelined (RFC 5321, RFC 2920)."""

import asyncio
from collections import deque
from typing import NamedTuple, cast

MOST_LINE = 4_096  # bytes of one reply line; RFC 5321 allows 512
MOST_LINES = 128  # of one reply
MOST_REPLIES = 64  # that nobody has asked for yet


class ConnectionLostError(Exception):
    """The connection broke, or the server broke the protocol."""


class Reply(NamedTuple):
    """A whole reply: its code, and its lines joined by spaces."""

    code: int
    text: str


class SmtpWire(asyncio.Protocol):
    """Splits what arrives into replies; hands them out in order."""

    def __init__(self) -> None:
        self._buffer = b""
        self._lines: list[bytes] = []
        self._replies: deque[Reply] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._wanted = 0
        self._deadline = 0.0  # loop time at which the waiter is told that nothing came
        self._alarm: asyncio.TimerHandle | None = None  # kept from wait to wait: timers cost more than a check
        self._lost: BaseException | None = None
        self.transport: asyncio.Transport | None = None
        self.used = 0  # messages begun on this connection
        self.extensions: frozenset[str] = frozenset()

    @property
    def usable(self) -> bool:
        """Still connected, and nothing has arrived that nobody asked for (a 421 between two messages)."""
        return self._lost is None and not self._replies and self.transport is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connected (again after STARTTLS)."""
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is none by class

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._fail(exc or ConnectionLostError("the server closed the connection"))

    def data_received(self, data: bytes) -> None:
        """Bytes of replies, cut anywhere."""
        lines = (self._buffer + data).split(b"\n")
        self._buffer = lines.pop()
        if len(self._buffer) > MOST_LINE:
            self._fail(ConnectionLostError("a reply line is too long"))
            return
        for line in lines:
            self._take(line.rstrip(b"\r"))
        if len(self._replies) > MOST_REPLIES:
            self._fail(ConnectionLostError("more replies than commands"))
            return
        if self._waiter is not None and len(self._replies) >= self._wanted:
            waiter, self._waiter = self._waiter, None
            if not waiter.done():  # cancelled
                waiter.set_result(None)

    def _take(self, line: bytes) -> None:
        code, mark = line[:3], line[3:4]
        if not (
            code.isdigit() and mark in (b"", b" ", b"-") and len(line) <= MOST_LINE and len(self._lines) < MOST_LINES
        ):
            self._fail(ConnectionLostError(f"not an SMTP reply: {line[:80]!r}"))
            return
        if mark != b"-" and not self._lines:
            self._replies.append(Reply(int(code), line[4:].decode("utf-8", "replace")))
            return
        self._lines.append(line)
        if mark != b"-":
            text = " ".join(each[4:].decode("utf-8", "replace") for each in self._lines)
            self._replies.append(Reply(int(code), text))
            self._lines = []

    def _fail(self, why: BaseException) -> None:
        if self._lost is None:
            self._lost = why
        if self._waiter is not None:
            waiter, self._waiter = self._waiter, None
            if not waiter.done():
                waiter.set_exception(ConnectionLostError(str(why)))
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if self.transport is not None:
            self.transport.abort()

    def give_up(self, why: str) -> None:
        """Break the connection off: whoever waits for a reply is told *why*."""
        self._fail(ConnectionLostError(why))

    async def replies(self, count: int, timeout: float) -> list[Reply]:
        """The next *count* replies. Raises ConnectionLostError, also when *timeout* seconds bring none."""
        if len(self._replies) < count:
            if self._lost is not None:
                raise ConnectionLostError(str(self._lost))
            loop = asyncio.get_running_loop()
            self._wanted = count
            self._waiter = loop.create_future()
            self._deadline = loop.time() + timeout
            if self._alarm is None:
                self._alarm = loop.call_at(self._deadline, self._overdue, loop, timeout)
            try:
                await self._waiter
            finally:
                self._waiter = None
        return [self._replies.popleft() for _ in range(count)]

    def _overdue(self, loop: asyncio.AbstractEventLoop, timeout: float) -> None:
        """The alarm: fail when the present wait is over its time, else look again when that is due."""
        self._alarm = None
        if self._waiter is None:
            return
        if loop.time() < self._deadline:
            self._alarm = loop.call_at(self._deadline, self._overdue, loop, timeout)
        else:
            self._fail(ConnectionLostError(f"no reply within {timeout:g} s"))

    def leftover(self) -> list[Reply]:
        """Replies that came before the connection was lost, and that nobody took."""
        said = list(self._replies)
        self._replies.clear()
        return said

    async def ask(self, command: bytes, timeout: float) -> Reply:
        """Send one *command* (without CRLF); its reply."""
        self.write(command + b"\r\n")
        (reply,) = await self.replies(1, timeout)
        return reply

    def write(self, data: bytes) -> None:
        """Put *data* on the wire."""
        if self._lost is not None or self.transport is None:
            raise ConnectionLostError(str(self._lost or "not connected"))
        self.transport.write(data)

    def write_begun(self, data: bytes) -> None:
        """Put a message on the wire and count it; nothing happens when the connection is lost: its waiter was told."""
        if self._lost is None and self.transport is not None:
            self.used += 1
            self.transport.write(data)

    def close(self) -> None:
        """Say goodbye, not waiting for an answer."""
        if self.transport is not None and self._lost is None:
            self.transport.write(b"QUIT\r\n")
            self.transport.close()
