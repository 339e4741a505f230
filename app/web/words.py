"""The words of pages that recipients see, by language, and which language somebody reads."""

import re
from functools import cache
from pathlib import Path

import orjson

DEFAULT = "en"
RIGHT_TO_LEFT = ("ar", "fa", "he", "ur")
MOST_RANGES, LONGEST_HEADER = 20, 500  # of an Accept-Language that are looked at

TRADITIONAL, TRADITIONAL_PLACES = "zh-hant", {"hant", "tw", "hk", "mo"}  # Chinese is written there in other signs

_RANGE = re.compile(r"\s*([A-Za-z]{2,3}(?:[-_][A-Za-z0-9]+)*)\s*(?:;\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*)?")


@cache
def _words() -> dict[str, dict[str, str]]:
    words: dict[str, dict[str, str]] = orjson.loads((Path(__file__).parent / "unsubscribe.json").read_bytes())
    return words


def languages() -> list[str]:
    """The languages that there are words in."""
    return sorted(_words())


def words_in(language: str) -> dict[str, str]:
    """The words in *language*, one of `languages`."""
    return _words()[language]


def direction_of(language: str) -> str:
    """How *language* is written: ltr or rtl."""
    return "rtl" if language in RIGHT_TO_LEFT else "ltr"


def language_of(asked: str, accepted: str) -> str:
    """The language of a page: *asked* for (a locale as pt-BR), else the first that a browser accepts, else English."""
    for tag in [asked, *_accepted(accepted)]:
        match = _RANGE.match(tag[:LONGEST_HEADER])
        if match is not None and (language := _language(match[1])) in _words():
            return language
    return DEFAULT


def _language(tag: str) -> str:
    """What *tag* is called in the words: its language, but traditional Chinese is one of its own."""
    language, *further = tag.lower().replace("_", "-").split("-")
    traditional = language == "zh" and "hans" not in further and TRADITIONAL_PLACES.intersection(further)
    return TRADITIONAL if traditional else language


def _accepted(header: str) -> list[str]:
    """The languages of an Accept-Language header (RFC 9110, section 12.5.4), the most wanted first."""
    matches = [_RANGE.fullmatch(part) for part in header[:LONGEST_HEADER].split(",")[:MOST_RANGES]]
    wanted = [(float(match[2] or 1), match[1]) for match in matches if match is not None]
    return [tag for weight, tag in sorted(wanted, key=lambda each: -each[0]) if weight > 0]
