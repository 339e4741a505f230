"""Bytes of mail as text: charsets that lie, transfer encodings, encoded words (RFC 2047), xtext, HTML. Never raises."""

import binascii
import re
from base64 import b64decode
from functools import lru_cache
from html import unescape

from app.bounces.charset_guess import guessed
from app.bounces.encoding_names import NO_CHARSETS, SAME_AS

# What a program writes that knows nothing of charsets.
_SAY_NOTHING = frozenset(
    {"", "ascii", "us-ascii", "utf-8", "latin-1", "iso-8859-1", "iso8859-1", "cp1252", "windows-1252"}
)
_ENCODED_WORD = re.compile(r"=\?([\w.:-]{1,40})(?:\*[\w-]{0,20})?\?([bBqQ])\?([^?\s]{0,2000})\?=(?:\s{1,20}(?==\?))?")
_QUOTED = re.compile(rb"=([0-9A-Fa-f]{2})")
_SOFT_END = re.compile(rb"=[ \t]*\r?\n")
_NO_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")
_XTEXT = re.compile(r"\+([0-9A-F]{2})")
_BREAKS = re.compile(r"<(?:br|/?p|/?div|/?tr|/?li|/?h\d|/?table|/?blockquote)\b[^>]{0,500}>", re.IGNORECASE)
_HIDDEN = re.compile(r"<(style|script|head|title)\b", re.IGNORECASE)
_TAG = re.compile(r"<(?:/?[a-zA-Z!?][^<>@]{0,2000})>")


@lru_cache(maxsize=256)
def _codec(charset: str) -> str:
    """A codec that Python has for *charset*, or ""."""
    name = charset.strip().strip("\"'").lower()
    name = SAME_AS.get(name, name)
    if name in NO_CHARSETS:
        return ""
    try:
        b"a".decode(name)
    except UnicodeError:
        return name  # one byte is too few for it
    except (LookupError, ValueError):
        return ""
    return name


def text_of(raw: bytes, charset: str = "") -> str:
    """*raw* as text: UTF-8 where it is, else *charset*, else a guess. Every byte becomes something."""
    if raw.isascii() and b"\x1b" not in raw and charset.lower() not in ("utf-7", "utf-16", "utf-16le", "utf-16be"):
        return raw.decode("ascii")
    if b"\x1b$" in raw or b"\x1b(" in raw:
        return raw.decode("iso2022_jp_ext" if b"\x1b(I" in raw else "iso2022_jp_2", "replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    codec = _codec(charset) if charset else ""
    if codec in _SAY_NOTHING:
        codec = guessed(raw) or codec
    if codec and codec not in ("ascii", "utf-8"):
        try:
            return raw.decode(codec, "replace")
        except (UnicodeError, ValueError):
            return raw.decode("latin-1")
    if codec == "utf-8" and raw.count(b"\xc3") + raw.count(b"\xe3") > len(raw) // 50:
        return raw.decode("utf-8", "replace")  # cut off, or broken in one place
    return raw.decode("cp1252", "replace")


def without_transfer_encoding(raw: bytes, encoding: str) -> bytes:
    """The content of a part whose Content-Transfer-Encoding is *encoding*; what does not fit it stays as it is."""
    kind = encoding.strip().lower()
    if kind == "quoted-printable":
        return _QUOTED.sub(lambda found: bytes((int(found[1], 16),)), _SOFT_END.sub(b"", raw))
    if kind == "base64":
        return _from_base64(raw)
    if kind in ("x-uuencode", "uuencode", "x-uue"):
        return _from_uuencode(raw)
    return raw


def _from_base64(raw: bytes) -> bytes:
    clean = _NO_BASE64.sub(b"", raw)
    if not clean or (b" " in raw.strip() and b":" in raw):
        return raw  # it says base64 and is plain
    try:
        return b64decode(clean[: len(clean) // 4 * 4] + _padded(clean[len(clean) // 4 * 4 :]))
    except (binascii.Error, ValueError):
        return raw


def _padded(rest: bytes) -> bytes:
    return rest + b"=" * (4 - len(rest)) if len(rest) > 1 else b""


def _from_uuencode(raw: bytes) -> bytes:
    lines: list[bytes] = []
    for line in raw.splitlines():
        if line.startswith((b"begin ", b"end", b"`")) or not line:
            continue
        try:
            lines.append(binascii.a2b_uu(line))
        except binascii.Error:
            return raw
    return b"".join(lines)


def without_encoded_words(text: str) -> str:
    """A header field with its encoded words as what they stand for."""
    if "=?" not in text:
        return text
    return _ENCODED_WORD.sub(_word, text[:20_000])


def _word(found: re.Match[str]) -> str:
    raw = found[3].encode("ascii", "replace")
    if found[2] in "bB":
        return text_of(_from_base64(raw), found[1])
    return text_of(_QUOTED.sub(lambda each: bytes((int(each[1], 16),)), raw.replace(b"_", b" ")), found[1])


def without_xtext(text: str) -> str:
    """An address of RFC 3461 as it was: +40 is @."""
    return _XTEXT.sub(lambda found: chr(int(found[1], 16)), text) if "+" in text and "@" not in text else text


def text_of_html(markup: str) -> str:
    """The words of a page, one line for each block."""
    markup = _without_hidden(markup)
    markup = _BREAKS.sub("\n", markup.replace("\n", " "))
    return unescape(_TAG.sub(" ", markup))


def _without_hidden(markup: str) -> str:
    """*markup* without what no reader shows. Linear: each piece is passed once."""
    small = markup.lower() if len(markup.lower()) == len(markup) else markup
    kept: list[str] = []
    at = 0
    while (found := _HIDDEN.search(small, at)) is not None:
        end = small.find(f"</{found[1].lower()}", found.end())
        if end < 0:
            break
        kept.append(markup[at : found.start()])
        at = end
    return " ".join([*kept, markup[at:]])
