"""Builds the edge: routes, guards, and what starts and stops with it."""

from collections.abc import AsyncIterator

from aiohttp import web

from app.control.unstored import Unstored
from app.settings import Settings
from app.topics import SUPPRESSION_COMMANDED
from app.web import hooks, live, message_pages, metrics, pages, reference, routes_page, tracking, unsubscribe
from app.web.api.routes import ENDPOINTS
from app.web.feed import Feed
from app.web.guards import add_headers, errors_in_words, only_own_pages
from app.web.importing import Importer
from app.web.keys import FEED, IMPORTER, LINK, LINK_KEY, MESSAGES, RATES, SETTINGS, UNSTORED, VIEWS
from app.web.link import Link
from app.web.message_desk import MessageDesk
from app.web.rate import KeyRates
from app.web.rest import add_endpoints
from app.web.views import Views

MOST_BYTES = 2_500_000  # of a body: html and text of a campaign may have 1 MB each


def create_edge(
    settings: Settings, link_key: bytes, views: Views | None = None, *, secret: bytes = b""
) -> web.Application:
    """The application. It connects to Kafka and ClickHouse of *settings* when it starts.

    *secret* is the key of the installation: without it there are no webhooks.
    """
    app = web.Application(
        client_max_size=MOST_BYTES,
        middlewares=[errors_in_words, only_own_pages(settings)],
        handler_args={"auto_decompress": False},  # app/web/unpacking.py does, within bounds
    )
    app[SETTINGS] = settings
    app[LINK_KEY] = link_key
    app[LINK] = Link(settings)
    app[VIEWS] = views or Views(settings)
    app[FEED] = Feed(app[LINK], app[VIEWS])
    app[RATES] = KeyRates()
    app[MESSAGES] = MessageDesk(settings, app[LINK], app[VIEWS])
    app[UNSTORED] = Unstored(settings, SUPPRESSION_COMMANDED)
    app[IMPORTER] = Importer(settings)
    app[live.VIEWERS] = live.Viewers()
    app[metrics.SCRAPED] = metrics.Scraped(settings.kafka)
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/metrics", metrics.metrics)
    app.router.add_get("/campaigns/{id}/live", live.live)
    add_endpoints(app.router, ENDPOINTS)
    pages.add_routes(app.router)
    routes_page.attach(app)
    message_pages.add_routes(app.router)
    reference.add_routes(app.router)
    unsubscribe.add_routes(app.router)
    if secret:
        hooks.attach(app, secret)
    app.on_response_prepare.append(add_headers)
    app.cleanup_ctx.append(_running)
    tracking.attach(app)  # behind _running: what ends last begins first, and hits need Kafka to the end
    app.on_shutdown.append(_send_viewers_home)
    return app


async def healthz(request: web.Request) -> web.Response:
    """200 while the edge serves; `kafka` tells whether it is connected."""
    return web.json_response({"status": "ok", "kafka": request.app[LINK].connected})


async def _running(app: web.Application) -> AsyncIterator[None]:
    await app[LINK].start()
    await app[FEED].start()
    yield
    await app[FEED].stop()
    await app[IMPORTER].stop()
    await app[UNSTORED].stop()
    await app[MESSAGES].close()
    await app[VIEWS].close()
    await app[LINK].stop()


async def _send_viewers_home(app: web.Application) -> None:
    for task in list(app[live.VIEWERS].tasks):
        task.cancel()
