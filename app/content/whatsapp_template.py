"""A WhatsApp message of one campaign: the template that Meta has approved, and what fills its places, rendered."""

from collections.abc import Mapping
from typing import Any

from app.content.letterhead import LinkOptions
from app.content.locales import DEFAULT, locale_of, parts_in
from app.content.phone_values import Owner, PhoneValues, Rendering
from app.content.problems import ContentError, ContentProblem, RenderError
from app.content.whatsapp_message import WhatsAppTemplate as Filled
from app.specs import Content, WhatsApp

LONGEST = 1_024  # characters of a parameter, as Meta takes them
NO_WHATSAPP = "a WhatsApp message needs an approved template: give the content a part whatsapp"


def compile_whatsapp(
    content: Content, owner: Owner, links: LinkOptions, *, language: str = DEFAULT
) -> "WhatsAppTemplate":
    """*content* in *language* as a template for the WhatsApp messages of one campaign. Raises ContentError."""
    said = parts_in(content, language).whatsapp
    if said is None:
        raise ContentError([ContentProblem("whatsapp", 1, 1, NO_WHATSAPP)])
    values = PhoneValues(content.defaults, locale_of(content, language), owner, links)
    return WhatsAppTemplate(values, said)


class WhatsAppTemplate:
    """The WhatsApp message of one campaign in one language."""

    def __init__(self, values: PhoneValues, said: WhatsApp) -> None:
        """Use `compile_whatsapp`."""
        self._values, self._said = values, said
        self._language = said.language or values.locale.replace("-", "_")
        self._parameters = [
            values.compiled(f"whatsapp.parameters.{number}", each) for number, each in enumerate(said.parameters)
        ]
        self._header = values.compiled("whatsapp.header", said.header) if said.header else None
        self._media = values.compiled("whatsapp.media", said.media) if said.media else None
        self._buttons = [
            values.compiled(f"whatsapp.buttons.{number}", each) if each else None
            for number, each in enumerate(said.buttons)
        ]

    def parts(
        self,
        variables: Mapping[str, Any],
        message_id: bytes,
        recipient_id: bytes,
        address: str,
        at: float,  # noqa: ARG002 - of letters
        attempt: int = 1,  # noqa: ARG002 - of letters
    ) -> Filled | RenderError:
        """The message to one recipient, or why there is none: Meta refuses a place that is empty."""
        try:
            values = self._values.of(variables, message_id, recipient_id, address)
            filled = Filled(
                self._said.template, self._language, tuple(one_line(each, values) for each in self._parameters),
                self._said.category, one_line(self._header, values), one_line(self._media, values),
                self._said.media_kind, tuple(one_line(each, values) for each in self._buttons),
            )  # fmt: skip
        except Exception as why:  # a customer's template ran on a contact's values: whatever it raised is theirs
            return RenderError(f"{type(why).__name__}: {why}"[:500])
        return self._refused(filled) or filled

    render = parts  # a provider gets what it carries

    def _refused(self, filled: Filled) -> RenderError | None:
        """Why Meta would not take it."""
        for number, text in enumerate(filled.parameters, 1):
            if not text or len(text) > LONGEST:
                what = "empty" if not text else f"{len(text):,} characters long: the most is {LONGEST:,}"
                return RenderError(f"what fills {{{{{number}}}}} is {what}")
        if (self._header is not None and not filled.header) or (self._media is not None and not filled.media):
            return RenderError("what fills the header is empty")
        return None


def one_line(rendering: Rendering | None, values: dict[str, Any]) -> str:
    """What fills one place: line ends and tabs are blanks, Meta takes neither; "" where nothing does."""
    return " ".join(rendering.text(values).split()) if rendering is not None else ""
