"""What one contact would get: every part in his language, by the engine that composes the mail itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.content.check import check, place_of, sandbox_of
from app.content.email_template import base_values, compile_email
from app.content.letterhead import LinkOptions, Sender
from app.content.locales import Languages, locale_of, parts_in
from app.content.published import published
from app.content.sandbox import TEXT, compiled, rendered
from app.content.sms import as_sms, size_of
from app.content.source import parse, with_newlines
from app.specs import Content, Parts

ADDRESS = "somebody@example.com"  # of a contact that has none
UNTRACKED = LinkOptions("https://links.example.com", bytes(16), track_opens=False, track_clicks=False)
SENDER = Sender("preview@example.com", "", "", "preview", "preview")


@dataclass(slots=True)
class Preview:
    """The rendered parts; "" or None for what there is none of. *problems* tell why a part could not be rendered."""

    locale: str = ""
    subject: str = ""
    preheader: str = ""
    html: str = ""
    text: str = ""
    sms: dict[str, Any] | None = None  # text, encoding, parts, units, characters, foreign
    voice: str = ""
    voice_audio: str = ""
    whatsapp: dict[str, Any] | None = None  # template, language, category, parameters, header, media, buttons
    problems: list[dict[str, Any]] = field(default_factory=list)  # part, line, column, message


def preview(
    content: Content, variables: Mapping[str, Any], locale: str | None = None, links: LinkOptions = UNTRACKED
) -> Preview:
    """*content* for a contact with the attributes *variables*, in the language nearest to *locale* or in his own.

    Publishes first, so it shows what will be sent. Takes as long as that: call it in a thread.
    """
    ready = published(content)
    wrong = ready if isinstance(ready, list) else check(ready, None, channel=None)
    if isinstance(ready, list) or wrong:
        rows = [{"part": p.part, "line": p.line, "column": p.column, "message": p.message} for p in wrong]
        return Preview(problems=rows)
    languages = Languages(ready)
    key = languages.best(locale) if locale else languages.of(variables)
    return _Reader(ready, key, variables, links).read()


class _Reader:
    """Renders part after part; one that fails does not hide the others."""

    def __init__(self, content: Content, key: str, variables: Mapping[str, Any], links: LinkOptions) -> None:
        """Of *content* in the language *key*."""
        self._content, self._key, self._links = content, key, links
        self._variables = variables
        self._address = str(variables.get("email") or variables.get("address") or ADDRESS)
        self._found = Preview(locale=locale_of(content, key))

    def read(self) -> Preview:
        """All of it."""
        parts = parts_in(self._content, self._key)
        found = self._found
        if parts.html or parts.text:
            self._email()
        found.preheader = self._text("preheader", parts.preheader)
        found.voice = self._text("voice", parts.voice)
        found.voice_audio = self._text("voice_audio", parts.voice_audio)
        sms = as_sms(self._text("sms", parts.sms))
        if sms:
            size = size_of(sms)
            found.sms = {
                "text": sms, "encoding": size.encoding, "parts": size.parts, "units": size.units,
                "characters": size.characters, "foreign": size.foreign,
            }  # fmt: skip
        self._whatsapp(parts)
        return found

    def _email(self) -> None:
        template = compile_email(self._content, SENDER, self._links, language=self._key)
        for part, render in template.renderers(self._variables, self._address).items():
            setattr(self._found, part, self._attempt(part, render))

    def _whatsapp(self, parts: Parts) -> None:
        if parts.whatsapp is not None:
            parameters = [
                self._text(f"whatsapp.parameters.{number}", each)
                for number, each in enumerate(parts.whatsapp.parameters)
            ]
            said = parts.whatsapp
            self._found.whatsapp = {
                "template": said.template, "parameters": parameters,
                "language": said.language or self._found.locale.replace("-", "_"), "category": said.category,
                "header": self._text("whatsapp.header", said.header),
                "media": self._text("whatsapp.media", said.media),
                "buttons": [self._text(f"whatsapp.buttons.{number}", a) for number, a in enumerate(said.buttons)],
            }  # fmt: skip

    def _text(self, part: str, source: str) -> str:
        """A part of plain text, rendered."""
        if not source:
            return ""
        template = compiled(TEXT, parse(sandbox_of(part), with_newlines(source)))
        values = base_values(self._content.defaults, self._variables, self._found.locale)
        built_in = {"address": self._address, "message_id": "", "unsubscribe_url": f"{self._links.public_url}/u/"}
        return self._attempt(part, lambda: rendered(template, values | built_in))

    def _attempt(self, part: str, render: Callable[[], str]) -> str:
        try:
            return render()
        except Exception as why:  # as in the mail itself: what a template raises on a contact's values is a value
            message = f"{type(why).__name__}: {why}"[:500]
            self._found.problems.append({"part": place_of(self._key, part), "line": 1, "column": 1, "message": message})
            return ""
