"""A campaign's email: compiled once, then composed for each recipient into bytes that are ready for DATA."""

import html
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from app.content.address import needs_smtputf8, wire_address
from app.content.check import problems_of_email
from app.content.email_parts import EmailParts, Worder
from app.content.headers import unstructured
from app.content.letterhead import Letterhead, LinkOptions, Sender, problems_of
from app.content.links import LinkSigner, is_trackable
from app.content.locales import DEFAULT, locale_of, parts_in
from app.content.mime import skeleton
from app.content.parts import Part, compile_part, encoded_token
from app.content.plain import text_template
from app.content.preheader import with_language, with_preheader
from app.content.problems import ContentError, RenderError
from app.content.sandbox import HTML, LOCALE, TEXT, TOKEN, TOKEN_BYTES, TRACKER, bounds
from app.content.source import parse, with_newlines
from app.content.tracking import with_pixel, with_tracked_links
from app.specs import Content, Parts


def compile_email(
    content: Content, sender: Sender, links: LinkOptions, *, language: str = DEFAULT, short_road: bool = True
) -> "EmailTemplate":
    """*content* as a template for the mails of one campaign: milliseconds, once a language.

    *language* is a key of `content.locales`, or DEFAULT. Raises ContentError for content that `check` refuses and
    for a sender that is no mailbox. *short_road* False sends every part through Jinja: for comparison in tests.
    """
    parts = parts_in(content, language)
    problems = problems_of_email(parts, content.defaults) + problems_of(sender, links)
    if problems:
        raise ContentError(problems)
    links = replace(links, public_url=links.public_url.rstrip("/"))
    signer = LinkSigner(links.link_key, sender.account, sender.campaign)
    locale = locale_of(content, language)
    asked = links.list_unsubscribe or "unsubscribe_url" in parts.html + parts.text
    head = Letterhead(sender, links, locale, unsubscribe=asked)
    unsubscribe = f"{links.public_url}/u/", head.suffix
    compiled = {}
    for part, source in _sources(parts, locale, signer, links).items():
        sandbox = HTML if part == "html" else TEXT
        compiled[part] = compile_part(sandbox, parse(sandbox, source), source, unsubscribe, short=short_road)
    seed = f"{content.id}|{language}|{sender.campaign}"
    return EmailTemplate(seed, locale, content.defaults, head, signer, compiled)


def _sources(parts: Parts, locale: str, signer: LinkSigner, links: LinkOptions) -> dict[str, str]:
    """Subject, text and html as they are compiled: with tracking, language and preheader."""
    sources = {"subject": with_newlines(parts.subject), "text": with_newlines(parts.text)}
    source = with_newlines(parts.html)
    if source:
        sources["text"] = sources["text"] or text_template(source)
        source = with_preheader(with_language(source, locale), with_newlines(parts.preheader))
        if links.track_clicks:
            source = with_tracked_links(source, signer, links.public_url)
        if links.track_opens:
            source = with_pixel(source, links.public_url)
        sources["html"] = source
    return sources


class EmailTemplate:
    """The email of one campaign. Not shared between threads."""

    def __init__(
        self,
        seed: str,
        locale: str,
        defaults: Mapping[str, str],
        head: Letterhead,
        signer: LinkSigner,
        parts: dict[str, Part],
    ) -> None:
        """Build what is the same in every message; use `compile_email`."""
        self.locale = locale
        self._defaults = defaults
        self._head = head
        self._signer = signer
        self._subject = parts["subject"]
        self._fixed_subject = unstructured("Subject", self._subject.text({})) if self._subject.is_constant else b""
        self._text = parts["text"]
        self._html = parts.get("html")
        self._worder = Worder(head.sender, head.shared_headers, self._subject, self._text, self._html)
        self._frame = skeleton(seed, self._text.encoding, self._html.encoding if self._html else None)

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

    def parts(
        self,
        variables: Mapping[str, Any],
        message_id: bytes,
        recipient_id: bytes,
        address: str,
        at: float,
        attempt: int = 1,
    ) -> EmailParts | RenderError:
        """The message in parts, for a provider that builds it: what a reader of `render` sees."""
        try:
            to = wire_address(address)
            token = self._signer.token(message_id, recipient_id)
            values = self._worder.values(self._values(variables, message_id, token, address))
        except Exception as why:  # as in render
            return RenderError(f"{type(why).__name__}: {why}"[:500])
        head = partial(self._head.fields, address, message_id, token, at, attempt)
        return EmailParts(self._worder.wording, values, to, self._head.headers(message_id, token), head)

    def renderers(self, variables: Mapping[str, Any], address: str) -> dict[str, Callable[[], str]]:
        """For subject, html and text: what renders it for *variables*, with links of a message that does not exist."""

        def renderer(part: Part) -> Callable[[], str]:
            return lambda: part.text(self._values(variables, bytes(16), token, address))

        token = self._signer.token(bytes(16), bytes(16))
        parts = {"subject": self._subject, "html": self._html, "text": self._text}
        return {name: renderer(part) for name, part in parts.items() if part is not None}

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
        fields = self._head.fields(address, message_id, token, at, attempt)
        subject = self._fixed_subject or unstructured("Subject", self._subject.text(values))
        pieces = [fields, subject, self._frame.head, self._text.body(values)]
        if self._html is not None:
            pieces += self._frame.between, self._html.body(values)
        pieces.append(self._frame.end)
        return b"".join(pieces)

    def _values(self, variables: Mapping[str, Any], message_id: bytes, token: str, address: str) -> dict[str, Any]:
        """What the templates see."""
        values = base_values(self._defaults, variables, self.locale)
        values["unsubscribe_url"] = f"{self._head.public_url}/u/{token}{self._head.suffix}"
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
        return f"{html.escape(self._head.public_url)}/c/{token}/{self._signer.link(index, target, message_id)}"


def base_values(defaults: Mapping[str, str], variables: Mapping[str, Any], locale: str) -> dict[str, Any]:
    """What any template of one message sees: attributes, defaults for those that are missing or empty, its bounds."""
    values = {**defaults, **variables, **bounds()}
    for name, text in defaults.items():
        if values[name] is None or values[name] == "":
            values[name] = text
    values[LOCALE] = locale
    return values


__all__ = ["EmailTemplate", "LinkOptions", "Sender", "compile_email", "needs_smtputf8"]
