"""The page of one message: its story, and a picture of where the time went."""

import time

from aiohttp import web

from app import ids
from app.clickhouse import explain_queries
from app.clickhouse.key_check import WrongKeyError, read_key
from app.content.address import AddressError
from app.delivery.explain.story import Explanation
from app.web.explaining import Explaining
from app.web.keys import LINK, SETTINGS, VIEWS
from app.web.named_people import recipient_of
from app.web.pages import page
from app.web.problems import refuse
from app.web.timeline import picture_of
from app.web.visitors import seen_entry, visitor


def add_routes(router: web.UrlDispatcher) -> None:
    """Add the pages to *router*."""
    router.add_get("/messages/{id}", message)
    router.add_get("/campaigns/{id}/explain", recipient)


async def message(request: web.Request) -> web.Response:
    """The page of a message of the visitor's account; the operator sees all."""
    who, client = visitor(request), request.app[VIEWS].client
    ident = _message_id(request.match_info["id"])
    account = who.account if who.account is not None else await explain_queries.owner_of(client, ident)
    told = None
    if account is not None:
        told = await Explaining(request.app[LINK].control, client, account).message(ident)
    if told is None:
        raise refuse(
            404, "No such message",
            "nothing is recorded of it: events take some seconds, and are kept for 90 days", field="id",
        )  # fmt: skip
    return _page(told)


async def recipient(request: web.Request) -> web.Response:
    """Why the person `?to=` of a live campaign got its message, or did not."""
    entry, client = seen_entry(request), request.app[VIEWS].client
    to = request.query.get("to", "")[:320]
    try:
        person = recipient_of(to, read_key(request.app[SETTINGS].secret_path))
    except (AddressError, UnicodeError) as error:
        raise refuse(422, "Nobody", f"{to[:80]!r}: {error}", field="to") from error
    except WrongKeyError as error:
        raise refuse(503, "No key", f"{error}: the operator has to put it there") from error
    return _page(await Explaining(request.app[LINK].control, client, entry.account).person(entry, person), to)


def _message_id(text: str) -> bytes:
    try:
        ident = bytes.fromhex(text)
    except ValueError:
        ident = b""
    if len(ident) != ids.ID_BYTES:
        raise refuse(422, "Not an id", "ids of messages are 32 hex digits", field="id")
    return ident


def _page(told: Explanation, asked: str = "") -> web.Response:
    return page(
        "message.html", told=told, who=told.address or asked or told.recipient, picture=picture_of(told, time.time())
    )
