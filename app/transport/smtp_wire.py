"""One SMTP connection: commands out, replies in, pipelined (RFC 5321, RFC 2920)."""

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import cast

MOST_LINE = 4_096  # bytes of one reply line; RFC 5321 allows 512
MOST_LINES = 128  # of one reply
MOST_REPLIES = 64  # that nobody has asked for yet


class ConnectionLostError(Exception):
    """The connection broke, or the server broke the protocol."""


@dataclass(frozen=True, slots=True)
class Reply:
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
        self._lost: BaseException | None = None
        self._resume: asyncio.Future[None] | None = None
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

    def pause_writing(self) -> None:
        """The kernel takes no more for now."""
        self._resume = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        """The kernel takes more again."""
        if self._resume is not None and not self._resume.done():
            self._resume.set_result(None)
        self._resume = None

    def data_received(self, data: bytes) -> None:
        """Bytes of replies, cut anywhere."""
        *lines, self._buffer = (self._buffer + data).split(b"\n")
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
            waiter.set_result(None)

    def _take(self, line: bytes) -> None:
        code, mark = line[:3], line[3:4]
        if not (
            code.isdigit() and mark in (b"", b" ", b"-") and len(line) <= MOST_LINE and len(self._lines) < MOST_LINES
        ):
            self._fail(ConnectionLostError(f"not an SMTP reply: {line[:80]!r}"))
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
            waiter.set_exception(ConnectionLostError(str(why)))
        self.resume_writing()
        if self.transport is not None:
            self.transport.abort()

    async def replies(self, count: int, timeout: float) -> list[Reply]:
        """The next *count* replies. Raises ConnectionLostError, also when *timeout* seconds bring none."""
        if len(self._replies) < count:
            if self._lost is not None:
                raise ConnectionLostError(str(self._lost))
            loop = asyncio.get_running_loop()
            self._wanted = count
            self._waiter = loop.create_future()
            alarm = loop.call_later(timeout, self._fail, ConnectionLostError(f"no reply within {timeout:g} s"))
            try:
                await self._waiter
            finally:
                alarm.cancel()
                self._waiter = None
        return [self._replies.popleft() for _ in range(count)]

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

    async def drain(self) -> None:
        """Wait until the kernel takes more."""
        if self._resume is not None:
            await self._resume

    def close(self) -> None:
        """Say goodbye, not waiting for an answer."""
        if self.transport is not None and self._lost is None:
            self.transport.write(b"QUIT\r\n")
            self.transport.close()
