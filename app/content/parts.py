"""One part of an email (subject, html, text): its template, compiled, and its encoded body per message."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from jinja2 import nodes

from app.content.encoding import SOFT_BREAK, base64_lines, qp_piece, quoted_printable
from app.content.problems import LimitExceeded
from app.content.sandbox import LARGEST_OUTPUT, TOKEN_BYTES, Sandbox, compiled, rendered
from app.content.segments import Getter, Segment, Token, Values, segments_of, text_of

Encoder = Callable[[str], bytes]
Body = Callable[[Values], bytes]

LARGEST_BODY = 3 * LARGEST_OUTPUT  # encoded

# What html and quoted-printable both leave as it is, on one line: most names and cities.
_UNTOUCHED = re.compile(r"[A-Za-z0-9_@,!/ -][A-Za-z0-9_@,!/. -]{0,71}")


@dataclass(frozen=True, slots=True)
class Part:
    """A compiled part. *segments* is None on the long road."""

    encoding: str  # of the body: quoted-printable or base64
    text: Getter
    body: Body
    segments: list[Segment] | None

    @property
    def is_constant(self) -> bool:
        """Whether every message gets the same text."""
        return self.segments is not None and all(isinstance(segment, str) for segment in self.segments)


def compile_part(sandbox: Sandbox, tree: nodes.Template, source: str, unsubscribe: str, *, short: bool) -> Part:
    """The part with the syntax tree *tree* of *source*; *short* allows the road without Jinja."""
    encoding = _encoding_for(source)
    segments = segments_of(sandbox, tree, unsubscribe) if short else None
    if segments is None:
        template = compiled(sandbox, tree)

        def text(values: Values) -> str:
            return rendered(template, values)
    else:
        text = _bounded(text_of(segments))
    if segments is not None and encoding == "quoted-printable":
        return Part(encoding, text, _assembled(segments), segments)
    encode: Encoder = quoted_printable if encoding == "quoted-printable" else base64_lines
    return Part(encoding, text, lambda values: encode(text(values)), segments)


def encoded_token(token: str) -> bytes:
    """The message's token as it stands in an assembled body: made once, used in every link."""
    return qp_piece(token, ends_line=False)


def _encoding_for(source: str) -> str:
    """The shorter of the two: quoted-printable costs two more bytes for each that is not ASCII."""
    raw = source.encode(errors="replace")
    other = len(raw) - sum(character.isascii() for character in source)
    return "base64" if other * 6 > len(raw) else "quoted-printable"


def _bounded(get: Getter) -> Getter:
    def bounded(values: Values) -> str:
        text = get(values)
        if len(text) > LARGEST_OUTPUT:
            raise LimitExceeded(f"output is longer than {LARGEST_OUTPUT} characters")
        return text

    return bounded


def _assembled(segments: list[Segment]) -> Body:
    """A body joined from pieces that are already quoted-printable; each variable piece is a line of its own.

    A soft break stands before and behind what varies, so that no piece depends on the width of another.
    """
    texts: list[bytes] = []
    tokens: list[int] = []
    dynamics: list[tuple[int, Getter]] = []
    for number, segment in enumerate(segments):
        if isinstance(segment, str):
            last = number == len(segments) - 1
            texts.append(qp_piece(segment, ends_line=last) + (b"" if last else SOFT_BREAK))
            continue
        if isinstance(segment, Token):
            tokens.append(len(texts))
        else:
            dynamics.append((len(texts), segment.get))
        texts += b"", SOFT_BREAK

    def body(values: Values) -> bytes:
        pieces = texts.copy()
        token = values[TOKEN_BYTES]
        for place in tokens:
            pieces[place] = token
        for place, get in dynamics:
            text = get(values)
            untouched = _UNTOUCHED.fullmatch(text) is not None
            pieces[place] = text.encode() if untouched else qp_piece(text, ends_line=False)
        joined = b"".join(pieces)
        if len(joined) > LARGEST_BODY:
            raise LimitExceeded(f"body is longer than {LARGEST_BODY} bytes")
        return joined

    return body
