"""SMTP: a pool of connections to one relay, over which messages go one pipelined transaction each."""

import asyncio
import base64
import re
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from app.delivery.outcomes import Kind
from app.delivery.smtp_replies import classify
from app.records import Outcome
from app.transport.connections import Connections
from app.transport.smtp_wire import ConnectionLostError, Reply, SmtpWire

_QUEUE_ID = re.compile(r"(?:queued as|id[= ]|<)\s*([A-Za-z0-9][A-Za-z0-9._@-]{5,80})", re.IGNORECASE)
_UNSAFE = re.compile(r"[\x00-\x20<>\x7f]")
MOST_DETAIL = 300

Row = TypeVar("Row")


class SmtpRefusedError(Exception):
    """The relay does not take us: its greeting, EHLO, TLS or AUTH failed."""


class SmtpPool:
    """Connections to one relay, shared by all releases of a worker.

    *tls* is "never", "starttls" (refuses to go on without) or "implicit". A relay that cannot be
    reached defers messages; connecting is then tried again with backoff, not for every message.
    """

    def __init__(
        self, host: str, port: int, *, size: int, per_connection: int, timeout: float, tls: str = "never",
        user: str = "", password: str = "", helo: str = "localhost", tls_context: ssl.SSLContext | None = None,
    ) -> None:  # fmt: skip
        self._host, self._port, self._timeout = host, port, timeout
        self._tls, self._user, self._password, self._helo = tls, user, password, helo
        self._context = tls_context or (None if tls == "never" else ssl.create_default_context())
        self._per_connection = per_connection
        self._connections = Connections(self._connect, size)

    async def start(self) -> None:
        """Nothing to do before the first message: connections are made as they are needed."""

    async def close(self) -> None:
        """Close idle connections."""
        self._connections.close()

    # -- sending ---------------------------------------------------------------------------

    async def each(
        self, rows: Sequence[Row], work: Callable[[int, Row], Awaitable[Outcome]], concurrency: int
    ) -> list[Outcome]:
        """`work(index, row)` for every row, *concurrency* at a time; outcomes in the order of *rows*."""
        outcomes: list[Outcome | None] = [None] * len(rows)
        left = iter(range(len(rows)))

        async def lane() -> None:
            for index in left:
                outcomes[index] = await work(index, rows[index])

        async with asyncio.TaskGroup() as group:
            for _ in range(min(concurrency, len(rows))):
                group.create_task(lane())
        return [outcome for outcome in outcomes if outcome is not None]

    async def send(
        self, envelope_from: str, to: str, body: bytes, on_begun: Callable[[], None], priority: int = 1
    ) -> Outcome:
        """Send *body* (CRLF, dot-stuffed, no final dot) to one recipient; never raises but for a bug.

        *on_begun* is called right before the bytes that make the message exist are written. When it
        raises, the message is not sent and the outcome is RETURNED. Connections go to lower *priority* first.
        """
        if _UNSAFE.search(to) or _UNSAFE.search(envelope_from):
            return _outcome(Kind.REFUSED, 0, "bad_syntax", "the address has characters that SMTP cannot carry")
        wire: SmtpWire | None = None
        begun = False
        try:
            wire = await self._connections.acquire(priority)
            if not (to.isascii() and envelope_from.isascii()) and "SMTPUTF8" not in wire.extensions:
                self._connections.release(wire)
                return _outcome(Kind.REFUSED, 0, "smtputf8", "the relay takes no internationalised addresses")
            replies = await self._open(wire, envelope_from, to)
            refused = next((reply for reply in replies if reply.code >= 400), None)
            if refused is not None:
                await self._abandon(wire, replies)
                return _refusal(refused)
            try:
                on_begun()
            except Exception:
                self._connections.discard(wire)
                return _outcome(Kind.RETURNED, 0, "", "")
            begun = True
            wire.used += 1
            wire.write(body if body.endswith(b"\r\n") else body + b"\r\n")
            wire.write(b".\r\n")
            (reply,) = await wire.replies(1, self._timeout)
            self._give_back(wire)
            return _refusal(reply) if reply.code >= 400 else _accepted(reply)
        except (ConnectionLostError, SmtpRefusedError, OSError) as error:
            if wire is not None:
                self._connections.discard(wire)
            if begun:
                return _outcome(Kind.UNCERTAIN, 0, "lost_reply", f"the connection broke before the reply: {error}")
            return _outcome(Kind.DEFERRED, 0, "connection", str(error))

    async def _open(self, wire: SmtpWire, envelope_from: str, to: str) -> list[Reply]:
        """MAIL, RCPT and DATA; their replies, up to the first refusal when the relay does not pipeline."""
        utf8 = b"" if to.isascii() and envelope_from.isascii() else b" SMTPUTF8"
        commands = (
            b"MAIL FROM:<" + envelope_from.encode() + b">" + utf8,
            b"RCPT TO:<" + to.encode() + b">",
            b"DATA",
        )
        if "PIPELINING" in wire.extensions:
            wire.write(b"\r\n".join(commands) + b"\r\n")
            return await wire.replies(3, self._timeout)
        replies = []
        for command in commands:
            replies.append(await wire.ask(command, self._timeout))
            if replies[-1].code >= 400:
                break
        return replies

    async def _abandon(self, wire: SmtpWire, replies: list[Reply]) -> None:
        """End a transaction that was refused, so that nothing is sent and the connection can be used again."""
        if len(replies) == 3 and replies[2].code == 354:
            # DATA was accepted without a recipient (RFC 2920, 3.1): to end it would send an empty message.
            self._connections.discard(wire)
            return
        if any(reply.code == 421 for reply in replies):
            self._connections.discard(wire)
            return
        reply = await wire.ask(b"RSET", self._timeout)
        if reply.code >= 400:
            self._connections.discard(wire)
        else:
            self._give_back(wire)

    def _give_back(self, wire: SmtpWire) -> None:
        if not wire.usable:
            self._connections.discard(wire)
        elif wire.used >= self._per_connection:
            self._connections.retire(wire)
        else:
            self._connections.release(wire)

    # -- connecting ------------------------------------------------------------------------

    async def _connect(self) -> SmtpWire:
        loop = asyncio.get_running_loop()
        implicit = self._context if self._tls == "implicit" else None
        async with asyncio.timeout(self._timeout):
            _, wire = await loop.create_connection(SmtpWire, self._host, self._port, ssl=implicit)
        try:
            (greeting,) = await wire.replies(1, self._timeout)
            _expect(greeting, 220, "greeting")
            await self._hello(wire)
            if self._tls == "starttls":
                await self._start_tls(wire)
            if self._user:
                await self._authenticate(wire)
        except BaseException:
            if wire.transport is not None:
                wire.transport.abort()
            raise
        return wire

    async def _hello(self, wire: SmtpWire) -> None:
        reply = await wire.ask(b"EHLO " + self._helo.encode(), self._timeout)
        _expect(reply, 250, "EHLO")
        wire.extensions = frozenset(reply.text.upper().split())

    async def _start_tls(self, wire: SmtpWire) -> None:
        if "STARTTLS" not in wire.extensions:
            raise SmtpRefusedError("the relay offers no STARTTLS, and smtp_tls asks for it")
        _expect(await wire.ask(b"STARTTLS", self._timeout), 220, "STARTTLS")
        if not wire.usable:
            raise SmtpRefusedError("the relay sent plain text after STARTTLS")  # RFC 3207: could be injected
        assert wire.transport is not None and self._context is not None
        loop = asyncio.get_running_loop()
        transport = await loop.start_tls(wire.transport, wire, self._context, server_hostname=self._host)
        if transport is None:
            raise SmtpRefusedError("TLS could not be started")
        wire.connection_made(transport)
        await self._hello(wire)

    async def _authenticate(self, wire: SmtpWire) -> None:
        if self._tls == "never" and self._host not in ("127.0.0.1", "::1", "localhost"):
            raise SmtpRefusedError("refusing to send a password without TLS: set smtp_tls to starttls or implicit")
        user, password = self._user.encode(), self._password.encode()
        if "PLAIN" in wire.extensions or "LOGIN" not in wire.extensions:
            secret = base64.b64encode(b"\0" + user + b"\0" + password)
            _expect(await wire.ask(b"AUTH PLAIN " + secret, self._timeout), 235, "AUTH")
            return
        _expect(await wire.ask(b"AUTH LOGIN", self._timeout), 334, "AUTH")
        _expect(await wire.ask(base64.b64encode(user), self._timeout), 334, "AUTH")
        _expect(await wire.ask(base64.b64encode(password), self._timeout), 235, "AUTH")


def _expect(reply: Reply, code: int, step: str) -> None:
    if reply.code != code:
        raise SmtpRefusedError(f"{step} was answered {reply.code} {reply.text[:MOST_DETAIL]}")


def _outcome(kind: Kind, code: int, klass: str, detail: str, ref: str = "") -> Outcome:
    return Outcome(kind, time.time(), code, klass, detail[:MOST_DETAIL], ref)


def _refusal(reply: Reply) -> Outcome:
    meaning = classify(reply.code, reply.text)
    return _outcome(meaning.kind, reply.code, meaning.klass, reply.text)


def _accepted(reply: Reply) -> Outcome:
    found = _QUEUE_ID.search(reply.text)
    return _outcome(Kind.ACCEPTED, reply.code, "", reply.text, found[1] if found else "")
