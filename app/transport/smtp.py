"""SMTP: a pool of connections to one relay, over which messages go one pipelined transaction each."""

import asyncio
import base64
import re
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from app.delivery.mx_groups import group_of
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

    @property
    def healthy(self) -> bool:
        """False from a failed try to connect until one works again."""
        return self._connections.healthy

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
        try:
            wire = await self._connections.acquire(priority)
        except ConnectionLostError as error:
            return _outcome(Kind.DEFERRED, 0, "connection", str(error))
        before = wire.used
        try:
            return await self._transact(wire, envelope_from, to, body, on_begun)
        except (ConnectionLostError, OSError) as error:
            self._connections.discard(wire)
            if wire.used > before:
                return _outcome(Kind.UNCERTAIN, 0, "lost_reply", f"the connection broke before the reply: {error}")
            return _outcome(Kind.DEFERRED, 0, "connection", str(error))
        except asyncio.CancelledError:
            self._connections.discard(wire)
            raise

    async def _transact(
        self, wire: SmtpWire, envelope_from: str, to: str, body: bytes, on_begun: Callable[[], None]
    ) -> Outcome:
        """One transaction. Gives *wire* back when it returns, not when it raises; *wire.used* tells if it was begun."""
        lacking = _lacking(wire, envelope_from + to, body)
        if lacking is not None:
            self._connections.release(wire)
            return lacking
        replies = await self._open(wire, envelope_from, to, not body.isascii())
        refused = next((reply for reply in replies if reply.code >= 400), None)
        if refused is not None:
            await self._abandon(wire, replies)
            return _refusal(refused, to)
        if replies[-1].code != 354:
            raise ConnectionLostError(f"DATA was answered {replies[-1].code}")
        try:
            on_begun()
        except Exception:
            self._connections.discard(wire)
            return _outcome(Kind.RETURNED, 0, "", "")
        reply = await self._deliver(wire, body)
        if reply.code == 421:
            self._connections.discard(wire)
        else:
            self._give_back(wire)
        return _refusal(reply, to) if reply.code >= 400 else _accepted(reply)

    async def _deliver(self, wire: SmtpWire, body: bytes) -> Reply:
        """Write the message; the reply to it: 2xx, 4xx or 5xx."""
        wire.used += 1
        wire.write(body + (b".\r\n" if body.endswith(b"\r\n") else b"\r\n.\r\n"))
        (reply,) = await wire.replies(1, self._timeout)
        if not (200 <= reply.code < 300 or 400 <= reply.code < 600):
            raise ConnectionLostError(f"the message was answered {reply.code}")
        return reply

    async def _open(self, wire: SmtpWire, envelope_from: str, to: str, eight_bit: bool) -> list[Reply]:
        """MAIL, RCPT and DATA; their replies, up to the first refusal when the relay does not pipeline."""
        form = b" BODY=8BITMIME" if eight_bit else b""
        utf8 = b"" if to.isascii() and envelope_from.isascii() else b" SMTPUTF8"
        commands = (
            b"MAIL FROM:<" + envelope_from.encode() + b">" + form + utf8,
            b"RCPT TO:<" + to.encode() + b">",
            b"DATA",
        )
        if "PIPELINING" in wire.extensions:
            wire.write(b"\r\n".join(commands) + b"\r\n")
            try:
                return await wire.replies(3, self._timeout)
            except ConnectionLostError:
                said = wire.leftover()  # a 421 or 550 right before the end still tells why
                if any(reply.code >= 400 for reply in said):
                    return said
                raise
        replies = []
        for command in commands:
            replies.append(await wire.ask(command, self._timeout))
            if replies[-1].code >= 400:
                break
        return replies

    async def _abandon(self, wire: SmtpWire, replies: list[Reply]) -> None:
        """End a transaction that was refused, so that nothing is sent and the connection can be used again."""
        try:
            clean = await self._end_refused(wire, replies)
        except ConnectionLostError:
            clean = False  # what the relay said of the message still counts
        if clean:
            self._give_back(wire)
        else:
            self._connections.discard(wire)

    async def _end_refused(self, wire: SmtpWire, replies: list[Reply]) -> bool:
        """Bring *wire* back to the start of a transaction; whether that worked.

        A DATA that was let through without a recipient ends with a lone dot (RFC 2920, 3.1), but only when
        it is the recipient that was refused: otherwise a careless server could mail it, empty.
        """
        if any(reply.code == 421 for reply in replies):
            return False
        if len(replies) == 3 and replies[2].code == 354:
            return replies[1].code >= 400 and (await wire.ask(b".", self._timeout)).code >= 500
        return (await wire.ask(b"RSET", self._timeout)).code < 400

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


def _lacking(wire: SmtpWire, addresses: str, body: bytes) -> Outcome | None:
    """Why the relay on *wire* cannot carry this message, if so. It is no fault of the address."""
    if not addresses.isascii() and "SMTPUTF8" not in wire.extensions:
        return _outcome(Kind.BLOCKED, 0, "smtputf8", "the relay takes no internationalised addresses")
    if not body.isascii() and "8BITMIME" not in wire.extensions:
        return _outcome(Kind.BLOCKED, 0, "eight_bit", "the relay takes no 8-bit messages")
    return None


def _refusal(reply: Reply, to: str) -> Outcome:
    meaning = classify(reply.code, reply.text, group_of(to.rpartition("@")[2]))
    return _outcome(meaning.kind, reply.code, meaning.klass, reply.text)


def _accepted(reply: Reply) -> Outcome:
    found = _QUEUE_ID.search(reply.text)
    return _outcome(Kind.ACCEPTED, reply.code, "", reply.text, found[1] if found else "")
