"""Cursors of lists: where a page ends, as text that clients send back unread."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

import orjson
from pydantic import Field, StringConstraints

from app.specs import Strict
from app.web.problems import RefusedError, refuse

Row = TypeVar("Row")
MOST_NUMBER = 10_000_000_000_000  # milliseconds until the year 2286, and more rows than there are


class PageQuery(Strict):
    """Query of a list. Endpoints add their filters."""

    cursor: Annotated[str, StringConstraints(max_length=2_000)] = Field(
        default="", description="`next` of the page before; empty for the first page"
    )
    limit: int = Field(default=100, ge=1, le=1_000, description="Rows of a page")


def encode(*values: str | float) -> str:
    """A cursor that holds *values*."""
    return base64.urlsafe_b64encode(orjson.dumps(values)).decode().rstrip("=")


def following(rows: Sequence[Row], limit: int, place: Callable[[Row], tuple[str | float, ...]]) -> str:
    """The cursor behind the first *limit* of *rows*, of which one more was asked for; "" when there are no more."""
    return encode(*place(rows[limit - 1])) if len(rows) > limit else ""


def decode(cursor: str, *kinds: type) -> tuple[Any, ...] | None:
    """The values of *cursor*, of the types *kinds*; None for "", which is the first page. 400 for what is no cursor."""
    if not cursor:
        return None
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        values = orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (UnicodeEncodeError, binascii.Error, orjson.JSONDecodeError):
        values = None
    if not isinstance(values, list) or len(values) != len(kinds) or not all(map(_is, values, kinds)):
        raise no_cursor()
    return tuple(kind(value) for value, kind in zip(values, kinds, strict=True))


def no_cursor() -> RefusedError:
    """400 for a cursor that this list has not given."""
    return refuse(400, "Not a cursor", "send `next` of the page before as it was, or no cursor", field="cursor")


def _is(value: object, kind: type) -> bool:
    if isinstance(value, str):
        return kind is str and not any(ord(sign) < 32 for sign in value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return kind in (float, type(value)) and 0 <= value < MOST_NUMBER
