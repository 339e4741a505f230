"""One part of an email (subject, html, text): its template, compiled, and its encoded body per message."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from jinja2 import nodes

from app.content.encoding import SOFT_BREAK, base64_lines, qp_piece
from app.content.problems import LimitExceededError
from app.content.sandbox import LARGEST_OUTPUT, TOKEN_BYTES, Sandbox, compiled, rendered
from app.content.segments import Getter, Segment, Token, Values, segments_of, text_of

Body = Callable[[Values], bytes]

# What html and quoted-printable both leave as it is, on one line: most names and cities.
_UNTOUCHED = re.compile(r"[A-Za-z0-9_@,!/ -][A-Za-z0-9_@,!/. -]{0,71}")


@dataclass(frozen=True, slots=True)
class Part:
    """A compiled part. *segments* is None on the long road, where Jinja renders all of it."""

    encoding: str  # of the body: quoted-printable or base64
    text: Getter
    body: Body
    segments: list[Segment] | None

    @property
    def is_constant(self) -> bool:
        """Whether every message gets the same text."""
        return self.segments is not None and all(isinstance(segment, str) for segment in self.segments)


def compile_part(
    sandbox: Sandbox, tree: nodes.Template, source: str, unsubscribe: tuple[str, str], *, short: bool
) -> Part:
    """The part with the syntax tree *tree* of *source*; *short* allows the road without Jinja.

    Quoted-printable is for pieces that are encoded once: encoding 8 KB per message costs 66 us, base64 17.
    """
    segments = segments_of(sandbox, tree, unsubscribe) if short else None
    if segments is None:
        template = compiled(sandbox, tree)
        return _in_base64(lambda values: rendered(template, values), None)
    if is_mostly_ascii(source):
        return Part("quoted-printable", text_of(segments), _assembled(segments), segments)
    return _in_base64(text_of(segments), segments)


def encoded_token(token: str) -> bytes:
    """The message's token as it stands in an assembled body: made once, used in every link."""
    first, second, rest = token[:70], token[70:140], token[140:]
    if rest or second.startswith("."):
        return qp_piece(token, ends_line=False)
    return f"{first}=\r\n{second}".encode("ascii")


def _in_base64(text: Getter, segments: list[Segment] | None) -> Part:
    return Part("base64", text, lambda values: base64_lines(text(values)), segments)


def is_mostly_ascii(source: str) -> bool:
    """Whether quoted-printable is the shorter encoding: it takes two bytes more for each that is not ASCII."""
    raw = source.encode()
    return (len(raw) - sum(character.isascii() for character in source)) * 6 <= len(raw)


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

    fixed = sum(len(text) for text in texts)

    def body(values: Values) -> bytes:
        pieces = texts.copy()
        size = fixed
        token = values[TOKEN_BYTES]
        for place in tokens:
            pieces[place] = token
        for place, get in dynamics:
            text = get(values)
            size += len(text)
            if size > LARGEST_OUTPUT:
                raise LimitExceededError(f"output is longer than {LARGEST_OUTPUT} characters")
            untouched = _UNTOUCHED.fullmatch(text) is not None
            pieces[place] = text.encode() if untouched else qp_piece(text, ends_line=False)
        return b"".join(pieces)

    return body
