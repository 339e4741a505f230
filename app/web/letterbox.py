"""The letterbox: takes bounces, complaints and unsubscribe mail over SMTP or LMTP, stores them, and only then says 250.

A process of its own: a storm of bounces takes nothing from pages and webhooks, and who is cut off by a kill sends
again. While Kafka is away it answers 451, so that mail waits where it is.
"""

import asyncio
import logging
import signal
import time
import zlib
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from typing import Any, cast

from aiosmtpd.smtp import Envelope, Session

from agents.compose import link_key
from app.bounces.letterbox import UNSUBSCRIBE, Keys, found_in, signed, takes, unsubscribed_in
from app.bounces.verp import key_of
from app.control import ControlError
from app.control.suppressions import packs_of, publish
from app.delivery.gate import UNSUBSCRIBED
from app.delivery.routes.checks import IMPLICIT
from app.local.failure import LocalError
from app.local.parts import LETTERBOX
from app.local.state import ready_path
from app.records import ReceivedReport, encode
from app.routes import Route
from app.settings import Settings
from app.topics import REPORT_RECEIVED
from app.web.letterbox_session import serve
from app.web.letterbox_tls import Certificate, certificate_of
from app.web.link import Link
from app.web.strangers import Bound, Strangers

log = logging.getLogger("fanfare.letterbox")

KEPT = 1_000_000  # bytes of a message that are stored: reports come first, what they return last
PACK_BEYOND = 100_000  # bytes: a larger one is packed
STORE_WITHIN = 30.0  # seconds: who sends waits for ten minutes (RFC 5321, 4.5.3.2.6)
KEPT_UNSIGNED = 100_000  # bytes of what strangers write, for people to look at
UNSIGNED = Bound(8e6, 50e3, 64e6, 200e3)
TOO_MUCH = "452 4.3.1 too much mail without a token of ours: try again later"
ONE = "452 4.5.3 one recipient at a time: send the others after this one"

Store = Callable[[ReceivedReport], Awaitable[None]]
Leave = Callable[[str, bytes, float], Awaitable[None]]  # (account, recipient, at): suppress, acknowledged


class Letterbox:
    """What is answered to mail for *domains*: those of the settings, and what routes name at the moment."""

    def __init__(
        self,
        domains: Callable[[], Collection[str]],
        keys: Keys,
        store: Store,
        leave: Leave,
        route: Callable[[str], str],
    ) -> None:
        self._domains, self._keys, self._store, self._leave, self._route = domains, keys, store, leave, route
        self._strangers = Strangers(UNSIGNED)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd calls it by this name
        self, _server: Any, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Whether there is such an address here."""
        local, _, domain = address.strip("<>").rpartition("@")
        # What we signed is taken at any domain: a route may have named another one when it went out.
        if not signed(local, self._keys.verp):
            if domain.lower() not in self._domains():
                return "550 5.7.1 no mail for this domain is taken here"
            if not takes(local):
                return "550 5.1.1 no such address"
        if envelope.rcpt_tos:
            return ONE
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, _server: Any, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Stored, then 250. Whatever fails here, the sender keeps it."""
        raw, at = cast(bytes, envelope.content or b""), time.time()
        local, _, domain = envelope.rcpt_tos[0].strip("<>").lower().rpartition("@")
        try:
            async with asyncio.timeout(STORE_WITHIN):
                return await self._take(local, domain, _host_of(session), raw, at)
        except (ControlError, TimeoutError, OSError) as error:
            log.warning("mail is not taken now: %s", error)
            return "451 4.3.0 cannot be stored now: try again later"

    async def handle_exception(self, error: Exception) -> str:
        """A mistake of ours is no reason to refuse mail for good."""
        log.exception("mail is not taken: %s", type(error).__name__, exc_info=error)
        return "451 4.3.0 cannot be taken now: try again later"

    async def _take(self, local: str, domain: str, host: str, raw: bytes, at: float) -> str:
        """What is answered."""
        if local == UNSUBSCRIBE:
            message = unsubscribed_in(raw, self._keys)
            if message is not None:
                await self._leave(message.account, message.recipient_id, at)
            query = f"u={UNSUBSCRIBED}&m={message.message_id.hex()}" if message else ""
        else:
            found = found_in(local, raw, self._keys)
            query = found.query() if found else ""
        body = raw[: KEPT if query else KEPT_UNSIGNED]
        packed = len(body) > PACK_BEYOND
        if packed:
            body = zlib.compress(body, 1)
        if not query and not self._strangers.admits("", host, len(body), time.monotonic()):
            log.warning("more mail without a token of ours than is kept; %s is told to wait with it", host)
            return TOO_MUCH
        await self._store(
            ReceivedReport("smtp", self._route(domain), "mail", at, body, "message/rfc822", query, packed=packed)
        )
        return "250 2.0.0 stored"


def _host_of(session: Session) -> str:
    peer = session.peer
    return str(peer[0]) if isinstance(peer, tuple) else str(peer)


def route_for(domain: str, routes: dict[str, Route]) -> str:
    """The route whose bounces come to *domain*: reports name one. Where none does, it is that of FANFARE_SMTP_*.

    A route for some accounts alone may tell nothing of messages of others, and complaints about any come to one
    mailbox: what is believed here is our own signature, so none of those is named.
    """
    named = sorted(
        name for name, each in routes.items() if not each.accounts and domain.lower() in named_by({name: each})
    )
    return named[0] if named else IMPLICIT


def named_by(routes: dict[str, Route]) -> set[str]:
    """The domains to which bounces of *routes* come."""
    return {each.smtp.bounces.lower() for each in routes.values() if each.smtp is not None and each.smtp.bounces}


def run_letterbox(settings: Settings) -> None:
    """Run until SIGTERM. Raises LocalError."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("mail.log").setLevel(logging.ERROR)  # aiosmtpd tells every command
    if not settings.bounce_domains:
        raise LocalError("FANFARE_BOUNCE_DOMAIN is not set", "name the domains whose mail comes here")
    asyncio.run(_run(settings, certificate_of(settings)))


async def _run(settings: Settings, certificate: Certificate | None) -> None:
    link = Link(settings)
    await link.start()
    try:
        secret = settings.secret_path.read_bytes()
        box = _box(settings, link, secret)
        server = await serve(
            box, settings.bounce_host, settings.bounce_port, protocol=settings.bounce_protocol,
            hostname=settings.bounce_domains[0], certificate=certificate, secure=settings.bounce_tls == "required",
        )  # fmt: skip
    except OSError as error:
        await link.stop()
        raise LocalError(
            f"the letterbox cannot start: {error}", "see FANFARE_BOUNCE_HOST, FANFARE_BOUNCE_PORT, FANFARE_SECRET_FILE"
        ) from error
    ready = ready_path(settings.state_dir, LETTERBOX)
    with suppress(OSError):
        ready.parent.mkdir(parents=True, exist_ok=True)
        ready.touch()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    await stopped.wait()
    server.close()
    await link.stop()


def _box(settings: Settings, link: Link, secret: bytes) -> Letterbox:
    async def store(report: ReceivedReport) -> None:
        await link.control.produce(REPORT_RECEIVED, encode(report))

    async def leave(account: str, recipient: bytes, at: float) -> None:
        packs = packs_of(
            [recipient], settings.partitions, op="add", scope="account", scope_id=account, reason=UNSUBSCRIBED,
            source="mail", at=at,
        )  # fmt: skip
        await publish(link.control, list(packs))

    def domains() -> Collection[str]:
        return {*settings.bounce_domains, *named_by(link.control.tail.routes)}

    def route(domain: str) -> str:
        return route_for(domain, link.control.tail.routes)

    return Letterbox(domains, Keys(secret, key_of(secret), link_key(secret)), store, leave, route)
