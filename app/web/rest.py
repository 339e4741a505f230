"""What a REST endpoint is: path, scope and models declared once. Routing, checks and OpenAPI come from that."""

import hashlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web
from pydantic import BaseModel, ValidationError

from app.commands import Command, CommandKind, Kept
from app.control import Control, Done, new_command_id
from app.things import ApiKey
from app.web import etags, idempotency, positions
from app.web.auth import bearer, check_scope, is_new
from app.web.keys import LINK, RATES, VIEWS
from app.web.problems import refuse
from app.web.reading import (
    check_media,
    in_request,
    invalid,
    json_of,
    part_of_path,
    query_of,
    read_body,
    too_large,
    validated,
    visible_header,
)
from app.web.unpacking import body_of
from app.web.views import Views

JSON = "application/json"
MOST_BYTES = 2_000_000  # of a body, where an endpoint says nothing else
ANSWER_HEADERS = web.RequestKey("answer_headers", dict[str, str])  # that its answer gets, be it a problem
NEVER_SENT = {"kind": "", "actor": ""}  # fields of a command that a path or a key stands for
TITLES = {404: "Not found", 409: "Conflict", 412: "Precondition failed", 413: "Too large", 422: "Invalid"}


@dataclass(slots=True)
class Call:
    """One request, checked: who asks, and what for."""

    request: web.Request
    key: ApiKey
    body: Any = None  # an instance of the endpoint's *body*
    query: Any = None  # an instance of the endpoint's *query*
    raw: bytes = b""  # the body as it came, unless the handler reads it
    command_id: str = ""  # the Idempotency-Key, or one made up where none came
    most_bytes: int = MOST_BYTES
    hashed: Any = None  # grows with what `chunks` read

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

    @property
    def fingerprint(self) -> str:
        """Hash of API key, method, path and body: the same Idempotency-Key with another one is refused."""
        asked = f"{self.key.id} {self.request.method} {self.request.path_qs}\n"
        start = hashlib.blake2b(asked.encode(), digest_size=16)
        start.update(self.raw if self.hashed is None else self.hashed.digest())
        return start.hexdigest()

    def path(self, name: str) -> str:
        """A part of the path."""
        return part_of_path(self.request, name)

    def if_match(self) -> int | None:
        """The revision that the thing must have: for `match` of a command."""
        return etags.revision_in(self.request.headers.get("If-Match"))

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body bit by bit, for endpoints that take more than fits into memory. 413 past the limit."""
        if (self.request.content_length or 0) > self.most_bytes:
            raise too_large(self.most_bytes)
        self.hashed, seen = hashlib.blake2b(digest_size=16), 0
        async for chunk in body_of(self.request):
            seen += len(chunk)
            if seen > self.most_bytes:
                raise too_large(self.most_bytes)
            self.hashed.update(chunk)
            yield chunk

    async def command(self, kind: CommandKind, *, names: Mapping[str, str] | None = None, **fields: Any) -> Done:
        """Ask the owner for *kind* and wait until this edge can read what it wrote. A refusal is raised as a problem.

        *names* are what fields of the command, or all that begins with one, are called in this request.
        """
        try:
            asked = {"id": self.command_id, "account": self.account, "kind": kind, "actor": self.key.id} | fields
            command = Command.model_validate(asked)
        except ValidationError as error:
            raise invalid(error, Command, names) from error
        done = await self.control.send(command)
        answer = done.answer
        if answer.field == "id" and answer.status == 422:
            raise idempotency.reused()
        if answer.status >= 400:
            text, field = in_request(answer.error, answer.field, NEVER_SENT | dict(names or {}))
            raise refuse(
                answer.status, TITLES.get(answer.status, "Refused"), text,
                field=field, state=answer.state, allowed=answer.allowed,
            )  # fmt: skip
        await positions.await_answer(self.control, answer, self.request[ANSWER_HEADERS])
        return done


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
    media: str = JSON  # of the request, or several divided by ", "; another one the handler reads itself (Call.chunks)
    keeps: bool = False  # a POST on which no plane decides: the edge files its answer under the Idempotency-Key
    most_bytes: int = MOST_BYTES  # of the body
    optional: bool = False  # a body need not be sent: an empty one is {}
    example: Mapping[str, Any] | None = None  # of the body


def add_endpoints(router: web.UrlDispatcher, endpoints: Sequence[Endpoint]) -> None:
    """Add *endpoints* to *router*, with HEAD for each GET, and OPTIONS."""
    methods: dict[str, list[str]] = {}
    for each in endpoints:
        served = _served(each)
        for method in ("GET", "HEAD") if each.method == "GET" else (each.method,):
            router.add_route(method, each.path, served)
            methods.setdefault(each.path, ["OPTIONS"]).append(method)
    for path, known in methods.items():
        router.add_route("OPTIONS", path, _options(", ".join(sorted(known))))


def _options(allow: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def options(_request: web.Request) -> web.Response:
        return web.Response(status=204, headers={"Allow": allow})

    return options


def _served(endpoint: Endpoint) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def serve(request: web.Request) -> web.StreamResponse:
        control = request.app[LINK].control
        key = await _key(request, control)
        allowance = request.app[RATES].take(key, time.monotonic())
        request[ANSWER_HEADERS] = allowance.headers
        if allowance.wait:
            raise refuse(429, "Too many requests", f"{key.rate:g} a second; wait {allowance.wait} s")
        check_scope(key, endpoint.method, endpoint.scope)
        call = await _call(endpoint, request, key)
        await positions.await_header(control, request.headers.get(positions.HEADER))
        return response_of(await _reply(endpoint, call), request)

    return serve


async def _key(request: web.Request, control: Control) -> ApiKey:
    """The key of who asks. One that was made a moment ago may not have been heard of yet."""
    header = request.headers.get("Authorization")
    if is_new(header, control.tail.keys):
        await control.tail.hear_keys()
    return bearer(header, control.tail.keys, time.time())


async def _call(endpoint: Endpoint, request: web.Request, key: ApiKey) -> Call:
    call = Call(request, key, most_bytes=endpoint.most_bytes)
    call.command_id = (endpoint.method == "POST" and visible_header(request, "Idempotency-Key")) or new_command_id()
    if endpoint.query is not None:
        call.query = query_of(endpoint.query, request)
    if endpoint.media != JSON:
        check_media(request, endpoint.media)
        return call
    if endpoint.method in ("GET", "DELETE"):
        return call
    call.raw = await read_body(request, endpoint.most_bytes)
    if endpoint.body is not None:
        if call.raw or not endpoint.optional:
            check_media(request, JSON)
        call.body = validated(endpoint.body, json_of(call.raw or b"{}") if call.raw or endpoint.optional else None)
    return call


async def _reply(endpoint: Endpoint, call: Call) -> Reply:
    if not endpoint.keeps or "Idempotency-Key" not in call.request.headers:
        return await endpoint.handler(call)
    control, account, key = call.control, call.account, call.command_id
    kept = await idempotency.kept_answer(control, account, key)
    if kept is None:
        reply = await endpoint.handler(call)
        kept = Kept(hash=call.fingerprint, status=reply.status, body=shown(reply) or {}, headers=reply.headers)
        kept = await idempotency.keep(control, account, key, kept)
    elif endpoint.media != JSON:
        async for _ in call.chunks():  # only to know whether it is the same
            pass
    idempotency.check_same(kept, call.fingerprint)
    return Reply(kept.body or None, kept.status, kept.headers)


def shown(reply: Reply) -> dict[str, Any] | None:
    """The body of *reply* as JSON has it."""
    return reply.body.model_dump(mode="json") if isinstance(reply.body, BaseModel) else reply.body


def response_of(reply: Reply, request: web.Request) -> web.Response:
    """*reply* as JSON; 304 for who has it already."""
    if reply.status == 200 and etags.is_known(request.headers.get("If-None-Match"), reply.headers.get("ETag")):
        return web.Response(status=304, headers=reply.headers)
    body = shown(reply)
    if body is None:
        return web.Response(status=reply.status, headers=reply.headers)
    return web.Response(
        body=orjson.dumps(body, default=str), status=reply.status, headers=reply.headers, content_type=JSON
    )
