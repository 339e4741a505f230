"""The OpenAPI 3.1 document of the REST API, generated from the table of endpoints and their models."""

import re
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from app.web.problems import MEDIA_TYPE, TYPES
from app.web.rest import JSON, Endpoint

Schema = dict[str, Any]
SCHEMAS = "#/components/schemas/"
EVERYWHERE = (400, 401, 403, 422, 429, 503)  # may be answered by every endpoint
ARTICLES = {"a", "an", "the", "of", "to", "where"}

ABOUT = """Campaigns, their people and their messages.

Every request brings an API key: `Authorization: Bearer fk_...`. Errors are problem details (RFC 9457). Every POST takes
an `Idempotency-Key`: the same key and body get the same answer for 24 hours, another body 422. What an answer with
`Fanfare-Position` wrote is read by every request that sends that header back, at any edge.
"""

PROBLEM: Schema = {
    "type": "object",
    "title": "Problem",
    "description": "Problem details (RFC 9457): what went wrong, where, and how to mend it",
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "description": "Explained on the API page"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "field": {"type": "string", "description": "The field, parameter or header at fault"},
        "errors": {
            "type": "array",
            "description": "422: everything that is wrong",
            "items": {
                "type": "object",
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
                "required": ["field", "message"],
            },
        },
        "allowed": {
            "type": "array", "items": {"type": "string"}, "description": "409: what the present state does allow",
        },
        "state": {"type": "string", "description": "409: the present state"},
        "advice": {"type": "string"},
        "request_id": {"type": "string", "description": "The same as the header Request-Id"},
    },
    "required": ["type", "title", "status"],
}  # fmt: skip

HEADERS: dict[str, Schema] = {
    "Request-Id": {"description": "Names the request in logs", "schema": {"type": "string"}},
    "RateLimit-Limit": {"description": "Requests at once", "schema": {"type": "integer"}},
    "RateLimit-Remaining": {"description": "Requests that are left now", "schema": {"type": "integer"}},
    "RateLimit-Reset": {"description": "Seconds until all are left again", "schema": {"type": "integer"}},
    "Fanfare-Position": {"description": "Where the write lies: send it back to read it", "schema": {"type": "string"}},
    "ETag": {"description": "Revision, for If-Match", "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer"}},
}
PARAMETERS: dict[str, Schema] = {
    "Idempotency-Key": {
        "name": "Idempotency-Key", "in": "header",
        "description": "Names the request: repeated, it gets the same answer and does nothing twice",
        "schema": {"type": "string", "pattern": "^[!-~]{1,200}$"},
    },
    "If-Match": {
        "name": "If-Match", "in": "header",
        "description": "Only if the thing still has this ETag, else 412",
        "schema": {"type": "string", "pattern": '^("[1-9][0-9]{0,8}"|\\*)$'},
    },
    "Fanfare-Position": {
        "name": "Fanfare-Position", "in": "header",
        "description": "Wait until this edge has read so far (5 s at most, then 412)",
        "schema": {"type": "string", "pattern": "^[a-z]+\\.[a-z]+/[0-9]{1,4}:[0-9]{1,15}$"},
    },
}  # fmt: skip


def document(endpoints: Sequence[Endpoint]) -> Schema:
    """The whole document."""
    schemas, named = _schemas(endpoints)
    paths: dict[str, Any] = {}
    for each in endpoints:
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(each, named, schemas)
    queries = {id(each.query) for each in endpoints if each.query}
    for (model, _), ref in named.items():
        if id(model) in queries:
            schemas.pop(ref.removeprefix(SCHEMAS), None)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Fanfare", "version": "1", "summary": "Delivers campaigns", "description": ABOUT},
        "servers": [{"url": "/"}],
        "security": [{"key": []}],
        "tags": [{"name": name} for name in dict.fromkeys(each.tag for each in endpoints)],
        "paths": paths,
        "components": {
            "schemas": {"Problem": PROBLEM, **schemas},
            "responses": {f"Problem{status}": _problem(status) for status in TYPES},
            "parameters": PARAMETERS,
            "headers": HEADERS,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "An API key: fk_..."}},
        },
    }


def operation_id(endpoint: Endpoint) -> str:
    """A name for the operation, made of its summary."""
    words = re.findall(r"[a-z]+", endpoint.summary.lower())
    return "_".join([endpoint.method.lower(), *(each for each in words if each not in ARTICLES)])


def statuses(endpoint: Endpoint) -> list[int]:
    """Every error that *endpoint* may answer with."""
    found = {*EVERYWHERE, *endpoint.errors, 412}
    if endpoint.method != "GET":
        found.add(504)
    if endpoint.method in ("POST", "PUT", "PATCH"):
        found |= {413, 415}
    return sorted(found)


Named = dict[tuple[type[BaseModel], JsonSchemaMode], str]


def _schemas(endpoints: Sequence[Endpoint]) -> tuple[dict[str, Schema], Named]:
    wanted: dict[tuple[type[BaseModel], JsonSchemaMode], None] = {}
    for each in endpoints:
        for model in (each.body, each.query):
            if model is not None:
                wanted[model, "validation"] = None
        if each.answer is not None:
            wanted[each.answer, "serialization"] = None
    refs, found = models_json_schema(list(wanted), ref_template=SCHEMAS + "{model}")
    return found.get("$defs", {}), {key: str(ref["$ref"]) for key, ref in refs.items()}  # type: ignore[misc]


def _operation(endpoint: Endpoint, named: Named, schemas: dict[str, Schema]) -> Schema:
    said = re.sub(r"[ \t]*\n[ \t]*", "\n", (endpoint.handler.__doc__ or "").strip())
    operation: Schema = {
        "operationId": operation_id(endpoint),
        "summary": endpoint.summary,
        "description": f"{said}\n\nScope: {_scopes(endpoint)}.",
        "tags": [endpoint.tag],
        "parameters": _parameters(endpoint, named, schemas),
        "responses": {str(endpoint.status): _answer(endpoint, named)}
        | {str(status): {"$ref": f"#/components/responses/Problem{status}"} for status in statuses(endpoint)},
    }
    if 202 not in (endpoint.status, *endpoint.errors) and endpoint.path.endswith(("/pause", "/cancel")):
        operation["responses"]["202"] = _answer(endpoint, named)
    body = _body(endpoint, named)
    return operation | ({"requestBody": body} if body else {})


def _scopes(endpoint: Endpoint) -> str:
    if endpoint.scope in ("admin", "operator"):
        return endpoint.scope
    return ", ".join([endpoint.scope, *(["read"] if endpoint.method == "GET" else []), "write or admin"])


def _parameters(endpoint: Endpoint, named: Named, schemas: dict[str, Schema]) -> list[Schema]:
    found: list[Schema] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1, "maxLength": 200}}
        for name in re.findall(r"{(\w+)}", endpoint.path)
    ]
    if endpoint.query is not None:
        model = schemas[named[endpoint.query, "validation"].removeprefix(SCHEMAS)]
        for name, schema in model["properties"].items():
            shown = {key: value for key, value in schema.items() if key not in ("title", "description")}
            told = {"description": schema["description"]} if "description" in schema else {}
            found.append({
                "name": name, "in": "query", "required": name in model.get("required", []), "schema": shown, **told,
            })  # fmt: skip
    headers = ["Fanfare-Position"]
    if endpoint.method == "POST":
        headers.append("Idempotency-Key")
    if 412 in endpoint.errors:
        headers.append("If-Match")
    return found + [{"$ref": f"#/components/parameters/{name}"} for name in headers]


def _body(endpoint: Endpoint, named: Named) -> Schema | None:
    if endpoint.media != JSON:
        text = {"schema": {"type": "string"}}
        return {"required": True, "content": dict.fromkeys(endpoint.media.split(", "), text)}
    if endpoint.body is None:
        return None
    content: Schema = {"schema": {"$ref": named[endpoint.body, "validation"]}}
    if endpoint.example is not None:
        content["example"] = dict(endpoint.example)
    return {"required": not endpoint.optional, "content": {JSON: content}}


def _answer(endpoint: Endpoint, named: Named) -> Schema:
    names = ["Request-Id", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"]
    names += ["Fanfare-Position"] if endpoint.method != "GET" else []
    answer: Schema = {
        "description": endpoint.summary,
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in names},
    }
    if endpoint.answer is not None:
        answer["content"] = {JSON: {"schema": {"$ref": named[endpoint.answer, "serialization"]}}}
    elif endpoint.status not in (204, 304):
        answer["content"] = {JSON: {"schema": {"type": "object"}}}
    return answer


def _problem(status: int) -> Schema:
    headers = ["Request-Id", *(["Retry-After"] if status in (429, 503, 504) else [])]
    return {
        "description": TYPES[status].meaning,
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in headers},
        "content": {MEDIA_TYPE: {"schema": {"$ref": SCHEMAS + "Problem"}}},
    }
