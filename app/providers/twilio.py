"""Twilio, SMS: requests, answers, signatures, reports and messages that come in.

Facts: the OpenAPI description twilio_api_v2010, its error dictionary, and the pages on message status callbacks and
on validating requests (www.twilio.com/docs/messaging, /docs/api/errors, /docs/usage/security).
"""

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from app.content.sms_message import SmsText
from app.delivery.reports.kinds import ReportKind
from app.provider_accounts import Twilio
from app.providers import echo, keywords
from app.providers.contract import Answer, Hook, Message, Request, Secrets, Sought, Unreadable, Wish
from app.providers.meanings import accepted, meaning_of, outcomes_of, unread
from app.providers.probes import Probe, refused
from app.providers.reading import (
    answered,
    fields_of,
    mail_time,
    number_in,
    objects,
    pairs_of,
    parsed,
    shown,
    whole,
    word,
)
from app.records import Outcome, ReceivedReport, Told

HOME = "https://api.twilio.com"
VERSION = "2010-04-01"
# Twilio tries a callback again where the answer was lost or a 5xx; of this part of the address nothing is sent or
# signed.
AGAIN = "#rc=2&rp=ct,rt,5xx"
TWIML = {"content-type": "text/xml; charset=utf-8"}
NOTHING = Answer(200, TWIML, b"<Response/>")

# Code of an answer -> what it comes to.
ERRORS = {
    20003: "account", 20404: "account", 20422: "account", 20429: "throttle", 20500: "lost", 20503: "down",
    21211: "recipient", 21214: "recipient", 21614: "recipient", 21635: "recipient",
    21212: "sender", 21601: "sender", 21603: "sender", 21606: "sender", 21701: "sender", 21703: "sender",
    21266: "not_here", 21408: "not_here", 21608: "not_here", 21612: "not_here",
    21602: "message", 21604: "message", 21617: "message",
    21609: "account", 21626: "account",  # the address of our webhooks
    21610: "opted_out",
    21611: "throttle",
    63016: "message", 63018: "throttle", 63024: "recipient",
}  # fmt: skip

# ErrorCode of a report -> (what it comes to, why).
REPORT_ERRORS = {
    30001: ("throttle", "queueoverflow"),
    30002: ("account", "suspended"),
    30003: ("away", "unreachable"),
    30004: ("barred", "blocked"),
    30005: ("recipient", "userunknown"),
    30006: ("recipient", "landline"),
    30007: ("filtered", "spamdetected"),
    30008: ("trouble", ""),
    30010: ("account", "price"),
    30011: ("message", "unsupported"),
    30017: ("throttle", "ratelimited"), 30018: ("throttle", "ratelimited"),
    30022: ("throttle", "ratelimited"), 30023: ("throttle", "ratelimited"),
    30032: ("not_here", "unregistered"), 30034: ("not_here", "unregistered"),
    30036: ("expired", "expired"),
    30450: ("filtered", "content"), 30453: ("filtered", "content"), 30454: ("filtered", "content"),
    21610: ("opted_out", "unsubscribed"),
}  # fmt: skip

# MessageStatus -> what it tells; those that failed are told by their code.
STATUSES = {
    "accepted": ReportKind.ACCEPTED, "scheduled": ReportKind.ACCEPTED, "queued": ReportKind.ACCEPTED,
    "sending": ReportKind.ACCEPTED, "sent": ReportKind.ACCEPTED,
    "delivered": ReportKind.DELIVERED, "partially_delivered": ReportKind.DELIVERED, "read": ReportKind.READ,
    "canceled": ReportKind.FAILED,
}  # fmt: skip
LOST = {"undelivered": "away", "failed": "trouble"}  # status -> what it comes to where no code says more
COMES_IN = frozenset({"received", "receiving"})
OPT_OUT = {"STOP": "unsubscribed", "START": "resubscribed", "HELP": "help"}  # OptOutType -> kind of a wish

SLACK = 120.0  # seconds that our clock and Twilio's may differ, of a message that is looked for


# -- the account


def probe_for(config: Twilio, secrets: Secrets, at: float) -> Request:
    """The account itself."""
    return fetched(config, secrets, ".json")


def probe_told(config: Twilio, answer: Answer) -> Probe:
    """Whether it is in service. A trial account sends to numbers that were verified, and to nobody else."""
    document = answered(answer)
    no = refused(answer)
    if no is not None:
        return no
    status, kind = word(document.get("status"), 30), word(document.get("type"), 30)
    if not status:
        return Probe(wrong=f"this is no account of Twilio: {shown(answer)}")
    steps = [f"the account is {word(document.get('friendly_name'), 100) or config.account_sid}, {status}"]
    if kind.lower() == "trial":
        steps.append("a trial account: it sends to verified numbers only")
    return Probe(steps, "" if status == "active" else f"the account is {status}")


# -- requests


def request_for(config: Twilio, secrets: Secrets, messages: Sequence[Message], at: float) -> Request:
    """Sends the first of *messages*: Twilio takes one with each request."""
    message = messages[0]
    content = message.content
    fields = [("To", message.address), *sender_fields(config, message)]
    fields.append(("Body", content.text if isinstance(content, SmsText) else ""))
    if message.callback:
        fields.append(("StatusCallback", echo.address_of(message) + AGAIN))
    fields.append(("ValidityPeriod", str(config.valid_for)))
    return posted(config, secrets, "Messages", fields)


def sender_fields(config: Twilio, message: Message) -> list[tuple[str, str]]:
    """Who it comes from: a number or sender id, a messaging service that picks one, or one of its numbers."""
    sender = message.sender or config.sender
    service = config.messaging_service
    if sender.startswith("MG") and len(sender) == 34:
        sender, service = "", sender
    named = [("From", sender)] if sender else []
    return [*named, ("MessagingServiceSid", service)] if service else named


def posted(config: Twilio, secrets: Secrets, what: str, fields: list[tuple[str, str]]) -> Request:
    """POST of *fields* to a list of the account: Messages or Calls."""
    body = urlencode(fields, errors="replace").encode()
    headers = {
        "authorization": authorization(config, secrets),
        "content-type": "application/x-www-form-urlencoded",
        "accept": "application/json",
    }
    return Request("POST", f"{home(config)}/{what}.json", headers, body)


def fetched(config: Twilio, secrets: Secrets, path: str) -> Request:
    """GET of something that is the account's."""
    headers = {"authorization": authorization(config, secrets), "accept": "application/json"}
    return Request("GET", f"{home(config)}{path}", headers)


def home(config: Twilio) -> str:
    """The address of the account."""
    return f"{config.url.rstrip('/') or HOME}/{VERSION}/Accounts/{config.account_sid}"


def authorization(config: Twilio, secrets: Secrets) -> str:
    """By API key where there is one, else by auth token. Webhooks are signed with the auth token in any case."""
    user, password = config.account_sid, secrets.get("auth_token", "")
    if config.api_key and secrets.get("api_secret"):
        user, password = config.api_key, secrets["api_secret"]
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode("ascii")


# -- answers


def result_of(messages: Sequence[Message], answer: Answer, at: float) -> list[Outcome]:
    """What became of each of *messages*."""
    return result_by(ERRORS, messages, answer, at)


def result_by(errors: Mapping[int, str], messages: Sequence[Message], answer: Answer, at: float) -> list[Outcome]:
    """The same by a table of codes."""
    document = answered(answer)
    sid = word(document.get("sid"), 64)
    if 200 <= answer.status < 300 and sid:
        code = whole(document.get("error_code"))
        if code and word(document.get("status")) == "failed":
            meaning = errors.get(code) or REPORT_ERRORS.get(code, ("unclear", ""))[0]
            return outcomes_of(messages, meaning, at, code=code, detail=word(document.get("error_message")), ref=sid)
        return accepted(messages, at, sid)
    code = whole(document.get("code"))
    if code in errors:
        detail = f"{code} {word(document.get('message'))}".strip()
        return outcomes_of(messages, errors[code], at, code=code, detail=detail)
    detail = f"{code} {word(document.get('message'))}".strip() if code else shown(answer)
    if code and answer.status == 400:
        return outcomes_of(messages, "message", at, code=code, detail=detail)
    return unread(messages, answer, at, detail)


# -- webhooks


def verified(config: Twilio, secrets: Secrets, hook: Hook, at: float) -> str:
    """Why *hook* is not what Twilio signed; "" where it is."""
    signature = hook.headers.get("x-twilio-signature", "")
    token = secrets.get("auth_token", "")
    if not token:
        return "the route has no auth token to check signatures with"
    if not signature:
        return "the signature is missing"
    pairs = list[tuple[str, str]]()
    if "application/x-www-form-urlencoded" in hook.headers.get("content-type", "").lower():
        pairs = pairs_of(hook.body)
    elif hook.body:
        claimed = fields_of(hook.query).get("bodySHA256", "")
        if not hmac.compare_digest(
            hashlib.sha256(hook.body).hexdigest().encode(), claimed.lower().encode("utf-8", "replace")
        ):
            return "the body is not the one that was signed"
    said = signature.encode("utf-8", "replace")
    for url in urls_of(hook.url):
        if hmac.compare_digest(signature_of(token, url, pairs).encode("ascii"), said):
            return ""
    return "the signature is of another body, address or token"


def signature_of(token: str, url: str, pairs: list[tuple[str, str]]) -> str:
    """X-Twilio-Signature: names in byte order, the distinct values of each in theirs."""
    text = url + "".join(name + value for name, value in sorted(set(pairs)))
    return b64encode(hmac.digest(token.encode(), text.encode("utf-8", "replace"), "sha1")).decode("ascii")


def urls_of(url: str) -> list[str]:
    """*url* as Twilio may have signed it: as it is, with the port of its scheme, without any."""
    try:
        split = urlsplit(url)
        port, host = split.port, split.hostname or ""
    except ValueError:
        return [url]
    head, slashes, rest = url.partition("://")
    place, _, tail = rest.partition("/")
    end = f"/{tail}" if "/" in rest else ""
    if not slashes or not host or "?" in place or "#" in place:
        return [url]
    login, at_sign, _ = place.rpartition("@")
    bare = f"[{host}]" if ":" in host else place.rpartition("@")[2].partition(":")[0]
    standard = {"https": 443, "http": 80}.get(split.scheme)
    without = f"{head}://{login}{at_sign}{bare}{end}"
    with_port = f"{head}://{login}{at_sign}{bare}:{port or standard}{end}" if port or standard else url
    return list(dict.fromkeys([url, with_port, without]))


def answer_for(config: Twilio, secrets: Secrets, hook: Hook, at: float) -> Answer | None:
    """TwiML that does nothing: what is not TwiML would be an error at Twilio."""
    return NOTHING


# -- reports


def events_in(config: Twilio, received: ReceivedReport) -> list[Told | Wish | Unreadable]:
    """What a status callback, a message that came in, or the answer to a look-up tells."""
    if received.source == "lookup":
        return looked_up(received)
    form = fields_of(received.body)
    if not form:
        return [Unreadable("no form of Twilio", received.body)]
    status = (form.get("MessageStatus") or form.get("SmsStatus") or "").lower()
    if status in COMES_IN or (not status and "Body" in form):
        return [wish_in(form, received)]
    sid = word(form.get("MessageSid") or form.get("SmsSid"), 64)
    message, attempt = echo.message_of(received.query)
    if not status or not (sid or message):
        return [Unreadable("names no message, or no status of it", received.body)]
    return [
        told(message, attempt, sid, status, whole(form.get("ErrorCode")), received.at, word(form.get("ErrorMessage")))
    ]


def told(message: bytes, attempt: int, sid: str, status: str, code: int, at: float, detail: str = "") -> Told:
    """One status of one message. One that this version does not know is kept as it came."""
    kind, klass, reason, action = STATUSES.get(status, ReportKind.UNRECOGNISED), "", "", "none"
    if status in LOST or (code and status == "canceled"):
        meant, reason = REPORT_ERRORS.get(code) or (LOST.get(status, "trouble"), "")
        means = meaning_of(meant)
        kind, klass, action = means.told, means.klass, means.action
    elif status == "canceled":
        klass, reason = "technical", "cancelled"
    elif status == "partially_delivered":
        reason = "partially"
    return Told(
        message, kind, at, attempt, sid, klass, reason, code, detail=detail, action=action,
        event=f"{sid}|{status}"[:200], said=word(status, 50),
    )  # fmt: skip


def wish_in(form: Mapping[str, str], received: ReceivedReport) -> Wish | Unreadable:
    """What somebody has written. Twilio's own reading goes first where it has one."""
    written_by, text = form.get("From", ""), word(form.get("Body"))
    channel = "whatsapp" if written_by.startswith("whatsapp:") else "sms"
    address, to = (number_in(each.removeprefix("whatsapp:")) for each in (written_by, form.get("To", "")))
    if not address:
        return Unreadable("a message without a sender", received.body)
    theirs = OPT_OUT.get(form.get("OptOutType", "").upper(), "")
    kind = theirs or keywords.wish_in(text, address)
    sid = word(form.get("MessageSid") or form.get("SmsSid"), 64)
    return Wish(kind, channel, address, received.at, text, to, sid, answered=bool(theirs))


# -- look-ups


def lookup_for(config: Twilio, secrets: Secrets, sought: Sought, at: float) -> Request | None:
    """The message by its id, or what was sent to its number from the day on which it was."""
    if sought.ref:
        return fetched(config, secrets, f"/Messages/{sid_in(sought.ref)}.json")
    if not sought.address:
        return None
    first, last = days_around(sought.sent_at)
    query = urlencode({"To": sought.address, "DateSent>": first, "DateSent<": last, "PageSize": 1000})
    return fetched(config, secrets, f"/Messages.json?{query}")


def sid_in(ref: str) -> str:
    """*ref* as it may stand in an address."""
    return "".join(each for each in ref if each.isascii() and each.isalnum())[:64]


def days_around(at: float) -> tuple[str, str]:
    """The day of *at*, in UTC, and the second one after it: calls and messages before midnight end behind it."""
    day = datetime.fromtimestamp(max(0.0, min(at, 4e9)), UTC).date()
    return day.isoformat(), (day + timedelta(days=2)).isoformat()


def looked_up(received: ReceivedReport) -> list[Told | Wish | Unreadable]:
    """What the answer to a look-up tells of the message that was sought; nothing where it is not there for certain."""
    document = parsed(received.body)
    if not isinstance(document, dict):
        return [Unreadable("no answer of Twilio", received.body)]
    sought = echo.sought_in(received.query)
    found = (
        sought_among(objects(document.get("messages")), sought, "date_created") if "messages" in document else document
    )
    if found is None or (not word(found.get("sid")) and "code" in document):
        return []
    status = word(found.get("status"), 50).lower()
    if not status or not word(found.get("sid")):
        return [Unreadable("a message without a status", received.body)]
    return [
        told(
            sought.message_id, sought.attempt, word(found.get("sid"), 64), status, whole(found.get("error_code")),
            mail_time(found.get("date_updated"), received.at), word(found.get("error_message")),
        )
    ]  # fmt: skip


def sought_among(candidates: list[Mapping[str, Any]], sought: Sought, created: str) -> Mapping[str, Any] | None:
    """The one that was made when *sought* was sent, and says the same where that is known; None: it may be another.

    Twilio keeps no field of ours: only one that nothing else can be is believed.
    """
    text = sought.facts.get("text", "")
    near = [
        each for each in candidates
        if word(each.get("direction"), 40).startswith("outbound")
        and (not text or word(each.get("body"), 2_000) == text[:2_000])
        and abs(mail_time(each.get(created), 0.0) - sought.sent_at) <= SLACK
    ]  # fmt: skip
    return near[0] if len(near) == 1 else None
