"""Sessions of the letterbox: SMTP or LMTP, STARTTLS, and bounds on how many there are and what they hold."""

import asyncio
import logging
import ssl
from typing import Any

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, syntax

from app.web.letterbox_tls import Certificate

log = logging.getLogger("fanfare.letterbox")

MOST_BYTES = 10_000_000  # of a message: what it returns may be large
MOST_COMMANDS = 5_000  # of a kind, in a session
MOST_SESSIONS = 200  # at once
MOST_OF_ONE = 50  # from one host
LONGEST_LINE = 1_000_000  # bytes: mail that comes back breaks RFC 5321, 4.5.3.1.6, and must not be lost for it
# Bytes of mail that is being received, of all sessions and of one; each line costs so much more while it waits. Once
# there are many, a session may still have a little: bounces are small.
MOST_HELD, MOST_HELD_OF_ONE, ALWAYS_HELD, LINE_COSTS = 200_000_000, 60_000_000, 1_000_000, 130
TLS_COSTS = 350_000  # bytes that a connection takes with TLS: asyncio's buffer of 256 KiB, and OpenSSL's
HANDSHAKE = 15.0  # seconds
SILENCE = 60.0  # seconds


class Door:
    """How many may be connected, all and from one host, and how much they may have us hold."""

    def __init__(self) -> None:
        self._of_host: dict[str, int] = {}
        self._all = 0
        self.held = 0  # bytes

    def come(self, host: str) -> bool:
        """Whether one more may stay."""
        if self._all >= MOST_SESSIONS or self._of_host.get(host, 0) >= MOST_OF_ONE:
            return False
        self._all += 1
        self._of_host[host] = self._of_host.get(host, 0) + 1
        return True

    @property
    def is_empty(self) -> bool:
        """Whether nobody is here, and nothing held."""
        return not self._all and not self._of_host and not self.held

    def go(self, host: str) -> None:
        """One has left."""
        self._all -= 1
        self._of_host[host] -= 1
        if not self._of_host[host]:
            del self._of_host[host]


class Limited(SMTP):
    """An SMTP session that turns away whoever is too much for *door*."""

    line_length_limit = LONGEST_LINE
    transport: Any  # aiosmtpd says that each may be None, and nothing of its private ones
    session: Any
    _reader: Any
    _writer: Any
    _host: str | None = None
    _held = 0
    _held_by_tls = 0

    def __init__(self, door: Door, handler: object, **options: Any) -> None:
        self._door = door
        super().__init__(handler, **options)

    def connection_made(self, transport: Any) -> None:
        """One comes, and may not stay where there are too many."""
        peer = transport.get_extra_info("peername")
        host = str(peer[0]) if peer else ""
        if not self._door.come(host):
            transport.write(b"421 4.7.0 too many connections\r\n")
            transport.close()
            return
        self._host = host
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """More is held, of it and of all."""
        more = len(data) + LINE_COSTS * data.count(b"\n")
        self._held += more
        self._door.held += more
        if self._held > (MOST_HELD_OF_ONE if self._door.held <= MOST_HELD else ALWAYS_HELD):
            self.transport.write(b"421 4.3.1 too much at once: try again later\r\n")
            self.transport.close()
            return
        super().data_received(data)

    @syntax("STARTTLS", when="tls_context")
    async def smtp_STARTTLS(self, arg: str) -> None:  # noqa: N802 - aiosmtpd calls it by this name
        """RFC 3207. What came in clear behind the command counts for nothing, nor what was said before."""
        if self.tls_context is None:
            await self.push("502 5.5.1 TLS is not offered here")
        elif arg:
            await self.push("501 5.5.4 STARTTLS takes no parameters")
        elif self._held_by_tls:
            await self.push("503 5.5.1 TLS is on already")
        else:
            await self.push("220 2.0.0 go ahead")
            await self._secure(self.tls_context)

    async def _secure(self, context: ssl.SSLContext) -> None:
        self._reader._buffer.clear()
        self._held_by_tls = TLS_COSTS
        self._door.held += TLS_COSTS
        try:
            await self._writer.start_tls(context, ssl_handshake_timeout=HANDSHAKE)
            self._begin_anew()
        except Exception as error:  # whatever the library says to what came
            log.info("no TLS with %s: %s", self._host, error)
            self.transport.close()
            self.connection_lost(None)  # TLS tells it only to who was connected by it
            await asyncio.sleep(0)  # cancelled here

    def _begin_anew(self) -> None:
        self.transport = self._reader._transport = self._writer.transport
        secured = self.transport.get_extra_info("ssl_object")
        peer, self.session = self.session.peer, self._create_session()
        self.session.peer, self.session.ssl, self._tls_protocol = peer, {"ssl_object": secured}, secured
        self._set_rset_state()  # type: ignore[no-untyped-call]
        self._reset_timeout()

    def _set_post_data_state(self) -> None:
        """A message has been dealt with, or there is none yet: nothing of it is held any more."""
        self._let_go()
        super()._set_post_data_state()  # type: ignore[no-untyped-call]

    def _let_go(self) -> None:
        self._door.held -= self._held
        self._held = 0

    def connection_lost(self, error: Exception | None) -> None:
        """It has gone, and holds nothing."""
        self._let_go()
        self._door.held -= self._held_by_tls
        self._held_by_tls = 0
        if self._host is not None:
            self._door.go(self._host)
            self._host = None
            super().connection_lost(error)
            self._handler_coroutine = None  # it knows us: what it holds of a message would wait for the collector


class LimitedLmtp(Limited, LMTP):
    """The same over LMTP."""


def session_for(
    handler: object, door: Door, *, protocol: str, hostname: str, certificate: Certificate | None, secure: bool
) -> asyncio.Protocol:
    """A connection, as asyncio asks for one."""
    kind = LimitedLmtp if protocol == "lmtp" else Limited
    limits = {"NOOP": 20, "VRFY": 0, "HELP": 5, "STARTTLS": 5, "*": MOST_COMMANDS}
    return kind(
        door, handler, data_size_limit=MOST_BYTES, enable_SMTPUTF8=True, hostname=hostname, ident="Fanfare",
        timeout=SILENCE, command_call_limit=limits, loop=asyncio.get_running_loop(), require_starttls=secure,
        tls_context=None if certificate is None else certificate.context(),
    )  # fmt: skip


async def serve(
    handler: object, host: str, port: int, *, protocol: str = "smtp", hostname: str = "localhost",
    certificate: Certificate | None = None, secure: bool = False, door: Door | None = None,
) -> asyncio.Server:  # fmt: skip
    """Listen. With a *certificate* STARTTLS is offered, and asked for where it is to be *secure*.

    Raises OSError when the port is taken.
    """
    door = door or Door()
    return await asyncio.get_running_loop().create_server(
        lambda: session_for(
            handler, door, protocol=protocol, hostname=hostname, certificate=certificate, secure=secure
        ), host, port, backlog=256,
    )  # fmt: skip
