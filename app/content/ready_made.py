"""Ready-made letters: subject, html and text come finished with the message and are sent as they are.

For single messages whose sender has written them himself: nothing is compiled, nothing in them is a template,
no link is rewritten. The campaign has READY_MADE as its content; the parts travel as the variables of the message.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from app.content.address import AddressError, wire_address
from app.content.email_parts import EmailParts, Wording, clean
from app.content.encoding import base64_lines, qp_piece
from app.content.headers import one_line, unstructured
from app.content.letterhead import Letterhead, LinkOptions, Sender, problems_of
from app.content.mime import skeleton
from app.content.parts import is_mostly_ascii
from app.content.plain import text_of_html
from app.content.problems import ContentError, RenderError
from app.content.sandbox import LARGEST_OUTPUT
from app.specs import Content

# A content that composing knows again, and never renders: its variables are sent as they are.
READY_MADE = Content(subject="{{ subject }}", html="{{ html }}", text="{{ text }}")
PARTS = ("subject", "html", "text")


def ready_variables(subject: str, html: str = "", text: str = "") -> dict[str, str]:
    """What a message with these finished parts carries as its variables. It needs a subject, and html or text."""
    return {name: part for name, part in zip(PARTS, (subject, html, text), strict=True) if part}


class ReadyMadeMail:
    """Composes what is ready-made: headers and encoding as for any other letter of the campaign."""

    def __init__(self, sender: Sender, links: LinkOptions) -> None:
        """Raises ContentError for a sender that is no mailbox."""
        problems = problems_of(sender, links)
        if problems:
            raise ContentError(problems)
        self._head = Letterhead(sender, links, "", unsubscribe=False)
        self._seed = sender.campaign

    def render(
        self,
        variables: Mapping[str, Any],
        message_id: bytes,
        recipient_id: bytes,  # noqa: ARG002 - only links name it
        address: str,
        at: float,
        attempt: int = 1,
    ) -> bytes | RenderError:
        """The whole message as `EmailTemplate.render` makes one, or why there can be none."""
        parts = _parts_of(variables)
        if isinstance(parts, RenderError):
            return parts
        subject, html, text = parts
        try:
            fields = self._head.fields(address, message_id, "", at, attempt)
            return fields + unstructured("Subject", subject) + self._body(message_id, html, text)
        except (AddressError, UnicodeError) as why:  # a lone surrogate has no bytes
            return RenderError(f"{type(why).__name__}: {why}"[:500])

    def parts(
        self,
        variables: Mapping[str, Any],
        message_id: bytes,
        recipient_id: bytes,  # noqa: ARG002 - only links name it
        address: str,
        at: float,
        attempt: int = 1,
    ) -> EmailParts | RenderError:
        """The message in parts, or why there can be none."""
        parts = _parts_of(variables)
        if isinstance(parts, RenderError):
            return parts
        subject, html, text = parts
        try:
            to = wire_address(address)
            values = one_line(subject), clean(text or text_of_html(html)), clean(html)
            values[0].encode()
        except (AddressError, UnicodeError) as why:
            return RenderError(f"{type(why).__name__}: {why}"[:500])
        wording = Wording(*self._head.sender, (0,), (1,), (2,) if html else (), self._head.shared_headers)
        head = partial(self._head.fields, address, message_id, "", at, attempt)
        return EmailParts(wording, values, to, self._head.headers(message_id, ""), head)

    def _body(self, message_id: bytes, html: str, text: str) -> bytes:
        text_encoding, text_body = _encoded(text or text_of_html(html))
        seed = f"{self._seed}|{message_id.hex()}"
        if not html:
            frame = skeleton(seed, text_encoding, None)
            return frame.head + text_body + frame.end
        html_encoding, html_body = _encoded(html)
        frame = skeleton(seed, text_encoding, html_encoding)
        return b"".join([frame.head, text_body, frame.between, html_body, frame.end])


def _parts_of(variables: Mapping[str, Any]) -> tuple[str, str, str] | RenderError:
    """(subject, html, text) of a letter, or what is wrong with them."""
    subject, html, text = (variables.get(name, "") for name in PARTS)
    if not (isinstance(subject, str) and isinstance(html, str) and isinstance(text, str)):
        return RenderError("subject, html and text of a ready-made letter are texts")
    if not subject.strip() or not (html or text):
        return RenderError("a ready-made letter needs a subject, and html or text")
    if max(len(html), len(text)) > LARGEST_OUTPUT:
        return RenderError(f"a part is longer than {LARGEST_OUTPUT} characters")
    return subject, html, text


def _encoded(text: str) -> tuple[str, bytes]:
    """(the shorter encoding, *text* in it)."""
    if is_mostly_ascii(text):
        return "quoted-printable", qp_piece(text, ends_line=True)
    return "base64", base64_lines(text)
