"""The body of SendGrid's mail/send, and what is wrong with it.

https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

MOST_PERSONALIZATIONS = 1_000
MOST_RECIPIENTS = 1_000
MOST_CATEGORIES = 10
LONGEST_CATEGORY = 255
MOST_CUSTOM_ARGS = 10_000  # bytes
LATEST_SEND_AT = 72 * 3_600
ADDRESS = re.compile(r"[^@\s<>,;]+@[^@\s<>,;.]+(\.[^@\s<>,;.]+)+")
RESERVED = {
    "x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "content-transfer-encoding", "to", "from",
    "subject", "reply-to", "cc", "bcc",
}  # fmt: skip
ORDER = {"text/plain": 0, "text/html": 1}

Wrong = tuple[str, str]  # message and field


class _Strict(msgspec.Struct, forbid_unknown_fields=True):
    """Refuses fields that the real one does not know."""


class Address(_Strict):
    """Of a person."""

    email: str
    name: str | None = None


class Personalization(_Strict):
    """One message."""

    to: list[Address] = []
    cc: list[Address] = []
    bcc: list[Address] = []
    sender: Address | None = msgspec.field(default=None, name="from")
    subject: str | None = None
    headers: dict[str, str] = {}
    substitutions: dict[str, str] = {}
    dynamic_template_data: dict[str, Any] = {}
    custom_args: dict[str, str] = {}
    send_at: int | None = None


class Content(_Strict):
    """One version of the text."""

    type: str
    value: str


class Mail(_Strict):
    """The whole body."""

    personalizations: list[Personalization]
    sender: Address = msgspec.field(name="from")
    reply_to: Address | None = None
    reply_to_list: list[Address] = []
    subject: str | None = None
    content: list[Content] = []
    attachments: list[dict[str, Any]] = []
    template_id: str | None = None
    sections: dict[str, str] = {}
    headers: dict[str, str] = {}
    categories: list[str] = []
    custom_args: dict[str, str] = {}
    send_at: int | None = None
    batch_id: str | None = None
    asm: dict[str, Any] | None = None
    ip_pool_name: str | None = None
    mail_settings: dict[str, Any] = {}
    tracking_settings: dict[str, Any] = {}


decode = msgspec.json.Decoder(Mail).decode


def wrong_with(mail: Mail, now: float) -> Wrong | None:
    """The first thing that is wrong with *mail*."""
    for wrong in (*_shared(mail, now), _too_many(mail)):
        if wrong is not None:
            return wrong
    common = _size(mail.custom_args)
    for number, each in enumerate(mail.personalizations):
        wrong = _one_wrong(mail, each, common, now)
        if wrong is not None:
            message, field = wrong
            return message, field if field == "subject" else f"personalizations.{number}{field}"
    return None


def _shared(mail: Mail, now: float) -> Iterator[Wrong | None]:
    """What is wrong with what all messages share."""
    if not ADDRESS.fullmatch(mail.sender.email):
        yield "The from email does not contain a valid address.", "from.email"
    if not mail.template_id:
        yield _wrong_content(mail.content)
    yield _wrong_categories(mail.categories)
    yield _reserved(mail.headers, "")
    if mail.send_at is not None and mail.send_at > now + LATEST_SEND_AT:
        yield "Scheduling more than 72 hours in advance is forbidden.", "send_at"


def _wrong_content(content: list[Content]) -> Wrong | None:
    if not content:
        return "Unless a valid template_id is provided, the content parameter is required.", "content"
    if any(not each.value for each in content):
        return "The content value must be a string at least one character in length.", "content.0.value"
    kinds = [each.type for each in content]
    if sorted(kinds, key=lambda kind: ORDER.get(kind, 2)) != kinds:
        return "If present, text/plain and text/html may only be provided once, in this order.", "content"
    return None


def _wrong_categories(categories: list[str]) -> Wrong | None:
    if len(categories) > MOST_CATEGORIES:
        return f"The categories parameter must have at most {MOST_CATEGORIES} items.", "categories"
    if any(len(each) > LONGEST_CATEGORY for each in categories):
        return "A category may have at most 255 characters.", "categories"
    if len(set(categories)) != len(categories):
        return "The categories must be unique.", "categories"
    return None


def _too_many(mail: Mail) -> Wrong | None:
    many = mail.personalizations
    if not many:
        return "The personalizations field is required and must have at least one personalization.", "personalizations"
    if len(many) > MOST_PERSONALIZATIONS:
        return "The personalizations field may have at most 1000 items.", "personalizations"
    if sum(len(each.to) + len(each.cc) + len(each.bcc) for each in many) > MOST_RECIPIENTS:
        return "The total number of recipients must be no more than 1000.", "personalizations"
    return None


def _one_wrong(mail: Mail, each: Personalization, common: int, now: float) -> Wrong | None:
    """What is wrong with one message; *common*: bytes of the custom args of all."""
    if not each.to:
        return "The to array is required for all personalization objects, with at least one email.", ".to"
    if not (each.subject or mail.subject or mail.template_id):
        return "The subject is required: minimum length 1.", "subject"
    if common + _size(each.custom_args) > MOST_CUSTOM_ARGS:
        return "The total length of custom arguments must be less than 10000 bytes.", ".custom_args"
    if _size(each.substitutions) > MOST_CUSTOM_ARGS:
        return "The total length of substitutions must be less than 10000 bytes.", ".substitutions"
    if each.send_at is not None and each.send_at > now + LATEST_SEND_AT:
        return "Scheduling more than 72 hours in advance is forbidden.", ".send_at"
    return _wrong_people(each) or (_reserved(each.headers, ".") if each.headers else None)


def _wrong_people(each: Personalization) -> Wrong | None:
    fullmatch = ADDRESS.fullmatch
    for kind, people in (("to", each.to), ("cc", each.cc), ("bcc", each.bcc)):
        for at, person in enumerate(people):
            if fullmatch(person.email) is None or _wants_refusal(person.email):
                return "Does not contain a valid address.", f".{kind}.{at}.email"
    if len(each.to) == 1 and not each.cc and not each.bcc:
        return None
    everybody = [person.email.lower() for person in (*each.to, *each.cc, *each.bcc)]
    if len(set(everybody)) != len(everybody):
        return "Each email address in the personalization block should be unique between to, cc, and bcc.", ""
    return None


def _wants_refusal(address: str) -> bool:
    """Whether it is one of those that simulators refuse: refused@, refused+7@ ..."""
    return address.startswith("refused") and address[7:8] in "@+-0123456789"


def _reserved(headers: Iterable[str], before: str) -> Wrong | None:
    found = next((each for each in headers if each.lower() in RESERVED), None)
    return (
        None if found is None else (f"The header {found} is reserved and may not be set.", f"{before}headers.{found}")
    )


def _size(args: Mapping[str, str]) -> int:
    return sum(map(len, args)) + sum(map(len, args.values())) if args else 0
