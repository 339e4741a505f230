"""The pages: the list of campaigns, and one live page a campaign. They work without JavaScript, too."""

import hashlib
import re
from functools import cache
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from app.commands import Command, CommandKind
from app.control import describe, new_command_id
from app.delivery.why import told
from app.web.keys import FEED, LINK
from app.web.problems import refuse
from app.web.visitors import seen_entry, visitor

HERE = Path(__file__).parent
STATIC = HERE / "static"
MOST_LISTED = 500  # campaigns of the first page; GET /v1/campaigns has them all
ACTIONS: dict[str, CommandKind] = {
    "start": "campaign.start",
    "pause": "campaign.pause",
    "resume": "campaign.resume",
    "cancel": "campaign.cancel",
}
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


def add_routes(router: web.UrlDispatcher) -> None:
    """Add the pages and what they load to *router*."""
    router.add_get("/", campaigns)
    router.add_get("/campaigns/{id}", campaign)
    router.add_get("/campaigns/{id}/picture", picture)
    router.add_post("/campaigns/{id}/{action:start|pause|resume|cancel}", act)
    router.add_get("/static/{name}", asset)


async def campaigns(request: web.Request) -> web.Response:
    """The live campaigns, the newest first."""
    control, who = request.app[LINK].control, visitor(request)
    seen = [each for each in control.campaigns.values() if who.account in (None, each.account)]
    entries = sorted(seen, key=lambda each: -each.created_at)[:MOST_LISTED]
    shown = [
        describe(each, control.picture(each.id)) | {"account": each.account, "kind": each.spec.kind} for each in entries
    ]
    return page(
        "campaigns.html",
        campaigns=shown,
        several_accounts=len({each.account for each in entries}) > 1,
        operates=who.operates,
    )


async def campaign(request: web.Request) -> web.Response:
    """The live page of one campaign."""
    shown = request.app[FEED].picture(seen_entry(request))
    # Inside a script element of type application/json only "<" could end it.
    return page("campaign.html", campaign=shown, picture=orjson.dumps(shown).decode().replace("<", "\\u003c"))


async def picture(request: web.Request) -> web.Response:
    """What the live page shows, for programs of this machine."""
    body = request.app[FEED].encoded(seen_entry(request))
    return web.Response(body=body, content_type="application/json", headers={"Cache-Control": "no-store"})


async def act(request: web.Request) -> web.Response:
    """A button of the live page."""
    entry, who = seen_entry(request), visitor(request)
    if not who.acts:
        raise refuse(403, "Not allowed", "the key may look only; this needs the scope campaigns, write or admin")
    kind: CommandKind = ACTIONS[request.match_info["action"]]
    command = Command(id=new_command_id(), account=entry.account, kind=kind, campaign=entry.id, actor=who.actor)
    answer = (await request.app[LINK].control.send(command)).answer
    if answer.status >= 400:
        raise refuse(answer.status, "Refused", answer.error, allowed=answer.allowed)
    return web.json_response({"state": answer.state})


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
    environment.filters["moment"] = lambda at: told(at).replace("T", " ").replace("Z", " UTC")
    environment.filters["coded"] = lambda text: Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))
    return environment


def page(name: str, **values: Any) -> web.Response:
    """The page that the template *name* makes of *values*."""
    text = _templates().get_template(name).render(**values)
    return web.Response(text=text, content_type="text/html", headers={"Cache-Control": "no-store"})


def small_page(title: str, name: str, **values: Any) -> web.Response:
    """A page for people who came from a mail."""
    return page(name, title=title, **values)
