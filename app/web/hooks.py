"""Webhooks of providers: what they report is checked as it came, stored in report.received, and only then answered.

/hooks/<provider>/<token>: the token names the route. What the reports mean is decided by the intake plane.
"""

import asyncio
import logging
import time
import zlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from ipaddress import ip_address
from types import ModuleType
from typing import cast

from aiohttp import web

from app.delivery.reports.hook_tokens import Tokens
from app.faults import reached
from app.providers.contract import Answer, Hook, Unreadable
from app.providers.registry import adapter_of
from app.records import ReceivedReport, encode
from app.routes import Notice, Route
from app.things import ThingRecord
from app.topics import REPORT_RECEIVED, THING_RECORDED
from app.transport.hook_visits import VisitError, Visits
from app.transport.token_file import TokenFile
from app.web.hook_counts import HookCounts, hook_notice
from app.web.hook_routes import HookRoutes
from app.web.keys import LINK, SETTINGS
from app.web.problems import RefusedError, refuse
from app.web.strangers import Bound, Strangers

log = logging.getLogger("fanfare.edge")

MOST_BYTES = 3_500_000  # of a body: WhatsApp posts up to 3 MB, SendGrid 768 KB and what its last event takes
MOST_RECORD = 2_000_000  # bytes of a record
PACK_BEYOND = 900_000  # bytes: a larger body is packed
MOST_AT_ONCE = 64_000_000  # bytes of bodies in memory
SAME_PARTITION = 0.1  # seconds: also those who read them find them in one fetch
ALWAYS = 100_000  # bytes of a body that are read also when others fill the memory: who is slow keeps out nobody small
SILENCE = 15.0  # seconds in which nothing of a body comes
LONGEST = 60.0  # seconds for all of a body
LONGEST_QUERY, LONGEST_ID = 8_000, 200  # characters
# Of routes whose provider signs nothing, or without the secret that checks it: whoever knows the address may post.
UNVERIFIED = Bound(16e6, 500e3, 64e6, 1e6)
UNREADABLE = Bound(2e6, 20e3, 8e6, 50e3)  # of these, bodies in which nothing can be read
INLINE = 100_000  # bytes of a body that is read on the loop
INBOUND = "inbound"  # in place of the provider, for what people write to us

ADVICE = "give the route a signature_secret or from_addresses, as its provider has them: then there is no such bound"

ROUTES = web.AppKey("hook_routes", HookRoutes)
COUNTS = web.AppKey("hook_counts", HookCounts)
VISITS = web.AppKey("hook_visits", Visits)
ADAPTERS: web.AppKey["Adapters"] = web.AppKey("hook_adapters")
READING: web.AppKey["Reading"] = web.AppKey("hook_reading")
TOKENS = web.AppKey("hook_tokens", Tokens)
TOKEN_FILE = web.AppKey("hook_token_file", TokenFile)
STRANGERS: web.AppKey["dict[str, Strangers]"] = web.AppKey("hook_strangers")


@dataclass(slots=True)
class Adapters:
    """Where the adapter of a route is found, by its name and channel."""

    find: Callable[[str, str], ModuleType | None]


class Reading:
    """How many bytes of bodies are being read: memory stays bounded, whoever posts."""

    def __init__(self, most: int = MOST_AT_ONCE) -> None:
        self._left = most

    async def body(self, request: web.Request) -> bytes:
        """The body as it came, never unpacked. 413 when it is too large, 503 when too many are being read."""
        expected = request.content_length or 0
        if expected > MOST_BYTES:
            raise refuse(413, "Too large", f"the body may have at most {MOST_BYTES:,} bytes here")
        if request.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
            raise refuse(415, "Wrong coding", "send the body as it is: what is signed is checked byte by byte")
        parts, size = list[bytes](), 0
        ends = asyncio.get_running_loop().time() + LONGEST
        try:
            while part := await _next(request, ends):
                size += len(part)
                self._left -= len(part)
                if size > MOST_BYTES:
                    raise refuse(413, "Too large", f"the body may have at most {MOST_BYTES:,} bytes here")
                if self._left < 0 and size > ALWAYS:
                    raise refuse(503, "Too much at once", "other bodies are being read", headers={"Retry-After": "5"})
                parts.append(part)
        finally:
            self._left += size
        return parts[0] if len(parts) == 1 else b"".join(parts)


async def _next(request: web.Request, ends: float) -> bytes:
    """What comes next of a body. 408 where nothing comes, or *ends* (of the loop's clock) is over."""
    try:
        async with asyncio.timeout_at(min(asyncio.get_running_loop().time() + SILENCE, ends)):
            return await request.content.readany()
    except TimeoutError as error:
        text = f"nothing of the body came for {SILENCE:g} s, or all of it not within {LONGEST:g} s"
        raise refuse(408, "Too slow", text, headers={"Connection": "close"}) from error


def sender_of(request: web.Request) -> str:
    """Who posts: behind a proxy of ours, whom it names last. Only for counting; anybody can write that field."""
    peer = request.remote or ""
    try:
        if ip_address(peer).is_global:
            return peer
    except ValueError:
        return peer
    return request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()[:50] or peer


def attach(app: web.Application, secret: bytes) -> None:
    """Add the webhooks to *app*; *secret* is the key of the installation."""
    app[ROUTES], app[COUNTS], app[VISITS], app[READING] = HookRoutes(secret), HookCounts(), Visits(), Reading()
    app[ADAPTERS], app[TOKENS] = Adapters(adapter_of), Tokens()
    settings = app[SETTINGS]
    app[TOKEN_FILE] = TokenFile(settings.state_dir / "hooks" / f"tokens-{settings.edge_port}")
    app[STRANGERS] = {"unverified": Strangers(UNVERIFIED), "unreadable": Strangers(UNREADABLE)}
    app.router.add_post("/hooks/{provider}/{token}", hook)
    app.router.add_get("/hooks/{provider}/{token}", hook, allow_head=False)
    app.cleanup_ctx.append(_visiting)


async def _visiting(app: web.Application) -> AsyncIterator[None]:
    app[TOKENS].remember(app[TOKEN_FILE].read())
    yield
    app[TOKEN_FILE].close()
    await app[VISITS].close()


async def hook(request: web.Request) -> web.StreamResponse:
    """Checked, stored, answered. A provider that hears anything but 2xx posts it again."""
    counts = request.app[COUNTS]
    route, adapter = _route(request)
    if counts.is_out(route.name, sender_of(request), time.monotonic()):
        counts.note(route.adapter, "too_many")
        raise refuse(
            429, "Too many", "too many webhooks that are not what they should be", headers={"Retry-After": "5"}
        )
    try:
        body = await request.app[READING].body(request)
    except RefusedError as error:
        counts.note(route.adapter, f"unread_{error.status}")
        raise
    at = time.time()
    seen = Hook(
        request.method, request.app[SETTINGS].public_url.rstrip("/") + request.raw_path,
        request.rel_url.raw_query_string[:LONGEST_QUERY],
        {name.lower(): value for name, value in request.headers.items()}, body, request.remote or "",
    )  # fmt: skip
    found = request.app[ROUTES].secrets(route)
    secrets = dict(found.found)
    why = await _certificate(request, route, adapter, seen, secrets) or adapter.verified(
        route.config, secrets, seen, at
    )
    ident = str(adapter.hook_id(seen))[:LONGEST_ID] if not why and hasattr(adapter, "hook_id") else ""
    token = ident if getattr(adapter, "SIGNS_ID_ALONE", False) else ""
    if token and request.app[TOKENS].is_reused(route.name, token, body):
        why = "its token came before, with another body"
    if why:
        raise await _refused(request, route, why, found.missing)
    if url := adapter.confirmation_url(route.config, seen) if hasattr(adapter, "confirmation_url") else "":
        return await _confirmed(request, route, url)
    answer: Answer | None = (
        adapter.answer_for(route.config, secrets, seen, at) if hasattr(adapter, "answer_for") else None
    )
    if request.method == "GET" and answer is not None:
        counts.note(route.adapter, "challenge")
        return _response(answer)
    if hasattr(adapter, "unsigned") and adapter.unsigned(route.config, secrets):
        await _bounded(request, route, adapter, seen, at)
    await _store(request, route, ident, token, seen, at)
    counts.note(route.adapter, "stored")
    return web.Response() if answer is None else _response(answer)


def _route(request: web.Request) -> tuple[Route, ModuleType]:
    """Whose webhook it is, and the adapter; 404 where there is none."""
    provider, token = request.match_info["provider"], request.match_info["token"]
    route = request.app[ROUTES].find(request.app[LINK].control.tail.routes, token)
    adapter = None if route is None else request.app[ADAPTERS].find(route.adapter, route.channel)
    if route is None or adapter is None or provider not in (route.adapter, INBOUND) or not hasattr(adapter, "verified"):
        request.app[COUNTS].note("", "unknown")
        raise refuse(
            404, "Not found", "no route has this address: `fanfare routes show NAME` tells those that there are"
        )
    return route, adapter


async def _certificate(
    request: web.Request, route: Route, adapter: ModuleType, seen: Hook, secrets: dict[str, str]
) -> str:
    """Put the certificate that *seen* is checked with into *secrets*; why not, or ""."""
    if "certificate" in secrets or not hasattr(adapter, "certificate_url"):
        return ""
    url = adapter.certificate_url(route.config, seen)
    if not url:
        return ""
    try:
        secrets["certificate"] = await request.app[VISITS].certificate(url)
    except VisitError as error:
        request.app[COUNTS].note(route.adapter, "no_certificate")
        log.warning("the certificate of a webhook of the route %s could not be fetched: %s", route.name, error)
        await _count_bad(request, route, "the certificate that it names could not be fetched")
        raise refuse(503, "No certificate", "the certificate that it is signed with could not be fetched") from error
    return ""


async def _refused(request: web.Request, route: Route, why: str, missing: list[str]) -> RefusedError:
    """What is answered to a webhook that was not believed."""
    if missing:
        request.app[COUNTS].note(route.adapter, "no_secret")
        log.error("a webhook of the route %s cannot be checked: %s", route.name, "; ".join(missing))
        return refuse(503, "Cannot be checked", "the edge does not find the secret of this route: its log tells more")
    request.app[COUNTS].note(route.adapter, "refused")
    await _count_bad(request, route, why)
    return refuse(403, "Not believed", why[:200])


async def _bounded(request: web.Request, route: Route, adapter: ModuleType, seen: Hook, at: float) -> None:
    """429 when so much came that nobody has signed, or that cannot even be read, that it could fill a disk."""
    form = seen.headers.get("content-type", "")[:LONGEST_ID]
    received = ReceivedReport(route.adapter, route.name, "webhook", at, seen.body, form, seen.query)
    whether = _is_readable(adapter, route, received) if len(seen.body) <= INLINE else await asyncio.to_thread(
        _is_readable, adapter, route, received
    )  # fmt: skip
    for kind in ("unverified",) if whether else ("unreadable", "unverified"):
        size, now = len(seen.body) + len(seen.query), time.monotonic()
        if not request.app[STRANGERS][kind].admits(route.name, sender_of(request), size, now):
            request.app[COUNTS].note(route.adapter, f"too_much_{kind}")
            await _count_bad(request, route, f"they bring more {kind} bytes than are kept: {ADVICE}")
            raise refuse(429, "Too much", f"more {kind} bytes than are kept of you", headers={"Retry-After": "60"})


def _is_readable(adapter: ModuleType, route: Route, received: ReceivedReport) -> bool:
    try:
        found = adapter.events_in(route.config, received)
    except Exception:  # a mistake of the adapter: the intake worker tells of it
        return False
    return not found or any(not isinstance(each, Unreadable) for each in found)


async def _count_bad(request: web.Request, route: Route, why: str) -> None:
    """Whoever posts many of them is not looked at for a while, and the operator is told."""
    notice = request.app[COUNTS].bad(route.name, sender_of(request), why, time.monotonic())
    if notice is not None:
        log.warning("%s", notice.reason)
        await tell(request, notice)


async def tell(request: web.Request, notice: Notice) -> None:
    """Record *notice*. Raises UnreachableError."""
    record = ThingRecord(
        kind="notice", account="", id=notice.id, version=1, at=notice.at, body=notice.model_dump(mode="json")
    )
    value = record.model_dump_json().encode()
    await request.app[LINK].control.produce(THING_RECORDED, value, key=notice.id.encode())


async def _confirmed(request: web.Request, route: Route, url: str) -> web.Response:
    """Visit what confirms a subscription. Failed, it is posted again and tried again."""
    try:
        first = await request.app[VISITS].confirm(url)
    except VisitError as error:
        request.app[COUNTS].note(route.adapter, "not_confirmed")
        log.warning("the subscription of the route %s could not be confirmed: %s", route.name, error)
        raise refuse(502, "Not confirmed", "the address that confirms the subscription did not answer well") from error
    request.app[COUNTS].note(route.adapter, "confirmed")
    if first:
        await tell(request, hook_notice(route.name, f"webhooks of the route {route.name} are subscribed", time.time()))
    return web.Response()


async def _store(request: web.Request, route: Route, ident: str, token: str, seen: Hook, at: float) -> None:
    """Into report.received, acknowledged."""
    packed = len(seen.body) > PACK_BEYOND
    body = await asyncio.to_thread(zlib.compress, seen.body, 1) if packed else seen.body
    record = encode(ReceivedReport(
        route.adapter, route.name, "webhook", at, body, seen.headers.get("content-type", "")[:LONGEST_ID], seen.query,
        ident, packed,
    ))  # fmt: skip
    if len(record) > MOST_RECORD:
        request.app[COUNTS].note(route.adapter, "unread_413")
        raise refuse(413, "Too large", "the body does not fit into a record, not even packed")
    # Those that come at the same moment lie in one partition: Kafka stores them as one batch.
    # Those with one token meet in one partition, whichever edge took them.
    place = zlib.crc32(token.encode("utf-8", "replace")) if token else int(at / SAME_PARTITION)
    partition = place % request.app[SETTINGS].partitions
    await request.app[LINK].control.produce(REPORT_RECEIVED, record, partition=partition)
    reached("hooks.kept")
    if token and (new := request.app[TOKENS].note(route.name, token, seen.body)):
        request.app[TOKEN_FILE].add(*new)


def _response(answer: Answer) -> web.Response:
    return web.Response(status=answer.status, body=answer.body, headers=cast(dict[str, str], answer.headers))
