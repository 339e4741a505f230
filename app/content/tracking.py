"""Link rewriting in a html template, once per campaign: hrefs become tracked links, a pixel is added.

The source is rewritten, not the rendered html. Jinja syntax is masked while the tags are read, so quotes
and angle brackets inside `{{ }}` do no harm. A literal http(s) href becomes PUBLIC_URL/c/{{ token }}/LINK with a
LINK that is signed here; one with Jinja syntax inside is signed as it is rendered. Not tracked: other
schemes, the unsubscribe link, and links inside `{% raw %}`.
"""

import html
import re
from itertools import islice

from app.content.links import LinkSigner, is_trackable
from app.content.markup import INSIDE, attributes
from app.content.sandbox import HTML, TOKEN, TRACK
from app.content.source import HOLE, SourceError, holes, masked, parse

_TAG = re.compile(rf"<(?:a|area)(?=[\s/\0])({INSIDE})>", re.IGNORECASE)
_LITERAL_SCHEME = re.compile(r"\s*(?!https?:)[a-z][a-z0-9+.-]*:|\s*#", re.IGNORECASE)
_BODY_END = re.compile(r"</body\s{0,100}+>", re.IGNORECASE)
_TOKEN_TEXT = "{{ " + TOKEN + " }}"


def with_tracked_links(source: str, signer: LinkSigner, public_url: str) -> str:
    """*source* with every http(s) href replaced by a tracked link."""
    outline = masked(source, holes(HTML, source))
    pieces: list[str] = []
    end = 0
    for index, (first, last) in enumerate(_hrefs(outline)):
        replacement = _tracked(source[first:last], outline[first:last], index, signer, public_url)
        if replacement is not None:
            pieces += source[end:first], replacement
            end = last
    return "".join([*pieces, source[end:]])


def with_pixel(source: str, public_url: str) -> str:
    """*source* with an invisible image at the end of its body."""
    pixel = f'<img src="{html.escape(public_url)}/o/{_TOKEN_TEXT}.gif" width="1" height="1" alt="" border="0">'
    ends = list(_BODY_END.finditer(masked(source, holes(HTML, source))))
    at = ends[-1].start() if ends else len(source)
    return source[:at] + pixel + source[at:]


def _hrefs(outline: str) -> list[tuple[int, int]]:
    """(start, end) of the value of each href, quotes not included."""
    found: list[tuple[int, int]] = []
    for tag in _TAG.finditer(outline):
        spans = (span for name, span in attributes(outline, *tag.span(1)) if name.strip(HOLE) == "href")
        found.extend(islice(spans, 1))
    return found


def _tracked(value: str, outline: str, index: int, signer: LinkSigner, public_url: str) -> str | None:
    """What to write in place of the href *value*, or None to leave it alone."""
    if HOLE not in outline:
        target = html.unescape(value).strip()
        if not is_trackable(target):
            return None
        return f"{html.escape(public_url)}/c/{_TOKEN_TEXT}/{signer.link(index, target)}"
    if _LITERAL_SCHEME.match(outline) or "unsubscribe_url" in value or not _stands_alone(value):
        return None
    return f"{{% filter {TRACK}({index}) %}}{value}{{% endfilter %}}"


def _stands_alone(value: str) -> bool:
    """Whether *value* is a whole template by itself: no tag opened here and closed elsewhere."""
    try:
        parse(HTML, value)
    except SourceError:
        return False
    return True
