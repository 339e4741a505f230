"""Links in mails: the open pixel, click redirects, and leaving a list.

Opens and clicks become events; a link that is not ours is answered with 404 and recorded nowhere.
"""

import base64
import hashlib
import logging
import time

import msgspec
from aiohttp import web

from app import ids
from app.content.links import MessageRef, verify_click, verify_token
from app.control import ControlError
from app.delivery.outcomes import EventKind
from app.records import EventPack, encode
from app.topics import BULK, EMAIL, EVENT_RECORDED, SUPPRESSION_COMMANDED
from app.web.keys import LINK, LINK_KEY, SETTINGS
from app.web.pages import small_page

log = logging.getLogger("fanfare.edge")

# The smallest transparent GIF.
PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
NOT_KEPT = {"Cache-Control": "no-store, private", "X-Robots-Tag": "noindex"}


def add_routes(router: web.UrlDispatcher) -> None:
    """Add the links to *router*."""
    router.add_get("/o/{token}.gif", opened)
    router.add_get("/c/{token}/{link}", clicked)
    router.add_get("/u/{token}", ask_to_leave)
    router.add_post("/u/{token}", leave)


async def opened(request: web.Request) -> web.Response:
    """The pixel, always: a mail must not show a broken image because Kafka is away."""
    message = verify_token(request.match_info["token"], request.app[LINK_KEY])
    if message is None:
        raise web.HTTPNotFound
    await _note(request, message, EventKind.OPENED, "")
    return web.Response(body=PIXEL, content_type="image/gif", headers=NOT_KEPT)


async def clicked(request: web.Request) -> web.Response:
    """A redirect to where the link was made to lead; there is no other way to get a redirect."""
    token, link = request.match_info["token"], request.match_info["link"]
    click = verify_click(token, link, request.app[LINK_KEY])
    if click is None:
        raise web.HTTPNotFound
    if request.method == "GET":  # HEAD comes from scanners
        await _note(request, click.message, EventKind.CLICKED, f"{click.index} {click.target}"[:500])
    return web.Response(status=302, headers={"Location": click.target, **NOT_KEPT})


async def ask_to_leave(request: web.Request) -> web.Response:
    """A page with a button. Opening it changes nothing: mail scanners follow links (RFC 8058, section 3.1)."""
    _message_of(request)
    response = small_page("Unsubscribe", "unsubscribe.html", left=False)
    response.headers.update(NOT_KEPT)
    return response


async def leave(request: web.Request) -> web.Response:
    """One-click (RFC 8058) or the button: no more mail of this account to this recipient."""
    message = _message_of(request)
    control = request.app[LINK].control
    at = time.time()
    source = "one-click" if (await _form(request)).get("List-Unsubscribe") == "One-Click" else "page"
    command = Suppression(message.recipient_id.hex(), scope_id=message.account, source=source, at=at)
    owner = ids.partition_of(message.recipient_id, request.app[SETTINGS].partitions)
    # First the suppression: whoever asked to leave must be off even if we die before the event.
    await control.produce(SUPPRESSION_COMMANDED, msgspec.json.encode(command), partition=owner)
    await _note(request, message, EventKind.UNSUBSCRIBED, source)
    response = small_page("Unsubscribed", "unsubscribe.html", left=True)
    response.headers.update(NOT_KEPT)
    return response


class Suppression(msgspec.Struct):
    """suppression.commanded as the recipients plane reads it."""

    recipient_id: str
    op: str = "add"
    scope: str = "account"
    scope_id: str = ""
    reason: str = "unsubscribed"
    source: str = "one-click"
    at: float = 0.0


def _message_of(request: web.Request) -> MessageRef:
    message = verify_token(request.match_info["token"], request.app[LINK_KEY])
    if message is None:
        raise web.HTTPNotFound
    return message


async def _form(request: web.Request) -> dict[str, str]:
    if request.content_type not in ("application/x-www-form-urlencoded", "multipart/form-data"):
        return {}
    return {name: value for name, value in (await request.post()).items() if isinstance(value, str)}


async def _note(request: web.Request, message: MessageRef, kind: EventKind, detail: str) -> None:
    """Record an event. Without Kafka it is lost, and the person still gets what they came for."""
    at = time.time()
    pack = EventPack(
        message.account, message.campaign, EMAIL, BULK, kind, "", "", 0, at,
        message.message_id, message.recipient_id, details=[detail],
        refs=[_request_id(request, kind, message, at)],
    )  # fmt: skip
    owner = ids.partition_of_message(message.message_id, request.app[SETTINGS].partitions)
    try:
        await request.app[LINK].control.produce(EVENT_RECORDED, encode(pack), partition=owner)
    except ControlError as error:
        log.warning("a %s event is lost: %s", kind, error.message)


def _request_id(request: web.Request, kind: EventKind, message: MessageRef, at: float) -> str:
    """Tells two opens of a message apart, and not the same one sent twice within a second."""
    client = f"{request.remote}|{request.headers.get('User-Agent', '')}|{kind}|{int(at)}"
    return hashlib.blake2b(client.encode() + message.message_id, digest_size=8).hexdigest()
