"""Html tags as regular expressions that take linear time whatever they are given.

The standard library's html.parser took 32 s for 60 KB of "<a <a <a ...": a template may come from anyone.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

# What may stand between a tag's name and its ">". No "<" outside of quotes, so a tag left open ends at once.
INSIDE = r"""(?:[^<>"']++|"[^"]{0,8000}+"|'[^']{0,8000}+'){0,200}+"""
_TAG = re.compile(rf"<(/?)([A-Za-z][A-Za-z0-9:-]{{0,40}}+)({INSIDE})>")
# What stands in these is text up to their end tag, whatever it looks like.
RAW_TEXT = frozenset({"mj-preview", "mj-style", "mj-title", "script", "style", "textarea", "title"})
_END_OF_RAW = {name: re.compile(f"</{name}", re.IGNORECASE) for name in RAW_TEXT}
VOID = frozenset({
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr",
})  # fmt: skip
# (name, value with its quotes or None) of each attribute inside of a tag.
ATTRIBUTE = re.compile(r"""([^\s=>"'/]++)(?:\s*+=\s*+("[^"]*+"|'[^']*+'|[^\s>"']++))?""")
_ATTRIBUTE = re.compile(r"""([^\s=>"'/]++)(?:\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s>"']++)))?""")


def attributes(text: str, start: int, end: int) -> Iterator[tuple[str, tuple[int, int]]]:
    """(name in lower case, span of the value without quotes) of each attribute in that stretch that has a value."""
    for found in _ATTRIBUTE.finditer(text, start, end):
        if found.lastindex is not None and found.lastindex > 1:
            yield found[1].lower(), found.span(found.lastindex)


@dataclass(frozen=True, slots=True)
class Tag:
    """A start or end tag at [start, end); *inside* is the stretch of its attributes, *name* in lower case."""

    start: int
    end: int
    name: str
    closing: bool
    inside: tuple[int, int]
    closed: bool  # <name/>


def tags(outline: str) -> Iterator[Tag]:
    """Every tag of *outline* outside of comments and of text that only looks like tags."""
    at = outline.find("<")
    while at >= 0:
        end = at + 1
        if outline.startswith("<!--", at):
            until = outline.find("-->", at + 4)
            end = until + 3 if until >= 0 else len(outline)
        elif found := _TAG.match(outline, at):
            end = found.end()
            name, closing = found[2].lower(), bool(found[1])
            closed = outline[found.end() - 2] == "/"
            yield Tag(at, end, name, closing, found.span(3), closed)
            if name in RAW_TEXT and not closing and not closed:
                close = _END_OF_RAW[name].search(outline, end)
                end = close.start() if close else len(outline)
        at = outline.find("<", end)
