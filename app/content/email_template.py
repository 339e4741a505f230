"""A campaign's email: compiled once, then composed for each recipient into bytes that are ready for DATA."""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any

from app.content.address import AddressError, needs_smtputf8, wire_address
from app.content.check import check, parts_of
from app.content.headers import date_field, mailbox, unstructured
from app.content.links import LinkSigner, is_trackable
from app.content.parts import Part, compile_part, encoded_token
from app.content.plain import text_template
from app.content.problems import ContentError, ContentProblem, RenderError
from app.content.sandbox import HTML, TEXT, TOKEN, TOKEN_BYTES, TRACKER, bounds
from app.content.source import parse, with_newlines
from app.content.tracking import with_pixel, with_tracked_links
from app.specs import Content

_FEEDBACK = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends: the From and Reply-To of a campaign, and whose it is."""

    from_email: str
    from_name: str
    reply_to: str  # "" for none
    account: str
    campaign: str


@dataclass(frozen=True, slots=True)
class LinkOptions:
    """Where links lead and what is tracked. *link_key* has 16 to 64 bytes."""

    public_url: str
    link_key: bytes
    track_opens: bool = True
    track_clicks: bool = True
    unsubscribe_mailto: str | None = None  # a mailbox that takes unsubscribe mails


def compile_email(content: Content, sender: Sender, links: LinkOptions, *, short_road: bool = True) -> "EmailTemplate":
    """*content* as a template for the mails of one campaign: milliseconds, once.

    Raises ContentError for content that `check` refuses and for a sender that is no mailbox.
    *short_road* False sends every part through Jinja: for comparison in tests and benchmarks.
    """
    problems = check(content, None) + _problems_of(sender, links)
    if problems:
        raise ContentError(problems)
    links = replace(links, public_url=links.public_url.rstrip("/"))
    signer = LinkSigner(links.link_key, sender.account, sender.campaign)
    unsubscribe = f"{links.public_url}/u/"
    sources = {part: with_newlines(source) for part, _, source in parts_of(content)}
    if "html" in sources:
        if "text" not in sources:
            sources["text"] = text_template(sources["html"])
        sources["html"] = _with_tracking(sources["html"], signer, links)
    parts: dict[str, Part] = {}
    for part, source in sources.items():
        sandbox = HTML if part == "html" else TEXT
        parts[part] = compile_part(sandbox, parse(sandbox, source), source, unsubscribe, short=short_road)
    return EmailTemplate(content, sender, links, signer, parts)


class EmailTemplate:
    """The email of one campaign. Not shared between threads."""

    def __init__(
        self, content: Content, sender: Sender, links: LinkOptions, signer: LinkSigner, parts: dict[str, Part]
    ) -> None:
        """Build what is the same in every message; use `compile_email`."""
        self._defaults = content.defaults
        self._signer = signer
        self._links = links
        self._subject = parts["subject"]
        self._fixed_subject = unstructured("Subject", self._subject.text({})) if self._subject.is_constant else b""
        self._text = parts["text"]
        self._html = parts.get("html")
        # Neither quoted-printable nor base64 can hold "=_": the boundary occurs in no body.
        boundary = f"=_{blake2b(f'{content.id}|{sender.campaign}'.encode(), digest_size=12).hexdigest()}"
        self._fields = _fixed_fields(sender)
        self._domain = wire_address(sender.from_email).rpartition("@")[2]
        self._head, self._between, self._end = _skeleton(boundary, self._text, self._html)
        self._unsubscribe_mailto = _mailto(links.unsubscribe_mailto)

    def render(
        self,
        variables: Mapping[str, Any],
        message_id: bytes,
        recipient_id: bytes,
        address: str,
        at: float,
        attempt: int = 1,
    ) -> bytes | RenderError:
        """The whole message, CRLF, dot-stuffed, without the final dot; or why it cannot be composed.

        *variables* are the contact's attributes, *at* the time of sending in seconds since 1970. The same
        arguments always give the same bytes.
        """
        try:
            return self._render(variables, message_id, recipient_id, address, at, attempt)
        except Exception as why:  # a customer's template ran on a contact's values: whatever it raised is theirs
            return RenderError(f"{type(why).__name__}: {why}"[:500])

    def preview(self, variables: Mapping[str, Any], address: str) -> dict[str, str]:
        """Subject, html and text for *variables*, with links of a message that does not exist."""
        values = self._values(variables, bytes(16), self._signer.token(bytes(16), bytes(16)), address)
        parts = {"subject": self._subject, "html": self._html, "text": self._text}
        return {name: part.text(values) for name, part in parts.items() if part is not None}

    def _render(
        self,
        variables: Mapping[str, Any],
        message_id: bytes,
        recipient_id: bytes,
        address: str,
        at: float,
        attempt: int,
    ) -> bytes:
        token = self._signer.token(message_id, recipient_id)
        values = self._values(variables, message_id, token, address)
        name = message_id.hex()
        to = wire_address(address)
        subject = self._fixed_subject or unstructured("Subject", self._subject.text(values))
        unsubscribe = f"List-Unsubscribe: <{self._links.public_url}/u/{token}>"
        if self._unsubscribe_mailto:
            unsubscribe += f",\r\n <{self._unsubscribe_mailto}{token}>"
        own = (
            f"To: {to}\r\nMessage-ID: <{name}.{attempt}@{self._domain}>\r\n{unsubscribe}\r\n"
            f"X-Fanfare-Message: {name}\r\n"
        )
        pieces = [date_field(int(at)), self._fields, own.encode(), subject, self._head, self._text.body(values)]
        if self._html is not None:
            pieces += self._between, self._html.body(values)
        pieces.append(self._end)
        return b"".join(pieces)

    def _values(self, variables: Mapping[str, Any], message_id: bytes, token: str, address: str) -> dict[str, Any]:
        """What the templates see: attributes, defaults for those that are missing or empty, built-in ones."""
        values = {**self._defaults, **variables, **bounds()}
        for name, text in self._defaults.items():
            if values[name] is None or values[name] == "":
                values[name] = text
        values["unsubscribe_url"] = f"{self._links.public_url}/u/{token}"
        values["message_id"] = message_id.hex()
        values["address"] = address
        values[TOKEN] = token
        values[TOKEN_BYTES] = encoded_token(token)
        values[TRACKER] = lambda index, rendered: self._tracked(index, rendered, message_id, token)
        return values

    def _tracked(self, index: int, rendered: str, message_id: bytes, token: str) -> str:
        """The href for a target that was *rendered* for this message."""
        target = html.unescape(rendered).strip()
        if not is_trackable(target):
            return rendered
        return f"{html.escape(self._links.public_url)}/c/{token}/{self._signer.link(index, target, message_id)}"


def _with_tracking(source: str, signer: LinkSigner, links: LinkOptions) -> str:
    if links.track_clicks:
        source = with_tracked_links(source, signer, links.public_url)
    if links.track_opens:
        source = with_pixel(source, links.public_url)
    return source


def _problems_of(sender: Sender, links: LinkOptions) -> list[ContentProblem]:
    """What is wrong with the addresses of *sender* and the URL of *links*."""
    problems = []
    mailboxes = {
        "from_email": sender.from_email,
        "reply_to": sender.reply_to,
        "unsubscribe_mailto": links.unsubscribe_mailto,
    }
    for part, address in mailboxes.items():
        if address or part == "from_email":
            try:
                wire_address(address or "")
            except AddressError as error:
                problems.append(ContentProblem(part, 1, 1, str(error)))
    if not is_trackable(links.public_url) or re.search(r"[<>{}%\"]", links.public_url):
        problems.append(ContentProblem("public_url", 1, 1, "not an absolute http(s) URL"))
    return problems


def _fixed_fields(sender: Sender) -> bytes:
    """The header fields that every message of a campaign shares."""
    campaign, account = _FEEDBACK.sub("_", sender.campaign), _FEEDBACK.sub("_", sender.account)
    fields = mailbox("From", sender.from_name, wire_address(sender.from_email))
    if sender.reply_to:
        fields += mailbox("Reply-To", "", wire_address(sender.reply_to))
    return fields + (
        f"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
        f"Feedback-ID: {campaign}:{account}:email:fanfare\r\n"
        f"MIME-Version: 1.0\r\n"
    ).encode("ascii")


def _skeleton(boundary: str, text: Part, html_part: Part | None) -> tuple[bytes, bytes, bytes]:
    """What stands before the text, between text and html, and at the end."""
    plain = f"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: {text.encoding}\r\n\r\n"
    if html_part is None:
        return plain.encode(), b"", b"\r\n"
    rich = f"Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: {html_part.encoding}\r\n\r\n"
    multipart = f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"\r\n\r\n'
    return (
        f"{multipart}--{boundary}\r\n{plain}".encode(),
        f"\r\n--{boundary}\r\n{rich}".encode(),
        f"\r\n--{boundary}--\r\n".encode(),
    )


def _mailto(mailbox_address: str | None) -> str:
    """The mailto URL up to the token, "" for none. RFC 6068 leaves these characters of an address as they are."""
    if not mailbox_address:
        return ""
    address = re.sub(r"[^A-Za-z0-9@._~!$'*+-]", lambda odd: _percent(odd[0]), wire_address(mailbox_address))
    return f"mailto:{address}?subject=unsubscribe%20"


def _percent(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode())


__all__ = ["EmailTemplate", "LinkOptions", "Sender", "compile_email", "needs_smtputf8"]
