"""Vonage, SMS API: requests, answers of several parts, signatures, receipts and messages that come in.

Facts: the pages of the SMS API and of signed webhooks (developer.vonage.com/en/messaging/sms), and the SDK's vectors.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from json import dumps
from typing import Any
from urllib.parse import urlencode

from app.content.sms import UCS_2, size_of
from app.content.sms_message import SmsText
from app.delivery.reports.kinds import ReportKind
from app.provider_accounts import Vonage
from app.providers import echo, keywords
from app.providers.contract import Answer, Hook, Message, Request, Secrets, Sought, Unreadable, Wish
from app.providers.meanings import accepted, outcomes_of, unread
from app.providers.probes import Probe, refused
from app.providers.reading import (
    answered,
    fields_of,
    number_in,
    objects,
    parsed,
    seconds_in,
    shown,
    whole,
    word,
    written_time,
)
from app.records import Outcome, ReceivedReport, Told

HOME = "https://rest.nexmo.com"
OLDEST = 90_000.0  # seconds: receipts are tried again for a day, with the time of the first try
AHEAD = 300.0  # seconds that Vonage's clock may be before ours

# status of a part in an answer -> what it comes to
ERRORS = {
    1: "throttle", 2: "message", 3: "message", 4: "account", 5: "trouble", 6: "message", 7: "barred", 8: "account",
    9: "account", 10: "throttle", 11: "account", 12: "message", 14: "account", 15: "sender", 22: "message",
    23: "message", 29: "not_here", 33: "recipient",
}  # fmt: skip

# status of a receipt -> what it tells
STATUSES = {
    "accepted": ReportKind.ACCEPTED, "buffered": ReportKind.ACCEPTED, "delivered": ReportKind.DELIVERED,
    "expired": ReportKind.EXPIRED, "unknown": ReportKind.FAILED, "failed": ReportKind.BOUNCED,
    "rejected": ReportKind.BLOCKED, "deleted": ReportKind.FAILED,
}  # fmt: skip
GOOD = frozenset({ReportKind.ACCEPTED, ReportKind.DELIVERED, ReportKind.UNRECOGNISED})

# err-code of a receipt -> (class, why, action)
REASONS = {
    1: ("undetermined", "", "none"), 2: ("soft", "unreachable", "retry"), 3: ("hard", "userunknown", "suppress"),
    4: ("block", "blocked", "none"), 5: ("soft", "portability", "retry"), 6: ("block", "spamdetected", "alert"),
    7: ("soft", "busy", "retry"), 8: ("soft", "network", "retry"), 9: ("hard", "userunknown", "suppress"),
    10: ("content", "invalid", "alert"), 11: ("technical", "unroutable", "alert"), 12: ("soft", "unreachable", "retry"),
    13: ("block", "age", "none"), 14: ("block", "blocked", "alert"), 15: ("account", "funds", "alert"),
    99: ("undetermined", "", "none"),
}  # fmt: skip


# -- the account


def probe_for(config: Vonage, secrets: Secrets, at: float) -> Request:
    """The balance of the account."""
    query = urlencode({"api_key": config.api_key, "api_secret": secrets.get("api_secret", "")}, errors="replace")
    address = f"{config.url.rstrip('/') or HOME}/account/get-balance?{query}"
    return Request("GET", address, {"accept": "application/json"})


def probe_told(config: Vonage, answer: Answer) -> Probe:
    """How much there is to send with."""
    no = refused(answer)
    if no is not None:
        return no
    value = answered(answer).get("value")
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e15:
        return Probe(wrong=f"this is no balance of Vonage: {shown(answer)}")
    return Probe([f"the balance is {value:,.2f} EUR"], "" if value > 0 else "there is no balance to send with")


# -- requests


def request_for(config: Vonage, secrets: Secrets, messages: Sequence[Message], at: float) -> Request:
    """Sends the first of *messages*: Vonage takes one with each request."""
    message = messages[0]
    text = message.content.text if isinstance(message.content, SmsText) else ""
    body = {
        "api_key": config.api_key, "api_secret": secrets.get("api_secret", ""),
        "from": (message.sender or config.sender).removeprefix("+"), "to": message.address.removeprefix("+"),
        "text": text, "client-ref": echo.word_of(message),
    }  # fmt: skip
    if size_of(text).encoding == UCS_2:
        body["type"] = "unicode"
    if message.callback:
        body["callback"] = message.callback
    headers = {"content-type": "application/json", "accept": "application/json"}
    return Request("POST", f"{config.url.rstrip('/') or HOME}/sms/json", headers, dumps(body).encode())


# -- answers


def result_of(messages: Sequence[Message], answer: Answer, at: float) -> list[Outcome]:
    """What became of each of *messages*. A long one has a status for each part: taken in part is neither yes nor no."""
    parts = objects(answered(answer).get("messages"))
    statuses = [_status(each) for each in parts]
    taken = [word(each.get("message-id"), 64) for each, status in zip(parts, statuses, strict=True) if status == 0]
    refused = [(each, status) for each, status in zip(parts, statuses, strict=True) if status != 0]
    if not parts or answer.status >= 300:  # it answers 200 to everything that it has read
        return unread(messages, answer, at, shown(answer))
    ref = ",".join(each for each in taken if each)[:500]
    if not refused:
        return accepted(messages, at, ref)
    worst, status = refused[0]
    told = f"{status} {word(worst.get('error-text'), 300)}".strip()
    if taken:
        detail = f"{len(taken)} of {len(parts)} parts were taken; {told}"
        return outcomes_of(messages, "lost", at, code=status, detail=detail, ref=ref)
    return outcomes_of(messages, ERRORS.get(status, "message"), at, code=status, detail=told)


def _status(part: Mapping[str, Any]) -> int:
    """The status of a part; -1 where it has none that can be read."""
    said = word(part.get("status"), 10)
    return int(said) if said.isascii() and said.isdigit() else -1


# -- webhooks


def hook_id(hook: Hook) -> str:
    """The nonce that Vonage signs: a request that comes again has the same."""
    return word(signed_fields(hook.query, hook.body).get("nonce"), 64)


def verified(config: Vonage, secrets: Secrets, hook: Hook, at: float) -> str:
    """Why *hook* is not what Vonage signed; "" where it is, or where the route has no secret to check it with."""
    secret = secrets.get("signature_secret", "")
    if not secret:
        return ""
    fields = signed_fields(hook.query, hook.body)
    signature = fields.get("sig", "")
    if not signature:
        return "the signature is missing"
    if not hmac.compare_digest(
        signature_of(secret, config.signature_method, fields).encode(), signature.lower().encode("utf-8", "replace")
    ):
        return "the signature is of other fields, or of another secret"
    age = at - seconds_in(fields.get("timestamp"), 0.0)
    return "" if -AHEAD <= age <= OLDEST else "it is too old, or has no time"


def unsigned(_: Vonage, secrets: Secrets) -> bool:
    """Whether anybody who knows the address of the webhooks may post to it."""
    return not secrets.get("signature_secret", "")


def signature_of(secret: str, method: str, fields: Mapping[str, str]) -> str:
    """sig of *fields*: sorted by name, "&" and "=" in values as "_"."""
    text = "".join(
        f"&{name}={value.replace('&', '_').replace('=', '_')}"
        for name, value in sorted(fields.items())
        if name != "sig"
    ).encode("utf-8", "replace")
    if method == "md5hash":
        return hashlib.md5(text + secret.encode(), usedforsecurity=False).hexdigest()
    return hmac.digest(secret.encode(), text, method).hex()


def signed_fields(query: str, body: bytes) -> dict[str, str]:
    """The fields of a webhook, wherever the account has them sent: in the query, as a form, or as JSON."""
    document = parsed(body) if body[:1].strip() in (b"{", b"") and body.strip() else None
    if isinstance(document, dict):
        return {**fields_of(query), **{name: _as_text(value) for name, value in document.items()}}
    return {**fields_of(query), **fields_of(body)}


def _as_text(value: Any) -> str:
    return "true" if value is True else "false" if value is False else word(value, 10_000)


# -- reports


def events_in(config: Vonage, received: ReceivedReport) -> list[Told | Wish | Unreadable]:
    """What a receipt, or a message that came in, tells."""
    fields = signed_fields(received.query, received.body)
    ref = word(fields.get("messageId") or fields.get("message-id"), 64)
    status = word(fields.get("status"), 50).lower()
    message, attempt = echo.message_in(fields.get("client-ref"))
    if not status and fields.get("msisdn") and ("text" in fields or "keyword" in fields):
        return [_wish(fields, ref, received.at)]
    if not status or not (ref or message):
        return [
            Unreadable(
                "names no message, or no status of it", received.body or received.query.encode("utf-8", "replace")
            )
        ]
    kind = STATUSES.get(status, ReportKind.UNRECOGNISED)
    code = whole(fields.get("err-code"))
    klass, reason, action = "", "", "none"
    if kind not in GOOD:
        klass, reason, action = REASONS.get(code, ("undetermined", "", "none"))
        if kind == ReportKind.BLOCKED and klass not in ("block", "content", "account"):
            klass, action = "block", "none"  # a carrier's no is none of the number
        if kind in (ReportKind.EXPIRED, ReportKind.FAILED) and action == "suppress":
            action = "none"
    at = written_time(fields.get("message-timestamp"), received.at)
    return [
        Told(
            message, kind, at, attempt, ref, klass, reason, code, action=action, event=f"{ref}|{status}"[:200],
            detail=f"network {word(fields.get('network-code'), 20)}" if fields.get("network-code") else "", said=status,
        )
    ]  # fmt: skip


def _wish(fields: Mapping[str, str], ref: str, at: float) -> Wish:
    address, text = number_in(fields.get("msisdn")), word(fields.get("text") or fields.get("keyword"))
    when = written_time(fields.get("message-timestamp"), at)
    return Wish(keywords.wish_in(text, address), "sms", address, when, text, number_in(fields.get("to")), ref)


# -- look-ups


def lookup_for(config: Vonage, secrets: Secrets, sought: Sought, at: float) -> Request | None:
    """None: its reports on single messages are another product, which not every account has."""
    return None
