"""The pages: the list of campaigns, and one live page a campaign. They work without JavaScript, too."""

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app.control import describe
from app.web.api.campaigns import live_entry
from app.web.keys import FEED, LINK

HERE = Path(__file__).parent
STATIC = HERE / "static"
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


def add_routes(router: web.UrlDispatcher) -> None:
    """Add the pages and what they load to *router*."""
    router.add_get("/", campaigns)
    router.add_get("/campaigns/{id}", campaign)
    router.add_get("/static/{name}", asset)


async def campaigns(request: web.Request) -> web.Response:
    """All live campaigns."""
    control = request.app[LINK].control
    entries = sorted(control.campaigns.values(), key=lambda each: -each.created_at)
    return _page("campaigns.html", campaigns=[describe(each, control.picture(each.id)) for each in entries])


async def campaign(request: web.Request) -> web.Response:
    """The live page of one campaign."""
    picture = request.app[FEED].picture(live_entry(request))
    # Inside a script element of type application/json only "<" could end it.
    return _page("campaign.html", campaign=picture, picture=orjson.dumps(picture).decode().replace("<", "\\u003c"))


async def asset(request: web.Request) -> web.Response:
    """One vendored file; its address carries its hash, so browsers keep it for good."""
    found = _assets().get(request.match_info["name"])
    if found is None:
        raise web.HTTPNotFound
    body, kind, tag = found
    forever = request.query.get("v") == tag
    keep = "public, max-age=31536000, immutable" if forever else "no-cache"
    return web.Response(body=body, content_type=kind, charset="utf-8", headers={"Cache-Control": keep})


@cache
def _assets() -> dict[str, tuple[bytes, str, str]]:
    """Name -> body, media type, hash."""
    found = {}
    for path in STATIC.iterdir():
        if path.suffix in TYPES:
            body = path.read_bytes()
            found[path.name] = (body, TYPES[path.suffix], hashlib.blake2b(body, digest_size=6).hexdigest())
    return found


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["asset"] = lambda name: f"/static/{name}?v={_assets()[name][2]}"
    environment.filters["figure"] = lambda number: f"{number or 0:,}"
    return environment


def _page(name: str, **values: Any) -> web.Response:
    text = _templates().get_template(name).render(**values)
    return web.Response(text=text, content_type="text/html", headers={"Cache-Control": "no-store"})


def small_page(title: str, name: str, **values: Any) -> web.Response:
    """A page for people who came from a mail."""
    return _page(name, title=title, **values)
