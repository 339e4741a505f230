"""MSG91: requests, answers and delivery reports, most of them to India.

Facts: the help and API pages of msg91.com. They are thin: everything that is read here is read with tolerance. Reports
carry no signature; the address that they come to is a secret, and the route may name where they come from.
"""

import re
from collections.abc import Mapping, Sequence
from ipaddress import ip_address, ip_network
from json import dumps
from typing import Any

from app.content.sms import UCS_2, size_of
from app.content.sms_message import SmsText
from app.delivery.reports.kinds import ReportKind
from app.provider_accounts import Msg91
from app.providers import echo
from app.providers.contract import Answer, Hook, Message, Request, Secrets, Sought, Unreadable
from app.providers.meanings import accepted, meaning_of, outcomes_of, unread
from app.providers.reading import (
    an_object,
    answered,
    fields_of,
    objects,
    parsed,
    seconds_in,
    shown,
    whole,
    word,
    written_time,
)
from app.records import Outcome, ReceivedReport, Told

HOME = "https://control.msg91.com"
INDIA = 5.5  # hours that its clock is ahead of UTC: reports name no offset
PROMOTIONAL, TRANSACTIONAL = "1", "4"  # routes: promotional texts keep to hours and to the register of who refuses them
# The register of India (DLT) numbers its templates; MSG91's own ids are 24 hexadecimal digits.
_REGISTERED = re.compile(r"[0-9]{15,22}", re.ASCII)

# code of an answer -> what it comes to
ERRORS = {
    101: "recipient", 202: "recipient",
    102: "message", 103: "message", 105: "message", 203: "message", 307: "message", 308: "message", 310: "message",
    106: "account", 201: "account", 207: "account", 208: "account", 301: "account", 302: "account", 303: "account",
    306: "not_here", 418: "account", 505: "account", 506: "account",
    311: "repeat",
    602: "down",
}  # fmt: skip

# status of a report, also as a word -> (kind, class, why, action). Those that failed are told by their words.
STATUSES: dict[str, tuple[ReportKind, str, str, str]] = {
    "1": (ReportKind.DELIVERED, "", "", "none"),
    "2": (ReportKind.BOUNCED, "undetermined", "", "none"),
    "8": (ReportKind.ACCEPTED, "", "", "none"),
    "9": (ReportKind.BLOCKED, "block", "donotdisturb", "suppress"),
    "16": (ReportKind.BLOCKED, "content", "rejected", "alert"),
    "25": (ReportKind.BLOCKED, "content", "rejected", "alert"),
    "17": (ReportKind.BLOCKED, "suppressed", "blocked", "suppress"),
}
WORDS = {
    "delivered": "1", "failed": "2", "undelivered": "2", "ndnc": "9", "dnd": "9", "rejected": "16",
    "blocked number": "17", "blocked": "17", "submitted": "8", "sent": "8", "pending": "8", "queued": "8",
}  # fmt: skip

# Words of failedReason -> (what it comes to, why). The first that is found decides.
REASONS = tuple(
    (re.compile(pattern, re.IGNORECASE), meant, reason)
    for pattern, meant, reason in (
        (r"absent|switched ?off|not reachable|unreachable|out of coverage|no paging", "away", "unreachable"),
        (r"memory|inbox full|sim full", "away", "mailboxfull"),
        (r"busy", "away", "busy"),
        (r"expired|validity", "expired", "expired"),
        (r"\b(dnd|ndnc)\b|do not disturb", "barred", "donotdisturb"),
        (r"\b(dlt|template|header|entity|scrub\w*|content|spam)\b", "filtered", "template"),
        (r"barred|blocked|blacklist", "barred", "blocked"),
        (
            r"(invalid|unknown|unallocated|wrong|inactive|non.?existent).{0,30}(subscriber|number|msisdn|mobile|user)",
            "recipient", "userunknown",
        ),
        (r"^\s*(invalid|unknown)\s*$", "recipient", "userunknown"),
    )
)  # fmt: skip


# -- requests


def request_for(config: Msg91, secrets: Secrets, messages: Sequence[Message], at: float) -> Request:
    """Sends *messages*, whose content has one template: over the template where it is MSG91's own, else as text.

    Of several that go as text, all say the same.
    """
    first = messages[0]
    content = first.content if isinstance(first.content, SmsText) else SmsText("")
    own = bool(content.dlt_template) and not _REGISTERED.fullmatch(content.dlt_template)
    body = _flow(messages, content) if own else _free(config, messages, content)
    if len(messages) == 1:
        body["CRQID"] = echo.word_of(first)
    return Request("POST", f"{config.url.rstrip('/') or HOME}/api/{'v5/flow' if own else 'v2/sendsms'}", {
        "authkey": secrets.get("auth_key", ""), "content-type": "application/json", "accept": "application/json",
    }, dumps(body).encode())  # fmt: skip


def _flow(messages: Sequence[Message], content: SmsText) -> dict[str, Any]:
    return {
        "template_id": content.dlt_template, "short_url": "0", "realTimeResponse": "1",
        "recipients": [
            {
                **(each.content.variables if isinstance(each.content, SmsText) else {}),
                "mobiles": digits(each.address),
            }
            for each in messages
        ],
    }  # fmt: skip


def _free(config: Msg91, messages: Sequence[Message], content: SmsText) -> dict[str, Any]:
    first = messages[0]
    promised = config.transactional or first.transactional
    body: dict[str, Any] = {
        "sender": first.sender or config.sender, "route": TRANSACTIONAL if promised else PROMOTIONAL,
        "country": country_field(first.address),
        "sms": [{"message": content.text, "to": [digits(each.address) for each in messages]}],
    }  # fmt: skip
    if size_of(content.text).encoding == UCS_2:
        body["unicode"] = "1"
    if content.dlt_template:
        body["DLT_TE_ID"] = content.dlt_template
    return body


def digits(number: str) -> str:
    """An E.164 number as MSG91 writes it."""
    return number.removeprefix("+")


def country_field(number: str) -> str:
    """91 and 1 have their own value; all others are "0", international, by the code that stands in the number."""
    return next((code for code in ("91", "1") if digits(number).startswith(code)), "0")


# -- answers


def result_of(messages: Sequence[Message], answer: Answer, at: float) -> list[Outcome]:
    """What became of each of *messages*. One id stands for all of a request: with the number it is that of one."""
    document = answered(answer)
    said = word(document.get("type") or document.get("msg_type")).lower()
    text = word(document.get("message"), 400)
    request = word(document.get("request_id"), 100) or word(document.get("message"), 100)
    if 200 <= answer.status < 300 and said == "success" and request:
        return [outcome for each in messages for outcome in accepted([each], at, ref_of(request, digits(each.address)))]
    code = whole(document.get("code"))
    if code in ERRORS:
        # One wrong number refuses all of a request: it tells nothing of the others.
        meant = "trouble" if ERRORS[code] == "recipient" and len(messages) > 1 else ERRORS[code]
        return outcomes_of(messages, meant, at, code=code, detail=f"{code} {text}".strip())
    if answer.status >= 400:
        return unread(messages, answer, at, text or shown(answer), own=bool(said))
    if said == "error":  # with 200, as is usual
        return outcomes_of(messages, "message", at, code=code, detail=f"{code or ''} {text}".strip())
    return outcomes_of(messages, "lost", at, code=answer.status, detail=shown(answer))


def ref_of(request: str, number: str) -> str:
    """The id of one message: that of its request, and its number."""
    return f"{request}|{number}"


# -- webhooks


def verified(config: Msg91, secrets: Secrets, hook: Hook, at: float) -> str:
    """Why *hook* does not come from where the route says that reports come from; "" where it does, or none says so."""
    if not config.from_addresses:
        return ""
    try:
        peer = ip_address(hook.peer)
    except ValueError:
        return "where it comes from is not known"
    return "" if any(_holds(each, peer) for each in config.from_addresses) else f"{peer} is none of from_addresses"


def unsigned(config: Msg91, _: Secrets) -> bool:
    """Whether anybody who knows the address of the webhooks may post to it."""
    return not config.from_addresses


def _holds(network: str, peer: Any) -> bool:
    try:
        return peer in ip_network(network, strict=False)
    except (ValueError, TypeError):
        return False


# -- reports


def events_in(config: Msg91, received: ReceivedReport) -> list[Told | Unreadable]:
    """What a webhook tells: v2 (a form), v3, v4 or the new one (JSON)."""
    document = parsed(received.body)
    if document is None:
        document = parsed(fields_of(received.body).get("data", "").encode("utf-8", "replace"))
    reports = _reports_in(document)
    if not reports:
        return [Unreadable("no report of MSG91", received.body)]
    return [_told(each, received) for each in reports]


def _reports_in(document: Any) -> list[Mapping[str, Any]]:
    """The reports of any version, one mapping each, with what stands around them."""
    found = list[Mapping[str, Any]]()
    for each in objects(document) if isinstance(document, list) else [an_object(document)]:
        inner = _unpacked(each.get("report")) or _unpacked(each.get("data"))
        around = {name: value for name, value in each.items() if name not in ("report", "data")}
        found += [{**around, **one} for one in inner] if inner else [each] if each else []
    return found


def _unpacked(value: Any) -> list[Mapping[str, Any]]:
    """The objects of a list that may itself be written as a JSON text."""
    return objects(parsed(value.encode("utf-8", "replace")) if isinstance(value, str) else value)


def _told(report: Mapping[str, Any], received: ReceivedReport) -> Told | Unreadable:
    request, number = _one(report, "requestId", "request_id"), digits(_one(report, "number", "telNum", "mobile"))
    message, attempt = _message_in(report)
    said = _one(report, "status", "event", "desc", "description")
    if not message and not (request and number):
        return Unreadable("names no request and number", dumps(report).encode()[:100_000])
    if not said:
        return Unreadable("a report without a status", dumps(report).encode()[:100_000])
    why = _one(report, "failedReason", "failureReason") or _one(report, "desc", "description")
    kind, klass, reason, action = _meaning(said, why)
    at = written_time(_one(report, "date", "deliveryTime"), 0.0, INDIA) or seconds_in(report.get("ts"), received.at)
    return Told(
        message, kind, at, attempt, ref_of(request, number) if request and number else "", klass, reason, whole(said),
        detail=why, action=action, event=f"{request}|{number}|{said}"[:200] if request else "", said=said[:50],
    )  # fmt: skip


def _one(report: Mapping[str, Any], *names: str) -> str:
    """The first of *names* that says something. "0" is what MSG91 writes for nothing, but for a status."""
    return next((said for name in names if (said := word(report.get(name)).strip())), "")


def _message_in(report: Mapping[str, Any]) -> tuple[bytes, int]:
    for name in ("CRQID", "clientid", "clientId", "meta"):
        found = echo.message_in(report.get(name))
        if found[0]:
            return found
    return b"", 0


def _meaning(said: str, why: str) -> tuple[ReportKind, str, str, str]:
    """(kind, class, why, action) of a status, in figures or words."""
    status = WORDS.get(said.lower(), said)
    if status not in STATUSES:
        return ReportKind.UNRECOGNISED, "", "", "none"
    if status == "2":
        for pattern, meant, reason in REASONS:
            if pattern.search(why):
                means = meaning_of(meant)
                return means.told, means.klass, reason, means.action
    return STATUSES[status]


# -- look-ups


def lookup_for(config: Msg91, secrets: Secrets, sought: Sought, at: float) -> Request | None:
    """None: there is no documented way to ask."""
    return None
