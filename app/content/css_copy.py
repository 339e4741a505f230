"""The copy of a html template that css-inline is given: tags are numbered, Jinja syntax is out of the way."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence

from app.content.markup import ATTRIBUTE, Tag, attributes
from app.content.problems import MarkupError
from app.content.source import HOLE

NUMBER = "data-fanfare-number"
HELD = "fanfareheld"
IGNORE = ' data-css-inline="ignore"'
_HELD = re.compile(rf"{HELD}([0-9]{{1,9}})x")
_OPENS = re.compile(r"\{%[-+]?\s*(if|for)\b")
_CLOSES = re.compile(r"\{%[-+]?\s*end(if|for)\b")


class CssCopy:
    """*text* is what css-inline reads; the rest tells where its answer belongs."""

    def __init__(self, source: str, outline: str, stretches: Sequence[tuple[int, int]], found: Sequence[Tag]) -> None:
        """Raises MarkupError for a *source* that uses our own marks."""
        for word in (HELD, NUMBER):
            if word in source:
                raise MarkupError(f"the word '{word}' is reserved", source.index(word))
        self.source, self.outline, self.tags = source, outline, found
        self.is_dynamic = False  # classes are known only when it is rendered: rules are inlined, and stay as well
        self.prefixed: set[int] = set()  # tags whose own style is known only then
        self.stylesheets = dict(_stylesheets(found))
        self._stretches = stretches
        self._starts = [first for first, _ in stretches]
        self._depths = _depths(source, stretches)
        self._held: list[str] = []
        self.text = self._copied()

    def restored(self, css: str) -> str:
        """*css* out of the answer, with its Jinja syntax."""
        return _HELD.sub(lambda held: self._held[int(held[1])], css)

    def _copied(self) -> str:
        pieces: list[str] = []
        end = 0
        for number, tag in enumerate(self.tags):
            if tag.closing:
                continue
            pieces.append(self.outline[end : tag.start].replace(HOLE, " "))
            if number in self.stylesheets:
                pieces.append(self._stylesheet(number, tag))
                end = self.stylesheets[number][1]
            else:
                pieces.append(self._tag(number, tag))
                end = tag.end
        return "".join([*pieces, self.outline[end:].replace(HOLE, " ")])

    def _stylesheet(self, number: int, tag: Tag) -> str:
        """The stylesheet, or a mark to leave it alone where Jinja decides what it says or who reads it."""
        first, last = self.stylesheets[number]
        at = bisect_right(self._starts, first)
        decided = HOLE in self.outline[tag.start : tag.end] or self._depths[at] > 0
        pieces: list[str] = []
        for start, end in self._stretches[at : bisect_right(self._starts, last)]:
            decided = decided or not self.source.startswith("{{", start)
            pieces += self.source[first:start], f"{HELD}{len(self._held)}x"
            self._held.append(self.source[start:end])
            first = end
        css = "".join([*pieces, self.source[first:last]])
        self.is_dynamic = self.is_dynamic or decided
        if decided or not _is_for_all(self.outline, tag):
            return f"<style{IGNORE}>{css}"
        return f'<style {NUMBER}="{number}">{css}'

    def _tag(self, number: int, tag: Tag) -> str:
        inside = self.outline[slice(*tag.inside)]
        name = f'<{tag.name} {NUMBER}="{number}"'
        if HOLE not in inside:
            return name + self.outline[tag.inside[0] : tag.end]
        written = list(ATTRIBUTE.finditer(inside))
        if any(HOLE in each[1] for each in written):  # which attributes it has
            self.is_dynamic = True
            return f"{name}{IGNORE}>"
        kept = [name]
        for each in written:
            attribute, value = each[1].lower(), each[2] or ""
            if HOLE not in value:
                kept.append(each[0])
            elif attribute == "style":
                self.prefixed.add(number)
            elif attribute in ("class", "id"):
                self.is_dynamic = True
                kept.append(f"{attribute}={value.replace(HOLE, ' ')}" if value[0] in "\"'" else "")
            else:
                kept.append(attribute)
        return " ".join(kept) + ">"


def _stylesheets(found: Sequence[Tag]) -> Iterator[tuple[int, tuple[int, int]]]:
    """(number of its tag, stretch) of each stylesheet."""
    for number, tag in enumerate(found):
        if tag.name == "style" and not tag.closing:
            if number + 1 == len(found):
                raise MarkupError("<style> is not closed", tag.start)
            yield number, (tag.end, found[number + 1].start)


def _depths(source: str, stretches: Sequence[tuple[int, int]]) -> list[int]:
    """How many `if` and `for` are open before each stretch of Jinja syntax, and at the end."""
    depths = [0]
    for start, _ in stretches:
        opened = _OPENS.match(source, start) is not None
        closed = _CLOSES.match(source, start) is not None
        depths.append(max(0, depths[-1] + opened - closed))
    return depths


def _is_for_all(outline: str, tag: Tag) -> bool:
    """Whether a stylesheet applies wherever it is read: rules for print must not become styles of tags."""
    values = {name: outline[slice(*span)].strip().lower() for name, span in attributes(outline, *tag.inside)}
    return values.get("media", "all") in ("", "all", "screen") and values.get("data-css-inline") != "ignore"
