"""Content and campaign -> the compiled template that a sender renders with, one a spec version."""

import hashlib
from collections import OrderedDict

from agents.campaigns import content_of
from app.commands import CampaignEntry
from app.content.email_template import EmailTemplate, LinkOptions, Sender, compile_email
from app.content.problems import ContentError
from app.settings import Settings
from app.stream.directory import Directory

KEPT = 200  # compiled templates in memory


def link_key(secret: bytes) -> bytes:
    """The key that signs links: derived, so that ids and links never share one."""
    return hashlib.blake2b(b"links", key=secret, digest_size=32).digest()


class Composer:
    """Compiles each campaign's content once and keeps the latest in memory."""

    def __init__(self, contents: Directory, settings: Settings) -> None:
        self._contents = contents
        self._settings = settings
        self._key = link_key(settings.secret_path.read_bytes())
        self._compiled: OrderedDict[tuple[str, int], EmailTemplate] = OrderedDict()

    async def template_of(self, campaign: CampaignEntry) -> EmailTemplate | ContentError | None:
        """The template of *campaign*, why there can be none, or None when its content has not arrived here."""
        known = self._compiled.get((campaign.id, campaign.version))
        if known is not None:
            self._compiled.move_to_end((campaign.id, campaign.version))
            return known
        content = await content_of(self._contents, campaign.spec.content_id)
        if content is None:
            return None
        spec = campaign.spec
        sender = Sender(spec.from_email, spec.from_name, spec.reply_to, campaign.account, campaign.id)
        links = LinkOptions(self._settings.public_url, self._key, spec.tracking.opens, spec.tracking.clicks)
        try:
            template = compile_email(content, sender, links)
        except ContentError as error:
            return error
        self._compiled[campaign.id, campaign.version] = template
        while len(self._compiled) > KEPT:
            self._compiled.popitem(last=False)
        return template
