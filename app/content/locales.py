"""Which language a contact gets: the fallback chain pt-BR, pt, then what stands in the content itself, part by part."""

from collections.abc import Iterator, Mapping
from typing import Any

from app.specs import Content, Parts

LONGEST_TAG = 35  # characters, as BCP 47 asks readers to allow
MOST_KNOWN = 10_000  # spellings that are remembered
DEFAULT = ""  # stands for the language of the content itself


def tag_of(locale: str) -> str:
    """*locale* as BCP 47 writes it: pt_BR is pt-BR."""
    return locale.replace("_", "-")


def folded(locale: str) -> str:
    """*locale* for comparing: neither case nor _ matter."""
    return tag_of(locale).lower()


def chain(locale: str) -> Iterator[str]:
    """*locale*, folded, and what it falls back to: zh-hant-tw, zh-hant, zh."""
    subtags = folded(locale).split("-")
    for count in range(len(subtags), 0, -1):
        yield "-".join(subtags[:count])


class Languages:
    """The languages of one content, and who gets which."""

    def __init__(self, content: Content) -> None:
        """Read them once."""
        self._known = {folded(content.locale): DEFAULT} | {folded(key): key for key in content.locales}
        self._several = bool(content.locales)
        self._found: dict[str, str] = {}

    def of(self, variables: Mapping[str, Any]) -> str:
        """The key in `locales` for a contact with these attributes, DEFAULT for the content itself."""
        if not self._several:
            return DEFAULT
        wanted = variables.get("locale") or variables.get("language")
        return self.best(wanted) if isinstance(wanted, str) else DEFAULT

    def best(self, wanted: str) -> str:
        """The key in `locales` that is nearest to *wanted*."""
        found = self._found.get(wanted)
        if found is None:
            found = self._best(wanted)
            if len(self._found) < MOST_KNOWN:
                self._found[wanted] = found
        return found

    def _best(self, wanted: str) -> str:
        if len(wanted) > LONGEST_TAG:
            return DEFAULT
        return next((self._known[tag] for tag in chain(wanted.strip()) if tag in self._known), DEFAULT)


def locale_of(content: Content, key: str) -> str:
    """The BCP 47 tag of the parts under *key*."""
    return tag_of(key or content.locale)


def parts_in(content: Content, key: str) -> Parts:
    """All parts for *key* of `locales`: each is the first that its chain has.

    A text part that belongs to another language than the html is left out: it is derived from the html then.
    """
    by_tag = {folded(each): parts for each, parts in content.locales.items()}
    levels: list[Parts] = [by_tag[tag] for tag in chain(key) if tag in by_tag] if key else []
    levels.append(content)

    def first(part: str) -> Any:
        return next((value for level in levels if (value := getattr(level, part))), getattr(levels[-1], part))

    parts = Parts.model_construct(**{name: first(name) for name in Parts.model_fields})
    html_at, text_at = (_level_with(levels, part) for part in ("html", "text"))
    return parts.model_copy(update={"text": ""}) if html_at < text_at else parts


def _level_with(levels: list[Parts], part: str) -> int:
    return next((at for at, level in enumerate(levels) if getattr(level, part)), len(levels))
