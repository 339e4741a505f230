"""Reads what a request says - path, query, headers, body - into models; what is wrong is told by field."""

import re
import types
from collections.abc import Mapping
from typing import Any, TypeVar, Union, get_args, get_origin

import orjson
from aiohttp import web
from pydantic import BaseModel, ValidationError

from app.web.problems import RefusedError, refuse
from app.web.unpacking import body_of
from app.web.wrongs import words_of

M = TypeVar("M", bound=BaseModel)
MOST_ERRORS = 50
MOST_VALUE = 10_000  # characters of one value of a query
TITLES = {400: "Bad request", 413: "Too large", 415: "Wrong media type", 422: "Invalid"}
VISIBLE = re.compile(r"[\x20-\x7e]{1,200}")


def part_of_path(request: web.Request, name: str) -> str:
    """A part of the path; 404 for one that no id looks like."""
    value = request.match_info[name]
    if not 0 < len(value) <= 200 or not value.isprintable() or not _is_unicode(value):
        raise refuse(404, "Not found", f"no {name} looks like that: ids are 1 to 200 printable characters", field=name)
    return value


def visible_header(request: web.Request, name: str) -> str:
    """A header of 1 to 200 visible ASCII characters; "" when it is not there."""
    value = request.headers.get(name)
    if value is None:
        return ""
    if not VISIBLE.fullmatch(value):
        raise refuse(400, f"Not an {name}", f"{name} takes 1 to 200 visible ASCII characters", field=name)
    return value


def query_of(model: type[M], request: web.Request) -> M:
    """The query as *model*: a name may come several times where it takes a list."""
    raw: dict[str, Any] = {}
    for name in request.query:
        values = request.query.getall(name)
        if not all(len(each) <= MOST_VALUE and _is_unicode(each) for each in [name, *values]):
            raise refuse(422, TITLES[422], f"the query must be UTF-8, {MOST_VALUE} characters a value", field=name[:50])
        raw[name] = values if len(values) > 1 or _is_list(model, name) else values[0]
    return validated(model, raw)


async def read_body(request: web.Request, most: int) -> bytes:
    """The body, of *most* bytes at most; 413 for a longer one."""
    if (request.content_length or 0) > most:
        raise too_large(most)
    raw = bytearray()
    async for piece in body_of(request):
        raw += piece
        if len(raw) > most:
            raise too_large(most)
    return bytes(raw)


def too_large(most: int) -> RefusedError:
    """413 with the limit."""
    return refuse(413, TITLES[413], f"the body may have at most {most:,} bytes here; send it in parts")


def check_media(request: web.Request, media: str) -> None:
    """415 unless the body is of *media*: one of them, where it names several."""
    if request.content_type not in media.split(", "):
        raise refuse(415, TITLES[415], f"send Content-Type: {media}", headers={"Accept-Post": media})


def json_of(raw: bytes) -> Any:
    """JSON, or 400."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise refuse(400, "Not JSON", f"the body is not JSON: {error}") from error


def validated(model: type[M], raw: object) -> M:
    """*raw* as *model*; 422 with everything that is wrong. Where the model has NAMES, its fields are called by them."""
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        raise invalid(error, model, getattr(model, "NAMES", None)) from error


def invalid(error: ValidationError, model: type[BaseModel], names: Mapping[str, str] | None = None) -> RefusedError:
    """422 with what *error* found in what is no *model*; *names* are other names of fields."""
    found = error.errors(include_url=False, include_input=False)[:MOST_ERRORS]
    errors = [{"field": _field(each["loc"], names or {}), "message": words_of(each, model)} for each in found]
    first = errors[0]
    text = f"{first['field'] or 'body'}: {first['message']}"
    return refuse(422, TITLES[422], text, field=first["field"], errors=errors)


def _field(place: tuple[int | str, ...], names: Mapping[str, str]) -> str:
    # What stands in parentheses is a form of a body that has several: no part of the request.
    parts = [text for text in map(str, place) if not text.startswith("(")]
    return renamed(".".join(parts), names)[:500]


def in_request(error: str, field: str, names: Mapping[str, str]) -> tuple[str, str]:
    """(what is wrong, field) in the words of a request, of which a command was made. *error* may begin with *field*."""
    name = renamed(field, names)
    if field and error.startswith(f"{field}: "):
        error = error.removeprefix(f"{field}: ")
        error = f"{name}: {error}" if name else error
    return error, name


def renamed(field: str, names: Mapping[str, str]) -> str:
    """*field* by the name that it, or the longest beginning of it, has in *names*; "" drops that beginning."""
    parts = field.split(".")
    for length in range(len(parts), 0, -1):
        name = names.get(".".join(parts[:length]))
        if name is not None:
            return ".".join(filter(None, [name, *parts[length:]]))
    return field


def _is_unicode(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= sign <= "\udfff" for sign in text)


def _is_list(model: type[BaseModel], name: str) -> bool:
    field = model.model_fields.get(name)
    if field is None:
        return False
    kind = field.annotation
    kinds = get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)
    return any(get_origin(each) is list for each in kinds)
