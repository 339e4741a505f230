"""ClickHouse's HTTP interface over the embedded engine: routes, login, headers, errors."""

import asyncio
import base64
import binascii
import hmac
import json
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import IO

from aiohttp import web
from aiohttp.typedefs import Handler

from app.local import clickhouse_body
from app.local.clickhouse_engine import Answer, Engine
from app.local.clickhouse_errors import (
    AUTHENTICATION_FAILED,
    NOT_IMPLEMENTED,
    READONLY,
    TOO_MANY_SIMULTANEOUS_QUERIES,
    EngineError,
    refusal,
)
from app.local.clickhouse_request import statement_of
from app.local.clickhouse_sql import READS, SESSION, first_word

THREADS = 6  # statements that run at once
MOST_WAITING = 256
SESSION_TIMEOUT = 60.0  # seconds

CONTENT_TYPES = {
    "JSON": "application/json; charset=UTF-8",
    "JSONCompact": "application/json; charset=UTF-8",
    "JSONEachRow": "application/x-ndjson; charset=UTF-8",
    "CSV": "text/csv; charset=UTF-8; header=absent",
    "CSVWithNames": "text/csv; charset=UTF-8; header=present",
    "TabSeparated": "text/tab-separated-values; charset=UTF-8",
    "TSV": "text/tab-separated-values; charset=UTF-8",
    "Native": "application/octet-stream",
    "RowBinary": "application/octet-stream",
    "Parquet": "application/octet-stream",
}
READ_ONLY = (
    "Cannot execute query in readonly mode. For queries over HTTP, method GET implies readonly. "
    "You should use method POST for modifying queries"
)

ENGINE = web.AppKey("engine", Engine)
POOL = web.AppKey("pool", ThreadPoolExecutor)
WAITING: web.AppKey[set[asyncio.Future[Answer]]] = web.AppKey("waiting", set)
LOGIN: web.AppKey[tuple[str, str]] = web.AppKey("login", tuple)


def create_interface(engine: Engine, user: str = "default", password: str = "") -> web.Application:
    """The web application that serves *engine* to whoever says *user* and *password*."""
    app = web.Application(middlewares=[_tell_errors])
    app[ENGINE] = engine
    app[POOL] = ThreadPoolExecutor(THREADS, thread_name_prefix="statement")
    app[WAITING] = set()
    app[LOGIN] = (user, password)
    app.router.add_get("/ping", _alive)
    app.router.add_get("/replicas_status", _alive)
    app.router.add_get("/", _get)
    app.router.add_post("/", _post)
    app.on_cleanup.append(_end)
    return app


async def _end(app: web.Application) -> None:
    # What runs is finished: the engine must not be closed under it.
    await asyncio.to_thread(app[POOL].shutdown, cancel_futures=True)
    await asyncio.to_thread(app[ENGINE].close)


@web.middleware
async def _tell_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except EngineError as error:
        text = f"{error.text} (version {request.app[ENGINE].version} (chDB))\n"
        headers = {"X-ClickHouse-Exception-Code": str(error.code), "X-ClickHouse-Query-Id": _query_id(request.query)}
        return web.Response(status=error.status, text=text, headers=headers)


async def _alive(_request: web.Request) -> web.Response:
    return web.Response(text="Ok.\n")


async def _get(request: web.Request) -> web.Response:
    text = request.query.get("query", "").encode()
    if not text:
        return await _alive(request)
    _check_login(request)
    if first_word(text) not in READS | SESSION:
        raise refusal(READONLY, "READONLY", READ_ONLY)
    return await _answer(request, text, None, request.query)


async def _post(request: web.Request) -> web.Response:
    _check_login(request)
    if request.content_type == "multipart/form-data":
        return await _post_form(request)
    if request.query.get("decompress", "0") not in ("", "0"):
        raise refusal(NOT_IMPLEMENTED, "NOT_IMPLEMENTED", "decompress=1 is not supported here: use Content-Encoding")
    with await clickhouse_body.spool(request.content) as body:
        return await _answer(request, request.query.get("query", "").encode(), body, request.query)


async def _post_form(request: web.Request) -> web.Response:
    """The statement and its parameters as fields of a form: what clients do when an address cannot hold them."""
    fields = dict(request.query)
    for name, value in (await request.post()).items():
        if not isinstance(value, str):
            raise refusal(NOT_IMPLEMENTED, "NOT_IMPLEMENTED", "the embedded engine takes no external tables")
        fields[name] = value
    return await _answer(request, fields.get("query", "").encode(), None, fields)


async def _answer(request: web.Request, text: bytes, body: IO[bytes] | None, fields: Mapping[str, str]) -> web.Response:
    waiting = request.app[WAITING]
    if len(waiting) >= MOST_WAITING:
        name = "TOO_MANY_SIMULTANEOUS_QUERIES"
        raise refusal(TOO_MANY_SIMULTANEOUS_QUERIES, name, f"Too many simultaneous queries. Maximum: {MOST_WAITING}")
    engine = request.app[ENGINE]
    encoding = request.headers.get("Content-Encoding", "").lower()
    output = fields.get("default_format") or request.headers.get("X-ClickHouse-Format") or "TabSeparated"
    work = asyncio.get_running_loop().run_in_executor(
        request.app[POOL], _execute, engine, text, body, encoding, output, fields
    )
    waiting.add(work)
    work.add_done_callback(waiting.discard)
    answer = await work
    return web.Response(body=answer.body, headers=_headers(engine, answer, fields))


def _execute(
    engine: Engine, text: bytes, body: IO[bytes] | None, encoding: str, output: str, fields: Mapping[str, str]
) -> Answer:
    """In a thread of the pool: all that may take time."""
    statement = statement_of(text, body, encoding, output, fields)
    session = fields.get("session_id")
    if not session:
        return engine.execute(statement)
    keep = float(fields.get("session_timeout") or SESSION_TIMEOUT)
    return engine.execute_in_session(session, statement, keep, fields.get("session_check") == "1")


def _headers(engine: Engine, answer: Answer, fields: Mapping[str, str]) -> dict[str, str]:
    summary = {
        "read_rows": answer.read_rows,
        "read_bytes": answer.read_bytes,
        "written_rows": answer.written_rows,
        "written_bytes": answer.written_bytes,
        "elapsed_ns": int(answer.seconds * 1e9),
    }
    headers = {
        "X-ClickHouse-Query-Id": _query_id(fields),
        "X-ClickHouse-Server-Display-Name": "fanfare",
        "X-ClickHouse-Timezone": engine.timezone,
        # The server's numbers are strings, too.
        "X-ClickHouse-Summary": json.dumps({name: str(value) for name, value in summary.items()}),
        "Content-Type": CONTENT_TYPES.get(answer.format, "text/plain; charset=UTF-8"),
    }
    if answer.format:
        headers["X-ClickHouse-Format"] = answer.format
    return headers


def _query_id(fields: Mapping[str, str]) -> str:
    return fields.get("query_id") or str(uuid.uuid4())


def _check_login(request: web.Request) -> None:
    user, password = request.app[LOGIN]
    said_user, said_password = _login_of(request)
    if said_user != user or not hmac.compare_digest(said_password.encode(), password.encode()):
        why = f"{said_user}: Authentication failed: password is incorrect, or there is no user with such name"
        raise refusal(AUTHENTICATION_FAILED, "AUTHENTICATION_FAILED", why)


def _login_of(request: web.Request) -> tuple[str, str]:
    """User and password as the request says them: basic authentication, headers or parameters."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "basic":
        try:
            user, _, password = base64.b64decode(token).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return "", ""
        return user or "default", password
    if "X-ClickHouse-User" in request.headers:
        return request.headers["X-ClickHouse-User"], request.headers.get("X-ClickHouse-Key", "")
    return request.query.get("user", "default"), request.query.get("password", "")
