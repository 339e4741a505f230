"""MJML to html through mrml, Jinja syntax untouched: `{% for %}` may stand around a section, `{{ }}` in any text.

Before mrml reads the source, what Jinja has there is replaced: between structural tags by comments, in texts and
attributes by words. Each must be found again in the html, or the place is one where MJML knows no variables, and
the template is refused.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence

import mrml

from app.content.limits import bounded_xml
from app.content.markup import Tag, tags
from app.content.problems import MarkupError, is_panic
from app.content.sandbox import HTML
from app.content.source import holes, masked

# Inside of these is html: a word may stand for Jinja syntax. Elsewhere only tags and comments may stand.
TEXTS = frozenset({
    "mj-accordion-text", "mj-accordion-title", "mj-button", "mj-navbar-link", "mj-preview", "mj-raw",
    "mj-social-element", "mj-style", "mj-table", "mj-text", "mj-title",
})  # fmt: skip
BOXES = frozenset({
    "mj-accordion", "mj-accordion-element", "mj-all", "mj-attributes", "mj-body", "mj-breakpoint", "mj-carousel",
    "mj-carousel-image", "mj-class", "mj-column", "mj-divider", "mj-font", "mj-group", "mj-head", "mj-hero",
    "mj-html-attributes", "mj-html-attribute", "mj-image", "mj-navbar", "mj-section", "mj-selector", "mj-social",
    "mj-spacer", "mj-wrapper",
})  # fmt: skip
MOST_SLIDES = 50  # mrml writes a rule for each pair of them: thousands become 150 MB
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_RESET = '<style type="text/css">\n#outlook a'
_KEPT = '<style type="text/css" data-css-inline="ignore">\n#outlook a'
_HELD = re.compile(r"<!--fanfarenote([0-9]{1,9})x-->|fanfareheld([0-9]{1,9})x")
_AT = re.compile(r" at position ([0-9]{1,9}):[0-9]+")


def html_of(source: str) -> str:
    """The html template that the MJML template *source* describes. Raises MarkupError."""
    for word in ("fanfareheld", "fanfarenote"):
        if word in source:
            raise MarkupError(f"the word '{word}' is reserved", source.index(word))
    stretches = holes(HTML, source)
    outline = masked(source, stretches)
    found = list(tags(outline))
    _known(found)
    bounded_xml(found)
    words = list(_words(outline, stretches, found))
    options = mrml.ParserOptions(include_loader=mrml.noop_loader())  # mj-include would read files
    try:
        html = mrml.to_html(_with(source, stretches, words), options).content
    except BaseException as error:
        if not isinstance(error, OSError | ValueError) and not is_panic(error):
            raise
        raise _located(str(error), stretches, words) from error
    # The rules that mrml writes for odd mail programs name every table: inlined, they would double the letter.
    return _restored(html.replace(_RESET, _KEPT, 1), source, stretches)


def _known(found: Sequence[Tag]) -> None:
    """Raise MarkupError for a tag that mrml would pass on as it is, or read from elsewhere."""
    if not found or found[0].name != "mjml":
        raise MarkupError("MJML begins with <mjml>", found[0].start if found else 0)
    slides = [tag for tag in found if tag.name == "mj-carousel-image" and not tag.closing]
    if len(slides) > MOST_SLIDES:
        raise MarkupError(f"more than {MOST_SLIDES} <mj-carousel-image>", slides[MOST_SLIDES].start)
    for tag in found:
        if tag.name == "mj-include":
            raise MarkupError("mj-include reads files, and there are none here: write the part in its place", tag.start)
        if tag.name.startswith("mj-") and tag.name not in TEXTS | BOXES:
            raise MarkupError(f"there is no <{tag.name}> in MJML", tag.start)


def _words(outline: str, stretches: Sequence[tuple[int, int]], found: Sequence[Tag]) -> Iterator[str]:
    """What stands for each stretch of Jinja syntax while mrml reads the source."""
    starts = [tag.start for tag in found]
    texts = _texts_open(found)
    comments = [each.span() for each in _COMMENT.finditer(outline)]
    comment_starts = [start for start, _ in comments]
    for number, (start, _) in enumerate(stretches):
        at = bisect_right(starts, start)
        in_tag = at > 0 and start < found[at - 1].end
        before = bisect_right(comment_starts, start)
        in_comment = before > 0 and start < comments[before - 1][1]
        word = in_tag or in_comment or texts[at]
        yield f"fanfareheld{number}x" if word else f"<!--fanfarenote{number}x-->"


def _texts_open(found: Sequence[Tag]) -> list[bool]:
    """Whether, before each tag and at the end, a tag of TEXTS is open."""
    depth = 0
    opened = [False]
    for tag in found:
        if tag.name in TEXTS and not tag.closed:
            depth += -1 if tag.closing else 1
        opened.append(depth > 0)
    return opened


def _with(source: str, stretches: Sequence[tuple[int, int]], words: Sequence[str]) -> str:
    pieces: list[str] = []
    end = 0
    for (first, last), word in zip(stretches, words, strict=True):
        pieces += source[end:first], word
        end = last
    return "".join([*pieces, source[end:]])


def _restored(html: str, source: str, stretches: Sequence[tuple[int, int]]) -> str:
    """*html* with its Jinja syntax; raises MarkupError for what has been lost."""
    seen: set[int] = set()

    def original(held: re.Match[str]) -> str:
        number = int(held[1] or held[2])
        seen.add(number)
        return source[slice(*stretches[number])]

    html = _HELD.sub(original, html)
    for number, (start, _) in enumerate(stretches):
        if number not in seen and not source.startswith("{#", start):
            raise MarkupError("MJML knows no variables and no logic in this place", start)
    return html


def _located(message: str, stretches: Sequence[tuple[int, int]], words: Sequence[str]) -> MarkupError:
    """mrml's *message* at the offset that it names in what it has read, counted in the source."""
    at = _AT.search(message)
    if at is None:
        return MarkupError(f"MJML: {message}", 0)
    offset = int(at[1])
    for (start, end), word in zip(stretches, words, strict=True):
        if start + len(word) > offset:
            break
        offset += end - start - len(word)
    return MarkupError(f"MJML: {_AT.sub('', message)}", max(0, offset))
