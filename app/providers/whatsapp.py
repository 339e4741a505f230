"""WhatsApp Cloud API: template messages, answers, signatures, reports, messages and wishes that come in.

Facts: Meta's OpenAPI description of business messaging and its pages on error codes, webhooks and marketing messages
(developers.facebook.com/documentation/business-messaging/whatsapp). Meta asks to decide by the code of an error, never
by its HTTP status or its words. Nothing tells of one message later but its webhooks: there is no look-up.
"""

import hmac
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from json import dumps
from typing import Any

from app.content.whatsapp_message import WhatsAppTemplate
from app.delivery.outcomes import Kind
from app.delivery.reports.kinds import ReportKind
from app.provider_accounts import WhatsAppNumber
from app.providers import echo, keywords
from app.providers.contract import (
    AccountNews,
    Answer,
    Hook,
    Message,
    Request,
    Secrets,
    Sought,
    Unreadable,
    Wish,
)
from app.providers.meanings import MEANINGS, accepted, outcomes_of, unread
from app.providers.numbers import writings_of
from app.providers.probes import Probe, refused
from app.providers.reading import (
    an_object,
    answered,
    hook_query,
    number_in,
    objects,
    parsed,
    seconds_in,
    shown,
    whole,
    word,
)
from app.records import Outcome, ReceivedReport, Told

HOME = "https://graph.facebook.com"
CHANNEL = "whatsapp"
ASKED = ("display_phone_number", "verified_name", "quality_rating", "throughput")  # of the number
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{1,200}", re.ASCII)

# code of an error -> (what it comes to, why)
ERRORS = {
    0: ("account", "auth"), 190: ("account", "auth"),
    3: ("account", "permission"), 10: ("account", "permission"),
    1: ("trouble", ""), 2: ("trouble", ""),
    4: ("throttle", "ratelimited"), 80007: ("throttle", "ratelimited"), 130429: ("throttle", "ratelimited"),
    131048: ("throttle", "spamdetected"), 131056: ("pair", "ratelimited"),
    131064: ("account", "policy"), 133016: ("account", "registration"),
    368: ("account", "policy"), 131031: ("account", "locked"), 130497: ("not_here", "country"),
    33: ("account", "number"),
    100: ("message", "parameter"), 131008: ("message", "parameter"), 131009: ("message", "parameter"),
    131021: ("recipient", "self"), 131026: ("away", "undeliverable"), 131030: ("not_here", "notallowed"),
    131037: ("account", "displayname"), 131042: ("account", "payment"), 131044: ("account", "payment"),
    131045: ("account", "registration"), 131047: ("message", "window"),
    131049: ("enough", "frequency"), 131050: ("opted_out", "unsubscribed"), 130472: ("enough", "experiment"),
    131051: ("message", "unsupported"), 131052: ("message", "media"), 131053: ("message", "media"),
    131057: ("down", "maintenance"), 131000: ("trouble", ""), 131016: ("down", ""), 135000: ("message", ""),
    131005: ("account", "permission"), 131063: ("account", "marketing"),
    132000: ("message", "template"), 132012: ("message", "template"), 132001: ("message", "template"),
    132005: ("message", "template"), 132007: ("message", "template"), 132015: ("message", "template"),
    132016: ("message", "template"), 132068: ("message", "flow"), 132069: ("throttle", "flow"),
    137000: ("message", "identity"),
}  # fmt: skip
PERMISSIONS = range(200, 300)  # codes of what the token may not do

# What a report of a failure is, where it is not what the answer with the same code would be.
TOLD = {
    131048: (ReportKind.BLOCKED, "block", "alert"),
    131026: (ReportKind.BOUNCED, "soft", "none"),  # hard when it comes again: whoever counts decides
}

STATUSES = {
    "accepted": ReportKind.ACCEPTED, "held_for_quality_assessment": ReportKind.ACCEPTED, "sent": ReportKind.ACCEPTED,
    "delivered": ReportKind.DELIVERED, "read": ReportKind.READ, "played": ReportKind.READ,
}  # fmt: skip
PREFERENCES = {"stop": "unsubscribed", "resume": "resubscribed"}  # value of a user's preference -> kind of a wish

# Field of a change -> how much the operator should mind. What else stands in the change is told as it is.
NEWS = {
    "message_template_status_update": "alert", "message_template_quality_update": "warning",
    "phone_number_quality_update": "warning", "account_update": "alert", "account_alerts": "alert",
    "account_review_update": "warning", "business_capability_update": "info", "phone_number_name_update": "info",
    "template_category_update": "warning",
}  # fmt: skip


# -- the account


def probe_for(config: WhatsAppNumber, secrets: Secrets, at: float) -> Request:
    """The number itself."""
    return Request("GET", f"{home(config)}?fields={','.join(ASKED)}", authorized(secrets))


def probe_told(config: WhatsAppNumber, answer: Answer) -> Probe:
    """Which number it is, its standing, and how fast it may send."""
    document = answered(answer)
    no = refused(answer)
    if no is not None:
        return no
    number = word(document.get("display_phone_number"), 40)
    if not number:
        return Probe(wrong=f"this is no number of WhatsApp: {shown(answer)}")
    name, quality = word(document.get("verified_name"), 100), word(document.get("quality_rating"), 30)
    level = word(an_object(document.get("throughput")).get("level"), 30)
    steps = [f"the number is {number}{f', {name}' if name else ''}"]
    steps += [f"quality {quality.lower()}"] if quality else []
    steps += [f"throughput {level.lower()}"] if level else []
    return Probe(steps)


# -- requests


def request_for(config: WhatsAppNumber, secrets: Secrets, messages: Sequence[Message], at: float) -> Request:
    """Sends the first of *messages*: Meta takes one with each request."""
    message = messages[0]
    content = message.content if isinstance(message.content, WhatsAppTemplate) else WhatsAppTemplate("", "en")
    body = {
        "messaging_product": "whatsapp", "recipient_type": "individual", "to": message.address.removeprefix("+"),
        "type": "template", "biz_opaque_callback_data": echo.word_of(message),
        "template": {
            "name": content.name, "language": {"code": content.language}, "components": components_of(content),
        },
    }  # fmt: skip
    marketing = config.marketing_api and content.category == "marketing"
    return Request(
        "POST", f"{home(config)}/{'marketing_messages' if marketing else 'messages'}",
        {**authorized(secrets), "content-type": "application/json"}, dumps(body).encode(),
    )  # fmt: skip


def home(config: WhatsAppNumber) -> str:
    """The address of the number."""
    return f"{config.url.rstrip('/') or HOME}/{config.version}/{config.number_id}"


def authorized(secrets: Secrets) -> dict[str, str]:
    """The headers of every request."""
    return {"authorization": f"Bearer {secrets.get('token', '')}", "accept": "application/json"}


def components_of(content: WhatsAppTemplate) -> list[dict[str, Any]]:
    """What fills the places of a template: header, body, and the URL of each button that has one."""
    parts = list[dict[str, Any]]()
    if content.media:
        kind = content.media_kind
        parts.append({"type": "header", "parameters": [{"type": kind, kind: {"link": content.media}}]})
    elif content.header:
        parts.append({"type": "header", "parameters": [_text(content.header)]})
    if content.parameters:
        parts.append({"type": "body", "parameters": [_text(each) for each in content.parameters]})
    parts += [
        {"type": "button", "sub_type": "url", "index": str(number), "parameters": [_text(value)]}
        for number, value in enumerate(content.buttons)
        if value
    ]
    return parts


def _text(text: str) -> dict[str, str]:
    return {"type": "text", "text": text}


# -- answers


def result_of(messages: Sequence[Message], answer: Answer, at: float) -> list[Outcome]:
    """What became of each of *messages*. Taken is not delivered: Meta may hold or refuse it later."""
    document = answered(answer)
    error = document.get("error")
    if isinstance(error, dict) and word(error.get("code")):
        code = whole(error["code"])
        meant = _meant(code) or ("message" if answer.status < 400 else "")
        if not meant:
            return unread(messages, answer, at, _said(error, code), own=True)
        return outcomes_of(messages, meant, at, code=code, detail=_said(error, code))
    first = next(iter(objects(document.get("messages"))), {})
    wamid = word(first.get("id"), 200)
    if 200 <= answer.status < 300 and wamid:
        status = word(first.get("message_status"), 50)
        return accepted(messages, at, wamid, "" if status in ("", "accepted") else status)
    return unread(messages, answer, at, shown(answer))


def _meant(code: int) -> str:
    """What an error comes to; "" for one that nobody knows."""
    return ERRORS[code][0] if code in ERRORS else "account" if code in PERMISSIONS else ""


def _said(error: Mapping[str, Any], code: int) -> str:
    details = word(an_object(error.get("error_data")).get("details"), 400)
    return f"{code} {details or word(error.get('message'), 400) or word(error.get('title'), 400)}".strip()


# -- webhooks


def verified(config: WhatsAppNumber, secrets: Secrets, hook: Hook, at: float) -> str:
    """Why *hook* is not what Meta signed; "" where it is. A GET asks whether the address is ours, with our own word."""
    if hook.method == "GET":
        return _wrong_challenge(secrets, hook)
    secret = secrets.get("app_secret", "")
    if not secret:
        return "the route has no app_secret to check signatures with"
    signature = hook.headers.get("x-hub-signature-256", "")
    if not signature:
        return "the signature is missing"
    if not hmac.compare_digest(signature_of(secret, hook.body).encode("ascii"), signature.encode("utf-8", "replace")):
        return "the signature is of another body, or of another secret"
    return ""


def _wrong_challenge(secrets: Secrets, hook: Hook) -> str:
    query, token = hook_query(hook), secrets.get("verify_token", "")
    if not token:
        return "the route has no verify_token"
    said = query.get("hub.verify_token", "").encode("utf-8", "replace")
    if query.get("hub.mode") != "subscribe" or not hmac.compare_digest(token.encode("utf-8", "replace"), said):
        return "the verify_token is another one"
    return "" if _CHALLENGE.fullmatch(query.get("hub.challenge", "")) else "the challenge is missing"


def signature_of(secret: str, body: bytes) -> str:
    """X-Hub-Signature-256 of the bytes of a body."""
    return f"sha256={hmac.digest(secret.encode(), body, 'sha256').hex()}"


def answer_for(config: WhatsAppNumber, secrets: Secrets, hook: Hook, at: float) -> Answer | None:
    """The challenge of a subscription, bare; else nothing."""
    challenge = hook_query(hook).get("hub.challenge", "")
    if hook.method != "GET" or not _CHALLENGE.fullmatch(challenge):
        return None
    return Answer(200, {"content-type": "text/plain"}, challenge.encode())


# -- reports

Event = Told | Wish | AccountNews | Unreadable


def events_in(config: WhatsAppNumber, received: ReceivedReport) -> list[Event]:
    """What a webhook tells: of messages, of what people wrote or wish, and of the account."""
    entries = objects(an_object(parsed(received.body)).get("entry"))
    found = [
        event
        for entry in entries
        for change in objects(entry.get("changes"))
        for event in _events_of(change, received.at)
    ]
    return found or [Unreadable("no webhook of WhatsApp that tells anything", received.body)]


def _events_of(change: Mapping[str, Any], at: float) -> Iterator[Event]:
    field, value = word(change.get("field"), 100), an_object(change.get("value"))
    if field not in ("messages", "user_preferences"):
        yield AccountNews(f"{field or 'WhatsApp'}: {_brief(value)}"[:500], at, NEWS.get(field, "info"))
        return
    ours = number_in(an_object(value.get("metadata")).get("display_phone_number"))
    for status in objects(value.get("statuses")):
        yield _told(status, at)
    for message in objects(value.get("messages")):
        yield from _of_all_writings(_written(message, ours, at))
    for preference in objects(value.get("user_preferences")):
        yield from _of_all_writings(_preferred(preference, ours, at))
    for error in objects(value.get("errors")):
        yield _news(error, at)


def _told(status: Mapping[str, Any], at: float) -> Told | Unreadable:
    wamid, said = word(status.get("id"), 200), word(status.get("status"), 50).lower()
    message, attempt = echo.message_in(status.get("biz_opaque_callback_data"))
    if not said or not (wamid or message):
        return Unreadable("names no message, or no status of it", dumps(status).encode()[:100_000])
    kind, klass, reason, action = STATUSES.get(said, ReportKind.UNRECOGNISED), "", "", "none"
    error = next(iter(objects(status.get("errors"))), {})
    code = whole(error.get("code"))
    if said == "failed":
        kind, klass, reason, action = _why_failed(code if word(error.get("code")) else -1)
    return Told(
        message, kind, seconds_in(status.get("timestamp"), at), attempt, wamid, klass, reason, code,
        detail=_said(error, code) if error else "", action=action,
        event=f"{wamid}|{said}{f'|{code}' if code else ''}"[:300], said=said,
    )  # fmt: skip


def _why_failed(code: int) -> tuple[ReportKind, str, str, str]:
    """(kind, class, why, action) of a report of a failure."""
    meant, reason = ERRORS.get(code, ("account" if code in PERMISSIONS else "unclear", ""))
    if code in TOLD:
        kind, klass, action = TOLD[code]
        return kind, klass, reason, action
    means = MEANINGS[meant]
    return means.told, means.klass, reason, means.action


def _of_all_writings(event: Wish | Unreadable) -> Iterator[Wish | Unreadable]:
    """*event*, and a wish to stop or start also for the other way to write the number: it may be the one we know."""
    yield event
    if isinstance(event, Wish) and event.kind in (keywords.STOP, keywords.START):
        for number in writings_of(event.address)[1:]:
            yield replace(event, address=number, event=f"{event.event}|{number}")


def _written(message: Mapping[str, Any], ours: str, at: float) -> Wish | Unreadable:
    """What somebody has written, or the quick reply that they chose."""
    address = number_in(message.get("from"))
    if not address:
        return Unreadable("a message without a sender", dumps(message).encode()[:100_000])
    said = _texts_of(message)
    kind = next((wish for text in said if (wish := keywords.wish_in(text, address))), "")
    return Wish(
        kind, CHANNEL, address, seconds_in(message.get("timestamp"), at), next(iter(said), ""), ours,
        word(message.get("id"), 200),
    )  # fmt: skip


def _texts_of(message: Mapping[str, Any]) -> list[str]:
    """The text of a message; of a button what stands on it, then what we had put behind it."""
    interactive = an_object(message.get("interactive"))
    reply = an_object(interactive.get("button_reply")) or an_object(interactive.get("list_reply"))
    button = an_object(message.get("button"))
    found = (
        an_object(message.get("text")).get("body"), button.get("text"), button.get("payload"), reply.get("title"),
        reply.get("id"),
    )  # fmt: skip
    return [said for each in found if (said := word(each))]


def _preferred(preference: Mapping[str, Any], ours: str, at: float) -> Wish | Unreadable:
    """Whether somebody wants marketing messages of this business, as set in WhatsApp."""
    address, said = number_in(preference.get("wa_id")), word(preference.get("value"), 20).lower()
    if not address or said not in PREFERENCES:
        return Unreadable("a preference that this version does not know", dumps(preference).encode()[:100_000])
    when = seconds_in(preference.get("timestamp"), at)
    return Wish(
        PREFERENCES[said], CHANNEL, address, when, word(preference.get("detail")), ours, f"{address}|{said}|{when:.0f}"
    )


def _news(error: Mapping[str, Any], at: float) -> AccountNews:
    """An error of the number or the account, of no message."""
    code = whole(error.get("code"))
    means = MEANINGS[_meant(code if word(error.get("code")) else -1) or "message"]
    level = "alert" if means.klass == "account" else "warning" if means.sent != Kind.BLOCKED else "info"
    return AccountNews(f"WhatsApp tells of an error: {_said(error, code)}"[:500], at, level)


def _brief(value: Mapping[str, Any]) -> str:
    """The plain fields of a change."""
    return ", ".join(f"{word(name, 50)} {said}" for name, each in value.items() if (said := word(each, 100)))


# -- look-ups


def lookup_for(config: WhatsAppNumber, secrets: Secrets, sought: Sought, at: float) -> Request | None:
    """None: Meta has no way to ask for one message."""
    return None
