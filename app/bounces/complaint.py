"""Complaints: abuse reports (RFC 5965) and those that providers have made up for themselves."""

import re
from dataclasses import replace

from app.bounces.message import Header, Parts
from app.bounces.report_fields import address_in
from app.bounces.verdict import Action, Verdict, plain
from app.bounces.written import recipient_of_original

# What a report of this type asks for. Unlisted: somebody looks at it.
ACTIONS: dict[str, Action] = {
    "abuse": "suppress", "fraud": "suppress", "opt-out": "suppress", "opt-out-list": "suppress",
    "complaint": "suppress", "not-spam": "none", "auth-failure": "alert", "virus": "alert", "other": "alert",
    "miscategorized": "none", "dmarc": "alert",
}  # fmt: skip
_MICROSOFT = "x-hmxmroriginalrecipient"
_REDACTED = re.compile(r"redacted|^\W*@|^[0-9a-f]{20,}@|xxx", re.IGNORECASE)
# A report whose fields stand in the text, without a part of their own.
_FIELDS_ALONE = re.compile(r"^(feedback-type|user-agent|version)[ \t]{0,5}:[ \t]{0,5}\S", re.IGNORECASE | re.MULTILINE)
_MUST_BE_THERE = {"feedback-type", "user-agent", "version"}  # RFC 5965, 3.1
_FEEDBACK = re.compile(r"^feedback-type[ \t]{0,5}:", re.IGNORECASE | re.MULTILINE)


def complaints_in(parts: Parts) -> list[Verdict]:
    """The complaints in a message; empty if it is none."""
    texts = parts.feedback
    if not texts and "report-type=feedback-report" in parts.kind.lower().replace('"', "").replace(" ", ""):
        texts = [text for text in parts.texts + parts.status if _FEEDBACK.search(text)]
    if not texts:
        texts = [text for text in parts.texts[:1] if _fields_alone(text[:1_000]) == _MUST_BE_THERE]
    found = [each for text in texts for each in _of_report(Header(_unindented(text)), parts)]
    return found or _of_microsoft(parts)


def _fields_alone(text: str) -> set[str]:
    return {each.lower() for each in _FIELDS_ALONE.findall(text)}


def _unindented(text: str) -> bytes:
    return re.sub(r"\n\s*\n", "\n", text.replace("\r", "").lstrip()).encode()


def _of_report(fields: Header, parts: Parts) -> list[Verdict]:
    kind = fields.get("feedback-type").lower().strip() or "abuse"
    names = ("original-rcpt-to", "removal-recipient", "final-recipient", "redacted-address", "x-original-rcpt-to")
    # The first field that tells: others name lists, or where it was sent on to.
    whole = next((found for name in names if (found := _whole(fields.all(name)))), [recipient_of_original(parts)])
    mta = fields.get("reporting-mta").partition(";")[2].strip()
    told = plain("feedback", told=kind[:40], mta=mta[:253])
    action = ACTIONS.get(kind, "alert")
    return [replace(told, recipient=each, action=action, certain=action == "suppress" and bool(each)) for each in whole]


def _whole(values: list[str]) -> list[str]:
    """The addresses of the fields *values* from which nothing has been taken out."""
    named = [address_in(value).lower() for value in values]
    return list(dict.fromkeys(each for each in named if each and not _REDACTED.search(each)))


def _of_microsoft(parts: Parts) -> list[Verdict]:
    """JMRP: the original as an attachment, the person in a field of its own."""
    inline = [
        text[:2_000].lstrip().encode()
        for text in parts.texts[:1]
        if text.lstrip()[: len(_MICROSOFT)].lower() == _MICROSOFT
    ]
    for header in (parts.header, *(Header(raw) for raw in parts.returned + inline)):
        if _MICROSOFT in header:
            recipient = address_in(header.get(_MICROSOFT)).lower()
            return [replace(plain("feedback", told="abuse"), recipient=recipient, certain=True)]
    return []
