"""Tries a provider route from this machine: over SMTP as a sender would, of an HTTP API with a harmless request."""

import asyncio
import time
from secrets import token_hex
from urllib.parse import urlsplit

from app.content.address import AddressError, wire_address
from app.delivery.outcomes import Kind
from app.provider_accounts import HttpAccount, SmtpServer, secret_places
from app.providers.registry import adapter_of
from app.routes import Route
from app.transport.http_client import HttpClient, HttpError
from app.transport.secrets import SecretMissingError, secret_at
from app.transport.smtp import SmtpPool
from app.transport.smtp_connect import Relay, UnavailableError

OFFERS = frozenset({"PIPELINING", "8BITMIME", "SMTPUTF8", "STARTTLS", "AUTH", "SIZE", "DSN", "CHUNKING"})
TAKEN = (Kind.ACCEPTED, Kind.DELIVERED)


class Untried(Exception):  # noqa: N818 - nothing has failed
    """A route that cannot be tried: nothing is known of it. Its words say why."""


def tried(route: Route, sender: str = "", to: str = "") -> tuple[list[str], str]:
    """What was done, step by step, and what is wrong ("": nothing). With *to*, one message is sent there.

    Raises Untried.
    """
    if isinstance(route.config, HttpAccount):
        if to:
            return [], "only routes over SMTP send a message to try: leave out --to and --from"
        return asyncio.run(_probed(route, route.config))
    if route.smtp is None:
        raise Untried(f"there is no way to try a route over {route.adapter} from here")
    return asyncio.run(_tried(route.name, route.smtp, sender, to))


async def _probed(route: Route, config: HttpAccount) -> tuple[list[str], str]:
    adapter = adapter_of(route.adapter, route.channel)
    if adapter is None or not hasattr(adapter, "probe_for"):
        raise Untried(f"{route.adapter} has no request that sends nothing and shows whether the account works")
    client = HttpClient(connections=1, timeout=config.timeout)
    try:
        secrets = {field: secret_at(place) for field, place in secret_places(config).items()}
        request = adapter.probe_for(config, secrets, time.time())
        answer = await client.ask(request)
    except SecretMissingError as error:
        return [], str(error)
    except HttpError as error:
        return [f"asked {urlsplit(request.url).netloc}"], str(error)
    finally:
        await client.close()
    told = adapter.probe_told(config, answer)
    return [f"asked {urlsplit(request.url).netloc}, which answered {answer.status}", *told.steps], told.wrong


async def _tried(route: str, server: SmtpServer, sender: str, to: str) -> tuple[list[str], str]:
    steps = list[str]()
    relay = Relay(
        server.host, server.port, timeout=server.timeout, tls=server.tls, user=server.user,
        password=lambda: secret_at(server.password), helo=server.helo or "fanfare.localhost",
    )  # fmt: skip
    try:
        wire = await relay.connect(steps.append)
    except UnavailableError as error:
        return steps, str(error)
    steps.append(f"offers: {', '.join(sorted(wire.extensions & OFFERS)) or 'none of what helps'}")
    wire.close()
    if not to:
        return steps, ""
    try:
        letter = await _sent(route, server, wire_address(sender), wire_address(to))
    except AddressError as error:
        return steps, str(error)
    steps.append(f"the message was answered: {letter[1]}")
    return steps, "" if letter[0] in TAKEN else f"the message was {letter[0]}: {letter[1]}"


async def _sent(route: str, server: SmtpServer, sender: str, to: str) -> tuple[Kind, str]:
    pool = SmtpPool(
        server.host, server.port, size=1, per_connection=1, timeout=server.timeout, tls=server.tls, user=server.user,
        password=lambda: secret_at(server.password), helo=server.helo or "fanfare.localhost",
    )  # fmt: skip
    date = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime())
    lines = [
        f"From: <{sender}>", f"To: <{to}>", f"Subject: Test of route {route}", f"Date: {date}",
        f"Message-ID: <{token_hex(16)}@{sender.rpartition('@')[2]}>", "",
        f"This message has tried the route {route}. Nothing else is to be done.", "",
    ]  # fmt: skip
    outcome = await pool.send(sender, to, "\r\n".join(lines).encode(), lambda: None)
    await pool.close()
    return Kind(outcome.kind), f"{outcome.code or ''} {outcome.detail}".strip()
