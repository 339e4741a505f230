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
NEXT = 4  # characters between a noun and what is said of it at once
OWNED = 6  # characters between somebody and what is somebody's
# English: "on this server" tells where, in "the server for this mailbox" and "the user's policy" it is not the person.
_PLACE = re.compile(
    r" (?:on|at|in|by|from|to|via|with|into)(?: (?:the|this|that|our|your|its|an?|any|remote|local)){0,2} $"
)
_HEAD = re.compile(r" (?:for|of)(?: (?:the|this|that|your|a|an|any))? $")
_OWNER = re.compile(r" s (?!(?:e ?)?mail)")
_STEM = 3  # letters by which a predicate is looked up

# What is said of whom -> the name of a table (app/bounces/decide.py). What is not here says nothing of the address.
_MEANINGS = {
    ("recipient", "unknown"): "userunknown", ("recipient", "none"): "userunknown", ("recipient", "full"): "mailboxfull",
    ("recipient", "closed"): "suspend", ("recipient", "locked"): "suspended",
    ("sender", "unknown"): "rejected", ("sender", "none"): "rejected", ("sender", "closed"): "rejected",
    ("sender", "locked"): "rejected", ("domain", "unknown"): "hostunknown", ("domain", "none"): "hostunknown",
    ("server", "unknown"): "dns", ("server", "none"): "dns", ("message", "big"): "mesgtoobig",
}  # fmt: skip
DOUBTED = "doubted"  # said of nobody: whatever phrases of the same words may mean, it is not the address
_NOUNS = ("recipient", "sender", "domain", "server", "message", "thing")
_PREDICATES = ("unknown", "none", "full", "closed", "locked", "big")
# A message is neither: it is named on the way, unless it stands next to the predicate.
_PASSED_BY = ("unknown", "full", "none")
_NUMBERS = re.compile(r"(?<= )\d{1,3} \d{1,3} \d{1,3} \d{1,3}(?= )")


@dataclass(frozen=True, slots=True)
class Language:
    """Words of one language, comma between them: nouns, predicates, and what changes a predicate."""

    recipient: str
    sender: str
    domain: str
    server: str
    message: str
    unknown: str
    full: str
    closed: str
    locked: str
    unless: str = ""
    many: str = ""  # "too many": then it is us who write to nobody
    big: str = ""  # of a message
    thing: str = ""  # what may itself be unknown, full or closed: a host, a disk, an error
    outweighs: bool = True  # whether its sentences are surer than its phrases
    none: str = ""  # "there is no": counts next to its noun alone, else it is room or leave that there is not
    on: str = ""  # "on", "in": a server or domain behind it is where, not what
    this: str = ""  # what may stand between the two


@dataclass(slots=True)
class _Nouns:
    """The nouns of a language and what changes a predicate, ready to be looked for."""

    patterns: dict[str, re.Pattern[str]]
    unless: re.Pattern[str] | None
    many: re.Pattern[str] | None
    outweighs: bool
    places: re.Pattern[str] | None


@dataclass(frozen=True, slots=True)
class _Predicate:
    """One that stands in a text: where, of which kind, of which language."""

    start: int
    end: int
    said: str
    language: str


@dataclass(slots=True)
class Sentences:
    """The sentences of several languages."""

    languages: dict[str, Language]
    _nouns: dict[str, _Nouns] = field(default_factory=dict)
    _starts: dict[str, list[tuple[str, str, str]]] = field(default_factory=dict)
    _unspaced: list[tuple[str, str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name, language in self.languages.items():
            patterns = {each: found for each in _NOUNS if (found := _either(getattr(language, each)))}
            self._nouns[name] = _Nouns(
                patterns, _either(language.unless), _either(language.many), language.outweighs, _places(language)
            )
            for said in _PREDICATES:
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
        return {meaning for each in self._predicates(words) if (meaning := self._meaning(each, words))}

    def _predicates(self, words: str) -> Iterator[_Predicate]:
        at = words.find(" ")
        while 0 <= at < len(words) - 1:
            for text, said, language in self._starts.get(words[at + 1 : at + 1 + _STEM], ()):
                if words.startswith(text, at):
                    yield _Predicate(at, at + len(text), said, language)
            at = words.find(" ", at + 1)
        if words.isascii():
            return
        for text, said, language in self._unspaced:
            at = words.find(text)
            if at >= 0:
                yield _Predicate(at, at + len(text), said, language)

    def _meaning(self, predicate: _Predicate, words: str) -> str:
        nouns = self._nouns[predicate.language]
        begin = max(0, predicate.start - BEFORE)
        before = words[begin : predicate.start + 1]
        named = nouns.places.sub(_hidden, before) if nouns.places else before
        noun = _noun_of(predicate.said, named, words[predicate.end - 1 : predicate.end + AFTER], nouns.patterns)
        doubted = DOUBTED if nouns.outweighs and noun in ("recipient", "message") else ""
        if nouns.unless is not None and nouns.unless.search(before):
            return doubted
        meaning = _MEANINGS.get((noun, predicate.said), doubted if noun == "message" else "")
        if meaning == "userunknown" and nouns.many and nouns.many.search(words, begin, predicate.end + AFTER):
            return "count"
        return meaning


def _noun_of(said: str, before: str, after: str, patterns: dict[str, re.Pattern[str]]) -> str:
    """Whom something is *said* of between the words *before* and *after*: the kind of the nearest noun, or ""."""
    met: list[tuple[int, int, str]] = []  # distance, length, whose
    for name, pattern in patterns.items():
        here = [(len(before) - each.end(), -len(each[0]), name) for each in _meant(pattern, name, before)]
        # What stands before is meant rather than what follows: that may be the next sentence's.
        here += [(each.start() * 2 + 1, -len(each[0]), name) for each in pattern.finditer(after)]
        met += [each for each in here if name != "message" or said not in _PASSED_BY or each[0] <= NEXT]
    met += [(len(before) - each.end(), -20, "server") for each in _NUMBERS.finditer(before)]
    if not met:
        return ""
    far, length, whose = min(met)
    if said == "none" and far > NEXT:
        return ""
    head = _HEAD.search(before, 0, len(before) - far + length) if whose == "recipient" else None
    if head and any(name == "thing" and other == len(before) - head.start() for other, _, name in met):
        return "thing"
    if whose in ("recipient", "domain"):
        owners = [name for other, _, name in met if 0 <= other - (far - length) <= OWNED]
        return "sender" if "sender" in owners else whose
    return whose


def _meant(pattern: re.Pattern[str], name: str, before: str) -> Iterator[re.Match[str]]:
    """The nouns in *before* that a predicate behind it may be said of."""
    for each in pattern.finditer(before):
        if name == "thing" and _PLACE.search(before, 0, each.start()):
            continue
        if name == "recipient" and _OWNER.match(before, each.end()):
            continue
        yield each


def _places(language: Language) -> re.Pattern[str] | None:
    """Where something is: "on this server", with whatever else its noun names."""
    on, this, place = _either(language.on), _either(language.this), _either(f"{language.server}, {language.domain}")
    if on is None or this is None or place is None:
        return None
    return re.compile(rf"(?:{on.pattern}) (?:(?:{this.pattern}) ){{0,2}}(?:{place.pattern})")


def _hidden(place: re.Match[str]) -> str:
    return "_" * len(place[0])


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
