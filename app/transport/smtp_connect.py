"""How a connection to a relay is made: greeting, EHLO, STARTTLS, AUTH; and what keeps one from being made."""

import asyncio
import base64
import os
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable
from typing import Literal, TypeVar

from app.transport.secrets import SecretMissingError
from app.transport.smtp_wire import ConnectionLostError, Reply, SmtpWire

MOST_DETAIL = 300  # characters of a reply that are kept
LONGEST_CONNECT = 10.0  # seconds for TCP and TLS: who is there answers sooner

# What a relay failed at: no connection, no login, or it says itself that it does not serve.
Fault = Literal["connection", "login", "service"]
Secret = str | Callable[[], str]
T = TypeVar("T")


class UnavailableError(ConnectionLostError):
    """A relay took nothing at all: *fault* says what it failed at. That says nothing of any message."""

    def __init__(self, fault: Fault, detail: str) -> None:
        super().__init__(detail)
        self.fault: Fault = fault


class Relay:
    """One relay and how to be let in: *tls* is "never", "starttls" (refuses to go on without) or "implicit".

    A *password* that is a function is called for each connection: secrets change, and may be missing.
    """

    def __init__(
        self, host: str, port: int, *, timeout: float, tls: str = "never", user: str = "", password: Secret = "",
        helo: str = "localhost", tls_context: ssl.SSLContext | None = None,
    ) -> None:  # fmt: skip
        self._host, self._port, self._timeout = host, port, timeout
        self._tls, self._user, self._password, self._helo = tls, user, password, helo
        self._context = tls_context or (None if tls == "never" else ssl.create_default_context())
        self.name = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    async def connect(self, step: Callable[[str], None] = lambda _: None) -> SmtpWire:
        """A wire that has been greeted, encrypted and authenticated as asked. Raises UnavailableError.

        *step* is told what has been done, in words.
        """
        password = await self._secret()
        wire = await self._reach()
        step(f"connected to {self.name}{' with TLS' if self._tls == 'implicit' else ''}")
        try:
            await self._introduce(wire, step)
            if self._user:
                await self._authenticate(wire, password)
                step(f"logged in as {self._user}")
        except BaseException:
            if wire.transport is not None:
                wire.transport.abort()
            raise
        return wire

    async def _secret(self) -> str:
        if isinstance(self._password, str):
            return self._password
        try:
            return await asyncio.to_thread(self._password)  # a file may lie on another machine
        except SecretMissingError as error:
            raise self._unavailable("login", str(error)) from error

    async def _reach(self) -> SmtpWire:
        loop = asyncio.get_running_loop()
        implicit = self._context if self._tls == "implicit" else None
        within = min(self._timeout, LONGEST_CONNECT)
        try:
            async with asyncio.timeout(within):
                _, wire = await loop.create_connection(SmtpWire, self._host, self._port, ssl=implicit)
        except TimeoutError as error:
            raise self._unavailable("connection", f"no connection within {within:g} s") from error
        except OSError as error:
            raise self._unavailable("connection", _words(error)) from error
        except UnicodeError as error:  # an empty part, or one of more than 63 characters
            raise self._unavailable("connection", "no such host: that is no host name") from error
        return wire

    async def _introduce(self, wire: SmtpWire, step: Callable[[str], None]) -> None:
        (greeting,) = await self._heard(wire.replies(1, self._timeout), "the greeting")
        self._expect(greeting, 220, "service", "the greeting was")
        step(f"greeted: {greeting.text[:MOST_DETAIL]}")
        await self._hello(wire)
        if self._tls == "starttls":
            await self._start_tls(wire)
            step("encrypted with STARTTLS")

    async def _hello(self, wire: SmtpWire) -> None:
        reply = await self._heard(wire.ask(b"EHLO " + self._helo.encode(), self._timeout), "EHLO")
        self._expect(reply, 250, "service", "EHLO was answered")
        wire.extensions = frozenset(reply.text.upper().split())

    async def _start_tls(self, wire: SmtpWire) -> None:
        if "STARTTLS" not in wire.extensions:
            raise self._unavailable("connection", "offers no STARTTLS, and tls asks for it")
        self._expect(
            await self._heard(wire.ask(b"STARTTLS", self._timeout), "STARTTLS"), 220, "connection",
            "STARTTLS was answered",
        )  # fmt: skip
        if not wire.usable:
            raise self._unavailable("connection", "sent plain text after STARTTLS")  # RFC 3207: could be injected
        assert wire.transport is not None and self._context is not None
        loop = asyncio.get_running_loop()
        within = min(self._timeout, LONGEST_CONNECT)
        try:
            async with asyncio.timeout(within):
                transport = await loop.start_tls(wire.transport, wire, self._context, server_hostname=self._host)
        except TimeoutError as error:
            raise self._unavailable("connection", f"no TLS within {within:g} s") from error
        except OSError as error:  # ssl.SSLError is one
            raise self._unavailable("connection", f"no TLS: {_words(error)}") from error
        if transport is None:
            raise self._unavailable("connection", "no TLS: the connection was closed")
        wire.connection_made(transport)
        await self._hello(wire)

    async def _authenticate(self, wire: SmtpWire, password: str) -> None:
        if self._tls == "never" and self._host not in ("127.0.0.1", "::1", "localhost"):
            raise self._unavailable("login", "no password is sent without TLS: set tls to starttls or implicit")
        try:
            user, secret = self._user.encode(), password.encode()
        except UnicodeEncodeError:
            raise self._unavailable("login", "the password is not UTF-8") from None
        plain, coded = base64.b64encode(b"\0" + user + b"\0" + secret), base64.b64encode(secret)
        hidden = (plain.decode(), coded.decode(), password)
        if "PLAIN" in wire.extensions or "LOGIN" not in wire.extensions:
            await self._login(wire, b"AUTH PLAIN " + plain, 235, hidden)
            return
        await self._login(wire, b"AUTH LOGIN", 334, hidden)
        await self._login(wire, base64.b64encode(user), 334, hidden)
        await self._login(wire, coded, 235, hidden)

    async def _login(self, wire: SmtpWire, line: bytes, code: int, hidden: Iterable[str]) -> None:
        """Some servers repeat what they refuse: nothing *hidden* may stand in what is told of it."""
        reply = await self._heard(wire.ask(line, self._timeout), "AUTH")
        text = reply.text
        for each in filter(None, hidden):
            text = text.replace(each, "***")
        self._expect(Reply(reply.code, text), code, "service" if reply.code == 421 else "login", "AUTH was answered")

    async def _heard(self, replies: Awaitable[T], what: str) -> T:
        try:
            return await replies
        except ConnectionLostError as error:
            raise self._unavailable("connection", f"no answer to {what}: {error}") from error

    def _expect(self, reply: Reply, code: int, fault: Fault, what: str) -> None:
        if reply.code != code:
            raise self._unavailable(fault, f"{what} {reply.code} {reply.text[:MOST_DETAIL]}")

    def _unavailable(self, fault: Fault, why: str) -> UnavailableError:
        return UnavailableError(fault, f"{self.name}: {why}")


def _words(error: OSError) -> str:
    """What the system says, without the address that event loops add."""
    if isinstance(error, ssl.SSLError):
        return str(error)
    if isinstance(error, socket.gaierror):
        return f"no such host: {error.strerror}"
    return os.strerror(error.errno) if error.errno else str(error) or type(error).__name__
