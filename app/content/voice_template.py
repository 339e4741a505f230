"""A call of one campaign: the text that is read aloud, or the recording that is played, rendered."""

from collections.abc import Mapping
from typing import Any

from app.content.letterhead import LinkOptions
from app.content.locales import DEFAULT, locale_of, parts_in
from app.content.phone_values import Owner, PhoneValues
from app.content.problems import ContentError, ContentProblem, RenderError
from app.content.voice_message import VoiceText
from app.specs import Content

NO_VOICE = "a call needs a text or a recording: give the content a part voice or voice_audio"

# Language -> the region whose voice reads it where the content names none. Providers know voices by both.
REGIONS = {
    "da": "DK", "de": "DE", "en": "US", "es": "ES", "fr": "FR", "hi": "IN", "it": "IT", "ja": "JP", "ko": "KR",
    "nb": "NO", "nl": "NL", "pl": "PL", "pt": "PT", "ru": "RU", "sv": "SE", "tr": "TR", "zh": "CN",
}  # fmt: skip


def compile_voice(content: Content, owner: Owner, links: LinkOptions, *, language: str = DEFAULT) -> "VoiceTemplate":
    """*content* in *language* as a template for the calls of one campaign. Raises ContentError."""
    parts = parts_in(content, language)
    if not parts.voice.strip() and not parts.voice_audio.strip():
        raise ContentError([ContentProblem("voice", 1, 1, NO_VOICE)])
    values = PhoneValues(content.defaults, locale_of(content, language), owner, links)
    return VoiceTemplate(values, parts.voice, parts.voice_audio)


class VoiceTemplate:
    """The call of one campaign in one language."""

    def __init__(self, values: PhoneValues, text: str, audio: str) -> None:
        """Use `compile_voice`."""
        self._values = values
        self._language = spoken(values.locale)
        self._text = values.compiled("voice", text) if text.strip() else None
        self._audio = values.compiled("voice_audio", audio) if audio.strip() else None

    def parts(
        self,
        variables: Mapping[str, Any],
        message_id: bytes,
        recipient_id: bytes,
        address: str,
        at: float,  # noqa: ARG002 - of letters
        attempt: int = 1,  # noqa: ARG002 - of letters
    ) -> VoiceText | RenderError:
        """The call to one recipient, or why there is none."""
        try:
            values = self._values.of(variables, message_id, recipient_id, address)
            text = " ".join(self._text.text(values).split()) if self._text is not None else ""
            audio = self._audio.text(values).strip() if self._audio is not None else ""
        except Exception as why:  # a customer's template ran on a contact's values: whatever it raised is theirs
            return RenderError(f"{type(why).__name__}: {why}"[:500])
        if not text and not audio:
            return RenderError("there is nothing to say to this recipient: the text of the call is empty")
        return VoiceText(text, self._language, audio)

    render = parts  # a provider gets what it carries


def spoken(locale: str) -> str:
    """The language of the voice for *locale*: pt-BR as it is, de as de-DE."""
    region = REGIONS.get(locale.lower())
    return f"{locale.lower()}-{region}" if region else locale
