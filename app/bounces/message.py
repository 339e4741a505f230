"""A raw message as parts: tolerant of broken MIME, lost boundaries, wrong charsets. Bounded, never raises."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from app.bounces.encodings import text_of, text_of_html, without_encoded_words, without_transfer_encoding

MOST_READ = 1_000_000  # bytes of a message
MOST_TEXT = 64_000  # characters of a part
MOST_HEADER = 100_000  # bytes
DEEPEST = 8
MOST_PARTS = 60

_FIELD = re.compile(rb"^([!-9;-~]{1,100})[ \t]*:[ \t]*((?:.*)(?:\n[ \t].*)*)", re.MULTILINE)
_HEADER_LINE = re.compile(rb"(?:[!-9;-~]{1,100}[ \t]*:|From )")
_BLANK_LINE = re.compile(rb"\n[ \t]*\n")
_CHARSET = re.compile(r"charset\s{0,5}=\s{0,5}\"?'?([^\s\"';]{1,60})", re.IGNORECASE)
_BOUNDARY = re.compile(r"boundary\s{0,5}=\s{0,5}(?:\"([^\"]{1,300})\"|([^\s;]{1,300}))", re.IGNORECASE)
_GUESSED_BOUNDARY = re.compile(rb"^--([^\s-][^\n]{0,200}?)[ \t]*\nContent-", re.MULTILINE | re.IGNORECASE)
_STATUS_FIELDS = re.compile(r"^(?:final|original)-recipient[ \t]*:", re.IGNORECASE | re.MULTILINE)

RETURNED = frozenset({
    "message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers", "text/rfc822-header",
    "message/rfc822-headers", "message/partial", "text/rfc822", "message/news",
})  # fmt: skip
STATUS = frozenset({"message/delivery-status", "message/global-delivery-status", "text/delivery-status"})
FEEDBACK = frozenset({"message/feedback-report", "text/feedback-report"})
RECEIPT = frozenset({"message/disposition-notification", "message/global-disposition-notification"})


class Header:
    """The fields of a message or part, names in small letters."""

    __slots__ = ("_fields",)

    def __init__(self, raw: bytes) -> None:
        self._fields: dict[str, list[bytes]] = {}
        for name, value in _FIELD.findall(raw[:MOST_HEADER]):
            self._fields.setdefault(name.decode("ascii", "replace").lower(), []).append(value)

    def __contains__(self, name: str) -> bool:
        return name in self._fields

    def __bool__(self) -> bool:
        return bool(self._fields)

    def names(self) -> list[str]:
        """All names."""
        return list(self._fields)

    def all(self, name: str) -> list[str]:
        """The values of *name*, unfolded and decoded."""
        return [_value(each) for each in self._fields.get(name, ())[:20]]

    def get(self, name: str) -> str:
        """The first value of *name*, or ""."""
        values = self._fields.get(name)
        return _value(values[0]) if values else ""


def _value(raw: bytes) -> str:
    text = text_of(raw[:20_000].replace(b"\n", b""))
    return without_encoded_words(text).strip()


@dataclass(slots=True, eq=False)
class Parts:
    """A message, taken apart. One is no other's equal, so that what is found in it can be kept by it."""

    header: Header
    kind: str = ""  # content type of the whole, with its parameters
    texts: list[str] = field(default_factory=list)  # for people
    pages: list[str] = field(default_factory=list)  # the same as HTML, tags taken off
    status: list[str] = field(default_factory=list)  # RFC 3464
    feedback: list[str] = field(default_factory=list)  # RFC 5965
    receipts: list[str] = field(default_factory=list)  # RFC 8098
    returned: list[bytes] = field(default_factory=list)  # the original, or its header
    left: int = MOST_PARTS

    def words(self) -> str:
        """What it says to people."""
        said = "\n".join(self.texts)
        return said if said.strip() else "\n".join(self.pages)


def taken_apart(raw: bytes) -> Parts:
    """The parts of *raw*, a message with LF or CRLF, with or without an mbox line."""
    raw = raw[:MOST_READ].replace(b"\r\n", b"\n").replace(b"\r", b"\n").lstrip(b"\n \t\x00")
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    if raw.startswith((b"From ", b">From ")):
        raw = raw.partition(b"\n")[2]
    head, body = _split(raw)
    header = Header(head)
    parts = Parts(header, header.get("content-type"))
    _walk(header, body, parts, 0)
    return parts


def _split(raw: bytes) -> tuple[bytes, bytes]:
    """(header, body)."""
    if raw.startswith(b"\n"):
        return b"", raw[1:]
    if not _HEADER_LINE.match(raw):
        return b"", raw
    found = _BLANK_LINE.search(raw, 0, MOST_HEADER * 2)
    return (raw[: found.start() + 1], raw[found.end() :]) if found else (raw[:MOST_HEADER], b"")


def _walk(header: Header, body: bytes, parts: Parts, depth: int) -> None:
    parts.left -= 1
    if parts.left < 0:
        return
    said = header.get("content-type")
    kind = said.partition(";")[0].strip().lower()
    if kind.startswith("multipart/") and depth < DEEPEST:
        pieces = list(_pieces(body, said))
        if pieces:
            for piece in pieces:
                if kind == "multipart/digest":
                    piece = b"Content-Type: message/rfc822\n" + piece
                _walk(Header(_split(piece)[0]), _split(piece)[1], parts, depth + 1)
            return
    _leaf(kind, said, header, body, parts)


def _pieces(body: bytes, said: str) -> Iterator[bytes]:
    """The parts of a multipart; its boundary is guessed where it is missing or wrong."""
    found = _BOUNDARY.search(said)
    boundary = (found[1] or found[2]).rstrip().encode("utf-8", "replace") if found else b""
    marked = b"\n" + body
    if not boundary or b"\n--" + boundary not in marked:
        guessed = _GUESSED_BOUNDARY.search(body)
        if guessed is None:
            return
        boundary = guessed[1]
    for piece in marked.split(b"\n--" + boundary, MOST_PARTS)[1:]:
        if piece.startswith(b"--"):
            return
        yield piece.partition(b"\n")[2]


def _leaf(kind: str, said: str, header: Header, body: bytes, parts: Parts) -> None:
    if kind in RETURNED:
        encoding = header.get("content-transfer-encoding")
        parts.returned.append(without_transfer_encoding(body[: MOST_HEADER * 2], encoding))
        return
    if kind and not kind.startswith(("text/", "message/", "multipart/")) and not _may_be_status(kind, header, body):
        return
    charset = _CHARSET.search(said)
    raw = without_transfer_encoding(body[: MOST_TEXT * 4], header.get("content-transfer-encoding"))
    text = text_of(raw, charset[1] if charset else "")[:MOST_TEXT]
    if kind in STATUS:
        parts.status.append(text)
    elif kind in FEEDBACK:
        parts.feedback.append(text)
    elif kind in RECEIPT:
        parts.receipts.append(text)
    elif _is_page(kind, text):
        parts.pages.append(text_of_html(text))
    elif kind in ("application/octet-stream", "message/delivery-notification") or _is_status(kind, said, header, text):
        parts.status.append(text)
    elif "attachment" not in header.get("content-disposition").lower()[:12] or not parts.texts:
        parts.texts.append(text)


def _is_status(kind: str, said: str, header: Header, text: str) -> bool:
    """Whether a part of another kind, or a file, holds the fields of a delivery status."""
    if not kind or not _STATUS_FIELDS.search(text[:4_000]):
        return False
    return kind != "text/plain" or "name=" in f"{said} {header.get('content-disposition')}".lower()


def _is_page(kind: str, text: str) -> bool:
    return kind == "text/html" or (kind != "text/plain" and text[:200].lstrip().lower().startswith(("<html", "<!doct")))


def _may_be_status(kind: str, header: Header, body: bytes) -> bool:
    """Whether a part that claims to be something else is a delivery status."""
    return kind == "application/octet-stream" and (
        "delivery" in header.get("content-disposition").lower() or b"inal-Recipient:" in body[:4_000]
    )
