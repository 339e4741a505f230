"""What templates of messages to phones see, and how one text of them is rendered."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from app.content.check import problems_of_text
from app.content.email_template import base_values
from app.content.letterhead import LinkOptions
from app.content.links import LinkSigner
from app.content.parts import compile_part, encoded_token
from app.content.problems import ContentError, ContentProblem
from app.content.sandbox import TEXT, TOKEN, TOKEN_BYTES
from app.content.segments import Dynamic, Values
from app.content.source import parse, with_newlines

Texts = dict[str, str]


@dataclass(frozen=True, slots=True)
class Rendering:
    """One compiled text: the whole of it, and each of the values that it is filled with, in order."""

    text: Callable[[Values], str]
    filled: tuple[Callable[[Values], str], ...]


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose messages they are."""

    account: str
    campaign: str


class PhoneValues:
    """The values of the messages of one campaign in one language."""

    def __init__(self, defaults: Mapping[str, str], locale: str, owner: Owner, links: LinkOptions) -> None:
        self.public_url = links.public_url.rstrip("/")
        self.signer = LinkSigner(links.link_key, owner.account, owner.campaign)
        self.suffix = f"?l={locale}" if locale else ""
        self.locale = locale
        self._defaults = defaults

    def of(self, variables: Mapping[str, Any], message_id: bytes, recipient_id: bytes, address: str) -> dict[str, Any]:
        """What the templates of one message see."""
        token = self.signer.token(message_id, recipient_id)
        values = base_values(self._defaults, variables, self.locale)
        values["unsubscribe_url"] = f"{self.public_url}/u/{token}{self.suffix}"
        values["message_id"] = message_id.hex()
        values["address"] = address
        values[TOKEN] = token
        values[TOKEN_BYTES] = encoded_token(token)
        return values

    def compiled(self, place: str, source: str) -> Rendering:
        """*source* as it renders. Raises ContentError for what `check` refuses."""
        source = with_newlines(source)
        problems: list[ContentProblem] = problems_of_text(place, source, self._defaults)
        if problems:
            raise ContentError(problems)
        unsubscribe = f"{self.public_url}/u/", self.suffix
        part = compile_part(TEXT, parse(TEXT, source), source, unsubscribe, short=True)
        filled = tuple(each.get for each in part.segments or () if isinstance(each, Dynamic))
        return Rendering(part.text, filled)
