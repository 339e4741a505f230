"""Single messages to phones: what is said as a content, who gets it, how many SMS it takes, and where it comes from."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

from app import ids
from app.commands import CampaignEntry
from app.content.letterhead import LinkOptions
from app.content.phone import LANDLINE, PhoneError, phone_of
from app.content.phone_values import Owner
from app.content.sms_template import SmsSizes
from app.control.message_campaigns import MessageError
from app.delivery.people.senders import sender_of
from app.records import Recipient
from app.specs import Content, WhatsApp
from app.things import NumberPool

KEPT = 200  # contents whose parts are counted
ContentOf = Callable[[str], Awaitable[Content | None]]  # by its id; None where it cannot be had
Ready = tuple[Content, dict[str, str]]  # a content that many messages share, and what fills it


def inline_content(channel: str, said: Mapping[str, Any], locale: str) -> Content:
    """What stands in a request as a content of templates. *said*: text, dlt_template, whatsapp, voice_audio."""
    if channel == "sms":
        return Content(locale=locale, sms=said["text"], dlt_template=said["dlt_template"])
    if channel == "voice":
        return Content(locale=locale, voice=said["text"], voice_audio=said["voice_audio"])
    return Content(locale=locale, whatsapp=said["whatsapp"])


def ready_content(channel: str, said: Mapping[str, Any], locale: str) -> Ready:
    """The same finished, without variables: what differs from one request to the next fills one content for all.

    A registered template is a content of its own: its places are what the provider asks for.
    """
    if said["dlt_template"]:
        return inline_content(channel, said, locale), {}
    if channel == "whatsapp":
        return _ready_whatsapp(said["whatsapp"], locale)
    named = {"text": said["text"]} if channel == "sms" else {"text": said["text"], "audio": said["voice_audio"]}
    filled = {name: text for name, text in named.items() if text}
    places = {name: "{{ " + name + " }}" for name in filled}
    shared = {"text": places.get("text", ""), "dlt_template": "", "voice_audio": places.get("audio", "")}
    return inline_content(channel, shared, locale), filled


def _ready_whatsapp(said: WhatsApp, locale: str) -> Ready:
    filled: dict[str, str] = {}

    def place(name: str, text: str) -> str:
        if not text:
            return ""
        filled[name] = text
        return "{{ " + name + " }}"

    shared = said.model_copy(
        update={
            "parameters": [place(f"p{number}", each) for number, each in enumerate(said.parameters, 1)],
            "header": place("header", said.header),
            "media": place("media", said.media),
            "buttons": [place(f"b{number}", each) for number, each in enumerate(said.buttons, 1)],
        }
    )
    return Content(locale=locale, whatsapp=shared), filled


def phone_row(secret: bytes, channel: str, text: str, variables: bytes, field: str) -> Recipient:
    """The row of a message to the phone number in *text*. Raises MessageError."""
    try:
        phone = phone_of(text)
    except PhoneError as error:
        raise MessageError(422, f"{field}: {text[:80]!r}: {error}", field) from error
    if channel == "sms" and phone.kind == LANDLINE:
        raise MessageError(422, f"{field}: {phone.number} is a landline, which gets no SMS: call it (voice)", field)
    return Recipient(ids.recipient_id(secret, ids.PHONE, phone.number), phone.number, phone.group, variables)


class PhoneMessages:
    """Fills in the parts and the sender of rows, as expanding an audience does.

    An SMS whose content cannot be had counts one part.
    """

    def __init__(self, contents: ContentOf | None, secret: bytes, public_url: str) -> None:
        self._contents = contents
        self._key = blake2b(b"links", key=secret, digest_size=32).digest()
        self._public_url = public_url
        self._sizes: OrderedDict[tuple[str, str], SmsSizes] = OrderedDict()

    async def fill(
        self, entry: CampaignEntry, rows: Sequence[Recipient], variables: Sequence[dict[str, Any]],
        pools: Sequence[NumberPool],
    ) -> None:  # fmt: skip
        """Fill in *rows* of the campaign *entry*, in place; *variables* are theirs, decoded."""
        sizes = await self._sizes_of(entry) if entry.spec.channel == "sms" else None
        for row, filled in zip(rows, variables, strict=True):
            row.sender = sender_of(entry.spec.channel, entry.spec.sender_id, pools, row.recipient_id, row.group)
            if sizes is not None:
                row.parts = sizes.parts(filled, row.address)

    async def _sizes_of(self, entry: CampaignEntry) -> SmsSizes | None:
        content_id = entry.contents.get("", "") or entry.spec.content_id
        key = entry.id, content_id
        found = self._sizes.get(key)
        if found is None:
            content = await self._contents(content_id) if content_id and self._contents is not None else None
            if content is None:
                return None
            tracking = entry.spec.tracking
            links = LinkOptions(self._public_url, self._key, tracking.opens, tracking.clicks)
            found = SmsSizes(content, Owner(entry.account, entry.id), links)
        self._sizes[key] = found
        self._sizes.move_to_end(key)
        if len(self._sizes) > KEPT:
            self._sizes.popitem(last=False)
        return found
