"""A message that came back -> what it tells of each recipient. Pure; never raises for what stands in the message."""

import re
from collections.abc import Set
from dataclasses import replace
from functools import lru_cache

from app.bounces.complaint import complaints_in
from app.bounces.decide import Failure, Meaning, meaning_of, reason_in, status_in
from app.bounces.kinds import automatic, from_daemon, kind_of, sender_of
from app.bounces.message import Header, Parts, taken_apart
from app.bounces.notices import events_in
from app.bounces.original import report_of
from app.bounces.report_fields import Fields, action_in, address_in, host_in, report_in, said_in
from app.bounces.verdict import Verdict, plain
from app.bounces.written import (
    Section,
    bare_words,
    recipient_of_original,
    recipients_of_original,
    sections_in,
    sections_of_names,
    telling,
    tells_itself,
    words_for,
)

MOST_VERDICTS = 200
MOST_DIAGNOSTIC = 500  # characters
FEW_WORDS = 3
# Fields in which some put what belongs into Diagnostic-Code.
MORE_WORDS = ("status", "x-postfix-queue-error", "x-supplementary-info", "x-diagnostic", "reason", "x-notes")
SHORT = 8  # characters: a status alone

_MTA = re.compile(
    r"(?:host|server|mta|at|by|to|from)\s{1,3}([\w-]{1,63}(?:\.[\w-]{1,63}){1,8})(?:\s?\[[\d.]{7,15}\])?", re.IGNORECASE
)
_ASKED = re.compile(r"\bin\s{1,9}reply\s{1,9}to\b")
_REPORT = re.compile(r"^(?:final|original)-recipient[ \t]*:", re.IGNORECASE | re.MULTILINE)
_SERVICE = re.compile(
    r"^(?:no-?reply|notif|mailinblack|anti-?spam|challenge|verif|confirm|auth|quarantine)|@anti-?spam\.|@boxbe\."
)
_EXIT = re.compile(r"x-unix[ \t]*;[ \t]*\d{1,3}\s*$", re.IGNORECASE)  # of the program that delivers
_ADDRESSES = re.compile(r"[^\s<>\"(),;:]{1,200}@[^\s<>\"(),;:]{1,250}")


def classify(raw: bytes) -> list[Verdict]:
    """What *raw* tells: one verdict for each recipient, at least one."""
    return verdicts_of(taken_apart(raw))


def verdicts_of(parts: Parts, *, deeper: bool = True) -> list[Verdict]:
    """The same for a message that is taken apart."""
    found = complaints_in(parts) or events_in(parts.texts)
    if found:
        return found[:MOST_VERDICTS]
    if parts.receipts or "report-type=disposition-notification" in parts.kind.lower().replace('"', ""):
        return [plain("receipt", recipient=_of_receipt(parts))]
    found = _reported(parts)
    if found:
        return found[:MOST_VERDICTS]
    words = report_of(parts)
    kind = kind_of(parts, words)
    if kind in ("bounce", "delayed"):
        return _written(parts, "failed" if kind == "bounce" else "delayed")[:MOST_VERDICTS]
    sender = sender_of(parts.header)
    if kind == "challenge":
        return [plain("confirmation", recipient=_protected(parts, words) or sender)]
    if kind == "receipt":
        return [plain("receipt", recipient=sender)]
    if kind == "auto":
        return [plain("vacation", recipient=sender)]
    if kind == "moved":
        # A person, or a program for one, says so: true perhaps, and nothing to suppress by.
        return [replace(plain("hasmoved", recipient=sender), klass="auto-reply", action="none")]
    if kind == "complaint":
        person = "" if from_daemon(parts.header) or sender.startswith("abuse") else sender
        return [replace(plain("feedback", recipient=recipient_of_original(parts) or person), action="alert")]
    return _handed_on(parts, deeper) or [plain("undefined", recipient=sender)]


def _handed_on(parts: Parts, deeper: bool) -> list[Verdict]:
    """What a bounce tells that somebody has handed on as a message within a message."""
    inner = [taken_apart(raw) for raw in parts.returned[:3]] if deeper else []
    found = [each for each in inner if from_daemon(each.header) and (each.status or kind_of(each, "") == "bounce")]
    return verdicts_of(found[0], deeper=False) if found else []


# -- RFC 3464


def _reported(parts: Parts) -> list[Verdict]:
    texts = parts.status
    if not any(_REPORT.search(text) for text in texts):
        # In the wrong part, or in the text alone.
        said = [
            text
            for text in parts.texts
            if _REPORT.search(text) and re.search(r"^(?:action|status)[ \t]*:", text, re.IGNORECASE | re.MULTILINE)
        ]
        texts = said if said and (from_daemon(parts.header) or texts or automatic(parts.header)) else []
    verdicts: list[Verdict] = []
    for text in texts:
        report, most = report_in(text), MOST_VERDICTS - len(verdicts)
        verdicts += [_of_fields(fields, report.message, parts) for fields in report.recipients[:most]]
    return verdicts


def _of_fields(fields: Fields, message: Fields, parts: Parts) -> Verdict:
    final = address_in(fields.get("final-recipient", ""))
    original = address_in(fields.get("original-recipient", ""))
    actual = address_in(fields.get("x-actual-recipient", ""))
    recipient = _believable(final, original, actual) or recipient_of_original(parts)
    status = status_in(fields.get("status", ""))
    told = action_in(fields.get("action", "")) or _told_by(status)
    host = host_in(fields.get("remote-mta", ""))
    verdict = Verdict(
        recipient=recipient.lower(), told=told, mta=host or host_in(message.get("reporting-mta", "")),
        original_recipient=original.lower() if original.lower() != recipient.lower() else "",
    )  # fmt: skip
    said = said_in(fields.get("diagnostic-code", ""))
    if told in ("delivered", "relayed", "expanded"):
        return replace(verdict, reason="delivered", status=status, diagnostic=said[:MOST_DIAGNOSTIC])
    said = _with_explanation(said, fields, recipient, parts)
    meaning = meaning_of(Failure(said, status, told, host or verdict.mta, recipient))
    if meaning.certain and _tells_what_was_asked(parts):
        around = _section_of(recipient, parts)[1].text()
        meaning = meaning_of(Failure(said, status, told, host or verdict.mta, recipient, around))
    if _EXIT.match(fields.get("diagnostic-code", "")) and meaning.reason in (
        "networkerror",
        "systemerror",
        "undefined",
    ):
        meaning = replace(meaning, reason="mailererror", klass="soft", action="retry")
    return _with_meaning(verdict, _not_of_us(meaning, said, recipient, parts), said)


def _not_of_us(meaning: Meaning, said: str, recipient: str, parts: Parts) -> Meaning:
    """*meaning*, unless the words name our sender and not the recipient: then it is us whom nobody knows."""
    if not meaning.certain or "@" not in said:
        return meaning
    named = {each.strip(".'").lower() for each in _ADDRESSES.findall(said)}
    ours = _not_them(parts)
    domains = {each.partition("@")[2] for each in ours} - {recipient.lower().partition("@")[2]}
    if recipient.lower() in named or not any(each in ours or each.partition("@")[2] in domains for each in named):
        return meaning
    return Meaning("rejected", "block", "alert", meaning.status, meaning.code)


def _senders(parts: Parts) -> set[str]:
    """Who sent the original."""
    headers = [Header(raw) for raw in parts.returned[:2]]
    said = [header.get(name)[:500] for header in headers for name in ("from", "sender", "return-path")]
    return {each.strip(".'").lower() for text in said for each in _ADDRESSES.findall(text)}


def _believable(final: str, original: str, actual: str) -> str:
    """The address that failed: the final one, unless it is but a name within the other system."""
    for each in (final, actual, original):
        if "." in each.partition("@")[2]:
            return each
    return final or original or actual


def _with_explanation(said: str, fields: Fields, recipient: str, parts: Parts) -> str:
    """*said*, or what people are told of *recipient* where it says nothing."""
    if reason_in(said, status_in(said) or status_in(fields.get("status", ""))):
        return said
    extra = " ".join(fields[name] for name in MORE_WORDS if len(fields.get(name, "")) > SHORT)
    if extra and reason_in(extra):
        return f"{said} {extra}".strip()
    if bare_words(said) >= FEW_WORDS:
        return said
    opening, own = _section_of(recipient, parts)
    told = words_for(own, opening)
    return f"{said} {told}".strip() if reason_in(told) else said


def _section_of(recipient: str, parts: Parts) -> tuple[str, Section]:
    """(what is told of all recipients, what is told of this one), of the words for people."""
    opening, sections = _sections(parts)
    own = next((each for each in sections if each.address == recipient.lower()), Section(recipient))
    if not own.lines and len(sections) == 1:
        own = sections[0]
    return opening, own


# What is asked for each recipient of a message, and is the same for all of them.


@lru_cache(1)
def _sections(parts: Parts) -> tuple[str, list[Section]]:
    return sections_in(parts, _not_them(parts))


@lru_cache(1)
def _not_them(parts: Parts) -> Set[str]:
    return _ours(parts) | _senders(parts)


@lru_cache(1)
def _tells_what_was_asked(parts: Parts) -> bool:
    return _ASKED.search(parts.words()) is not None


def _told_by(status: str) -> str:
    return {"2": "delivered", "4": "delayed"}.get(status[:1], "failed")


# -- for people


def _written(parts: Parts, told: str) -> list[Verdict]:
    opening, sections = _sections(parts)
    sections = [each for each in sections if each.lines] or sections
    if not sections:
        named = sections_of_names(parts)
        sections = named if len(named) > 1 else []
    if not sections:
        sections = [Section(recipient_of_original(parts))]
    if len(sections) > 1:
        sections = _meant(sections, recipient_of_original(parts))
    verdicts = [_of_section(each, opening, told, parts) for each in sections]
    verdicts = _without_new_addresses(verdicts, recipients_of_original(parts))
    known = [each for each in verdicts if each.reason != "undefined"]
    if known and len(known) < len(verdicts):
        # Addresses in passing: of the server's people, of another way.
        original = recipient_of_original(parts)
        verdicts = [each for each in verdicts if each in known or each.recipient == original]
    return verdicts


def _without_new_addresses(verdicts: list[Verdict], written_to: list[str]) -> list[Verdict]:
    """*verdicts* without those of addresses that somebody has moved to: these follow who has moved, and are right."""
    kept: list[Verdict] = []
    for each in verdicts:
        new = each.reason == "hasmoved" and each.recipient not in written_to
        if new and kept and kept[-1].reason in ("hasmoved", "undefined"):
            if kept[-1].reason == "undefined":
                kept[-1] = replace(each, recipient=kept[-1].recipient)
            continue
        kept.append(each)
    return kept


def _meant(sections: list[Section], original: str) -> list[Section]:
    """Those that tell why; beside them who the original was for. Without either the first: others come in passing."""
    meant = [each for each in sections if tells_itself(each) or each.address == original]
    return meant or sections[:1]


def _of_section(section: Section, opening: str, told: str, parts: Parts) -> Verdict:
    words = words_for(section, opening)
    around = f"{opening}\n{section.text()}"
    meaning = meaning_of(Failure(words, "", told, "", section.address, around))
    found = _MTA.search(words)
    verdict = Verdict(recipient=section.address.lower(), told=told, mta=found[1].rstrip(".") if found else "")
    if meaning.reason == "undefined" and meaning.status.startswith("2."):
        return replace(verdict, reason="delivered", status=meaning.status, told="delivered")
    return _with_meaning(verdict, _not_of_us(meaning, words, section.address, parts), words)


def _with_meaning(verdict: Verdict, meaning: Meaning, words: str) -> Verdict:
    said = " ".join((telling(words) or words).split())
    action = meaning.action
    if verdict.told == "delayed" and action == "suppress":
        action = "retry"
    return replace(
        verdict, klass=meaning.klass, reason=meaning.reason, status=meaning.status, code=meaning.code, action=action,
        diagnostic=said[:MOST_DIAGNOSTIC], certain=meaning.certain and bool(verdict.recipient),
    )  # fmt: skip


def _ours(parts: Parts) -> set[str]:
    """Addresses that the failure cannot be about: who it came back to, and who wrote it."""
    header = parts.header
    names = ("to", "from", "sender", "reply-to", "return-path", "delivered-to", "x-original-to", "errors-to")
    return {each.strip(".'").lower() for name in names for each in _ADDRESSES.findall(header.get(name)[:2_000])}


def _protected(parts: Parts, words: str) -> str:
    """On whose behalf a service asks for a proof: the one address that its *words* name beside ours and its own."""
    if not _SERVICE.search(sender_of(parts.header)):
        return ""
    found = {each.strip(".'").lower() for each in _ADDRESSES.findall(words)} - _ours(parts) - _senders(parts)
    domain = sender_of(parts.header).partition("@")[2]
    named = {each for each in found if each != sender_of(parts.header)}
    foreign = {each for each in named if each.partition("@")[2] != domain}
    return min(foreign if len(foreign) == 1 else named, default="") if 1 in (len(foreign), len(named)) else ""


def _of_receipt(parts: Parts) -> str:
    for text in parts.receipts:
        for fields in report_in(text).recipients:
            found = address_in(fields.get("original-recipient", "")) or address_in(fields.get("final-recipient", ""))
            if found:
                return found.lower()
    return sender_of(parts.header)
