"""Reads what comes from outside without ever raising: JSON, forms, words, numbers and times of any shape."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from app.providers.contract import Answer, Hook

MOST_FIELDS = 500  # of a form
_DIGITS = re.compile(r"\+?[0-9]{7,15}", re.ASCII)
_WHOLE = re.compile(r"[+-]?[0-9]{1,15}", re.ASCII)
_UNFIT = re.compile("[\x00\ud800-\udfff]")  # what neither UTF-8 nor a column takes
FIRST, LAST = 946_684_800.0, 4_102_444_800.0  # 2000 to 2100: a time outside is none


def parsed(raw: bytes) -> Any:
    """The value of a JSON text; None where it cannot be read. Lots of reports are large, and msgspec is quick."""
    try:
        return msgspec.json.decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        pass  # NaN, numbers out of range and the like are no JSON, and are sent all the same
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None


def an_object(value: Any) -> Mapping[str, Any]:
    """*value* where it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def inside(value: Any, *names: str) -> Mapping[str, Any]:
    """The object at the path *names* of *value*, an empty one where there is none."""
    for name in names:
        value = an_object(value).get(name)
    return an_object(value)


def objects(value: Any) -> list[Mapping[str, Any]]:
    """The objects in a JSON list; none of anything else."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def word(value: Any, most: int = 500) -> str:
    """A text, or a number as text, of at most *most* characters; "" for anything else."""
    if isinstance(value, str):
        return _UNFIT.sub("\ufffd", value[:most])
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) < 10**15 else ""
    return str(value)[:most] if isinstance(value, float) and abs(value) < 1e15 else ""


def whole(value: Any) -> int:
    """A whole number, also one that is written as text; 0 for anything else, and for what no column takes."""
    said = word(value, 20).strip()
    found = int(said) if _WHOLE.fullmatch(said) else 0
    return found if abs(found) < 2**31 else 0


def fields_of(raw: bytes | str) -> dict[str, str]:
    """The fields of a form, the last of each name; none of one that cannot be read."""
    return dict(pairs_of(raw))


def pairs_of(raw: bytes | str) -> list[tuple[str, str]]:
    """The fields of a form, in their order; none of one that cannot be read."""
    try:
        text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw
        return parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="replace")
    except ValueError:
        return []


def hook_query(hook: Hook) -> dict[str, str]:
    """The fields of the query of a webhook."""
    return fields_of(hook.query)


def number_in(value: Any) -> str:
    """A phone number as E.164, from digits with or without "+"; what is none stays: a sender id, a short code."""
    said = word(value, 50).strip()
    return f"+{said.lstrip('+')}" if _DIGITS.fullmatch(said) else said


def within(at: float, otherwise: float) -> float:
    """*at* where it is a time of this century, else *otherwise*."""
    return at if FIRST <= at <= LAST else otherwise


def seconds_in(value: Any, otherwise: float) -> float:
    """Seconds since 1970, also as text; *otherwise* where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return otherwise
    try:
        return within(float(value), otherwise)
    except (ValueError, OverflowError):
        return otherwise


def written_time(value: Any, otherwise: float, hours: float = 0.0) -> float:
    """Seconds since 1970 of "2026-05-22 09:58:16", with an offset or *hours* east of UTC; *otherwise* for no time."""
    said = word(value, 40).strip()
    try:
        read = datetime.fromisoformat(re.sub(r" (?=[+-]\d{4}$)", "", said))
        zone = timezone(timedelta(hours=hours)) if hours else UTC
        return within((read if read.tzinfo else read.replace(tzinfo=zone)).timestamp(), otherwise)
    except (ValueError, OverflowError):
        return otherwise


def mail_time(value: Any, otherwise: float) -> float:
    """Seconds since 1970 of an RFC 2822 date; *otherwise* where it is none."""
    try:
        return within(parsedate_to_datetime(word(value, 60)).timestamp(), otherwise)
    except (ValueError, TypeError, IndexError, OverflowError):
        return otherwise


def answered(answer: Answer) -> Mapping[str, Any]:
    """The JSON object of an answer, empty where it is none."""
    return an_object(parsed(answer.body))


def shown(answer: Answer) -> str:
    """An answer that is no document of the provider's, in a few words."""
    text = word(answer.body[:300].decode("utf-8", "replace"), 300)
    return f"HTTP {answer.status} {' '.join(text.split())}".strip()
