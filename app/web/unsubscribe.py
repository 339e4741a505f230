"""Leaving: a page that asks in the recipient's language, and one-click unsubscribing (RFC 8058). Only a POST acts."""

import asyncio
import time

from aiohttp import web

from app.content.links import MessageRef, verify_token
from app.control.suppressions import packs_of, publish
from app.delivery.outcomes import EventKind
from app.delivery.reports.hits import Hit
from app.web.keys import LINK, LINK_KEY, SETTINGS
from app.web.pages import small_page
from app.web.problems import refuse
from app.web.tracking import HITS, NOT_KEPT
from app.web.words import direction_of, language_of, words_in

MOST_BYTES = 10_000  # of a form
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


def add_routes(router: web.UrlDispatcher) -> None:
    """Add the page to *router*."""
    router.add_get("/u/{token}", ask)
    router.add_post("/u/{token}", leave)


async def ask(request: web.Request) -> web.Response:
    """A page with a button. Opening it changes nothing: mail scanners follow links (RFC 8058, section 3.1)."""
    _message_of(request)
    return _page(request, left=False)


async def leave(request: web.Request) -> web.Response:
    """One-click, or the button: no more mail of this account to this recipient."""
    message = _message_of(request)
    form = await _form(request)
    one_click = form.get("List-Unsubscribe", "").strip().lower() == "one-click"
    if not one_click and "leave" not in form:
        text = "send List-Unsubscribe=One-Click as a form (RFC 8058), or press the button of the page"
        raise refuse(400, "Not an unsubscription", text, field="List-Unsubscribe")
    await _leave(request, message, "one-click" if one_click else "page")
    return web.Response(text="unsubscribed\n", headers=NOT_KEPT) if one_click else _page(request, left=True)


async def _leave(request: web.Request, message: MessageRef, source: str) -> None:
    """First the suppression: whoever asked to leave must be off even if we die before the event.

    Without Kafka this fails, so that a mailbox provider posts it again; a repeat does no harm.
    """
    at = time.time()
    packs = packs_of(
        [message.recipient_id], request.app[SETTINGS].partitions, op="add", scope="account",
        scope_id=message.account, reason="unsubscribed", source=source, at=at,
    )  # fmt: skip
    await publish(request.app[LINK].control, list(packs))
    told = request.app[HITS].add(message, [Hit(message.message_id, EventKind.UNSUBSCRIBED, at, detail=source)])
    if told is not None:
        await asyncio.shield(told)


def _message_of(request: web.Request) -> MessageRef:
    message = verify_token(request.match_info["token"], request.app[LINK_KEY])
    if message is None:
        raise web.HTTPNotFound
    return message


async def _form(request: web.Request) -> dict[str, str]:
    if (request.content_length or 0) > MOST_BYTES:
        raise refuse(413, "Too large", f"the form may have at most {MOST_BYTES:,} bytes")
    if request.content_type not in FORMS:
        return {}
    try:
        return {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
    except (ValueError, AssertionError) as error:  # multipart that is none
        raise refuse(400, "Not a form", "the body cannot be read as a form") from error


def _page(request: web.Request, *, left: bool) -> web.Response:
    language = language_of(request.query.get("l", ""), request.headers.get("Accept-Language", ""))
    words = words_in(language)
    response = small_page(
        words["done_title" if left else "title"], "unsubscribe.html",
        words=words, language=language, direction=direction_of(language), left=left,
    )  # fmt: skip
    response.headers.update(NOT_KEPT)
    response.headers["Content-Language"] = language
    return response
