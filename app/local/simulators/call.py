"""A request to a simulator and its answer."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import msgspec

MOST_FIELDS = 10_000  # of a form

Form = dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class Call:
    """A request as it came. Names in *headers* are found in any case."""

    method: str
    path: str  # raw, without the prefix of the simulator: /v3/mail/send
    query: str  # raw
    headers: Mapping[str, str]
    body: bytes
    at: float
    whole_path: str  # raw, with the prefix: what the client has signed
    base: str  # scheme, host and prefix: http://127.0.0.1:8401/ses


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. *taken*: at least one message was taken, and it is in the record."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    taken: bool = False


class RefusedError(Exception):
    """The call is answered with *reply*, and does nothing."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


def json_reply(
    value: Any, status: int = 200, headers: Mapping[str, str] | None = None, *, taken: bool = False
) -> Reply:
    """*value* as JSON."""
    told = {"content-type": "application/json"} | dict(headers or {})
    return Reply(status, msgspec.json.encode(value), told, taken)


def form_in(text: str | bytes) -> Form:
    """The fields of a form or query, each with all its values; a form that cannot be read has none."""
    try:
        words = text.decode() if isinstance(text, bytes) else text
        pairs = parse_qsl(words, keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
    except ValueError:
        return {}
    found: Form = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def one(form: Form, name: str) -> str:
    """The first value of a field, "" when it is not there."""
    return form.get(name, ("",))[0]


def basic_auth(call: Call) -> tuple[str, str] | None:
    """User and password of the request, None when it has none that can be read."""
    scheme, _, coded = call.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(coded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return (user, password) if colon else None
