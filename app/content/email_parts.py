"""An email in parts, for providers that build the message themselves: subject, text, html and header fields.

Letters of one template share a wording: its fixed text, with places where the values of a message stand. A provider
that can fill them in gets the wording once and the values of many messages; for any other they are filled in here.
Either way a reader sees the same, which needs placeholders that nothing else can be taken for: see `Placeholders`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from app.content.encoding import base64_lines
from app.content.headers import one_line, unstructured
from app.content.mime import skeleton
from app.content.parts import Part
from app.content.problems import LimitExceededError
from app.content.sandbox import LARGEST_OUTPUT, TOKEN
from app.content.segments import Dynamic, Token

Piece = str | int  # fixed text, or the place of a value
Header = tuple[str, str]
_SUBJECT, _TOKEN = 0, 1  # what stands at the first places


@dataclass(frozen=True, slots=True, eq=False)
class Wording:
    """What the letters of one template have in common. *html* is empty where there is none."""

    from_email: str
    from_name: str
    reply_to: str  # "" for none
    subject: tuple[Piece, ...]
    text: tuple[Piece, ...]
    html: tuple[Piece, ...]
    headers: tuple[Header, ...]  # that all have


@dataclass(frozen=True, slots=True, eq=False)
class EmailParts:
    """One letter: a wording and its values. Values are escaped where they stand in html."""

    wording: Wording
    values: tuple[str, ...]
    to: str  # the address, with its domain in A-labels
    headers: tuple[Header, ...]  # of this letter alone
    letterhead: Callable[[], bytes]  # the header fields of the whole message, but for the subject

    @property
    def subject(self) -> str:
        """The subject, on one line."""
        return filled(self.wording.subject, self.values)

    @property
    def text(self) -> str:
        """The text part."""
        return filled(self.wording.text, self.values)

    @property
    def html(self) -> str:
        """The html part, "" for none."""
        return filled(self.wording.html, self.values)

    def whole(self) -> bytes:
        """The message as SMTP would carry it, without a final dot."""
        html, head = self.html, self.letterhead()
        frame = skeleton(head.decode(), "base64", "base64" if html else None)
        pieces = [head, unstructured("Subject", self.subject), frame.head, base64_lines(self.text)]
        if html:
            pieces += frame.between, base64_lines(html)
        return b"".join([*pieces, frame.end])


def filled(pieces: tuple[Piece, ...], values: tuple[str, ...]) -> str:
    """The text of *pieces* with their values."""
    return "".join([piece if isinstance(piece, str) else values[piece] for piece in pieces])


class Worder:
    """Makes the values of each letter of one template."""

    def __init__(
        self, sender: tuple[str, str, str], headers: tuple[Header, ...], subject: Part, text: Part, html: Part | None
    ) -> None:
        """*sender* is from_email, from_name and reply_to."""
        self._subject = subject
        self._getters: list[Callable[[Mapping[str, Any]], str]] = []
        places = tuple(self._pieces(part) for part in (text, html) if part is not None)
        self.wording = Wording(*sender, (_SUBJECT,), places[0], places[1] if html is not None else (), headers)
        self._sizes = [
            (sum(len(piece) for piece in pieces if isinstance(piece, str)), [p for p in pieces if isinstance(p, int)])
            for pieces in places
        ]

    def values(self, values: Mapping[str, Any]) -> tuple[str, ...]:
        """What stands at the places of the wording. Raises LimitExceededError, and whatever a template does."""
        subject = one_line(self._subject.text(values))
        found = (clean(subject), values[TOKEN], *[clean(get(values)) for get in self._getters])
        for size, uses in self._sizes:
            for place in uses:
                size += len(found[place])
            if size > LARGEST_OUTPUT:
                raise LimitExceededError(f"output is longer than {LARGEST_OUTPUT} characters")
        return found

    def _pieces(self, part: Part) -> tuple[Piece, ...]:
        """The pieces of *part*; all of it as one value where it takes the long road."""
        if part.segments is None:
            return (self._place(part.text),)
        return tuple(
            clean(segment)
            if isinstance(segment, str)
            else _TOKEN
            if isinstance(segment, Token)
            else self._dynamic(segment)
            for segment in part.segments
        )

    def _dynamic(self, segment: Dynamic) -> int:
        return self._place(segment.get)

    def _place(self, get: Callable[[Mapping[str, Any]], str]) -> int:
        self._getters.append(get)
        return _TOKEN + len(self._getters)


def clean(text: str) -> str:
    """*text* as a MIME body has it: no carriage return. Raises UnicodeEncodeError for what has no bytes."""
    text = str(text)  # Jinja's own kind of text escapes what is put into it
    if not text.isascii():
        text.encode()
    return text.replace("\r", "") if "\r" in text else text


class Placeholders:
    """The placeholders of one provider: *mark*, a number, *end*. Both begin with a character that is in neither again.

    A provider may fill them in in any order, and look at what it has filled in again. So no fixed text and no value
    may hold *mark*, or make one together with what stands before or behind it, whatever that is:

    - none contains *mark*, nor ends with its beginning: no mark begins in a text
    - none begins with the rest of *mark*, or is itself a beginning of that rest: *end* and a text make no mark

    *end* is the first character of *mark*.
    """

    def __init__(self, mark: str, name: str = "") -> None:
        """*mark* is in small letters; *name* stands between it and the number."""
        self._mark, self._name, self.end = mark, name, mark[0]
        rest = mark[1:]
        if self.end in rest:
            raise ValueError("the first character of a mark must not be in it again")
        self._rest = rest
        self._beginnings = tuple(mark[:size] for size in range(1, len(mark)))
        self._parts_of_rest = frozenset(rest[:size] for size in range(1, len(rest)))

    def of(self, place: int) -> str:
        """The placeholder of the value at *place*."""
        return f"{self._mark}{self._name}{place}{self.end}"

    def clear(self, text: str) -> bool:
        """Whether *text* can be taken for no part of a placeholder; capitals make no difference."""
        small = text.lower()
        return not (
            self._mark in small
            or small.endswith(self._beginnings)
            or small.startswith(self._rest)
            or small in self._parts_of_rest
        )

    def clear_in(self, pieces: tuple[Piece, ...]) -> bool:
        """Whether the fixed text of *pieces* is clear."""
        return all(self.clear(piece) for piece in pieces if isinstance(piece, str))

    def text(self, pieces: tuple[Piece, ...]) -> str:
        """*pieces* with placeholders for values."""
        return "".join([piece if isinstance(piece, str) else self.of(piece) for piece in pieces])
