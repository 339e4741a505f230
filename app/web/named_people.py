"""People as requests name them: by email address, phone number, or the recipient id that events and messages hold."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from app import ids
from app.content.address import AddressError, wire_address
from app.content.phone import WRITE, PhoneError, phone_of

_ID = re.compile(r"[0-9a-f]{32}")
_PHONE = re.compile(r"\+[\d\s()./-]{3,40}")
_DIGITS = re.compile(r"[\d\s()./-]{3,40}|\d+([.,]\d+)?[eE]\+?\d+")


@dataclass(frozen=True, slots=True)
class Unnamed:
    """A value that names nobody: the *index*-th of the request."""

    index: int
    value: str
    reason: str


@dataclass(slots=True)
class NamedPeople:
    """Recipient id -> how it was written first, in the order of the request; and what names nobody."""

    people: dict[bytes, str] = field(default_factory=dict)
    problems: list[Unnamed] = field(default_factory=list)


def named_people(values: Iterable[str], secret: bytes, channel: str = "") -> NamedPeople:
    """The people that *values* name. With a *channel* only those whom it may reach: an address has no SMS."""
    found = NamedPeople()
    for index, value in enumerate(values):
        try:
            _check_channel(value.strip(), channel)
            found.people.setdefault(recipient_of(value, secret), value.strip())
        except AddressError as error:
            found.problems.append(Unnamed(index, value[:320], str(error)))
    return found


def _check_channel(value: str, channel: str) -> None:
    """Raises AddressError for who is not reached by *channel* ("": any). An id may be of either kind."""
    if channel == "email" and _PHONE.fullmatch(value):
        raise AddressError("a phone number gets no email: name a channel of phones, or none")
    if channel not in ("", "email") and "@" in value:
        raise AddressError(f"an email address is not reached by {channel}: name the phone number, or no channel")


def recipient_of(value: str, secret: bytes) -> bytes:
    """The recipient id of an address or a phone number, or the one that *value* is in hex. Raises AddressError."""
    value = value.strip()
    if _ID.fullmatch(value.lower()):
        return bytes.fromhex(value)
    if _PHONE.fullmatch(value):
        return ids.recipient_id(secret, ids.PHONE, phone_of(value).number)
    if _DIGITS.fullmatch(value):
        raise PhoneError(f"a phone number begins with + and its country code: {WRITE}")
    return ids.recipient_id(secret, "email", ids.normalise_email(wire_address(value)))
