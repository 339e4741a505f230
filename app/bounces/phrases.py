"""Phrases and how they are found: text as plain words, phrases as pieces with gaps. Linear in the text.

Text becomes words: small letters without accents, everything else one blank. A phrase is words; `*` between them is a
gap of up to GAP characters, `%` at the end of a word any ending, at its start any beginning. Scripts without blanks
between words are looked for as they stand.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping

GAP = 48
_NO_WORD = re.compile(r"[\W_]+")
_UNSPACED = re.compile("[\u0e00-\u0eff\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_MOST_TRIES = 20  # of the first piece of a phrase with gaps

Phrase = tuple[str, ...]


def folded(text: str) -> str:
    """*text* in small letters without accents."""
    if text.isascii():
        return text.lower()
    marks = unicodedata.normalize("NFKD", text.casefold())
    return "".join([each for each in marks if not unicodedata.combining(each)])


def words_of(text: str) -> str:
    """*text* as words with one blank before, between and after them."""
    # don't, dont and don t are one.
    return f" {_NO_WORD.sub(' ', folded(text)).strip()} ".replace("n t ", "nt ")


def is_unspaced(text: str) -> bool:
    """Whether *text* is of a script without blanks between words."""
    return _UNSPACED.search(text) is not None


def phrase(written: str) -> Phrase:
    """The pieces of a phrase as a person writes it."""
    return tuple(_piece(each) for each in written.split("*"))


def phrases(written: str) -> tuple[Phrase, ...]:
    """One phrase a line; the part of a line behind # is a remark."""
    lines = (line.partition("#")[0].strip() for line in written.splitlines())
    return tuple(dict.fromkeys(phrase(line) for line in lines if line))


def _piece(written: str) -> str:
    text = written.strip()
    unspaced = is_unspaced(text)
    before = "" if text.startswith("%") or unspaced else " "
    after = "" if text.endswith("%") or unspaced else " "
    return f"{before}{words_of(text).strip()}{after}"


def found(pieces: Phrase, words: str) -> bool:
    """Whether the phrase is in *words* (of words_of)."""
    first = pieces[0]
    if len(pieces) == 1:
        return first in words
    at = words.find(first)
    for _ in range(_MOST_TRIES):
        if at < 0:
            return False
        if _follow(pieces, words, at + len(first)):
            return True
        at = words.find(first, at + 1)
    return False


def _follow(pieces: Phrase, words: str, end: int) -> bool:
    for piece in pieces[1:]:
        at = words.find(piece, end - 1, end + GAP + len(piece))
        if at < 0:
            return False
        end = at + len(piece)
    return True


class Tables:
    """Named tables of phrases, looked up all at once: a phrase is only tried where its longest word stands."""

    def __init__(self, tables: Mapping[str, Iterable[Phrase]]) -> None:
        self._by_word: dict[str, list[tuple[str, Phrase]]] = {}
        self._unspaced: list[tuple[str, Phrase]] = []  # without a whole word, in letters beyond ASCII
        self._anywhere: list[tuple[str, Phrase]] = []  # without a whole word
        for name, table in tables.items():
            for pieces in table:
                word = _longest_word(pieces)
                if word:
                    self._by_word.setdefault(word, []).append((name, pieces))
                else:
                    ascii_only = "".join(pieces).isascii()
                    (self._anywhere if ascii_only else self._unspaced).append((name, pieces))

    def named(self, words: str) -> set[str]:
        """The names of the tables that have a phrase in *words* (of words_of)."""
        names: set[str] = set()
        for word in set(words.split()) & self._by_word.keys():
            names.update(name for name, pieces in self._by_word[word] if name not in names and found(pieces, words))
        others = self._anywhere if words.isascii() else self._anywhere + self._unspaced
        names.update(name for name, pieces in others if name not in names and found(pieces, words))
        return names


def _longest_word(pieces: Phrase) -> str:
    """The longest word that must stand whole in a text with this phrase."""
    whole: list[str] = []
    for piece in pieces:
        parts = piece.split()
        if not piece.startswith(" "):
            parts = parts[1:]
        if parts and not piece.endswith(" "):
            parts = parts[:-1]
        whole += parts
    return max(whole, key=len, default="")
