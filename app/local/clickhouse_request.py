"""From the parts of an HTTP request to a statement for the engine: address, headers, body."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import IO

from app.local import clickhouse_body
from app.local.clickhouse_engine import Statement
from app.local.clickhouse_errors import SYNTAX_ERROR, TOO_LARGE, refusal
from app.local.clickhouse_sql import Insert, first_word, insert_in

LARGEST_TEXT = 64 << 20  # bytes of a statement without the data of an INSERT ... FORMAT
LARGEST_HEAD = 256 << 10  # the FORMAT clause of an INSERT must have come by then

# Parameters that speak to the interface; every other one is a setting for the engine.
INTERFACE = frozenset(
    [
        "query",
        "database",
        "user",
        "password",
        "default_format",
        "query_id",
        "session_id",
        "session_timeout",
        "session_check",
        "quota_key",
        "role",
        "stacktrace",
        "buffer_size",
        "wait_end_of_query",
        "compress",
        "decompress",
        "client_protocol_version",
        "enable_http_compression",
        "send_progress_in_http_headers",
        "http_headers_progress_interval_ms",
        "add_http_cors_header",
        "cancel_http_readonly_queries_on_client_close",
    ]
)


def statement_of(
    text: bytes, body: IO[bytes] | None, encoding: str, output: str, fields: Mapping[str, str]
) -> Statement:
    """The statement of a request: it may begin in the address (*text*) and go on in the *body*.

    The data of an INSERT ... FORMAT stays a stream. Raises EngineError for an empty or oversized statement.
    """
    data = clickhouse_body.chunks(body, encoding) if body else iter(())
    head, insert = text, insert_in(text)
    while insert is None and len(head) < LARGEST_HEAD:
        chunk = next(data, b"")
        if not chunk:
            break
        head = head + b"\n" + chunk if head is text and text else head + chunk
        insert = insert_in(head[:LARGEST_HEAD])
    if insert:
        rest = head[insert.data_at :]
        return _statement(head[: insert.data_at], insert, chain([rest] if rest else [], data), output, fields)
    whole = b"".join(_bounded(chain([head], data)))
    if not first_word(whole):
        raise refusal(SYNTAX_ERROR, "SYNTAX_ERROR", "Syntax error: failed at position 1 (end of query): Empty query")
    return _statement(whole, None, (), output, fields)


def _bounded(data: Iterable[bytes]) -> Iterator[bytes]:
    size = 0
    for chunk in data:
        size += len(chunk)
        if size > LARGEST_TEXT:
            raise refusal(TOO_LARGE, "TOO_MANY_BYTES", f"a statement may have {LARGEST_TEXT} bytes")
        yield chunk


def _statement(
    text: bytes, insert: Insert | None, data: Iterable[bytes], output: str, fields: Mapping[str, str]
) -> Statement:
    params = {name[6:]: value for name, value in fields.items() if name.startswith("param_")}
    settings = {
        name: value for name, value in fields.items() if name not in INTERFACE and not name.startswith("param_")
    }
    return Statement(text, insert, data, fields.get("database", ""), output, settings, params)
