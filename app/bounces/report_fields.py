"""The fields of a delivery status (RFC 3464), also of those that get them wrong: one group for each recipient."""

import re
from dataclasses import dataclass, field

from app.bounces.encodings import without_encoded_words, without_xtext

MOST_RECIPIENTS = 200
MOST_VALUE = 4_000

_LINE = re.compile(r"([A-Za-z][A-Za-z0-9_-]{1,60})[ \t]*:[ \t]*(.*)")
_BLOCKS = re.compile(r"\n[ \t]*\n")
_ADDRESS = re.compile(r"[^\s<>\"(),;:\\]{1,200}@[^\s<>\"(),;:\\]{1,250}")
_IMCEA = re.compile(r"IMCEASMTP-([^@\s]{1,300})@", re.IGNORECASE)
_ESCAPED = re.compile(r"\\x\{([0-9A-Fa-f]{1,6})\}")  # RFC 6533

WHO = ("final-recipient", "original-recipient", "x-actual-recipient")
WHAT = ("action", "status", "diagnostic-code")
_ACTIONS = ("failed", "delayed", "delivered", "relayed", "expanded")
_SAME_ACTION = {"failure": "failed", "fail": "failed", "error": "failed", "bounced": "failed", "deferred": "delayed",
                "delay": "delayed", "expired": "failed", "rejected": "failed", "success": "delivered"}  # fmt: skip

Fields = dict[str, str]


@dataclass(slots=True)
class StatusReport:
    """A delivery status: what concerns the message, and each recipient."""

    message: Fields = field(default_factory=dict)
    recipients: list[Fields] = field(default_factory=list)


def report_in(text: str) -> StatusReport:
    """The fields of *text*, wherever blank lines are missing or too many."""
    report = StatusReport()
    for block in _BLOCKS.split(text.replace("\r", "")):
        for fields in _one_recipient_each(_fields_in(block)):
            _place(fields, report)
    stray = {name: report.message[name] for name in WHAT if name in report.message}
    for fields in report.recipients:
        for name, value in stray.items():
            fields.setdefault(name, value)
    return report


def _place(fields: Fields, report: StatusReport) -> None:
    if not fields:
        return
    if any(name in fields for name in WHO):
        last = report.recipients[-1] if report.recipients else None
        if last is not None and _continues(last, fields):
            last.update(fields)
        elif len(report.recipients) < MOST_RECIPIENTS:
            report.recipients.append(fields)
    elif report.recipients:
        for name, value in fields.items():
            report.recipients[-1].setdefault(name, value)
    else:
        report.message.update(fields)


def _continues(last: Fields, fields: Fields) -> bool:
    """Whether *fields* belong to the recipient before: a blank line that should not be there."""
    return not any(name in last for name in WHAT) and not any(name in last for name in WHO if name in fields)


def _fields_in(block: str) -> list[tuple[str, str]]:
    fields: list[tuple[str, str]] = []
    for line in block.split("\n"):
        found = _LINE.match(line)
        if found and not (found[1].isdigit()):
            fields.append((found[1].lower(), found[2].strip()))
        elif fields and line.strip():
            # Folded, or a reply of several lines that should have been.
            name, value = fields[-1]
            if len(value) < MOST_VALUE:
                fields[-1] = (name, f"{value} {line.strip()}")
    return fields


def _one_recipient_each(fields: list[tuple[str, str]]) -> list[Fields]:
    groups: list[Fields] = []
    group: Fields = {}
    for name, value in fields:
        if (name in WHO and name in group) or (name == "reporting-mta" and any(each in group for each in WHO)):
            groups.append(group)
            group = {}
        if name not in group or name in WHO:
            group[name] = value
    groups.append(group)
    if len(groups) > 1 and not any(each in groups[0] for each in WHO):
        groups[1] = {**groups[0], **groups[1]}
        del groups[0]
    return groups


def address_in(value: str) -> str:
    """The address of a field such as "rfc822; ana@example.com", or ""."""
    kind, sign, rest = value.partition(";")
    text = rest if sign else kind
    text = _ESCAPED.sub(lambda found: chr(min(int(found[1], 16), 0x10FFFF)), without_encoded_words(text)).strip()
    if text.upper().startswith(
        "IMCEA"
    ):  # an address of another kind, packed by Exchange: its domain is not the person's
        packed = _IMCEA.match(text)
        text = packed[1].replace("+2E", ".") if packed else ""
    found = _ADDRESS.search(without_xtext(text.strip("<> \"'")))
    return found[0].strip("'.").removeprefix("mailto:")[:320] if found else ""


def action_in(value: str) -> str:
    """The action that a field names, or ""."""
    word = value.strip().lower().partition(" ")[0].strip("();,.")
    word = _SAME_ACTION.get(word, word)
    return word if word in _ACTIONS else ""


def host_in(value: str) -> str:
    """The host of a field such as "dns; mx.example.com (192.0.2.1)"."""
    text = value.partition(";")[2] or value
    return (text.split() or [""])[0].strip("[]()<>\"'").rstrip(".")[:253]


def said_in(diagnostic: str) -> str:
    """The words of a Diagnostic-Code field without its type."""
    kind, sign, rest = diagnostic.partition(";")
    return rest.strip() if sign and len(kind) <= 40 and " " not in kind.strip() else diagnostic.strip()
