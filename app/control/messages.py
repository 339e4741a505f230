"""Single messages: from a request to packs on the transactional lane. For the REST API, the CLI and programs."""

import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Annotated, Any

import orjson
from pydantic import BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema, model_validator

from app import ids
from app.commands import Answer
from app.content.address import AddressError, wire_address
from app.content.ready_made import ready_variables
from app.control.client import ANSWER_SECONDS, Control
from app.control.destinations import Destinations
from app.control.message_campaigns import MessageCampaigns, MessageError, Origin
from app.control.message_outbox import MessageOutbox
from app.control.message_packs import chunks_of, claim_id, message_of, pack_of, part_id
from app.control.message_phones import ContentOf, PhoneMessages, inline_content, phone_row, ready_content
from app.faults import reached
from app.records import Recipient, encode
from app.specs import Channel, Locale, Name, Strict, Tracking, WhatsApp
from app.topics import EMAIL, LISTED_TRANSACTIONAL, PHONES

DAY = 86_400
MOST_TO = 1_000
MOST_VARIABLES = 150_000  # bytes of JSON for one message: a pack takes little more
MOST_IN_ALL = 20_000_000  # bytes of all messages of a request

LONGEST_SPOKEN, LONGEST_SENDER = 10_000, 50  # characters of what goes to a phone; of where it comes from
SHORTEST = 3  # characters of an address
Address = Annotated[str, StringConstraints(min_length=SHORTEST, max_length=320)]
Versions = Callable[[str, str], Awaitable[int | None]]  # (account, template) -> its newest version


class To(Strict):
    """One recipient, with what is said to this one alone."""

    to: Address
    variables: dict[str, Any] = Field(default_factory=dict, max_length=1_000)


def _each_apart(given: object) -> object:
    """An address is the list of it, and each address of a list somebody of whom nothing more is said."""
    named = given if isinstance(given, list) else [given]
    return [{"to": each} if isinstance(each, str) else each for each in named]


_TO = {"type": "string", "maxLength": 320}
_EACH = {
    "type": "object", "required": ["to"], "additionalProperties": False,
    "properties": {"to": _TO, "variables": {"type": "object"}},
}  # fmt: skip
Recipients = Annotated[
    list[To],
    Field(min_length=1, max_length=MOST_TO),
    BeforeValidator(_each_apart),
    WithJsonSchema(
        {"anyOf": [_TO, {"type": "array", "items": {"anyOf": [_TO, _EACH]}, "minItems": 1, "maxItems": MOST_TO}]}
    ),
]


class NewMessages(Strict):
    """One message, or up to 1,000 of the same kind, to be sent at once.

    What is said comes from a template, from a transactional campaign, or stands here as subject, html and text.
    With variables these three are templates, and many requests should share them; without any they are sent as
    they are.
    """

    model_config = ConfigDict(populate_by_name=True)

    channel: Channel | None = Field(default=None, description="Default: that of the campaign, or email")
    from_: str = Field(
        default="", alias="from", max_length=320,
        description="Address of the sender; to phones: number, sender id or number pool, empty for that of the route",
    )  # fmt: skip
    from_name: str = Field(default="", max_length=200)
    reply_to: str = Field(default="", max_length=320)
    to: Recipients
    template_id: str = Field(default="", max_length=200)
    template_version: int | None = Field(default=None, ge=1, description="None: the newest")
    campaign_id: Name | None = Field(default=None, description="A transactional campaign that runs")
    subject: str = Field(default="", max_length=2_000)
    html: str = Field(default="", max_length=500_000)
    text: str = Field(default="", max_length=500_000, description="To phones: the text of the SMS, or of the call")
    dlt_template: str = Field(default="", max_length=100, description="SMS to India: id of the registered template")
    whatsapp: WhatsApp | None = Field(default=None, description="Approved template of a WhatsApp message")
    voice_audio: str = Field(default="", max_length=2_000, description="URL of a recording that the call plays")
    locale: Locale = Field(default="en", description="To phones: language of what is said here")
    variables: dict[str, Any] = Field(default_factory=dict, max_length=1_000, description="For every recipient")
    tracking: Tracking = Field(default_factory=lambda: Tracking(opens=False, clicks=False))

    @model_validator(mode="after")
    def _one_origin(self) -> "NewMessages":
        if self.to_phone:
            return self._checked_for_phones()
        inline = bool(self.subject or self.html or self.text)
        if self.dlt_template or self.whatsapp is not None or self.voice_audio:
            raise ValueError("dlt_template, whatsapp and voice_audio are for phones: say the channel")
        if (bool(self.template_id), self.campaign_id is not None, inline).count(True) != 1:
            raise ValueError("exactly one of template_id, campaign_id, and subject with html or text")
        if inline and not (self.subject and (self.html or self.text)):
            raise ValueError("a message has a subject, and html or text")
        if self.campaign_id is not None and (self.from_ or self.from_name or self.reply_to):
            raise ValueError("from, from_name and reply_to are those of the campaign: leave them out")
        if self.campaign_id is None and len(self.from_) < SHORTEST:
            raise ValueError("from is missing: the address of the sender")
        return self

    @property
    def to_phone(self) -> bool:
        """Whether it says that it goes to phones; of a campaign it need not."""
        return self.channel in PHONES

    @property
    def said(self) -> dict[str, Any]:
        """What stands here for a phone."""
        return {name: getattr(self, name) for name in ("text", "dlt_template", "whatsapp", "voice_audio")}

    def _checked_for_phones(self) -> "NewMessages":
        channel = str(self.channel)
        takes = {"sms": ("text", "dlt_template"), "voice": ("text", "voice_audio"), "whatsapp": ("whatsapp",)}[channel]
        for name in ("subject", "html", "from_name", "reply_to", "text", "dlt_template", "whatsapp", "voice_audio"):
            if getattr(self, name) and name not in takes:
                raise ValueError(f"{name} is not for channel {channel}: it takes {', '.join(takes)}, or a template_id")
        inline = any(getattr(self, name) for name in takes if name != "dlt_template")
        if (bool(self.template_id), self.campaign_id is not None, inline).count(True) != 1:
            raise ValueError(f"exactly one of template_id, campaign_id, and what is said: {', '.join(takes)}")
        if len(self.text) > LONGEST_SPOKEN:
            raise ValueError(f"text has more than {LONGEST_SPOKEN:,} characters, which no phone takes")
        if len(self.from_) > LONGEST_SENDER:
            raise ValueError(f"from has at most {LONGEST_SENDER} characters: a number, a sender id or a number pool")
        if self.campaign_id is not None and self.from_:
            raise ValueError("from is that of the campaign: leave it out")
        return self


@dataclass(frozen=True, slots=True)
class Sent:
    """One message that was taken."""

    id: str
    to: str


class Messages:
    """Takes messages in. The ids that it tells are those that events and GET /v1/messages/{id} know."""

    def __init__(
        self,
        control: Control,
        secret: bytes,
        versions: Versions,
        destinations: Destinations | None = None,
        contents: ContentOf | None = None,
    ) -> None:
        self._control, self._secret = control, secret
        self._destinations = destinations or Destinations(control.tail)
        self._partitions = control.settings.partitions
        self._campaigns = MessageCampaigns(control, versions)
        self._outbox = MessageOutbox(control, self._partitions)
        self._phones = PhoneMessages(contents, secret, control.settings.public_url)

    async def send(self, account: str, asked: NewMessages, *, key: str = "", fingerprint: str = "") -> list[Sent]:
        """The messages, once Kafka has them. Raises MessageError for what is wrong, or UnreachableError.

        *key*: the same one with the same *fingerprint* is the same messages, however often it comes.
        """
        people, channel = asked.to, self._channel(account, asked)
        plain = not (asked.variables or any(each.variables for each in people))
        origin, shared = _origin(asked, plain=plain, channel=channel)
        rows = self._rows(people, shared, channel)
        campaign = await self._campaigns.of(account, origin)
        if channel in PHONES:
            await self._fill(account, campaign, rows, [shared | each.variables for each in people])
        if key:
            messages = await self._send_once(account, campaign, rows, key, fingerprint, channel)
        else:
            messages = await self._outbox.put(account, campaign, int(time.time()) // DAY, rows, channel)
        return [Sent(message.hex(), each.to) for message, each in zip(messages, people, strict=True)]

    def _channel(self, account: str, asked: NewMessages) -> Channel:
        if asked.campaign_id is None:
            return asked.channel or "email"
        channel = self._campaigns.channel_of(account, asked.campaign_id)
        if asked.channel not in (None, channel):
            raise MessageError(422, f"the channel of campaign {asked.campaign_id} is {channel}", "channel")
        return channel

    async def _fill(
        self, account: str, campaign: str, rows: Sequence[Recipient], variables: Sequence[dict[str, Any]]
    ) -> None:
        entry, settings = self._control.campaigns.get(campaign), self._control.tail.accounts.get(account)
        if entry is not None:
            await self._phones.fill(entry, rows, variables, settings.number_pools if settings else [])

    # -- rows

    def _rows(self, people: Sequence[To], shared: dict[str, Any], channel: str) -> list[Recipient]:
        every = _json(shared, "variables")
        rows, size = [], 0
        for place, each in enumerate(people):
            field = f"to.{place}" if len(people) > 1 else "to"
            variables = _json(shared | each.variables, field) if each.variables else every
            size += len(variables)
            if len(variables) > MOST_VARIABLES:
                raise MessageError(
                    413, f"what is said takes {len(variables):,} bytes: at most {MOST_VARIABLES:,}", field
                )
            if size > MOST_IN_ALL:
                raise MessageError(413, f"more than {MOST_IN_ALL:,} bytes in all: send it in parts", field)
            row = (
                phone_row(self._secret, channel, each.to, variables, field)
                if channel in PHONES
                else self._row(each.to, variables, field)
            )
            rows.append(row)
        return rows

    def _row(self, address: str, variables: bytes, field: str) -> Recipient:
        try:
            wire = wire_address(address.strip())
            normalised = ids.normalise_email(wire)
        except (AddressError, UnicodeError) as error:
            raise MessageError(422, f"{field}: {address[:80]!r}: {error}", field) from error
        recipient = ids.recipient_id(self._secret, EMAIL, normalised)
        return Recipient(recipient, wire, self._destinations.group_of(wire.rpartition("@")[2]), variables)

    # -- with an Idempotency-Key

    async def _send_once(
        self, account: str, campaign: str, rows: list[Recipient], key: str, fingerprint: str, channel: str
    ) -> list[bytes]:
        """First the key is claimed, then come packs whose ids follow from it: a repeat makes the same ones."""
        claim = claim_id(account, key)
        answer = await self._claim(account, campaign, claim, fingerprint)
        reached("message.claimed")
        campaign, at = answer.campaign, float(answer.thing["at"])
        day = int(at) // DAY
        messages = [b""] * len(rows)
        for chunk in chunks_of(rows, self._partitions):
            ident = part_id(claim, at, chunk.partition, chunk.number)
            for place, row in zip(chunk.places, chunk.rows, strict=True):
                messages[place] = message_of(day, campaign, ident, row.recipient_id, channel)
            record = encode(pack_of(ident, account, campaign, day, chunk.rows))
            await self._control.produce(LISTED_TRANSACTIONAL, record, partition=chunk.partition)
        reached("message.sent")
        return messages

    async def _claim(self, account: str, campaign: str, claim: bytes, fingerprint: str) -> Answer:
        """What the owner of the key says: 202 with the campaign and time of whoever came first."""
        request = f"message-{claim.hex()}-{secrets.token_hex(8)}"
        asked = pack_of(claim, account, campaign, int(time.time()) // DAY, [])
        asked.request, asked.body = request, blake2b(fingerprint.encode(), digest_size=16).digest()
        answer = await self._control.request(
            account, request, LISTED_TRANSACTIONAL, encode(asked),
            partition=ids.partition_of(claim, self._partitions), timeout=ANSWER_SECONDS,
        )  # fmt: skip
        if answer.status >= 400:
            raise MessageError(answer.status, answer.error, answer.field)
        return answer


def _json(variables: dict[str, Any], field: str) -> bytes:
    try:
        return orjson.dumps(variables)
    except orjson.JSONEncodeError as error:
        raise MessageError(422, f"{field}: what is said cannot be passed on: {error}", field) from error


def _origin(asked: NewMessages, *, plain: bool, channel: Channel) -> tuple[Origin, dict[str, Any]]:
    """(who says what, variables of every message). *plain*: there are no variables, and what is said is finished."""
    base = Origin(
        asked.campaign_id or "", asked.from_, asked.from_name, asked.reply_to, asked.tracking,
        asked.template_id, asked.template_version, "", "", "",
    )  # fmt: skip
    if channel in PHONES:
        base = base._replace(from_email="", channel=channel, sender_id=asked.from_)
        if asked.template_id or asked.campaign_id is not None:
            return base, asked.variables
        if plain:
            content, filled = ready_content(channel, asked.said, asked.locale)
            return base._replace(content=content), filled
        return base._replace(content=inline_content(channel, asked.said, asked.locale)), asked.variables
    if plain and asked.subject:
        return base, ready_variables(asked.subject, asked.html, asked.text)
    return base._replace(subject=asked.subject, html=asked.html, text=asked.text), asked.variables
