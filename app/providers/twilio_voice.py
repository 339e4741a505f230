"""Twilio, voice: a call that says its text or plays its recording, what it came to, and the key that stops them.

Facts: the OpenAPI description twilio_api_v2010 (Calls) and the pages on TwiML, answering machine detection and call
progress events (www.twilio.com/docs/voice). Signatures, credentials and addresses are those of app/providers/twilio.py.
"""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any
from urllib.parse import urlencode

from app.content.voice_message import VoiceText
from app.delivery.reports.kinds import ReportKind
from app.provider_accounts import Twilio
from app.providers import echo, twilio
from app.providers.contract import Answer, Hook, Message, Request, Secrets, Sought, Unreadable, Wish
from app.providers.meanings import meaning_of
from app.providers.reading import fields_of, mail_time, objects, parsed, whole, word
from app.providers.twilio import probe_for, probe_told, verified
from app.records import Outcome, ReceivedReport, Told

__all__ = ["answer_for", "events_in", "lookup_for", "probe_for", "probe_told", "request_for", "result_of", "verified"]

EVENTS = ("initiated", "ringing", "answered", "completed")
KEY = "k"  # field in the address of a webhook: a key was pressed

ERRORS = {
    **twilio.ERRORS,
    10004: "throttle", 22005: "throttle",
    21201: "message", 21202: "message", 21203: "message", 21204: "message", 21205: "message", 21218: "message",
    21211: "recipient", 21214: "recipient", 21216: "barred", 21217: "recipient",
    21210: "sender", 21212: "sender", 21213: "sender",
    21215: "not_here",
    13223: "recipient", 13224: "recipient", 13225: "barred", 13226: "recipient", 13227: "not_here",
}  # fmt: skip

# CallStatus -> what it tells; a call that failed is told by its SIP code.
STATUSES = {
    "queued": ReportKind.ACCEPTED, "initiated": ReportKind.ACCEPTED, "ringing": ReportKind.ACCEPTED,
    "in-progress": ReportKind.DELIVERED, "answered": ReportKind.DELIVERED, "completed": ReportKind.DELIVERED,
    "busy": ReportKind.DEFERRED, "no-answer": ReportKind.DEFERRED,
    "failed": ReportKind.BOUNCED, "canceled": ReportKind.FAILED,
}  # fmt: skip
REASONS = {"busy": "busy", "no-answer": "noanswer", "canceled": "cancelled"}

# SipResponseCode of a call that failed -> (what it comes to, why). RFC 3261, RFC 8197, RFC 8688.
SIP = {
    404: ("recipient", "userunknown"), 410: ("recipient", "userunknown"), 484: ("recipient", "userunknown"),
    604: ("recipient", "userunknown"),
    403: ("barred", "blocked"), 603: ("barred", "declined"), 607: ("barred", "unwanted"), 608: ("barred", "rejected"),
    480: ("away", "unreachable"), 486: ("away", "busy"), 487: ("away", "noanswer"),
}  # fmt: skip

# Who or what picked up: AnsweredBy.
MACHINES = frozenset({"machine_start", "machine_end_beep", "machine_end_silence", "machine_end_other"})

# Language -> how the key that stops calls is offered, and what is said when it was pressed.
PROMPTS = {
    "en": ("To stop these calls, press {key}.", "You will not be called again."),
    "de": ("Drücken Sie {key}, um nicht mehr angerufen zu werden.", "Sie werden nicht mehr angerufen."),
    "fr": ("Pour ne plus recevoir ces appels, appuyez sur {key}.", "Vous ne serez plus appelé."),
    "es": ("Para no recibir más estas llamadas, pulse {key}.", "No volveremos a llamarle."),
    "pt": ("Para não receber mais estas chamadas, prima {key}.", "Não voltaremos a ligar."),
    "it": ("Per non ricevere più queste chiamate, prema {key}.", "Non riceverà altre chiamate."),
    "nl": ("Druk op {key} om niet meer gebeld te worden.", "U wordt niet meer gebeld."),
    "hi": ("ये कॉल बंद करने के लिए {key} दबाएँ।", "आपको फिर कॉल नहीं किया जाएगा।"),
}


# -- requests


def request_for(config: Twilio, secrets: Secrets, messages: Sequence[Message], at: float) -> Request:
    """Calls the first of *messages*. Its sender is a number: a call has no messaging service."""
    message = messages[0]
    content = message.content if isinstance(message.content, VoiceText) else VoiceText("")
    fields = [("To", message.address), ("From", message.sender or config.sender)]
    fields.append(("Twiml", twiml_of(content, message)))
    if message.callback:
        fields.append(("StatusCallback", echo.address_of(message) + twilio.AGAIN))
        fields += [("StatusCallbackEvent", each) for each in EVENTS]
    fields += [("Timeout", str(config.ring)), ("TimeLimit", str(config.longest_call))]
    match config.machine_detection:
        case "wait_for_beep":  # the call waits for the end of the greeting, and the message is on the machine
            fields.append(("MachineDetection", "DetectMessageEnd"))
        case "detect":  # people hear it at once; who has picked up is told meanwhile
            fields += [("MachineDetection", "Enable"), ("AsyncAmd", "true")]
            if message.callback:
                fields.append(("AsyncAmdStatusCallback", echo.address_of(message) + twilio.AGAIN))
    return twilio.posted(config, secrets, "Calls", fields)


def twiml_of(content: VoiceText, message: Message) -> str:
    """What happens in the call. While it is said, and a few seconds after, the key stops calls for good."""
    spoken = f"<Play>{_xml(content.audio)}</Play>" if content.audio else _said(content.text, content.language)
    key = content.stop_key[:1]
    if not message.callback or message.transactional or key not in "0123456789*#" or not key:
        return f"<Response>{spoken}</Response>"
    offered = _said(content.stop_prompt or _prompt(content.language)[0].format(key=key), content.language)
    action = echo.address_of(message, **{KEY: key, "l": content.language})
    gather = (
        f'<Gather numDigits="1" timeout="5" method="POST" action="{_xml(action)}">'
        f"{spoken}{offered}</Gather>"
    )  # fmt: skip
    return f"<Response>{gather}</Response>"


def _said(text: str, language: str) -> str:
    return f'<Say language="{_xml(language)}">{_xml(text)}</Say>'


def _xml(text: str) -> str:
    """*text* for the text or an attribute of an element, without the characters that XML 1.0 has no way to write."""
    return escape("".join(
        each for each in text
        if each in "\t\n\r" or "\x20" <= each <= "\ud7ff" or "\ue000" <= each <= "\ufffd" or each >= "\U00010000"
    ))  # fmt: skip


def _prompt(language: str) -> tuple[str, str]:
    return PROMPTS.get(language.replace("_", "-").partition("-")[0].lower(), PROMPTS["en"])


# -- answers


def result_of(messages: Sequence[Message], answer: Answer, at: float) -> list[Outcome]:
    """What became of each of *messages*: a call that was taken is queued."""
    return twilio.result_by(ERRORS, messages, answer, at)


# -- webhooks


def answer_for(config: Twilio, secrets: Secrets, hook: Hook, at: float) -> Answer | None:
    """TwiML: after the key, that it was heard; else nothing."""
    query = fields_of(hook.query)
    key = query.get(KEY, "")
    if key and fields_of(hook.body).get("Digits", "") == key:
        language = query.get("l", "en-US")
        body = f"<Response>{_said(_prompt(language)[1], language)}<Hangup/></Response>"
        return Answer(200, twilio.TWIML, body.encode())
    return twilio.NOTHING


# -- reports


def events_in(config: Twilio, received: ReceivedReport) -> list[Told | Wish | Unreadable]:
    """What a call progress event, who picked up, a pressed key, or the answer to a look-up tells."""
    if received.source == "lookup":
        return looked_up(received)
    form = fields_of(received.body)
    sid = word(form.get("CallSid"), 64)
    message, attempt = echo.message_of(received.query)
    if not form or not (sid or message):
        return [Unreadable("no form of Twilio that names a call", received.body)]
    key = fields_of(received.query).get(KEY, "")
    if key:
        if form.get("Digits", "") != key:
            return []  # another key, or none: the call goes on
        return [
            Told(
                message, ReportKind.UNSUBSCRIBED, received.at, attempt, sid, "suppressed", "unsubscribed",
                action="suppress", event=f"{sid}|key", said=f"key {key}",
            )
        ]  # fmt: skip
    status = (form.get("CallStatus") or "").lower()
    if not status and not form.get("AnsweredBy"):
        return [Unreadable("a call without a status", received.body)]
    number = word(form.get("SequenceNumber"), 10) or status or "amd"
    at = mail_time(form.get("Timestamp"), received.at)
    return [told(message, attempt, sid, status or "in-progress", form, at, f"{sid}|{number}")]


def told(
    message: bytes, attempt: int, sid: str, status: str, form: Mapping[str, Any], at: float, event: str
) -> Told:  # fmt: skip
    """One status of one call. One that this version does not know is kept as it came."""
    kind, reason = STATUSES.get(status, ReportKind.UNRECOGNISED), REASONS.get(status, "")
    klass, action, code = "", "none", whole(form.get("SipResponseCode")) or whole(form.get("ErrorCode"))
    by = word(form.get("AnsweredBy") or form.get("answered_by"), 40).lower()
    if status == "failed":
        meant, reason = _why_failed(whole(form.get("SipResponseCode")), whole(form.get("ErrorCode")))
        means = meaning_of(meant)
        kind, klass, action = means.told, means.klass, means.action
    elif kind == ReportKind.DEFERRED:
        klass, action = "soft", "retry"
    elif kind == ReportKind.FAILED:
        klass = "technical"
    elif kind == ReportKind.DELIVERED and by == "fax":
        kind, klass, reason, action = ReportKind.BOUNCED, "hard", "fax", "suppress"
    elif kind == ReportKind.DELIVERED:
        reason = "voicemail" if by in MACHINES else by if by == "human" else ""
    return Told(
        message, kind, at, attempt, sid, klass, reason, code, detail=_detail(form, by), action=action,
        event=event[:200], said=word(status, 50),
    )  # fmt: skip


def _why_failed(sip: int, error: int) -> tuple[str, str]:
    """(what it comes to, why) of a call that failed."""
    if sip in SIP:
        return SIP[sip]
    if not 500 <= sip < 600 and error in ERRORS:
        return ERRORS[error], ""
    return "away", ""


def _detail(form: Mapping[str, Any], by: str) -> str:
    seconds = word(form.get("CallDuration") or form.get("duration"), 10)
    parts = [f"picked up by {by}" if by else "", f"{seconds} s" if seconds else ""]
    return ", ".join(each for each in parts if each)


# -- look-ups


def lookup_for(config: Twilio, secrets: Secrets, sought: Sought, at: float) -> Request | None:
    """The call by its id, or the calls to its number from the day on which it was."""
    if sought.ref:
        return twilio.fetched(config, secrets, f"/Calls/{twilio.sid_in(sought.ref)}.json")
    if not sought.address:
        return None
    first, last = twilio.days_around(sought.sent_at)
    query = urlencode({"To": sought.address, "StartTime>": first, "StartTime<": last, "PageSize": 1000})
    return twilio.fetched(config, secrets, f"/Calls.json?{query}")


def looked_up(received: ReceivedReport) -> list[Told | Wish | Unreadable]:
    """What the answer to a look-up tells of the call that was sought; nothing where it is not there for certain."""
    document = parsed(received.body)
    if not isinstance(document, dict):
        return [Unreadable("no answer of Twilio", received.body)]
    sought = echo.sought_in(received.query)
    found = document
    if "calls" in document:
        among = twilio.sought_among(objects(document["calls"]), sought, "date_created")
        if among is None:
            return []
        found = dict(among)
    sid, status = word(found.get("sid"), 64), word(found.get("status"), 50).lower()
    if not sid and "code" in document:
        return []
    if not sid or not status:
        return [Unreadable("a call without a status", received.body)]
    at = mail_time(found.get("date_updated"), received.at)
    return [told(sought.message_id, sought.attempt, sid, status, found, at, f"{sid}|{status}")]
