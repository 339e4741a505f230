"""Bounces that are written for people only: who is meant, and the words that tell why.

One way for all mail systems, as they agree in this: each failed address stands in or before the lines that tell of it.
What is common to all addresses (an opening, a transcript) counts for those of which nothing else is told.
"""

import re
from collections.abc import Set
from dataclasses import dataclass, field
from functools import lru_cache

from app.bounces.decide import CODE, STATUS, plain_words, reason_in
from app.bounces.message import Header, Parts
from app.bounces.original import original_in, report_of
from app.bounces.words_replies import DAEMONS

# Reasons that the polite phrases of an opening bring about by themselves.
VAGUE = frozenset(
    {
        "",
        "policyviolation",
        "systemerror",
        "contenterror",
        "syntaxerror",
        "mailererror",
        "securityerror",
        "failedstarttls",
    }
)

OF_ROOM = ("mailboxfull", "systemfull")

MOST_LINES = 600
MOST_SECTIONS = 100
MOST_SECTION = 4_000  # characters

_ADDRESS = re.compile(r"[A-Za-z0-9\u00c0-\u1fff!#$%&'*+/=?^_`{|}~.-]{1,100}@[A-Za-z0-9\u00c0-\u1fff.-]{1,200}")
_NOT_THEM = re.compile(
    r"^\W{0,6}(?:from|sender|envelope-from|return-path|reply-to|message-?id|x-[a-z-]{1,40}|references|in-reply-to"
    r"|reporting-mta|mail from|>>> mail from|sent by|von|de|da|van|från|fra|od|от"
    r"|发件人|寄件者|差出人|送信者|보낸 사람)"
    r"\b[^:\n]{0,20}:",
    re.IGNORECASE,
)
_HELP = re.compile(
    r"\b(?:contact|contacting|assistance|help|helpdesk|questions?|support|complaints?|abuse|kontakt\w*|contacter|contacte"
    r"|contatt\w+|contactar|обратитесь)\b[^.\n]{0,40}$|mailto:$"
    r"|\b(?:please|pls|kindly|bitte|veuillez|por favor)\b[^.\n]{0,12}\b(?:use|send|write|forward|verwenden|nutzen"
    r"|utiliser|utilice|usem?)\b[^.\n]{0,40}$"
    r"|\bmoved to\W{0,6}$|\bnew address\b.{0,12}$",
    re.IGNORECASE,
)
_NAME_ALONE = re.compile(r"^[ \t]{1,8}([\w.+-]{1,64})[ \t]{1,4}\(([^()\n]{4,300})\)[ \t]*$", re.MULTILINE)
_BY_US = re.compile(
    r"\b(?:from|sender|sent by|von|expéditeur|remitente|remetente|mittente|afzender"
    r"|proveniente da|inviato da|de la part de"
    r"|enviad[oa] (?:por|de)|отправленн\w{1,4} от)\b\W{0,6}$",
    re.IGNORECASE,
)
_REPLY = re.compile(
    r"^\W{0,8}<<<|\bsaid\b|\bresponded\b|\breason\b|diagnostic|remote |antwort|réponse|respuesta|resposta"
)


# The answers of a session that is told: "<-- 550 5.1.1 no such user" (MDaemon).
_REFUSED = re.compile(r"<--?[ \t]{0,3}[45]\d\d\b")


@dataclass(slots=True)
class Section:
    """What is told of one address."""

    address: str
    lines: list[str] = field(default_factory=list)

    def text(self) -> str:
        """Its lines."""
        return "\n".join(self.lines)[:MOST_SECTION]


def sections_in(parts: Parts, ours: Set[str]) -> tuple[str, list[Section]]:
    """(what is said before any address, the sections). *ours*: addresses that cannot be meant."""
    named = [each for value in parts.header.all("x-failed-recipients") for each in _ADDRESS.findall(value)]
    failed = dict.fromkeys(each.strip(".").lower() for each in named)
    opening: list[str] = []
    sections: dict[str, Section] = {address: Section(address) for address in failed}
    now: list[Section] = []
    for line in report_of(parts).split("\n")[:MOST_LINES]:
        here = [each for each in _addresses_of(line, ours) if not failed or each in failed]
        if here:
            for address in here:
                if len(sections) < MOST_SECTIONS:
                    sections.setdefault(address, Section(address))
            now = [sections[address] for address in here if address in sections]
        for section in now:
            section.lines.append(line)
        if not now:
            opening.append(line)
    return "\n".join(opening)[:MOST_SECTION], list(sections.values())


def sections_of_names(parts: Parts) -> list[Section]:
    """Those told by name alone, "bsmith (mailbox is full)" (GroupWise), as addresses of the original."""
    addresses = recipients_of_original(parts)
    domains = {each.partition("@")[2] for each in addresses}
    sections: list[Section] = []
    for name, why in _NAME_ALONE.findall(report_of(parts)[:MOST_SECTION])[:MOST_SECTIONS]:
        whole = [each for each in addresses if each.partition("@")[0] == name.lower()]
        address = whole[0] if len(whole) == 1 else f"{name.lower()}@{min(domains)}" if len(domains) == 1 else ""
        sections.append(Section(address, [why]))
    return sections


def _addresses_of(line: str, ours: Set[str]) -> list[str]:
    """The addresses of *line* that may be recipients."""
    if "@" not in line or _NOT_THEM.match(line):
        return []
    found: list[str] = []
    for each in _ADDRESS.finditer(line[:2_000]):
        address = each[0].strip(".'`*_-").lower()
        local, _, domain = address.partition("@")
        if "." not in domain or local in DAEMONS or address in ours or address in found:
            continue
        before = line[max(0, each.start() - 80) : each.start()]
        if _HELP.search(before) or _BY_US.search(before):
            continue
        found.append(address)
    return found


def telling(text: str) -> str:
    """The lines of *text* with a reply code or status, each with what follows up to a blank line, or "".

    Of a session that is told line by line what was refused is enough.
    """
    lines = text.split("\n")
    refused = [line.strip() for line in lines if _REFUSED.search(line)]
    if refused:
        return "\n".join(refused)[:MOST_SECTION]
    taken: list[str] = []
    going = False
    for line in lines:
        if CODE.search(line) or STATUS.search(line) or _REPLY.search(line):
            going = True
        elif not line.strip():
            going = False
        if going:
            taken.append(line.strip())
    return "\n".join(taken)[:MOST_SECTION]


def tells_itself(section: Section) -> bool:
    """Whether the lines of *section* tell why, without what is common to all."""
    own = section.text()
    return bool(own) and bool(reason_in(telling(own)) or reason_in(own))


def words_for(section: Section, opening: str) -> str:
    """The words that tell most of *section*: its replies, all of it, the opening's replies, the opening."""
    own = section.text()
    for text in (telling(own), own, telling(opening)):
        reason = reason_in(text) if text else ""
        if reason:
            # A program said what the reply only calls an error.
            both = f"{opening}\n{own}"
            return both if reason in (*VAGUE, "networkerror") and reason_in(both) in OF_ROOM else text
    if opening and reason_in(opening) not in VAGUE:
        return opening
    return telling(own) or telling(opening) or own or opening


def recipients_of_original(parts: Parts) -> list[str]:
    """All that the returned original names as its recipients."""
    headers = [Header(raw) for raw in _originals(parts)[:1]]
    said = [value[:4_000] for header in headers for name in ("to", "cc") for value in header.all(name)]
    return list(dict.fromkeys(each.lower() for value in said for each in _ADDRESS.findall(value)))


def _originals(parts: Parts) -> list[bytes]:
    return parts.returned or [original_in(parts.words()).encode("utf-8", "replace")]


@lru_cache(1)  # asked for each of its recipients
def recipient_of_original(parts: Parts) -> str:
    """The one address that the returned original was for, or ""."""
    originals = _originals(parts)
    for raw in originals:
        header = Header(raw)
        for name in ("x-hmxmroriginalrecipient", "x-failed-recipients", "delivered-to", "to"):
            found: set[str] = {each.lower() for value in header.all(name) for each in _ADDRESS.findall(value)}
            if len(found) == 1:
                return str(found.pop())
    return ""


def bare_words(text: str) -> int:
    """How many words *text* has beside names and codes."""
    return len(plain_words(text).split())
