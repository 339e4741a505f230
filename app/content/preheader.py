"""What a html template gets at its start: the language it is in, and a preheader that only lists of mails show."""

import re
from html import escape

from app.content.markup import Tag, attributes, tags
from app.content.sandbox import HTML
from app.content.source import holes, masked

_HIDDEN = (
    '<div style="display:none;font-size:1px;line-height:1px;max-height:0;max-width:0;opacity:0;overflow:hidden;'
    'mso-hide:all">'
)
# Mail programs fill what room is left behind a preheader with the next text they find: blanks that take the room.
_DOCTYPE = re.compile(r"\s*+<!doctype[^<>]{0,1000}>", re.IGNORECASE)
PADDING = "&zwnj;&nbsp;" * 80


def with_preheader(source: str, preheader: str) -> str:
    """The html template *source* with the text template *preheader* hidden at the start of its body."""
    if not preheader.strip():
        return source
    outline = masked(source, holes(HTML, source))
    doctype = _DOCTYPE.match(outline)
    at = doctype.end() if doctype else 0
    for tag in tags(outline):
        if (tag.name in ("html", "body") and not tag.closing) or (tag.name == "head" and tag.closing):
            at = tag.end
        if tag.name == "body":
            break
    return f"{source[:at]}{_HIDDEN}{_escaped(preheader)}{PADDING}</div>{source[at:]}"


def with_language(source: str, locale: str) -> str:
    """The html template *source* with *locale* as the `lang` of its html tag, unless it names a language itself."""
    outline = masked(source, holes(HTML, source))
    tag = next((tag for tag in tags(outline) if tag.name == "html" and not tag.closing), None)
    if tag is None or not locale:
        return source
    start, end = _language(outline, tag) or (0, 0)
    if not end:
        at = tag.start + len("<html")
        return f'{source[:at]} lang="{locale}"{source[at:]}'
    return source[:start] + locale + source[end:] if source[start:end] == "und" else source


def _language(outline: str, tag: Tag) -> tuple[int, int] | None:
    return next((span for name, span in attributes(outline, *tag.inside) if name == "lang"), None)


def _escaped(preheader: str) -> str:
    """The text template *preheader* for a place in html: what is no Jinja syntax, escaped."""
    pieces: list[str] = []
    end = 0
    for first, last in holes(HTML, preheader):
        pieces += escape(preheader[end:first]), preheader[first:last]
        end = last
    return "".join([*pieces, escape(preheader[end:])])
