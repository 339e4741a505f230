"""Bodies as 7-bit text: quoted-printable and base64 (RFC 2045), lines of at most 76, CRLF.

No line that these functions make starts with a dot, so bodies need no dot-stuffing.
"""

from binascii import b2a_base64
from functools import lru_cache
from struct import Struct

SOFT_BREAK = b"=\r\n"
_LINE = 75  # and one "=" when the line goes on
_PLAIN = frozenset(range(0x20, 0x7F)) - {ord("=")} | {ord("\t")}
_ATOMS = tuple(chr(byte).encode("latin-1") if byte in _PLAIN else b"=%02X" % byte for byte in range(256))


def canonical(text: str) -> bytes:
    """*text* in UTF-8 with CRLF for every line feed.

    A carriage return is dropped, wherever it stands: pieces that are encoded one by one must come out as
    they would together, and what is CR LF together may be the end of one piece and the start of the next.
    """
    if "\r" in text:
        text = text.replace("\r", "")
    return text.replace("\n", "\r\n").encode()


def qp_piece(text: str, *, ends_line: bool) -> bytes:
    """*text* in quoted-printable, for a place at the start of an encoded line.

    *ends_line* tells that a line end follows, else a soft break does: before a line end a blank is encoded.
    """
    lines = canonical(text).split(b"\r\n")
    last = len(lines) - 1
    return b"\r\n".join([_qp_line(line, hard=ends_line or number < last) for number, line in enumerate(lines)])


def _qp_line(line: bytes, *, hard: bool) -> bytes:
    """One line, soft breaks inside as needed."""
    atoms = [_ATOMS[byte] for byte in line]
    if hard and atoms and atoms[-1] in (b" ", b"\t"):
        atoms[-1] = b"=%02X" % line[-1]
    out: list[bytes] = []
    width = 0
    for atom in atoms:
        if width + len(atom) > _LINE:
            out.append(SOFT_BREAK)
            width = 0
        if width == 0 and atom == b".":
            atom = b"=2E"
        out.append(atom)
        width += len(atom)
    return b"".join(out)


def base64_lines(text: str) -> bytes:
    """A whole body in base64, 76 characters a line, without a line end behind the last."""
    encoded = b2a_base64(canonical(text), newline=False)
    full, rest = divmod(len(encoded), 76)
    lines = _lines_of_76(full).unpack_from(encoded)
    if rest:
        return b"\r\n".join((*lines, encoded[full * 76 :]))
    return b"\r\n".join(lines)


@lru_cache(maxsize=256)
def _lines_of_76(lines: int) -> Struct:
    """Cuts bytes into *lines* pieces of 76: one call in C instead of a slice a line."""
    return Struct("76s" * lines)
