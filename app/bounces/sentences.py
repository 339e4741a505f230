"""What a sentence says of somebody's address, put together from whom it speaks of and what it says.

Mail systems that speak their users' language word the same few things in many ways. A list of whole sentences knows
those that somebody has seen; here each language has its nouns (mailbox, sender, server, message) and what can be said
of them (unknown, full, closed, locked). A predicate counts for the noun that stands nearest to it; behind an "if" or
a "perhaps" it counts for nothing. Words are those of app/bounces/phrases.py, `%` stands for any ending.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from app.bounces.phrases import is_unspaced, words_of

BEFORE = 56  # characters before a predicate in which its noun stands
AFTER = 28  # and behind it
OWNED = 6  # characters between somebody and what is somebody's
# English: "on this server" tells where, in "the server for this mailbox" and "the user's policy" it is not the person.
_PLACE = re.compile(
    r" (?:on|at|in|by|from|to|via|with|into)(?: (?:the|this|that|our|your|its|an?|any|remote|local)){0,2} $"
)
_HEAD = re.compile(r" (?:for|of)(?: (?:the|this|that|your|a|an|any))? $")
_OWNER = re.compile(r" s (?!(?:e ?)?mail)")
_STEM = 3  # letters by which a predicate is looked up

# What a predicate means when it is said of the recipient, of the sender, of a domain. "" = nothing.
_OF_RECIPIENT = {"unknown": "userunknown", "full": "mailboxfull", "closed": "suspend", "locked": "suspended"}
_OF_SENDER = {"unknown": "rejected", "closed": "rejected", "locked": "rejected"}
_OF_DOMAIN = {"unknown": "hostunknown"}
_OF_MESSAGE = {"big": "mesgtoobig"}
_MEANINGS = {"recipient": _OF_RECIPIENT, "sender": _OF_SENDER, "domain": _OF_DOMAIN, "other": _OF_MESSAGE}
# A message is no noun of these: it is neither unknown nor full, only named on the way.
_PASSED_BY = ("unknown", "full")


@dataclass(frozen=True, slots=True)
class Language:
    """Words of one language, comma between them: nouns, predicates, and what takes a predicate back."""

    recipient: str
    sender: str
    domain: str
    other: str  # servers, messages
    unknown: str
    full: str
    closed: str
    locked: str
    unless: str = ""
    many: str = ""  # "too many": then it is us who write to nobody
    big: str = ""  # of a message
    thing: str = ""  # what may itself be unknown, full or closed: a host, a disk, an error


@dataclass(slots=True)
class _Nouns:
    """The nouns of a language and what changes a predicate, ready to be looked for."""

    patterns: dict[str, re.Pattern[str]]
    unless: re.Pattern[str] | None
    many: re.Pattern[str] | None


@dataclass(slots=True)
class Sentences:
    """The sentences of several languages."""

    languages: dict[str, Language]
    _nouns: dict[str, _Nouns] = field(default_factory=dict)
    _starts: dict[str, list[tuple[str, str, str]]] = field(default_factory=dict)
    _unspaced: list[tuple[str, str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name, language in self.languages.items():
            nouns = {each: getattr(language, each) for each in ("recipient", "sender", "domain", "other", "thing")}
            patterns = {each: pattern for each, said in nouns.items() if (pattern := _either(said))}
            self._nouns[name] = _Nouns(patterns, _either(language.unless), _either(language.many))
            for said in ("unknown", "full", "closed", "locked", "big"):
                for each in _listed(getattr(language, said)):
                    self._learn(each, said, name)

    def _learn(self, predicate: str, said: str, language: str) -> None:
        if is_unspaced(predicate):
            self._unspaced.append((words_of(predicate).strip(), said, language))
            return
        text = _spaced(predicate)
        self._starts.setdefault(text[1 : 1 + _STEM], []).append((text, said, language))

    def said_in(self, words: str) -> set[str]:
        """The names of tables (app/bounces/decide.py) that sentences of *words* (of words_of) stand for."""
        found: set[str] = set()
        for start, end, said, language in self._predicates(words):
            noun = self._noun_of(words, start, end, said, language)
            meaning = _MEANINGS.get(noun, {}).get(said)
            many = self._nouns[language].many
            if (
                meaning == "userunknown"
                and many is not None
                and many.search(words, max(0, start - BEFORE), end + AFTER)
            ):
                meaning = "count"
            if meaning:
                found.add(meaning)
        return found

    def _predicates(self, words: str) -> Iterator[tuple[int, int, str, str]]:
        at = words.find(" ")
        while 0 <= at < len(words) - 1:
            for text, said, language in self._starts.get(words[at + 1 : at + 1 + _STEM], ()):
                if words.startswith(text, at):
                    yield at, at + len(text), said, language
            at = words.find(" ", at + 1)
        if words.isascii():
            return
        for text, said, language in self._unspaced:
            at = words.find(text)
            if at >= 0:
                yield at, at + len(text), said, language

    def _noun_of(self, words: str, start: int, end: int, said: str, language: str) -> str:
        """Whom the predicate between *start* and *end* is said of, or ""."""
        nouns = self._nouns[language]
        before = words[max(0, start - BEFORE) : start + 1]
        if nouns.unless is not None and nouns.unless.search(before):
            return ""
        after = words[end - 1 : end + AFTER]
        met: list[tuple[int, int, str]] = []  # distance, length, whose
        for name, pattern in nouns.patterns.items():
            if name == "other" and said in _PASSED_BY:
                continue
            met += [(len(before) - each.end(), -len(each[0]), name) for each in _meant(pattern, name, before)]
            # What stands before is meant rather than what follows: that may be the next sentence's.
            met += [(each.start() * 2 + 1, -len(each[0]), name) for each in pattern.finditer(after)]
        if not met:
            return ""
        far, length, whose = min(met)
        head = _HEAD.search(before, 0, len(before) - far + length) if whose == "recipient" else None
        if head and any(name == "thing" and other == len(before) - head.start() for other, _, name in met):
            return "thing"
        if whose == "recipient" and any(
            name == "sender" and 0 <= other - (far - length) <= OWNED for other, _, name in met
        ):
            return "sender"  # the sender's address
        return whose


def _meant(pattern: re.Pattern[str], name: str, before: str) -> Iterator[re.Match[str]]:
    """The nouns in *before* that a predicate behind it may be said of."""
    for each in pattern.finditer(before):
        if name == "thing" and _PLACE.search(before, 0, each.start()):
            continue
        if name == "recipient" and _OWNER.match(before, each.end()):
            continue
        yield each


def _listed(said: str) -> list[str]:
    return [each.strip() for each in said.split(",") if each.strip()]


def _spaced(written: str) -> str:
    """A word or words with a blank on each side that is not open."""
    return f" {words_of(written).strip()}" + ("" if written.endswith("%") else " ")


def _either(said: str) -> re.Pattern[str] | None:
    """Any of the words *said*, if there are some. Those of a script with blanks end where a word ends."""
    if not said:
        return None
    spaced: list[str] = []
    for each in _listed(said):
        text = re.escape(words_of(each).strip())
        spaced.append(text if is_unspaced(each) else rf"(?<= ){text}" + (r"\w*" if each.endswith("%") else r"(?= )"))
    return re.compile("|".join(sorted(spaced, key=len, reverse=True)))
