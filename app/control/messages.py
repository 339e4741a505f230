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
from app.records import Recipient, encode
from app.specs import Name, Strict, Tracking
from app.topics import EMAIL, LISTED_TRANSACTIONAL

DAY = 86_400
MOST_TO = 1_000
MOST_VARIABLES = 150_000  # bytes of JSON for one message: a pack takes little more
MOST_IN_ALL = 20_000_000  # bytes of all messages of a request

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

    from_: str = Field(default="", alias="from", max_length=320, description="Address of the sender")
    from_name: str = Field(default="", max_length=200)
    reply_to: str = Field(default="", max_length=320)
    to: Recipients
    template_id: str = Field(default="", max_length=200)
    template_version: int | None = Field(default=None, ge=1, description="None: the newest")
    campaign_id: Name | None = Field(default=None, description="A transactional campaign that runs")
    subject: str = Field(default="", max_length=2_000)
    html: str = Field(default="", max_length=500_000)
    text: str = Field(default="", max_length=500_000)
    variables: dict[str, Any] = Field(default_factory=dict, max_length=1_000, description="For every recipient")
    tracking: Tracking = Field(default_factory=lambda: Tracking(opens=False, clicks=False))

    @model_validator(mode="after")
    def _one_origin(self) -> "NewMessages":
        inline = bool(self.subject or self.html or self.text)
        if (bool(self.template_id), self.campaign_id is not None, inline).count(True) != 1:
            raise ValueError("exactly one of template_id, campaign_id, and subject with html or text")
        if inline and not (self.subject and (self.html or self.text)):
            raise ValueError("a message has a subject, and html or text")
        if self.campaign_id is not None and (self.from_ or self.from_name or self.reply_to):
            raise ValueError("from, from_name and reply_to are those of the campaign: leave them out")
        if self.campaign_id is None and len(self.from_) < SHORTEST:
            raise ValueError("from is missing: the address of the sender")
        return self


@dataclass(frozen=True, slots=True)
class Sent:
    """One message that was taken."""

    id: str
    to: str


class Messages:
    """Takes messages in. The ids that it tells are those that events and GET /v1/messages/{id} know."""

    def __init__(
        self, control: Control, secret: bytes, versions: Versions, destinations: Destinations | None = None
    ) -> None:
        self._control, self._secret = control, secret
        self._destinations = destinations or Destinations(control.tail)
        self._partitions = control.settings.partitions
        self._campaigns = MessageCampaigns(control, versions)
        self._outbox = MessageOutbox(control, self._partitions)

    async def send(self, account: str, asked: NewMessages, *, key: str = "", fingerprint: str = "") -> list[Sent]:
        """The messages, once Kafka has them. Raises MessageError for what is wrong, or UnreachableError.

        *key*: the same one with the same *fingerprint* is the same messages, however often it comes.
        """
        people = asked.to
        ready = not (asked.variables or any(each.variables for each in people)) and bool(asked.subject)
        rows = self._rows(asked, people, ready)
        campaign = await self._campaigns.of(account, _origin(asked, ready))
        if key:
            messages = await self._send_once(account, campaign, rows, key, fingerprint)
        else:
            messages = await self._outbox.put(account, campaign, int(time.time()) // DAY, rows)
        return [Sent(message.hex(), each.to) for message, each in zip(messages, people, strict=True)]

    # -- rows

    def _rows(self, asked: NewMessages, people: Sequence[To], ready: bool) -> list[Recipient]:
        shared = ready_variables(asked.subject, asked.html, asked.text) if ready else asked.variables
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
            rows.append(self._row(each.to, variables, field))
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
        self, account: str, campaign: str, rows: list[Recipient], key: str, fingerprint: str
    ) -> list[bytes]:
        """First the key is claimed, then come packs whose ids follow from it: a repeat makes the same ones."""
        claim = claim_id(account, key)
        answer = await self._claim(account, campaign, claim, fingerprint)
        campaign, at = answer.campaign, float(answer.thing["at"])
        day = int(at) // DAY
        messages = [b""] * len(rows)
        for chunk in chunks_of(rows, self._partitions):
            ident = part_id(claim, at, chunk.partition, chunk.number)
            for place, row in zip(chunk.places, chunk.rows, strict=True):
                messages[place] = message_of(day, campaign, ident, row.recipient_id)
            record = encode(pack_of(ident, account, campaign, day, chunk.rows))
            await self._control.produce(LISTED_TRANSACTIONAL, record, partition=chunk.partition)
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


def _origin(asked: NewMessages, ready: bool) -> Origin:
    return Origin(
        asked.campaign_id or "", asked.from_, asked.from_name, asked.reply_to, asked.tracking,
        asked.template_id, asked.template_version,
        "" if ready else asked.subject, "" if ready else asked.html, "" if ready else asked.text,
    )  # fmt: skip
