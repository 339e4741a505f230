"""What the tests of app.content share: a sender, links, and a reader of composed mail."""

from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from app.content.email_template import EmailTemplate, LinkOptions, Sender, compile_email
from app.specs import Content

KEY = b"k" * 32
SENDER = Sender("letter@shop.example.com", "Shop", "", "default", "cmp_1")
LINKS = LinkOptions("https://l.example.com", KEY)
MESSAGE, RECIPIENT = bytes(range(16)), bytes(range(16, 32))


def template_of(content: Content, **changes: Any) -> EmailTemplate:
    """*content* compiled for the usual sender."""
    return compile_email(content, changes.pop("sender", SENDER), changes.pop("links", LINKS), **changes)


def composed(template: EmailTemplate, variables: dict[str, Any], address: str = "ann@example.com") -> bytes:
    """The message to *address*, which must be composable."""
    raw = template.render(variables, MESSAGE, RECIPIENT, address, 1_700_000_000.5)
    assert isinstance(raw, bytes), raw
    return raw


def read(raw: bytes) -> EmailMessage:
    """*raw* as a mail reader sees it, dot-stuffing undone."""
    message = message_from_bytes(raw.replace(b"\r\n..", b"\r\n."), policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def part(message: EmailMessage, kind: str) -> str:
    """The decoded text of the html or plain part, with \\n line ends."""
    body = message.get_body((kind,))
    assert body is not None
    content: str = body.get_content()
    return content.replace("\r\n", "\n")
