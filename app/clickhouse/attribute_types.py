"""The types of attributes: what the values of a CSV stand for, and what types people's attributes have."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from app.things import moment_of

AttributeType = Literal["text", "number", "boolean", "date", "list", "object"]
TYPES: tuple[str, ...] = ("text", "number", "boolean", "date")  # of a column of a CSV

# A number that JSON writes in the same letters: 007, +1, 1.50 and 1e3 stay the text that they are.
_INTEGER = re.compile(r"-?(0|[1-9]\d{0,14})", re.ASCII)
_DECIMAL = re.compile(r"-?(0|[1-9]\d{0,8})\.\d{0,5}[1-9]", re.ASCII)
_NUMBER = re.compile(r"[+-]?\d{1,15}(\.\d{1,10})?", re.ASCII)
_BOOLEANS = {"true": True, "false": False}
_SAID = {"yes": True, "y": True, "1": True, "on": True, "no": False, "n": False, "0": False, "off": False}
MOST_NAMES = 1_001


def type_of(value: Any) -> AttributeType:
    """The type of one value of JSON."""
    match value:
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "date" if value[:2].isdigit() and is_date(value) else "text"
        case list():
            return "list"
        case _:
            return "object"


def types_in(people: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Name -> type of the attributes of *people*; "text" where they differ, and at most 1,001 names."""
    types: dict[str, str] = {}
    for attributes in people:
        for name, value in attributes.items():
            found = type_of(value)
            known = types.get(name)
            if known is None and len(types) < MOST_NAMES:
                types[name] = found
            elif known is not None and known != found:
                types[name] = "text"
    return types


def is_date(text: str) -> bool:
    """Whether *text* is an ISO 8601 date, or date and time."""
    try:
        moment_of(text)
    except ValueError:
        return False
    return True


def read_as(kind: str, text: str) -> str | int | float | bool | None:
    """*text* of a column of type *kind*, None when it is not of that type."""
    match kind:
        case "number":
            if _INTEGER.fullmatch(text):
                return int(text) if text != "-0" else None
            return float(text) if _DECIMAL.fullmatch(text) else None
        case "boolean":
            return _BOOLEANS.get(text.lower())
        case "date":
            return text if is_date(text) else None
    return text


def recognised(values: Iterable[str]) -> str:
    """The type that all of *values*, none of them empty, have in common; "text" for none."""
    possible = ["boolean", "number", "date"]
    for value in values:
        possible = [kind for kind in possible if read_as(kind, value) is not None]
        if not possible:
            return "text"
    return possible[0] if len(possible) < 3 else "text"


def declared(kind: str, text: str) -> str | int | float | bool | None:
    """*text* of a column that was said to be of type *kind*, in any form of it; None when it is not of that type."""
    value = read_as(kind, text)
    if value is not None:
        return value
    match kind:
        case "number":
            return float(text) if _NUMBER.fullmatch(text) else None
        case "boolean":
            return _SAID.get(text.lower())
    return None
