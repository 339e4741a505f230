"""The text part of an email that has only html, derived from the html template, once per campaign.

Jinja syntax outside of tags is kept where it stands, so the result is a template again. Links become
"words (URL)", untracked: a reader of plain text sees where they lead.
"""

import re
from html import unescape

from app.content.markup import INSIDE, RAW_TEXT, attributes
from app.content.sandbox import HTML
from app.content.source import holes

_BLOCKS = frozenset(
    {"address", "article", "blockquote", "center", "div", "dl", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6",
     "header", "hr", "main", "ol", "p", "section", "table", "tr", "ul"}
)  # fmt: skip
_SILENT = frozenset({"head", "script", "style", "template", "title"})
# A hole is held by two private-use characters around its number while tags are read.
_OPEN, _CLOSE = "\ue000", "\ue001"
_TAG = re.compile(rf"<(/?)([A-Za-z][A-Za-z0-9:-]{{0,40}}+)({INSIDE})>|<[!?][^<>]{{0,2000}}+>")
_HELD = re.compile(f"{_OPEN}([0-9]+){_CLOSE}")


def text_template(source: str) -> str:
    """The plain text template that says what the html template *source* says."""
    kept: list[str] = []
    pieces: list[str] = []
    end = 0
    for first, last in holes(HTML, source):
        pieces += source[end:first], f"{_OPEN}{len(kept)}{_CLOSE}"
        kept.append(source[first:last])
        end = last
    reader = _Reader()
    reader.read(_without_comments("".join([*pieces, source[end:]])))
    return _HELD.sub(lambda held: kept[int(held[1])], reader.text())


def text_of_html(source: str) -> str:
    """The plain text that says what *source*, finished html, says."""
    reader = _Reader()
    reader.read(_without_comments(source))
    return reader.text()


def _without_comments(source: str) -> str:
    """*source* without html comments; one that never ends takes the rest with it."""
    first, *others = source.split("<!--")
    return first + "".join(piece.partition("-->")[2] for piece in others)


class _Reader:
    """Collects text, line breaks and link targets."""

    def __init__(self) -> None:
        """Start with one empty line."""
        self._lines: list[str] = [""]
        self._silent = 0
        self._target = ""
        self._raw = ""  # the tag whose content is no html: until it ends, nothing is a tag

    def read(self, source: str) -> None:
        """Take in *source*, tag by tag."""
        end = 0
        for tag in _TAG.finditer(source):
            self._data(source[end : tag.start()])
            end = tag.end()
            if tag[2] is None or (self._raw and not (tag[1] and tag[2].lower() == self._raw)):
                continue
            if tag[1]:
                self._raw = ""
                self._closed(tag[2].lower())
            else:
                values = {name: unescape(source[slice(*span)]) for name, span in attributes(source, *tag.span(3))}
                self._opened(tag[2].lower(), values)
                self._raw = tag[2].lower() if tag[2].lower() in RAW_TEXT else ""
        self._data(source[end:])

    def text(self) -> str:
        """What was collected: lines trimmed, never two empty ones together."""
        text = "\n".join(" ".join(line.split()) for line in self._lines)
        return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"

    def _opened(self, tag: str, values: dict[str, str]) -> None:
        """Break lines before blocks, remember where a link leads."""
        if tag in _SILENT:
            self._silent += 1
        elif tag in _BLOCKS:
            self._break(2 if tag in ("p", "h1", "h2", "h3", "table", "ul", "ol") else 1)
        elif tag == "br":
            self._lines.append("")
        elif tag == "li":
            self._break(1)
            self._lines[-1] = "- "
        elif tag == "img" and not self._silent:
            self._lines[-1] += values.get("alt", "")
        elif tag == "a":
            self._target = values.get("href", "").strip()
        elif tag in ("td", "th"):
            self._lines[-1] += " "

    def _closed(self, tag: str) -> None:
        """Break lines behind blocks, write where the link leads."""
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        elif tag in _BLOCKS:
            self._break(2 if tag in ("p", "h1", "h2", "h3", "table", "ul", "ol") else 1)
        elif tag == "a" and self._target:
            if not self._target.startswith("#") and not self._lines[-1].rstrip().endswith(self._target):
                self._lines[-1] += f" ({self._target})"
            self._target = ""

    def _data(self, data: str) -> None:
        """Text outside of head, style and script; line ends in it mean a space."""
        if not self._silent:
            self._lines[-1] += unescape(data).replace("\n", " ")

    def _break(self, lines: int) -> None:
        """Be at the start of a line, with *lines* - 1 empty ones before it."""
        if self._lines[-1].strip():
            self._lines.append("")
        if lines == 2 and len(self._lines) > 1 and self._lines[-2].strip():
            self._lines.append("")
