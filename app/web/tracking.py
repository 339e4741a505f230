"""Links in mails: the open pixel and click redirects.

Opens and clicks become events; a link that is not ours is answered with 404 and recorded nowhere.
"""

import asyncio
import base64
import time
from collections.abc import AsyncIterator

from aiohttp import web

from app.content.links import MessageRef, verify_click, verify_token
from app.delivery.reports.hits import CLICKED, OPENED, PROBED, Hit, Recent
from app.web.hit_log import HitLog
from app.web.keys import LINK, LINK_KEY, SETTINGS

# The smallest transparent GIF.
PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
NOT_KEPT = {"Cache-Control": "no-store, private", "X-Robots-Tag": "noindex"}
LONGEST_DETAIL = 500  # characters

HITS = web.AppKey("hits", HitLog)
RECENT = web.AppKey("recent", Recent)


def attach(app: web.Application) -> None:
    """Add the links to *app*, and what records them."""
    app[RECENT] = Recent()
    app.router.add_get("/o/{token}.gif", opened)
    app.router.add_get("/c/{token}/{link}", clicked)
    app.cleanup_ctx.append(_recording)


async def _recording(app: web.Application) -> AsyncIterator[None]:
    async def produce(topic: str, record: bytes, partition: int) -> None:
        await app[LINK].control.produce(topic, record, partition=partition)

    app[HITS] = HitLog(produce, app[SETTINGS].partitions)
    app[HITS].start()
    yield
    await app[HITS].stop()


async def opened(request: web.Request) -> web.Response:
    """The pixel, always: a mail must not show a broken image because Kafka is away."""
    message = verify_token(request.match_info["token"], request.app[LINK_KEY])
    if message is None:
        raise web.HTTPNotFound
    await _note(request, message, OPENED, -1, "")
    return web.Response(body=PIXEL, content_type="image/gif", headers=NOT_KEPT)


async def clicked(request: web.Request) -> web.Response:
    """A redirect to where the link was made to lead; there is no other way to get a redirect."""
    info = request.match_info
    click = verify_click(info["token"], info["link"], request.app[LINK_KEY])
    if click is None:
        raise web.HTTPNotFound
    await _note(request, click.message, CLICKED, click.index, f"{click.index} {click.target}"[:LONGEST_DETAIL])
    return web.Response(status=302, headers={"Location": click.target, **NOT_KEPT})


async def _note(request: web.Request, message: MessageRef, kind: str, link: int, detail: str) -> None:
    """Record a hit, and what it tells about those before it. Returns when Kafka has them, or after a second."""
    if request.method == "HEAD":
        kind = PROBED
    agent = request.headers.get("User-Agent", "")
    judged = request.app[RECENT].judged(Hit(message.message_id, kind, time.time(), agent, link, detail))
    if kind != PROBED:
        told = request.app[HITS].add(message, judged)
        if told is not None:
            await asyncio.shield(told)  # one for many: who hangs up must not cancel it
