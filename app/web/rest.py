"""What a REST endpoint is: path, scope and models declared once. Routing, checks and OpenAPI come from that."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import orjson
from aiohttp import web
from pydantic import BaseModel, ValidationError

from app.control import Control
from app.things import ApiKey
from app.web.keys import LINK, VIEWS
from app.web.problems import refuse
from app.web.views import Views

B = TypeVar("B", bound=BaseModel)


@dataclass(slots=True)
class Call:
    """One request, checked: who asks, and what for."""

    request: web.Request
    key: ApiKey
    body: Any = None  # an instance of the endpoint's *body*
    query: Any = None  # an instance of the endpoint's *query*

    @property
    def account(self) -> str:
        """The account of the key: nothing of another one is seen or touched."""
        return self.key.account

    @property
    def control(self) -> Control:
        """Kafka. Raises UnreachableError while it is away."""
        return self.request.app[LINK].control

    @property
    def views(self) -> Views:
        """ClickHouse."""
        return self.request.app[VIEWS]

    def path(self, name: str) -> str:
        """A part of the path."""
        return self.request.match_info[name]


@dataclass(slots=True)
class Reply:
    """What a handler answers; *body* is a model, a dict, or None for no body."""

    body: BaseModel | dict[str, Any] | None = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


Handler = Callable[[Call], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One operation. *scope* names what a key must be allowed: "contacts", ...; for GET "read" will do."""

    method: str
    path: str
    handler: Handler
    summary: str
    scope: str
    tag: str
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    answer: type[BaseModel] | None = None
    status: int = 200
    errors: Sequence[int] = ()  # beyond 401, 403, 422, 429, 503 that every one may answer
    media: str = "application/json"  # of the request; with another one the handler reads the request itself
    keeps: bool = False  # a POST on which no plane decides: the edge files its answer under the Idempotency-Key


def add_endpoints(router: web.UrlDispatcher, endpoints: Sequence[Endpoint]) -> None:
    """Add *endpoints* to *router*."""
    for each in endpoints:
        router.add_route(each.method, each.path, _served(each))


def _served(endpoint: Endpoint) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def serve(request: web.Request) -> web.StreamResponse:
        call = Call(request, _key_of(request))
        if endpoint.query is not None:
            call.query = _model(endpoint.query, dict(request.query))
        if endpoint.body is not None and endpoint.media == "application/json":
            call.body = await _body(endpoint.body, request)
        return response_of(await endpoint.handler(call))

    return serve


def response_of(reply: Reply) -> web.Response:
    """*reply* as JSON."""
    if reply.body is None:
        return web.Response(status=reply.status, headers=reply.headers)
    shown = reply.body.model_dump(mode="json") if isinstance(reply.body, BaseModel) else reply.body
    return web.Response(
        body=orjson.dumps(shown, default=str),
        status=reply.status,
        headers=reply.headers,
        content_type="application/json",
    )


def _key_of(_request: web.Request) -> ApiKey:
    raise refuse(401, "No API key", "send Authorization: Bearer KEY; `fanfare keys create` makes one")


async def _body(model: type[B], request: web.Request) -> B:
    if request.content_type != "application/json":
        raise refuse(415, "Not JSON", "send Content-Type: application/json")
    try:
        raw = orjson.loads(await request.read())
    except orjson.JSONDecodeError as error:
        raise refuse(400, "Not JSON", f"the body is not JSON: {error}") from error
    return _model(model, raw)


def _model(model: type[B], raw: object) -> B:
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        errors = [{"field": ".".join(map(str, each["loc"])), "message": each["msg"]} for each in found[:50]]
        first = errors[0]
        raise refuse(
            422, "Invalid", f"{first['field'] or 'body'}: {first['message']}", field=first["field"], errors=errors
        ) from error
