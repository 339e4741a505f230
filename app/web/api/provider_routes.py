"""Provider routes over REST: set, removed, taken out of service and put back by the operator, with how they stand."""

from typing import Any, Literal

from pydantic import Field

from app.routes import Route, RouteStatus
from app.specs import Strict
from app.web.api.moments_shown import When, iso
from app.web.etags import etag
from app.web.problems import refuse
from app.web.reading import validated
from app.web.rest import Call, Endpoint, Reply

SCOPE, TAG = "operator", "Routes"
NAMES = {"route": "", "thing": "name", "match": "If-Match"}


class StatusShown(Strict):
    """How a route stands, as pacing told a moment ago."""

    state: Literal["closed", "open", "half_open", "disabled"] = Field(description="Of its breaker; open takes nothing")
    since: When | None
    until: When | None = Field(description="Open: when it is probed")
    reason: str
    speed: float = Field(description="Messages answered a second, of late")
    on_the_way: int
    senders: list[dict[str, Any]] = Field(description="Where a mailbox provider has slowed its pool down")


class RouteShown(Route):
    """A route, and how it stands."""

    status: StatusShown | None = Field(description="null: nothing was heard of it lately")
    notes: list[str] = Field(default_factory=list, description="What else a change brings")


class RouteList(Strict):
    """All routes by name. None: mail goes over the server of FANFARE_SMTP_HOST."""

    routes: list[RouteShown]


class RouteBody(Route):
    """A route as it is from now on: what is not sent has its default. What a GET shows may be sent back."""

    name: str = Field(default="", description="As in the path, or left out")
    revision: int = Field(default=1, description="Not read: send If-Match")
    status: Any = Field(default=None, description="Not read")
    notes: Any = Field(default=None, description="Not read")


class Why(Strict):
    """Why, for those who look at it later."""

    reason: str = Field(default="", max_length=500)


async def list_routes(call: Call) -> Reply:
    """All routes by name, and how each stands."""
    routes = sorted(call.control.tail.routes.values(), key=lambda each: each.name)
    return Reply({"routes": [_shown(call, each) for each in routes]})


async def get_route(call: Call) -> Reply:
    """One route. Its ETag is the revision to send with If-Match."""
    return _reply(call, _found(call))


async def set_route(call: Call) -> Reply:
    """Store the whole route, or put another in its place (If-Match: only that revision). Fallbacks must be there first.

    It counts within a second, for campaigns that run as well. 201 when it is new.
    """
    body: RouteBody = call.body
    name = call.path("name")
    if body.name not in ("", name):
        raise refuse(422, "Invalid", f"the path says {name!r}, the body {body.name!r}: leave it out", field="name")
    route = validated(Route, body.model_dump(exclude={"status", "notes", "revision"}) | {"name": name})
    done = await call.command("route.set", route=route, match=call.if_match(), names=NAMES)
    answer = done.answer
    return _reply(call, Route.model_validate(answer.thing), answer.notes, answer.status)


async def remove_route(call: Call) -> Reply:
    """204. Refused while others name it as a fallback. What is under way over it finishes."""
    await call.command("route.delete", thing=call.path("name"), match=call.if_match(), names=NAMES)
    return Reply(status=204)


async def open_route(call: Call) -> Reply:
    """Take a route out of service by hand, as its breaker would. It stays so until it is put back."""
    return await _by_hand(call, "route.open")


async def close_route(call: Call) -> Reply:
    """Put a route back into service; its breaker watches it again."""
    return await _by_hand(call, "route.close")


async def _by_hand(call: Call, kind: Literal["route.open", "route.close"]) -> Reply:
    why: Why = call.body
    await call.command(kind, thing=call.path("name"), reason=why.reason, names=NAMES)
    # Pacing tells how the route stands only later: what it told before would contradict this.
    return Reply({"name": call.path("name"), "in_service": kind == "route.close"})


def _found(call: Call) -> Route:
    name = call.path("name")
    route = call.control.tail.routes.get(name)
    if route is None:
        raise refuse(404, "Not found", f"there is no route {name!r}; GET /v1/routes lists those there are")
    return route


def _reply(call: Call, route: Route, notes: list[str] | None = None, status: int = 200) -> Reply:
    return Reply(_shown(call, route) | {"notes": notes or []}, status, {"ETag": etag(route.revision)})


def _shown(call: Call, route: Route) -> dict[str, Any]:
    status = call.control.tail.route_status.get(route.name)
    return route.model_dump(mode="json") | {"status": _status(status), "notes": []}


def _status(status: RouteStatus | None) -> dict[str, Any] | None:
    if status is None:
        return None
    told = status.model_dump(mode="json", exclude={"route", "at", "since", "until"})
    return told | {"since": iso(status.since or None), "until": iso(status.until or None)}


class InService(Strict):
    """What an order by hand has left."""

    name: str
    in_service: bool = Field(description="As it is from now on; GET shows a moment later how the route stands")


_PATH = "/v1/routes"
_ONE = _PATH + "/{name}"
_EXAMPLE = {
    "provider": "example", "pool": "warm", "tiers": ["engaged"], "weight": 2, "fallbacks": ["relay-2"],
    "smtp": {"host": "smtp.example.com", "port": 587, "user": "fanfare", "password": "env:RELAY_1_PASSWORD"},
}  # fmt: skip

ENDPOINTS = [
    Endpoint("GET", _PATH, list_routes, "Provider routes", SCOPE, TAG, answer=RouteList),
    Endpoint("GET", _ONE, get_route, "One route", SCOPE, TAG, answer=RouteShown, errors=(404,)),
    Endpoint("PUT", _ONE, set_route, "Set a route", SCOPE, TAG,
             body=RouteBody, answer=RouteShown, errors=(409, 412), most_bytes=500_000, example=_EXAMPLE),
    Endpoint("DELETE", _ONE, remove_route, "Remove a route", SCOPE, TAG, status=204, errors=(404, 409, 412)),
    Endpoint("POST", _ONE + "/open", open_route, "Take a route out of service", SCOPE, TAG,
             body=Why, optional=True, answer=InService, errors=(404,), example={"reason": "maintenance"}),
    Endpoint("POST", _ONE + "/close", close_route, "Put a route back into service", SCOPE, TAG,
             body=Why, optional=True, answer=InService, errors=(404,)),
]  # fmt: skip
