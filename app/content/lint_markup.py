"""Links and images of a html or MJML template: what can be seen without following them."""

import re
from collections.abc import Iterator
from html import unescape
from urllib.parse import urlsplit

from app.content.check import place_of
from app.content.findings import Finding, Severity
from app.content.locales import DEFAULT
from app.content.markup import ATTRIBUTE, Tag, tags
from app.content.sandbox import HTML
from app.content.source import HOLE, holes, line_and_column, masked, with_newlines
from app.specs import Content

LINKS = frozenset({"a", "area", "mj-button", "mj-carousel-image", "mj-image", "mj-navbar-link", "mj-social-element"})
IMAGES = frozenset({"img", "mj-carousel-image", "mj-image"})
OPENED_BY_OTHERS = frozenset({"mailto", "sms", "tel", "whatsapp"})
MOST_A_PART = 100
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_HERE = re.compile(
    r"(localhost|127(\.\d+){3}|10(\.\d+){3}|192\.168(\.\d+){2}|0\.0\.0\.0|\[::1\])(:|/|$|\?)", re.IGNORECASE
)

Verdict = tuple[Severity, str, str]


def markup_findings(content: Content) -> Iterator[Finding]:
    """Findings in the html of every language, or in the MJML that it is made from."""
    for key in (DEFAULT, *content.locales):
        parts = content.locales[key] if key else content
        part = "mjml" if parts.mjml else "html"
        source = with_newlines(getattr(parts, part))
        for number, (offset, (severity, rule, message)) in enumerate(_found(source)):
            if number >= MOST_A_PART:
                break
            yield Finding(severity, rule, place_of(key, part), message, *line_and_column(source, offset))


def _found(source: str) -> Iterator[tuple[int, Verdict]]:
    """(offset, verdict) of every doubtful tag."""
    outline = masked(source, holes(HTML, source))
    found = [(tag, _attributes(outline, tag)) for tag in tags(outline) if not tag.closing]
    targets = {value for _, values in found for name in ("id", "name") if (value := values.get(name))}
    for tag, values in found:
        dynamic = any(HOLE in name for name in values)  # it may have more of them when it is rendered
        if tag.name in LINKS:
            verdict = _link(tag, values, targets, may_be_more=dynamic)
            if verdict is not None:
                yield tag.start, verdict
        if tag.name in IMAGES:
            if "alt" not in values and not dynamic:
                yield tag.start, (Severity.WARNING, "alt-missing", "an image without alt: blocked images leave a hole")
            verdict = _image(values.get("src"), may_be_more=dynamic)
            if verdict is not None:
                yield tag.start, verdict


def _attributes(outline: str, tag: Tag) -> dict[str, str | None]:
    """Attribute -> value or None, with HOLE for Jinja syntax; names in lower case."""
    found: dict[str, str | None] = {}
    for each in ATTRIBUTE.finditer(outline, *tag.inside):
        value = each[2]
        quoted = value is not None and value[:1] in ("'", '"')
        found.setdefault(each[1].lower(), unescape(value[1:-1] if quoted else value) if value is not None else None)
    return found


def _link(tag: Tag, values: dict[str, str | None], targets: set[str], *, may_be_more: bool) -> Verdict | None:
    href = values.get("href")
    if href is None:
        is_anchor = tag.name != "a" or may_be_more or "name" in values or "id" in values
        return None if is_anchor else (Severity.HINT, "link-without-target", "a link without href leads nowhere")
    if href.startswith("#") and HOLE not in href:
        if href == "#":
            return Severity.ERROR, "link-empty", "a link to '#' leads nowhere"
        known = href[1:] in targets or any(HOLE in each for each in targets)
        return None if known else (Severity.WARNING, "anchor-missing", f"nothing here is called {_shown(href[1:])}")
    return _address(href, "link")


def _image(src: str | None, *, may_be_more: bool) -> Verdict | None:
    if src is None:
        return None if may_be_more else (Severity.ERROR, "image-empty", "an image without src")
    if src.lower().startswith("data:"):
        return Severity.WARNING, "image-inline", "an image inside the html: Gmail and Outlook do not show it"
    return _address(src, "image")


def _address(url: str, what: str) -> Verdict | None:
    """The form of *url*, as far as Jinja leaves it visible."""
    text = url.strip()
    if not text:
        return Severity.ERROR, f"{what}-empty", f"an empty address of a {what}"
    if text[0] == HOLE:
        return None
    scheme = _SCHEME.match(text)
    name = scheme[1].lower() if scheme else ""
    if name in ("javascript", "vbscript", "data", "file"):
        return Severity.ERROR, f"{what}-forbidden", f"mail programs block {name}: addresses"
    if name in OPENED_BY_OTHERS:
        return None
    if re.search(r"\s", text):
        return Severity.ERROR, f"{what}-broken", f"a blank in the address {_shown(text)}: write %20"
    if name not in ("http", "https"):
        return (
            Severity.ERROR,
            f"{what}-relative",
            f"{_shown(text)} is no address that works in a mail: begin with https://",
        )
    return _web_address(text, name, what)


def _web_address(text: str, scheme: str, what: str) -> Verdict | None:
    rest = text[len(scheme) + 1 :]
    try:
        host = urlsplit(text.replace(HOLE, "x")).hostname or ""
    except ValueError:
        host = ""
    if (
        not rest.startswith("//")
        or not host
        or ("." not in host and ":" not in host and HOLE not in text and host != "localhost")
    ):
        return Severity.ERROR, f"{what}-broken", f"{_shown(text)} is no address: is its host complete?"
    if _HERE.match(rest[2:]):
        return Severity.ERROR, f"{what}-local", f"{_shown(text)} can only be reached from your own machine or network"
    if scheme == "http":
        return Severity.HINT, f"{what}-insecure", f"{_shown(text)} is http: https is expected"
    return None


def _shown(url: str) -> str:
    """*url* for a message, Jinja syntax shortened."""
    return repr(re.sub(f"{HOLE}+", "{{…}}", url)[:80])
