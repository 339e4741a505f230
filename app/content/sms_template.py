"""An SMS of one campaign: compiled once a language, then rendered for each recipient; and how many parts it takes.

Links are tracked only where the campaign tracks clicks: a tracked one has some 200 characters, the same number for
everybody, and they count. What is rendered is what is sent and what is counted: nothing is added later.
"""

import re
from collections.abc import Mapping
from typing import Any

from app.content.letterhead import LinkOptions
from app.content.links import is_trackable
from app.content.locales import DEFAULT, Languages, locale_of, parts_in
from app.content.phone_values import Owner, PhoneValues
from app.content.problems import ContentError, ContentProblem, RenderError
from app.content.sandbox import TOKEN
from app.content.sms import as_sms, parts_of
from app.content.sms_message import SmsText
from app.specs import Content

MOST_LINKS = 20  # that are tracked in one SMS; others stay as they are
MOST_PARTS = 255  # more than any network takes: such a message is refused for itself
NO_SMS = "an SMS needs a text: give the content a part sms"
_URL = re.compile(r"https?://[^\s<>\"'\x00-\x20]+", re.IGNORECASE)
_BEHIND = ".,;:!?)]}"  # what ends a sentence and no URL


def compile_sms(content: Content, owner: Owner, links: LinkOptions, *, language: str = DEFAULT) -> "SmsTemplate":
    """*content* in *language* as a template for the SMS of one campaign. Raises ContentError."""
    parts = parts_in(content, language)
    if not parts.sms.strip():
        raise ContentError([ContentProblem("sms", 1, 1, NO_SMS)])
    values = PhoneValues(content.defaults, locale_of(content, language), owner, links)
    return SmsTemplate(values, parts.sms, parts.dlt_template, track=links.track_clicks)


class SmsTemplate:
    """The SMS of one campaign in one language."""

    def __init__(self, values: PhoneValues, source: str, dlt_template: str, *, track: bool) -> None:
        """Use `compile_sms`."""
        self._values, self._dlt_template, self._track = values, dlt_template, track
        self._rendering = values.compiled("sms", source)

    def parts(
        self,
        variables: Mapping[str, Any],
        message_id: bytes,
        recipient_id: bytes,
        address: str,
        at: float,  # noqa: ARG002 - of letters
        attempt: int = 1,  # noqa: ARG002 - of letters
    ) -> SmsText | RenderError:
        """The SMS to one recipient, or why there is none. The same arguments always give the same text."""
        try:
            values = self._values.of(variables, message_id, recipient_id, address)
            text = self._finished(self._rendering.text(values), message_id, values)
            if not text.strip():
                return RenderError("the text of the SMS is empty for this recipient")
            filled = self._filled(message_id, values) if self._dlt_template else {}
            return SmsText(text, self._dlt_template, filled)
        except Exception as why:  # a customer's template ran on a contact's values: whatever it raised is theirs
            return RenderError(f"{type(why).__name__}: {why}"[:500])

    render = parts  # a provider gets what it carries

    def _filled(self, message_id: bytes, values: dict[str, Any]) -> dict[str, str]:
        return {
            f"VAR{number}": self._finished(get(values), message_id, values)
            for number, get in enumerate(self._rendering.filled, 1)
        }

    def _finished(self, text: str, message_id: bytes, values: dict[str, Any]) -> str:
        text = as_sms(text)
        if not self._track or "://" not in text:
            return text
        prefix = self._values.public_url
        count = 0

        def tracked(found: re.Match[str]) -> str:
            nonlocal count
            target = found[0].rstrip(_BEHIND)
            if target.startswith(prefix) or not is_trackable(target) or count >= MOST_LINKS:
                return found[0]
            link = self._values.signer.link(count, target, message_id)
            count += 1
            return f"{prefix}/c/{values[TOKEN]}/{link}{found[0][len(target) :]}"

        return _URL.sub(tracked, text)


class SmsSizes:
    """How many parts the SMS of one content take, for whoever lists its recipients. Languages are compiled once."""

    def __init__(self, content: Content, owner: Owner, links: LinkOptions) -> None:
        self._content, self._owner, self._links = content, owner, links
        self._languages = Languages(content)
        self._templates: dict[str, SmsTemplate | None] = {}

    def parts(self, variables: Mapping[str, Any], address: str) -> int:
        """The SMS that the message to *address* takes, at least 1: one that cannot be rendered is refused when it is
        sent. Ids are as long for everybody, so whose they are does not matter."""
        language = self._languages.of(variables)
        if language not in self._templates:
            try:
                made = compile_sms(self._content, self._owner, self._links, language=language)
            except ContentError:
                made = None
            self._templates[language] = made
        template = self._templates[language]
        sms = template.parts(variables, bytes(16), bytes(16), address, 0.0) if template is not None else None
        return min(MOST_PARTS, max(1, parts_of(sms.text))) if isinstance(sms, SmsText) else 1
