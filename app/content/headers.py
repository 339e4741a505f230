"""Header fields of an email as bytes: RFC 5322 folding, RFC 2047 encoded words, no way to inject a field."""

import re
from base64 import b64encode
from datetime import UTC, datetime
from functools import lru_cache

WIDTH = 76
_CONTROLS = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029]+")
_PRINTABLE = re.compile(r"[\x20-\x7e]*")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def one_line(text: str) -> str:
    """*text* with each run of blanks, line ends and control characters as one space, trimmed."""
    return _CONTROLS.sub(" ", text).strip()


def unstructured(name: str, text: str) -> bytes:
    """`name: text` with its CRLF, for free text as in Subject."""
    text = one_line(text)
    if len(name) + 2 + len(text) <= WIDTH and _is_plain(text):
        return f"{name}: {text}\r\n".encode("ascii")
    if _is_plain(text):
        folded = _folded(text, WIDTH - len(name) - 2)
        if folded is not None:
            return f"{name}: {folded}\r\n".encode("ascii")
    return f"{name}: {encoded_words(text, WIDTH - len(name) - 2)}\r\n".encode("ascii")


def mailbox(name: str, display_name: str, address: str) -> bytes:
    """`name: display name <address>` with its CRLF. *address* must be checked already."""
    display_name = " ".join(one_line(display_name).split())  # readers fold every kind of space in a name
    if not display_name:
        return f"{name}: {address}\r\n".encode()
    phrase = _phrase(display_name, WIDTH - len(name) - 2)
    tail = len(phrase) - (phrase.rfind("\n") + 1) + (0 if "\n" in phrase else len(name) + 2)
    glue = "\r\n " if tail + len(address) + 3 > WIDTH else " "
    return f"{name}: {phrase}{glue}<{address}>\r\n".encode()


def encoded_words(text: str, first_line: int) -> str:
    """*text* as base64 encoded words, each within 75 characters and a line; characters are never cut."""
    words: list[str] = []
    chunk = b""
    room = _payload(first_line)
    for character in text:
        raw = character.encode()
        if len(chunk) + len(raw) > room:
            words.append(_word(chunk))
            chunk = b""
            room = _payload(WIDTH - 1)
        chunk += raw
    words.append(_word(chunk))
    return "\r\n ".join(words)


@lru_cache(maxsize=8)
def date_field(at: int) -> bytes:
    """The Date field for second *at* since 1970, in UTC."""
    then = datetime.fromtimestamp(at, UTC)
    day, month = _DAYS[then.weekday()], _MONTHS[then.month - 1]
    return f"Date: {day}, {then.day:02d} {month} {then.year} {then:%H:%M:%S} +0000\r\n".encode("ascii")


def _is_plain(text: str) -> bool:
    """Whether *text* may stand as it is: printable ASCII that no reader takes for an encoded word."""
    return _PRINTABLE.fullmatch(text) is not None and "=?" not in text


def _phrase(text: str, first_line: int) -> str:
    """A display name: atoms, a quoted string, or encoded words."""
    if len(text) > first_line - 2 or not _is_plain(text):
        return encoded_words(text, first_line)
    if _ATOMS.fullmatch(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _folded(text: str, first_line: int) -> str | None:
    """ASCII *text* folded at spaces, or None if a word is longer than a line."""
    lines: list[str] = []
    line = ""
    room = first_line
    for word in text.split(" "):
        if len(word) > WIDTH - 1:
            return None
        if line and len(line) + 1 + len(word) > room:
            lines.append(line)
            line, room = word, WIDTH - 1
        else:
            line = f"{line} {word}" if line else word
    return "\r\n ".join([*lines, line])


def _payload(width: int) -> int:
    """Bytes of text that fit into one encoded word of at most *width* (and 75) characters."""
    return (min(width, 75) - len("=?utf-8?b??=")) // 4 * 3


def _word(raw: bytes) -> str:
    return f"=?utf-8?b?{b64encode(raw).decode('ascii')}?="
