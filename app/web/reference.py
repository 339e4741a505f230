"""The API page: what OpenAPI tells programs, for people. It needs no JavaScript and nothing from elsewhere."""

import json
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from aiohttp import web

from app.web.api.routes import ENDPOINTS
from app.web.openapi import ABOUT, SCHEMAS, document
from app.web.pages import page
from app.web.problems import TYPES

Schema = dict[str, Any]
MOST_CHOICES = 14  # of an enum that are spelt out


class Field(NamedTuple):
    """One line of a table of fields."""

    name: str
    type: str
    link: str  # name of the schema that tells more, "" for none
    required: bool
    text: str


class Operation(NamedTuple):
    """One endpoint as the page shows it."""

    id: str
    method: str
    path: str
    summary: str
    text: list[str]
    parameters: list[Field]
    body: Field | None
    example: str
    answers: list[Field]


def add_routes(router: web.UrlDispatcher) -> None:
    """Add the document and the page to *router*."""
    router.add_get("/openapi.json", openapi)
    router.add_get("/docs", reference)


async def openapi(_request: web.Request) -> web.Response:
    """The OpenAPI document."""
    return web.Response(body=_document(), content_type="application/json", headers={"Cache-Control": "no-cache"})


async def reference(_request: web.Request) -> web.Response:
    """The page."""
    return page("reference.html", **_shown())


@cache
def _document() -> bytes:
    return json.dumps(document(ENDPOINTS), indent=1).encode()


@cache
def _shown() -> dict[str, Any]:
    told = document(ENDPOINTS)
    operations: dict[str, list[Operation]] = {each["name"]: [] for each in told["tags"]}
    for path, methods in told["paths"].items():
        for method, each in methods.items():
            operations[each["tags"][0]].append(_operation(told, method.upper(), path, each))
    schemas = {name: _fields(schema) for name, schema in sorted(told["components"]["schemas"].items())}
    texts = {name: schema.get("description", "") for name, schema in told["components"]["schemas"].items()}
    problems = [(status, each.name, each.meaning) for status, each in sorted(TYPES.items())]
    return {
        "about": _paragraphs(ABOUT), "tags": operations, "schemas": schemas, "texts": texts, "problems": problems,
    }  # fmt: skip


def _operation(told: Schema, method: str, path: str, each: Schema) -> Operation:
    parameters = [_resolved(told, one) for one in each["parameters"]]
    body, example = None, ""
    if "requestBody" in each:
        media, content = next(iter(each["requestBody"]["content"].items()))
        text, link = _type(content["schema"])
        body = Field("body", text if link else media, link, bool(each["requestBody"]["required"]), "")
        example = json.dumps(content["example"], indent=2) if "example" in content else ""
    return Operation(
        each["operationId"], method, path, each["summary"], _paragraphs(each["description"]),
        [
            Field(one["name"], *_type(one["schema"]), bool(one.get("required")), str(one.get("description", one["in"])))
            for one in parameters
        ],
        body, example, [_answer(told, status, one) for status, one in each["responses"].items()],
    )  # fmt: skip


def _answer(told: Schema, status: str, answer: Schema) -> Field:
    found = _resolved(told, answer)
    content: Schema = next(iter(found.get("content", {}).values()), {"schema": {}})
    text, link = _type(content["schema"])
    return Field(status, text if link else "", link, False, found["description"])


def _resolved(told: Schema, part: Schema) -> Schema:
    if "$ref" not in part:
        return part
    found: Any = told
    for name in part["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return dict(found)


def _fields(schema: Schema) -> list[Field]:
    needed = schema.get("required", [])
    return [
        Field(name, *_type(each), name in needed, each.get("description", ""))
        for name, each in schema.get("properties", {}).items()
    ] or [Field("", *_type(each), False, "") for each in _choices(schema)]


def _choices(schema: Schema) -> Sequence[Schema]:
    return schema.get("anyOf") or schema.get("oneOf") or ([] if "properties" in schema else [schema])


def _type(schema: Schema) -> tuple[str, str]:
    """The type in words, and the schema to link to."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(SCHEMAS)
        return name, name
    if "enum" in schema:
        shown = [json.dumps(each) for each in schema["enum"][:MOST_CHOICES]]
        return " | ".join(shown + (["..."] if len(schema["enum"]) > MOST_CHOICES else [])), ""
    if "const" in schema:
        return json.dumps(schema["const"]), ""
    choices = schema.get("anyOf") or schema.get("oneOf")
    if choices:
        found = [_type(each) for each in choices]
        return " | ".join(dict.fromkeys(text for text, _ in found)), next((link for _, link in found if link), "")
    kind = schema.get("type", "anything")
    if kind == "array":
        text, link = _type(schema.get("items", {}))
        return f"list of {text}", link
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        text, link = _type(schema["additionalProperties"])
        return f"object of {text}", link
    return f"{kind}{_bounds(schema)}", ""


def _bounds(schema: Schema) -> str:
    words = {
        "minimum": "from", "exclusiveMinimum": "above", "maximum": "to", "exclusiveMaximum": "below",
        "maxLength": "at most", "format": "as",
    }  # fmt: skip
    told = [f"{word} {schema[name]}" for name, word in words.items() if name in schema]
    default = schema.get("default")
    if default not in (None, "", [], {}):
        told.append(f"default {json.dumps(default)}")
    return f" ({', '.join(told)})" if told else ""


def _paragraphs(text: str) -> list[str]:
    return [" ".join(each.split()) for each in text.split("\n\n") if each.strip()]
