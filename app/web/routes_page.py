"""The page of routes: which carry messages and how fast, who is slowed down and why, what is used of limits."""

import asyncio
import time
from typing import Any

import orjson
from aiohttp import web

from app.clickhouse.client import ClickHouse, ClickHouseError
from app.control import Control
from app.delivery.limits.words import words
from app.delivery.reports.words import told_of
from app.routes import LimitStatus, Notice, RouteStatus
from app.web.keys import LINK, VIEWS
from app.web.notices_seen import NoticeFilter, seen_notices
from app.web.pages import page
from app.web.problems import refuse
from app.web.visitors import visitor

NOTICES_SECONDS = 2.0  # between two reads of ClickHouse, for all viewers
MOST_LIMITS, MOST_NOTICES = 200, 30
STALE_SECONDS = 25.0  # pacing tells all each 10 s

SEEN: web.AppKey["SeenNotices"] = web.AppKey("seen_notices")


class SeenNotices:
    """The newest notices as they were read last: a page is better late by one picture than stuck."""

    def __init__(self) -> None:
        self._read_at = float("-inf")
        self._found: list[Notice] | None = []
        self._task: asyncio.Task[None] | None = None

    def newest(self, control: Control, client: ClickHouse) -> list[Notice] | None:
        """The newest notices; None while ClickHouse is away. A fresh read is begun when the last one is old."""
        if time.monotonic() - self._read_at >= NOTICES_SECONDS and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._read(control, client), name="edge-notices")
        return self._found

    async def stop(self, _: web.Application) -> None:
        """End a read that is under way."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _read(self, control: Control, client: ClickHouse) -> None:
        try:
            self._found = await seen_notices(client, control.tail.overlay, NoticeFilter(), limit=MOST_NOTICES)
        except ClickHouseError:
            self._found = None
        self._read_at = time.monotonic()


def attach(app: web.Application) -> None:
    """Add the page to *app*."""
    seen = app[SEEN] = SeenNotices()
    app.on_shutdown.append(seen.stop)
    app.router.add_get("/routes", routes)
    app.router.add_get("/routes/picture", picture)


async def routes(request: web.Request) -> web.Response:
    """The page."""
    _check(request)
    shown = _picture(request)
    # Inside a script element of type application/json only "<" could end it.
    return page("routes.html", shown=shown, picture=orjson.dumps(shown).decode().replace("<", "\\u003c"))


async def picture(request: web.Request) -> web.Response:
    """What the page shows, for programs."""
    _check(request)
    body = orjson.dumps(_picture(request))
    return web.Response(body=body, content_type="application/json", headers={"Cache-Control": "no-store"})


def _check(request: web.Request) -> None:
    """403 for who must not see what accounts share."""
    if not visitor(request).operates:
        raise refuse(403, "Not allowed", "routes are the operator's: this needs a key with the scope operator")


def _picture(request: web.Request) -> dict[str, Any]:
    control = request.app[LINK].control
    notices = request.app[SEEN].newest(control, request.app[VIEWS].client)
    return routes_picture(control, time.time()) | {
        "notices": None if notices is None else [each.model_dump() for each in notices]
    }


def routes_picture(control: Control, now: float) -> dict[str, Any]:
    """Routes, the senders that are held back, and limits, as pacing told them last."""
    told = sorted(control.tail.route_status.values(), key=lambda each: each.route)
    total = sum(each.speed for each in told)
    senders = {(each.pool, each.group): each for route in told for each in route.senders}
    return {
        "at": now,
        "live": any(now - each.at < STALE_SECONDS for each in told),
        "routes": [_route(each, total) for each in told],
        "senders": [senders[key].model_dump() for key in sorted(senders)],
        "limits": [_limit(each) for each in _fullest(control.tail.limit_status.values())],
    }


def _route(status: RouteStatus, total: float) -> dict[str, Any]:
    share = round(status.speed / total, 4) if total else 0.0
    return status.model_dump(exclude={"senders"}) | {
        "share": share, "slowed": len(status.senders), "reports_told": told_of(status),
    }  # fmt: skip


def _limit(status: LimitStatus) -> dict[str, Any]:
    return status.model_dump() | {"share": _used(status), "words": words(status.name)}


def _used(status: LimitStatus) -> float:
    """How full a limit is, from 0 to 1."""
    taken = status.used if status.used is not None else status.on_the_way
    return min(1.0, taken / status.most) if taken and status.most else 0.0


def _fullest(limits: Any) -> list[LimitStatus]:
    found = sorted(limits, key=lambda each: (-_used(each), each.name))
    return found[:MOST_LIMITS]
