"""Events of Amazon SES in a mail, as SNS sends them to people: bounces, complaints and deliveries as JSON."""

import json
import re
from dataclasses import replace
from typing import Any

from app.bounces.decide import Failure, meaning_of
from app.bounces.report_fields import address_in, said_in
from app.bounces.verdict import Verdict, plain

MOST_RECIPIENTS = 200
MOST_DIAGNOSTIC = 500  # characters

_EVENT = re.compile(r"\\?\"(?:notificationType|eventType)\\?\"[ \t]{0,5}:")
# Sub-types of a bounce -> what each means, where the diagnostic says nothing. General and Undetermined tell nothing.
SUB_TYPES = {
    "suppressed": "suppressed", "onaccountsuppressionlist": "suppressed", "unsubscribedrecipient": "suppressed",
    "noemail": "userunknown", "mailboxfull": "mailboxfull", "messagetoolarge": "mesgtoobig",
    "customtimeoutexceeded": "expired", "contentrejected": "policyviolation", "attachmentrejected": "policyviolation",
}  # fmt: skip
_LISTED = "suppressed"


def events_in(texts: list[str]) -> list[Verdict]:
    """What the first event in *texts* tells of each recipient; empty if there is none."""
    for text in texts:
        event = _event_in(text) if _EVENT.search(text) else {}
        if event:
            return _told(event)
    return []


def _event_in(text: str) -> dict[str, Any]:
    """The event, alone or as the message of an SNS envelope."""
    try:
        whole, _ = json.JSONDecoder().raw_decode(text, text.index("{"))
        said = whole.get("Message") if isinstance(whole, dict) else None
        event = json.loads(said) if isinstance(said, str) else whole
    except (ValueError, RecursionError):
        return {}
    return event if isinstance(event, dict) else {}


def _told(event: dict[str, Any]) -> list[Verdict]:
    kind = _word(event, "notificationType") or _word(event, "eventType")
    match kind:
        case "Bounce":
            bounce = _inside(event, "bounce")
            return [_bounced(each, bounce) for each in _listed(bounce, "bouncedRecipients")]
        case "Complaint":
            complaint = _inside(event, "complaint")
            kind = _word(complaint, "complaintFeedbackType").lower() or "abuse"
            told = plain("feedback", told=kind[:40])
            told = (
                told if kind in ("abuse", "fraud") else replace(told, action="none" if kind == "not-spam" else "alert")
            )
            return [
                replace(told, recipient=_address(each), certain=told.action == "suppress" and bool(_address(each)))
                for each in _listed(complaint, "complainedRecipients")
            ]
        case "Delivery":
            recipients = _inside(event, "delivery").get("recipients")
            return [
                plain("delivered", recipient=address_in(each).lower(), told="delivered")
                for each in (recipients if isinstance(recipients, list) else [])[:MOST_RECIPIENTS]
                if isinstance(each, str)
            ]
    return []


def _bounced(recipient: dict[str, Any], bounce: dict[str, Any]) -> Verdict:
    address = _address(recipient)
    words = said_in(_word(recipient, "diagnosticCode"))
    mta = _word(bounce, "reportingMTA").partition(";")[2].strip()[:253]
    sub_type = SUB_TYPES.get(_word(bounce, "bounceSubType").lower(), "")
    meaning = meaning_of(Failure(words, _word(recipient, "status"), "failed", "", address))
    verdict = Verdict(
        recipient=address, klass=meaning.klass, reason=meaning.reason, status=meaning.status, code=meaning.code,
        action=meaning.action, told="failed", mta=mta, diagnostic=" ".join(words.split())[:MOST_DIAGNOSTIC],
        certain=meaning.certain and bool(address),
    )  # fmt: skip
    if sub_type and (sub_type == _LISTED or meaning.reason == "undefined"):
        known = plain(sub_type)
        certain = known.action == "suppress" and bool(address)
        return replace(verdict, klass=known.klass, reason=sub_type, action=known.action, certain=certain)
    if _word(bounce, "bounceType") == "Transient" and verdict.action == "suppress":
        return replace(verdict, klass="soft", action="retry", certain=False)
    return verdict


def _inside(document: dict[str, Any], name: str) -> dict[str, Any]:
    value = document.get(name)
    return value if isinstance(value, dict) else {}


def _listed(document: dict[str, Any], name: str) -> list[dict[str, Any]]:
    value = document.get(name)
    return [each for each in value[:MOST_RECIPIENTS] if isinstance(each, dict)] if isinstance(value, list) else []


def _word(document: dict[str, Any], name: str) -> str:
    value = document.get(name)
    return value[:4_000] if isinstance(value, str) else ""


def _address(recipient: dict[str, Any]) -> str:
    return address_in(_word(recipient, "emailAddress")).lower()
