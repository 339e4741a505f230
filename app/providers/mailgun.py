"""Mailgun, API v3: one message as it is, or many of one wording with variables for each recipient.

https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/messages (requests),
https://documentation.mailgun.com/docs/mailgun/user-manual/events/webhooks (webhooks, their signature),
https://documentation.mailgun.com/docs/mailgun/user-manual/sending-messages/batch-sending (recipient variables).
"""

import hmac
import json
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Any
from urllib.parse import quote, urlencode

from app.content.address import AddressError, wire_address
from app.content.email_parts import EmailParts, Placeholders, Wording
from app.delivery.outcomes import Kind
from app.delivery.reports.kinds import ReportKind
from app.provider_accounts import Mailgun
from app.providers.contract import Answer, Hook, Message, Request, Secrets, Sought, Unreadable
from app.providers.echo import sought_in
from app.providers.email_words import ACTIONS, class_of, status_in
from app.providers.http_answers import MOST_DETAIL, failure
from app.providers.probes import Probe, refused
from app.providers.reading import an_object, inside, objects, parsed, seconds_in, whole, word
from app.records import Outcome, ReceivedReport, Told

HOMES = {"us": "https://api.mailgun.net", "eu": "https://api.eu.mailgun.net"}
MOST_TOGETHER = 1_000
MOST_VALUES = 20_000  # bytes of the variables of one recipient: a thousand of them stay below 25 MB
MOST_ITEMS = 300  # of the answer to a look-up
OLDEST, YOUNGEST = 9 * 3_600.0, 600.0  # seconds; a webhook is repeated for eight hours
SIGNS_ID_ALONE = True  # the token, `hook_id`, and nothing else of a webhook
MARK = Placeholders("%recipient", ".v")  # %recipient.v0%; none of Mailgun's own (%recipient_name%) stands in a text

_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
_ODD_IN_TAG = re.compile(r"[^A-Za-z0-9._-]")
_SLOWER = re.compile(
    r"(hour|dai)ly .*limit|(rate|sending|message) limit|limit (was |is )?(exceeded|reached)", re.IGNORECASE
)
_ACCOUNT = re.compile(r"not allowed to send|disabled|suspended|deactivated|probation", re.IGNORECASE)
_RECIPIENT = re.compile(r"\bto\b.* (is )?not a valid address", re.IGNORECASE)

Field = tuple[str, str | bytes]  # of a form; bytes are a file


# -- the account


def probe_for(config: Mailgun, secrets: Secrets, at: float) -> Request:
    """The domain."""
    return Request("GET", f"{config.url or HOMES[config.region]}/v3/domains/{config.domain}", _login(secrets))


def probe_told(config: Mailgun, answer: Answer) -> Probe:
    """Whether it may send."""
    no = refused(answer)
    if no is not None:
        return no
    state = word(an_object(an_object(parsed(answer.body)).get("domain")).get("state"), 30)
    if not state:
        return Probe(wrong="this is no domain of Mailgun")
    return Probe([f"the domain {config.domain} is {state}"], "" if state == "active" else f"the domain is {state}")


# -- sending


def form_of(config: Mailgun) -> str:
    """In parts where messages may share a request."""
    return "parts" if config.batch else "whole"


def together(config: Mailgun, message: Message) -> object | None:
    """The wording of a message that may share a request with others of its wording; None for one that goes alone."""
    parts = message.content
    if not config.batch or not isinstance(parts, EmailParts) or not _is_shared(parts.wording) or '"' in parts.to:
        return None
    size = 0
    for value in parts.values:
        if not MARK.clear(value):
            return None
        size += len(value) if value.isascii() else len(value.encode())
    return parts.wording if size <= MOST_VALUES else None


@lru_cache(maxsize=500)
def _is_shared(wording: Wording) -> bool:
    """Whether *wording* has fixed text, which can be taken for no placeholder."""
    pieces = wording.text + wording.html
    return any(isinstance(piece, str) for piece in pieces) and MARK.clear_in(pieces)


def request_for(config: Mailgun, secrets: Secrets, messages: Sequence[Message], at: float) -> Request:
    """The request that sends *messages*: one, or several that have the same wording."""
    home = f"{config.url or HOMES[config.region]}/v3/{config.domain}"
    if len(messages) == 1:
        return _posted(config, secrets, f"{home}/messages.mime", _alone(messages[0]) + _options(config, messages[0]))
    return _posted(config, secrets, f"{home}/messages", _batch(messages) + _options(config, messages[0]))


def _alone(message: Message) -> list[Field]:
    content = message.content
    return [
        ("to", _to(message)),
        ("message", content.whole() if isinstance(content, EmailParts) else content),
        ("v:msg_id", message.message_id.hex()),
        ("v:attempt", str(message.attempt)),
    ]


def _to(message: Message) -> str:
    if isinstance(message.content, EmailParts):
        return message.content.to
    try:
        return wire_address(message.address)
    except AddressError:
        return message.address  # Mailgun says what is wrong with it


def _batch(messages: Sequence[Message]) -> list[Field]:
    """The wording once, and the variables of each: without them, everybody would see who else has got it."""
    first: EmailParts = messages[0].content
    wording = first.wording
    fields: list[Field] = [("from", _person(wording.from_email, wording.from_name))]
    fields += [("to", message.content.to) for message in messages]
    fields += [("subject", MARK.text(wording.subject)), *_worded(wording)]
    if wording.reply_to:
        fields.append(("h:Reply-To", wording.reply_to))
    fields += [(f"h:{name}", value) for name, value in wording.headers]
    fields += [(f"h:{name}", f"%recipient.h{number}%") for number, (name, _) in enumerate(first.headers)]
    fields += [("v:msg_id", "%recipient.id%"), ("v:attempt", "%recipient.attempt%")]
    variables = {message.content.to: _variables(message) for message in messages}
    return [*fields, ("recipient-variables", json.dumps(variables))]


def _variables(message: Message) -> dict[str, str]:
    parts: EmailParts = message.content
    variables = {f"v{place}": value for place, value in enumerate(parts.values)}
    variables |= {f"h{number}": value for number, (_, value) in enumerate(parts.headers)}
    return variables | {"id": message.message_id.hex(), "attempt": str(message.attempt)}


@lru_cache(maxsize=100)
def _worded(wording: Wording) -> list[Field]:
    text = ("text", MARK.text(wording.text) or " ")
    return [text, ("html", MARK.text(wording.html))] if wording.html else [text]


def _person(email: str, name: str) -> str:
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}" <{email}>' if name else email


def _options(config: Mailgun, message: Message) -> list[Field]:
    """Links and pixel are ours."""
    fields: list[Field] = [("o:tracking", "no"), ("o:tracking-clicks", "no"), ("o:tracking-opens", "no")]
    if message.campaign:
        fields.append(("o:tag", _ODD_IN_TAG.sub("_", message.campaign)[:128]))
    if config.test:
        fields.append(("o:testmode", "yes"))
    return fields


def _posted(config: Mailgun, secrets: Secrets, url: str, fields: Sequence[Field]) -> Request:
    boundary, body = _form(fields)
    headers = {**_login(secrets), "Content-Type": f"multipart/form-data; boundary={boundary}"}
    return Request("POST", url, headers, body)


def _login(secrets: Secrets) -> dict[str, str]:
    login = b64encode(f"api:{secrets['api_key']}".encode())
    return {"Authorization": f"Basic {login.decode()}"}


def _form(fields: Sequence[Field]) -> tuple[str, bytes]:
    """(boundary, body) of a form, RFC 7578. Names are ours; a hash of all values is in none of them."""
    values = [value if isinstance(value, bytes) else value.encode() for _, value in fields]
    hashed = sha256()
    for value in values:
        hashed.update(value)
    boundary = f"fanfare-{hashed.hexdigest()[:40]}"
    pieces: list[bytes] = []
    for (name, said), value in zip(fields, values, strict=True):
        file = '; filename="message.eml"' if isinstance(said, bytes) else ""
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
        pieces += head.encode(), value, b"\r\n"
    return boundary, b"".join([*pieces, f"--{boundary}--\r\n".encode()])


# -- answers


def result_of(messages: Sequence[Message], answer: Answer, at: float) -> list[Outcome]:
    """What became of *messages*. No refused address is named: then all of a batch are RETURNED, to go each alone."""
    found = an_object(parsed(answer.body))
    words = word(found.get("message"))
    if answer.status == 200:
        return [Outcome(Kind.ACCEPTED, at, 200, "", "", ref_in(word(found.get("id"), 300)))] * len(messages)
    kind, klass = _meaning(answer.status, words, len(messages))
    if kind is None:
        return [failure(answer, at, words, own=bool(words))] * len(messages)
    return [Outcome(kind, at, answer.status, klass, (words or f"answered {answer.status}")[:MOST_DETAIL])] * len(
        messages
    )


def _meaning(status: int, words: str, count: int) -> tuple[Kind | None, str]:
    """(kind, class) where the words of a refusal, or Mailgun's own use of a status, say more than the status."""
    if not 400 <= status < 500 or status == 429:
        return None, ""
    if status in (400, 403, 420) and _SLOWER.search(words):
        return Kind.THROTTLED, ""
    if status in (400, 403, 420) and _ACCOUNT.search(words):
        return Kind.UNAVAILABLE, "account"
    if status == 400 and _RECIPIENT.search(words):
        return (Kind.REFUSED, "hard") if count == 1 else (Kind.RETURNED, "")
    return (Kind.BLOCKED, "content") if status == 402 else (None, "")  # 402: all is valid, and it failed


def ref_in(name: str) -> str:
    """The id of a request as events have it: without brackets."""
    return name.strip().removeprefix("<").removesuffix(">")


# -- webhooks


def verified(config: Mailgun, secrets: Secrets, hook: Hook, at: float) -> str:
    """ "" when Mailgun has signed the token of *hook* of late, else why it is not believed.

    The rest of the body is not signed: whoever takes webhooks takes each token (`hook_id`) with one body.
    """
    key = secrets.get("signing_key", "")
    if not key:
        return "the route names no signing_key"
    signature = inside(parsed(hook.body), "signature")
    stamp, token, signed = (word(signature.get(name), 200) for name in ("timestamp", "token", "signature"))
    if not token or not (stamp.isascii() and stamp.isdecimal() and len(stamp) <= 11):
        return "no timestamp or token"
    if not -OLDEST <= int(stamp) - at <= YOUNGEST:
        return "the timestamp is too old, or in the future"
    wanted = hmac.new(key.encode(), (stamp + token).encode(), sha256).hexdigest()
    return "" if hmac.compare_digest(wanted.encode(), signed.encode()) else "the signature is wrong"


def hook_id(hook: Hook) -> str:
    """The token of the webhook."""
    return word(inside(parsed(hook.body), "signature").get("token"), 200)


# -- reports

# event -> what it tells; failed has its own rules
EVENTS: dict[str, ReportKind] = {
    "accepted": ReportKind.ACCEPTED,
    "delivered": ReportKind.DELIVERED,
    "opened": ReportKind.OPENED,
    "clicked": ReportKind.CLICKED,
    "unsubscribed": ReportKind.UNSUBSCRIBED,
    "complained": ReportKind.COMPLAINED,
    "rejected": ReportKind.FAILED,
    "failed": ReportKind.BOUNCED,
}

# reason of a failure, or Mailgun's own code -> why it was never sent
SUPPRESSED = {
    "suppress-bounce": "bounced", "suppress-complaint": "complained", "suppress-unsubscribe": "unsubscribed",
    605: "bounced", 606: "unsubscribed", 607: "complained",
}  # fmt: skip
OLD = 602  # too old: it was tried for as long as Mailgun tries
UNREACHED = (498, 499)  # no MX, or none that answers

Found = Told | Unreadable


def events_in(config: Mailgun, received: ReceivedReport) -> Sequence[Found]:
    """What a webhook, or the answer to a look-up, tells."""
    found = parsed(received.body)
    if received.source == "lookup":
        return _looked_up(found, received)
    event = an_object(found).get("event-data")
    if not isinstance(event, dict):
        return [Unreadable("no event-data", received.body)]
    told = _event(event, received.at)
    return [Unreadable("an event without its kind, or that names no message", received.body) if told is None else told]


def _event(event: Mapping[str, Any], at: float) -> Told | None:
    said = word(event.get("event"), 100)
    variables = inside(event, "user-variables")
    name = word(variables.get("msg_id"), 50)
    message = bytes.fromhex(name) if _ID.fullmatch(name) else b""
    ref = ref_in(word(inside(event, "message", "headers").get("message-id"), 300))
    if not said or not (message or ref):
        return None
    at = seconds_in(event.get("timestamp"), at)
    told = Told(message, EVENTS.get(said, ReportKind.UNRECOGNISED), at, whole(variables.get("attempt")), ref, said=said)
    told.event = f"{word(event.get('id'), 150)}|{int(at // 86_400)}"  # an id is its own for a day
    _judge(told, event)
    return told


def _judge(told: Told, event: Mapping[str, Any]) -> None:
    status = inside(event, "delivery-status")
    words = word(status.get("message")) or word(status.get("description"))
    match told.said:
        case "failed" | "delivered":
            told.detail, told.code = words, whole(status.get("code"))
            told.status = status_in(word(status.get("enhanced-code"), 20), words)
            if told.said == "failed":
                _failed(told, word(event.get("severity"), 20), word(event.get("reason"), 50))
        case "rejected":
            told.detail, told.klass, told.action = word(inside(event, "reject").get("reason")), "account", "alert"
        case "complained":
            told.klass, told.action = "complaint", "suppress"
        case "unsubscribed":
            told.action = "suppress"
        case "opened" | "clicked":
            told.machine = bool(word(inside(event, "client-info").get("bot"), 50))
            told.url = word(event.get("url"), 2_000)


def _failed(told: Told, severity: str, reason: str) -> None:
    """Temporary: Mailgun tries again. Permanent: for the words of the server, or for reasons of Mailgun's own."""
    told.said = f"failed/{severity}/{reason}"
    known = SUPPRESSED.get(reason) or SUPPRESSED.get(told.code)
    if severity == "temporary":
        told.kind, told.klass = ReportKind.DEFERRED, class_of(told.code, told.status, told.detail) or "soft"
        return
    if known:
        told.kind, told.klass, told.reason = ReportKind.BLOCKED, "suppressed", known
    elif told.code == OLD or reason == "old":
        told.kind, told.klass = ReportKind.EXPIRED, "soft"
    elif told.code in UNREACHED or 400 <= told.code < 500:
        told.klass = class_of(told.code, told.status, told.detail) or "soft"
        told.klass = told.klass if told.klass == "mailbox_full" else "soft"
    else:
        told.klass = class_of(told.code, told.status, told.detail) or "undetermined"
        told.kind = (
            ReportKind.BLOCKED if told.klass in ("block", "content", "auth", "technical") else ReportKind.BOUNCED
        )
    told.action = ACTIONS.get(told.klass, "none")


# -- look-ups: the events API


def lookup_for(config: Mailgun, secrets: Secrets, sought: Sought, at: float) -> Request | None:
    """What became of a message, by its recipient and, where it is known, its id."""
    asked = {"begin": f"{sought.sent_at - 300:.0f}", "ascending": "yes", "limit": str(MOST_ITEMS)}
    if sought.address:
        asked["recipient"] = sought.address
    if sought.ref:
        asked["message-id"] = sought.ref
    if len(asked) == 3:
        return None
    return Request("GET", f"{_home(config)}/events?{urlencode(asked, quote_via=quote)}", _login(secrets))


# What is listed: all but that Mailgun has taken a message, which is known.
LISTED = ("delivered", "failed", "rejected", "complained", "unsubscribed", "opened", "clicked")


def listed_for(config: Mailgun, secrets: Secrets, begin: float, at: float) -> Request:
    """All that happened since *begin*: its first page."""
    asked = {"begin": f"{begin:.0f}", "ascending": "yes", "limit": str(MOST_ITEMS), "event": " OR ".join(LISTED)}
    return Request("GET", f"{_home(config)}/events?{urlencode(asked, quote_via=quote)}", _login(secrets))


def next_for(config: Mailgun, secrets: Secrets, answer: Answer) -> Request | None:
    """The page behind *answer*; None where that was empty, or names no page of the same list."""
    found = an_object(parsed(answer.body))
    following, items = word(inside(found, "paging").get("next"), 4_000), found.get("items")
    # The credentials go nowhere but to the account itself, whatever an answer says.
    if not isinstance(items, list) or not items or not following.startswith(f"{_home(config)}/events/"):
        return None
    return Request("GET", following, _login(secrets))


def _home(config: Mailgun) -> str:
    return f"{config.url or HOMES[config.region]}/v3/{config.domain}"


def _looked_up(found: object, received: ReceivedReport) -> Sequence[Found]:
    """Only what is of the message that was sought: one id is that of a whole batch. Without one, of all of ours."""
    sought = sought_in(received.query)
    items = an_object(found).get("items")
    if not isinstance(items, list):
        return [Unreadable("no items", received.body)]
    told: list[Found] = []
    for item in objects(items)[:MOST_ITEMS]:
        event = _event(item, received.at)
        if event is None:
            continue
        if not event.message_id and sought.ref and event.ref == sought.ref and _same(item, sought.address):
            event.message_id, event.attempt = sought.message_id, sought.attempt
        if event.message_id and sought.message_id in (b"", event.message_id):
            told.append(event)
    return told


def _same(item: Mapping[str, Any], address: str) -> bool:
    return not address or word(item.get("recipient"), 400).lower() == address.lower()
