"""Twilio SendGrid, API v3.

https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send (requests, limits),
https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event (reports) and
.../tracking-events/getting-started-event-webhook-security-features (their signature).
"""

import binascii
import json
import re
from base64 import b64decode
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import quote

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from app.content.email_parts import EmailParts, Placeholders, Wording
from app.delivery.outcomes import Kind
from app.delivery.reports.kinds import ReportKind
from app.provider_accounts import SendGrid
from app.providers.contract import AccountNews, Answer, Hook, Message, Request, Secrets, Sought, Unreadable
from app.providers.echo import sought_in
from app.providers.email_words import ACTIONS, class_of, code_in, excuse_in, status_in
from app.providers.http_answers import MOST_DETAIL, failure
from app.providers.probes import Probe, refused
from app.providers.reading import an_object, objects, parsed, seconds_in, whole, word, written_time
from app.records import Outcome, ReceivedReport, Told

HOME = "https://api.sendgrid.com"
MOST_TOGETHER = 1_000
MOST_VALUES = 9_500  # bytes of substitutions and their placeholders, of the 10,000 that a recipient can have
MOST_EVENTS = 20_000  # of one webhook
OLDEST, YOUNGEST = 26 * 3_600.0, 600.0  # seconds; a webhook is repeated for a day
MARK = Placeholders("%fanfare.")

# What SendGrid sets itself, and refuses to be told.
RESERVED = frozenset({
    "x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "content-transfer-encoding", "to", "from",
    "subject", "reply-to", "cc", "bcc",
})  # fmt: skip
_PERSON = re.compile(r"personalizations\.(\d{1,4})(?:\.(to|headers|substitutions|custom_args|subject))?", re.ASCII)
_ENCODE = msgspec.json.Encoder().encode

_OFF = {"enable": False}
_TRACKING = {
    "click_tracking": {"enable": False, "enable_text": False},
    "open_tracking": _OFF,
    "subscription_tracking": _OFF,
}


# -- the account


def probe_for(config: SendGrid, secrets: Secrets, at: float) -> Request:
    """What the key may do."""
    return Request("GET", f"{config.url or HOME}/v3/scopes", {"Authorization": f"Bearer {secrets.get('api_key', '')}"})


def probe_told(config: SendGrid, answer: Answer) -> Probe:
    """Whether the key may send."""
    no = refused(answer)
    if no is not None:
        return no
    scopes = an_object(parsed(answer.body)).get("scopes")
    if not isinstance(scopes, list):
        return Probe(wrong="this is no answer of SendGrid")
    return Probe([f"the key may do {len(scopes)} things"], "" if "mail.send" in scopes else "the key may not send mail")


# -- sending


def together(config: SendGrid, message: Message) -> object | None:
    """The wording of a message that may share a request with others of its wording; None for one that goes alone."""
    parts = message.content
    if not config.batch or not isinstance(parts, EmailParts) or not _is_shared(parts.wording):
        return None
    size = 0
    for value in parts.values:
        if not MARK.clear(value):
            return None
        size += (len(value) if value.isascii() else len(value.encode())) + 16
    return parts.wording if size <= MOST_VALUES else None


@lru_cache(maxsize=500)
def _is_shared(wording: Wording) -> bool:
    """Whether *wording* has fixed text, which can be taken for no placeholder."""
    pieces = wording.text + wording.html
    return any(isinstance(piece, str) for piece in pieces) and MARK.clear_in(pieces)


def request_for(config: SendGrid, secrets: Secrets, messages: Sequence[Message], at: float) -> Request:
    """The request that sends *messages*: one, or several that have the same wording."""
    first: EmailParts = messages[0].content
    wording = first.wording
    body: dict[str, Any] = {"from": _person(wording.from_email, wording.from_name)}
    if len(messages) == 1:
        body["personalizations"] = [_personalization(messages[0])]
        body["content"] = _content(first.text, first.html)
    else:
        body["personalizations"] = [_substituted(message) for message in messages]
        body["content"] = _worded(wording)
    if wording.reply_to:
        body["reply_to"] = {"email": wording.reply_to}
    body["headers"] = _allowed(wording.headers)
    body["categories"] = [messages[0].campaign[:255]] if messages[0].campaign else []
    body["tracking_settings"] = _TRACKING  # links and pixel are ours
    if config.ip_pool:
        body["ip_pool_name"] = config.ip_pool
    if config.test:
        body["mail_settings"] = {"sandbox_mode": {"enable": True}}
    headers = {"Authorization": f"Bearer {secrets['api_key']}", "Content-Type": "application/json"}
    return Request("POST", f"{config.url or HOME}/v3/mail/send", headers, _ENCODE(body))


def _person(email: str, name: str) -> dict[str, str]:
    return {"email": email, "name": name} if name else {"email": email}


def _personalization(message: Message) -> dict[str, Any]:
    parts: EmailParts = message.content
    return {
        "to": [{"email": parts.to}],
        "subject": parts.subject,
        "headers": _allowed(parts.headers),
        "custom_args": {"msg_id": message.message_id.hex(), "attempt": str(message.attempt)},
    }


def _substituted(message: Message) -> dict[str, Any]:
    """The first value is the subject, which is none of the text."""
    values = message.content.values
    substitutions = {MARK.of(place): values[place] for place in range(1, len(values))}
    return {**_personalization(message), "substitutions": substitutions}


def _content(text: str, html: str) -> list[dict[str, str]]:
    plain = {"type": "text/plain", "value": text or " "}  # an empty part is refused
    return [plain, {"type": "text/html", "value": html}] if html else [plain]


@lru_cache(maxsize=100)
def _worded(wording: Wording) -> list[dict[str, str]]:
    return _content(MARK.text(wording.text), MARK.text(wording.html))


def _allowed(headers: Sequence[tuple[str, str]]) -> dict[str, str]:
    return {name: value for name, value in headers if name.lower() not in RESERVED}


# -- answers


def result_of(messages: Sequence[Message], answer: Answer, at: float) -> list[Outcome]:
    """What became of *messages*. Where some of a batch are at fault, the others were not sent: they are RETURNED."""
    if answer.status in (200, 202):
        ref = answer.headers.get("x-message-id", "")[:200]
        return [Outcome(Kind.ACCEPTED, at, answer.status, "", "", ref)] * len(messages)
    errors = objects(an_object(parsed(answer.body)).get("errors"))
    words = "; ".join(word(error.get("message")) for error in errors)[:MOST_DETAIL]
    if answer.status == 400:
        return _refused(messages, errors, words, at)
    if answer.status == 401 and "credit" in words.lower():
        return [Outcome(Kind.THROTTLED, at, 401, "account", words)] * len(messages)
    return [failure(answer, at, words, own=bool(errors))] * len(messages)


def _refused(messages: Sequence[Message], errors: Sequence[Mapping[str, Any]], words: str, at: float) -> list[Outcome]:
    """A 400 names what it does not like, and sends nothing. Where it does not, each message finds out alone."""
    faults: dict[int, Outcome] = {}
    for error in errors:
        named = _PERSON.match(word(error.get("field")))
        if named is not None and int(named[1]) < len(messages):
            kind, klass = (Kind.REFUSED, "hard") if named[2] == "to" else (Kind.BLOCKED, "content")
            faults.setdefault(int(named[1]), Outcome(kind, at, 400, klass, word(error.get("message"))))
    if not faults and (len(messages) == 1 or any(word(error.get("field")) for error in errors)):
        return [Outcome(Kind.BLOCKED, at, 400, "content", words or "answered 400")] * len(messages)
    returned = Outcome(Kind.RETURNED, at, 400, "", "another message of the same request was refused")
    return [faults.get(number, returned) for number in range(len(messages))]


# -- webhooks


def verified(config: SendGrid, secrets: Secrets, hook: Hook, at: float) -> str:
    """ "" when one of the keys has signed *hook* of late, else why it is not believed."""
    if not config.webhook_keys:
        return "the route names no webhook_keys"
    stamp = hook.headers.get("x-twilio-email-event-webhook-timestamp", "")
    if not (stamp.isascii() and stamp.isdecimal() and len(stamp) <= 11):
        return "no timestamp"
    if not -OLDEST <= int(stamp) - at <= YOUNGEST:
        return "the timestamp is too old, or in the future"
    try:
        signature = b64decode(hook.headers.get("x-twilio-email-event-webhook-signature", ""), validate=True)
    except (binascii.Error, ValueError):
        return "the signature cannot be read"
    signed = stamp.encode() + hook.body
    if any(_signs(key, signature, signed) for key in config.webhook_keys):
        return ""
    return "the signature is wrong"


def _signs(key: str, signature: bytes, signed: bytes) -> bool:
    loaded = _key(key)
    if loaded is None:
        return False
    try:
        loaded.verify(signature, signed, ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


@lru_cache(maxsize=100)
def _key(key: str) -> EllipticCurvePublicKey | None:
    """The public key of base64, with or without PEM armour."""
    bare = "".join(line for line in key.split() if "-" not in line and line not in ("BEGIN", "END", "PUBLIC", "KEY"))
    try:
        loaded = load_der_public_key(b64decode(bare, validate=True))
    except (binascii.Error, ValueError, UnsupportedAlgorithm):
        return None
    return loaded if isinstance(loaded, EllipticCurvePublicKey) else None


# -- reports

# event -> what it tells; bounce and dropped have tables of their own
EVENTS: dict[str, ReportKind] = {
    "processed": ReportKind.ACCEPTED,
    "deferred": ReportKind.DEFERRED,
    "delivered": ReportKind.DELIVERED,
    "open": ReportKind.OPENED,
    "click": ReportKind.CLICKED,
    "spamreport": ReportKind.COMPLAINED,
    "unsubscribe": ReportKind.UNSUBSCRIBED,
    "group_unsubscribe": ReportKind.UNSUBSCRIBED,
    "group_resubscribe": ReportKind.RESUBSCRIBED,
}

# first word of bounce_classification -> class; "Mailbox" depends on the status
CLASSIFICATIONS = {
    "invalid": "hard", "technical": "soft", "content": "content", "reputation": "block", "frequency": "block",
    "mailbox": "hard",
}  # fmt: skip

# reason of a drop -> (what it tells, class, reason): what the recipient did comes before what we did
DROPS: dict[str, tuple[ReportKind, str, str]] = {
    "bounced address": (ReportKind.BLOCKED, "suppressed", "bounced"),
    "unsubscribed address": (ReportKind.BLOCKED, "suppressed", "unsubscribed"),
    "spam reporting address": (ReportKind.BLOCKED, "suppressed", "complained"),
    "invalid": (ReportKind.BOUNCED, "hard", "userunknown"),
    "invalid smtpapi header": (ReportKind.FAILED, "content", "header"),
    "spam content": (ReportKind.FAILED, "content", "spamdetected"),
    "recipient list over package quota": (ReportKind.FAILED, "account", "quota"),
}

Found = Told | AccountNews | Unreadable


class Event(msgspec.Struct, gc=False):
    """What counts of one event of a webhook. Ours of custom_args stand between the fields of SendGrid."""

    event: str
    timestamp: float | str = 0.0
    msg_id: str = ""
    attempt: str | int = 0
    sg_message_id: str = ""
    sg_event_id: str = ""
    reason: str = ""
    response: str = ""
    status: str = ""
    bounce_classification: str = ""
    type: str = ""
    sg_machine_open: bool = False
    url: str = ""


_EVENTS = msgspec.json.Decoder(list[Event])
_ODD = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])", re.ASCII)  # may be a text that nothing can store
_ATTEMPTS = {str(number): number for number in range(100)}


def events_in(config: SendGrid, received: ReceivedReport) -> Sequence[Found]:
    """What a webhook, or the answer to a look-up, tells."""
    if received.source == "lookup":
        return _looked_up(parsed(received.body), received)
    events = _typed(received.body)
    if events is not None:
        return [_found(event, received.at) for event in events]
    found = parsed(received.body)
    if not isinstance(found, list):
        return [Unreadable("no JSON list of events", received.body)]
    told = [_event(each, received.at) for each in found[:MOST_EVENTS]]
    if len(found) > MOST_EVENTS:
        told.append(Unreadable(f"more than {MOST_EVENTS} events in one request", received.body))
    return told


def _typed(body: bytes) -> list[Event] | None:
    """The events of a body in which all is as documented: nearly every one. Four times as quick as one by one."""
    if _ODD.search(body):
        return None
    try:
        events = _EVENTS.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    return events if len(events) <= MOST_EVENTS else None


def _event(event: object, at: float) -> Found:
    """One event of a body in which something is not as documented."""
    if not isinstance(event, dict) or not isinstance(event.get("event"), str):
        return Unreadable("an event without its kind", _raw(event))
    moment = event.get("timestamp")
    texts = {name: word(event.get(name), most) for name, most in _LONGEST.items()}
    name = event.get("msg_id")
    return _found(
        Event(
            word(event["event"], 100), moment if isinstance(moment, float | str) else seconds_in(moment, 0.0),
            name if isinstance(name, str) else "", whole(event.get("attempt")),
            sg_machine_open=event.get("sg_machine_open") is True, **texts,
        ),
        at, event,
    )  # fmt: skip


_LONGEST = {
    "sg_message_id": 300, "sg_event_id": 200, "reason": 500, "response": 500, "status": 20,
    "bounce_classification": 50, "type": 500, "url": 2_000,
}  # fmt: skip


def _found(event: Event, at: float, raw: object = None) -> Found:
    """What *event* tells; *raw* is the object that it was, where its fields are not all there was."""
    said = event.event[:100]
    at = seconds_in(event.timestamp, at)
    if said == "account_status_change":
        change = event.type[:500] or "something"
        text = f"SendGrid changed the status of the account: {change}"[:MOST_DETAIL]
        return AccountNews(text, at, "alert", event.sg_event_id[:200])
    message, attempt = _message_of(event)
    ref = ref_in(event.sg_message_id[:300])
    if not message and not ref:
        return Unreadable("an event that names no message", _raw(msgspec.to_builtins(event) if raw is None else raw))
    told = Told(
        message, EVENTS.get(said, ReportKind.UNRECOGNISED), at, attempt, ref, event=event.sg_event_id[:200], said=said
    )
    if said in _SERVERS_WORDS:
        _delivery(told, event)
    elif told.kind in (ReportKind.OPENED, ReportKind.CLICKED):
        told.machine, told.url = event.sg_machine_open, event.url[:2_000]
    elif told.kind == ReportKind.COMPLAINED:
        told.klass, told.action = "complaint", "suppress"
    elif told.kind == ReportKind.UNSUBSCRIBED:
        told.action = "suppress"
    return told


_SERVERS_WORDS = frozenset({"bounce", "dropped", "deferred", "delivered"})


def _delivery(told: Told, event: Event) -> None:
    """Fill in what a server said of the message."""
    words = (event.reason or event.response)[:500]
    told.detail = words
    if told.said == "delivered":
        return  # a number in its words is no code of a refusal
    told.status = status_in(event.status[:20], words)
    told.code = code_in(words)
    match told.said:
        case "bounce":
            _bounce(told, event)
        case "dropped":
            _drop(told)
        case "deferred":
            told.klass = class_of(told.code, told.status, words) or "soft"
    if told.kind != ReportKind.DEFERRED:
        told.action = ACTIONS.get(told.klass, "none")


def _bounce(told: Told, event: Event) -> None:
    """*blocked* is never the fault of the address, and its other bounces are unless something else says otherwise."""
    first = event.bounce_classification[:50].lower().partition(" ")[0].partition("/")[0]
    klass = CLASSIFICATIONS.get(first, "")
    by_words = excuse_in(told.code, told.status, told.detail)
    if event.type == "blocked":
        told.kind = ReportKind.BLOCKED
        told.said = "bounce/blocked"
        told.klass = klass if klass not in ("", "hard") else by_words or "block"
        return
    told.kind = ReportKind.BOUNCED
    if first == "mailbox":
        full = told.status.startswith("4") or told.status.startswith("5.2.2") or by_words == "mailbox_full"
        klass = "mailbox_full" if full else "hard"
    told.klass = klass or by_words or "hard"
    if first == "unclassified" and not by_words:  # SendGrid has not understood it: only words that say so make it hard
        told.klass = "hard" if class_of(told.code, told.status, told.detail) == "hard" else "undetermined"


def _drop(told: Told) -> None:
    """Never left SendGrid."""
    said = told.detail.strip().lower()
    known = DROPS.get(said) or next((DROPS[each] for each in ("spam content",) if said.startswith(each)), None)
    told.kind, told.klass, told.reason = known or (ReportKind.FAILED, "undetermined", "")


def _message_of(event: Event) -> tuple[bytes, int]:
    """(message id, attempt) of our custom_args."""
    name, attempt = event.msg_id, event.attempt
    if len(name) != 32:
        return b"", 0
    try:
        message = bytes.fromhex(name)
    except ValueError:
        return b"", 0
    if message.hex() != name:  # also capitals and blanks are read
        return b"", 0
    return message, _ATTEMPTS[attempt] if attempt in _ATTEMPTS else whole(attempt)


def ref_in(name: str) -> str:
    """The X-Message-Id of the request in a sg_message_id, which goes on with the names of machines."""
    machines = _MACHINES.search(name)
    return name[: machines.start()] if machines else name


_MACHINES = re.compile(r"\.(?:filter|recvd)", re.ASCII)


def _raw(event: object) -> bytes:
    return json.dumps(event).encode()[:100_000]


# -- look-ups: the Email Activity Feed


def lookup_for(config: SendGrid, secrets: Secrets, sought: Sought, at: float) -> Request | None:
    """What became of a message, from the Email Activity Feed (an extra of the account)."""
    if any(odd in sought.address + sought.ref for odd in '"\\'):
        return None
    name = f'msg_id LIKE "{sought.ref}%"' if sought.ref else f"(unique_args['msg_id']=\"{sought.message_id.hex()}\")"
    query = f'{name} AND to_email="{sought.address}"' if sought.address else name
    url = f"{config.url or HOME}/v3/messages?limit=10&query={quote(query, safe='')}"
    return Request("GET", url, {"Authorization": f"Bearer {secrets['api_key']}"})


def together_for(config: SendGrid, secrets: Secrets, ref: str, _at: float) -> Request | None:
    """What became of all messages that one request has sent: the feed allows six questions a minute."""
    if not ref or '"' in ref or "\\" in ref:
        return None
    query = quote(f'msg_id LIKE "{ref}%"', safe="")
    url = f"{config.url or HOME}/v3/messages?limit={MOST_TOGETHER}&query={query}"
    return Request("GET", url, {"Authorization": f"Bearer {secrets['api_key']}"})


def told_apart(answer: Answer, sought: Sequence[Sought]) -> list[tuple[Sought, bytes]]:
    """What the answer to `together_for` has of each message of *sought*, as `lookup_for` would have been answered."""
    found = parsed(answer.body)
    listed = objects(found.get("messages")) if isinstance(found, dict) else []
    by_address: dict[str, list[object]] = {}
    for message in listed:
        by_address.setdefault(word(message.get("to_email"), 400).lower(), []).append(message)
    told = [(each, by_address.get(each.address.lower(), [])) for each in sought if each.address]
    return [(each, json.dumps({"messages": messages}).encode()) for each, messages in told if messages]


# status of a message in the feed -> what it tells
FEED = {
    "processed": ReportKind.ACCEPTED, "processing": ReportKind.ACCEPTED, "delivered": ReportKind.DELIVERED,
    "not_delivered": ReportKind.FAILED, "not delivered": ReportKind.FAILED,
}  # fmt: skip


def _looked_up(found: object, received: ReceivedReport) -> Sequence[Found]:
    sought = sought_in(received.query)
    told: list[Found] = []
    if not isinstance(found, dict) or not isinstance(found.get("messages"), list):
        return [Unreadable("no list of messages", received.body)]
    for message in objects(found["messages"])[:10]:
        name, status = word(message.get("msg_id"), 300), word(message.get("status"), 50)
        if (sought.ref and ref_in(name) != sought.ref) or not _same(message.get("to_email"), sought.address):
            continue
        at = written_time(message.get("last_event_time"), received.at)
        kind = FEED.get(status, ReportKind.UNRECOGNISED)
        told.append(Told(
            sought.message_id, kind, at, sought.attempt, ref_in(name),
            "undetermined" if kind == ReportKind.FAILED else "", event=f"{name[:150]}|{status}", said=status,
        ))  # fmt: skip
    return told


def _same(found: object, address: str) -> bool:
    return not address or (isinstance(found, str) and found.lower() == address.lower())
