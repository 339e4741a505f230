"""How a connection to a relay is made: greeting, EHLO, STARTTLS, AUTH."""

import asyncio
import base64
import ssl

from app.transport.smtp_wire import Reply, SmtpWire

MOST_DETAIL = 300  # characters of a reply that are kept


class SmtpRefusedError(Exception):
    """The relay does not take us: its greeting, EHLO, TLS or AUTH failed."""


class Relay:
    """One relay and how to be let in: *tls* is "never", "starttls" (refuses to go on without) or "implicit"."""

    def __init__(
        self, host: str, port: int, *, timeout: float, tls: str = "never", user: str = "", password: str = "",
        helo: str = "localhost", tls_context: ssl.SSLContext | None = None,
    ) -> None:  # fmt: skip
        self._host, self._port, self._timeout = host, port, timeout
        self._tls, self._user, self._password, self._helo = tls, user, password, helo
        self._context = tls_context or (None if tls == "never" else ssl.create_default_context())

    async def connect(self) -> SmtpWire:
        """A wire that has been greeted, encrypted and authenticated as asked. Raises when that fails."""
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
