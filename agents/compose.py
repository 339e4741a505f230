"""Content and campaign -> compiled templates that a sender renders with: one a spec version, variant and language."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from agents.campaigns import content_of
from app.bounces.domains import nearest
from app.bounces.letterbox import UNSUBSCRIBE
from app.commands import CampaignEntry
from app.content.email_parts import EmailParts
from app.content.email_template import compile_email
from app.content.letterhead import LinkOptions, Sender
from app.content.locales import Languages
from app.content.phone_values import Owner
from app.content.problems import ContentError, RenderError
from app.content.ready_made import READY_MADE, ReadyMadeMail
from app.content.sms_message import SmsText
from app.content.sms_template import compile_sms
from app.content.voice_message import VoiceText
from app.content.voice_template import compile_voice
from app.content.whatsapp_message import WhatsAppTemplate as WhatsAppFilled
from app.content.whatsapp_template import compile_whatsapp
from app.settings import Settings
from app.specs import Content
from app.stream.directory import Directory
from app.topics import EMAIL

K = TypeVar("K")
V = TypeVar("V")

KEPT = 300  # compiled templates in memory
CONTENTS_KEPT = 100


Rendered = bytes | EmailParts | SmsText | WhatsAppFilled | VoiceText


class Template(Protocol):
    """What a message is rendered with. Those of phones have one form: that which their providers carry."""

    def render(
        self,
        variables: Mapping[str, Any],
        message_id: bytes,
        recipient_id: bytes,
        address: str,
        at: float,
        attempt: int = 1,
    ) -> Rendered | RenderError:
        """The whole message, ready for DATA, or why it cannot be composed."""

    def parts(
        self,
        variables: Mapping[str, Any],
        message_id: bytes,
        recipient_id: bytes,
        address: str,
        at: float,
        attempt: int = 1,
    ) -> Rendered | RenderError:
        """The same message for a provider that builds it itself, or why it cannot be composed."""


# Channel -> what makes a template for its messages.
PHONES: dict[str, Callable[..., "Template"]] = {
    "sms": compile_sms,
    "whatsapp": compile_whatsapp,
    "voice": compile_voice,
}


@dataclass(frozen=True, slots=True)
class Translated:
    """A content, its id and its languages."""

    id: str
    content: Content
    languages: Languages


def link_key(secret: bytes) -> bytes:
    """The key that signs links: derived, so that ids and links never share one."""
    return hashlib.blake2b(b"links", key=secret, digest_size=32).digest()


def content_id_for(campaign: CampaignEntry, variant: int) -> str:
    """The id of the content that *variant* of *campaign* gets, "" if it has none.

    Variants count from 1. 0 is who is not in the test: the winner's. Before there is one nobody of them is expanded;
    one who comes nevertheless has overtaken the news of the winner here, and has no content until that comes.
    """
    spec, contents = campaign.spec, campaign.contents
    if not contents:
        return spec.content_id
    name = ""
    if spec.experiment is not None and 0 < variant <= len(spec.experiment.variants):
        name = spec.experiment.variants[variant - 1].name
    elif spec.experiment is not None and campaign.trial is not None:
        name = campaign.trial.winner
        if not name:
            return ""
    return contents.get(name) or contents.get("", "")


class Composer:
    """Compiles each content of each campaign once and keeps the latest in memory."""

    def __init__(self, contents: Directory, settings: Settings) -> None:
        self._contents = contents
        self._settings = settings
        self._key = link_key(settings.secret_path.read_bytes())
        self._translated: OrderedDict[str, Translated] = OrderedDict()
        self._compiled: OrderedDict[tuple[str, int, str, str, str], Template | ContentError] = OrderedDict()

    async def letters_of(
        self, campaign: CampaignEntry, variants: Collection[int], channel: str = EMAIL
    ) -> "Letters | None":
        """What *variants* of *campaign* get on *channel*, or None when a content of theirs has not arrived here."""
        found: dict[int, Translated | None] = {}
        for variant in variants:
            content_id = content_id_for(campaign, variant)
            translated = await self._content(content_id) if content_id else None
            if translated is None:
                return None
            ready_made = channel == EMAIL and translated.content == READY_MADE
            found[variant] = None if ready_made else translated
        return Letters(self, campaign, found, channel)

    async def _content(self, content_id: str) -> Translated | None:
        known = self._translated.get(content_id)
        if known is None:
            content = await content_of(self._contents, content_id)
            if content is None:
                return None
            known = Translated(content_id, content, Languages(content))
        return _kept(self._translated, content_id, known, CONTENTS_KEPT)

    def compiled(
        self, campaign: CampaignEntry, translated: Translated | None, language: str, channel: str = EMAIL
    ) -> Template | ContentError:
        """The template of *translated* in *language* for *campaign*; that of ready-made letters for None."""
        content_id = READY_MADE.id if translated is None else translated.id
        key = campaign.id, campaign.version, content_id, language, channel
        known = self._compiled.get(key)
        return _kept(self._compiled, key, known or self._compile(campaign, translated, language, channel), KEPT)

    def _compile(
        self, campaign: CampaignEntry, translated: Translated | None, language: str, channel: str
    ) -> Template | ContentError:
        spec = campaign.spec
        sender = Sender(spec.from_email, spec.from_name, spec.reply_to, campaign.account, campaign.id)
        links = LinkOptions(
            self._settings.public_url,
            self._key,
            spec.tracking.opens,
            spec.tracking.clicks,
            unsubscribe_mailto=_unsubscribe_at(spec.from_email, self._settings.bounce_domains),
            list_unsubscribe=spec.kind == "campaign",
        )
        try:
            if channel != EMAIL and translated is not None:
                owner = Owner(campaign.account, campaign.id)
                return PHONES[channel](translated.content, owner, links, language=language)
            if translated is None:
                return ReadyMadeMail(sender, links)
            return compile_email(translated.content, sender, links, language=language)
        except ContentError as error:
            return error


def _unsubscribe_at(sender: str, domains: Sequence[str]) -> str | None:
    """The mailbox of ours that takes unsubscribe mail, nearest to the domain of *sender*; None if we have none."""
    found = nearest(sender.rpartition("@")[2].lower(), domains)
    return f"{UNSUBSCRIBE}@{found[0]}" if found else None


class Letters:
    """Which template a row of a release gets, by its variant and the language of its contact."""

    def __init__(
        self, composer: Composer, campaign: CampaignEntry, contents: Mapping[int, Translated | None], channel: str
    ) -> None:
        self._composer, self._channel = composer, channel
        self._campaign = campaign
        self._contents = contents
        self._known: dict[tuple[int, str], Template | ContentError] = {}

    def template_for(self, variant: int, variables: Mapping[str, Any]) -> Template | ContentError:
        """The template for a contact with these attributes, or why there is none. Compiles it when it is the first."""
        translated = self._contents[variant]
        language = "" if translated is None else translated.languages.of(variables)
        known = self._known.get((variant, language))
        if known is None:
            known = self._composer.compiled(self._campaign, translated, language, self._channel)
            self._known[variant, language] = known
        return known


def _kept(kept: OrderedDict[K, V], key: K, value: V, most: int) -> V:
    """*value*, the latest of at most *most* that are kept."""
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > most:
        kept.popitem(last=False)
    return value
