"""The transactional campaigns that single messages belong to: named, or made when first needed.

The id of one that is made follows from what it says, who says it and the week, so every edge gets the same one, and
makes it once; after its week it ends by itself. Ready-made letters of one sender share a campaign, whatever they say.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from hashlib import blake2b
from typing import NamedTuple

from aiokafka import TopicPartition

from app import ids
from app.commands import CampaignEntry, Command
from app.content.ready_made import READY_MADE
from app.control.client import Control
from app.specs import CampaignSpec, Channel, Content, Tracking

VERSION_SECONDS = 2.0  # for which the newest version of a template is believed
MOST_KEPT = 2_000
MOST_NEW, NEW_SECONDS = 200, 3_600.0  # campaigns that this edge makes for an account
HEARD_SECONDS = 5.0
WEEK = 604_800.0  # seconds: a campaign that is made takes messages for so long
LAST_TRIES = 259_200.0  # seconds after it in which those that wait for a retry may still leave
OPEN = ("RUNNING", "PAUSED")


class MessageError(Exception):
    """A request that cannot be carried out: status as in HTTP, what is wrong, and the field."""

    def __init__(self, status: int, error: str, field: str = "") -> None:
        super().__init__(error)
        self.status, self.error, self.field = status, error, field


class Origin(NamedTuple):
    """Who says what: *subject*, *html* and *text* are templates; without any of these the letters are ready-made.

    What goes to phones has a *content* instead, and comes from *sender_id*.
    """

    campaign: str
    from_email: str
    from_name: str
    reply_to: str
    tracking: Tracking
    template: str
    version: int | None
    subject: str
    html: str
    text: str
    channel: Channel = "email"
    sender_id: str = ""
    content: Content | None = None  # of messages to phones: what they are filled into


class MessageCampaigns:
    """Finds the campaign of a message. One request of several makes it, the others wait for that."""

    def __init__(self, control: Control, versions: Callable[[str, str], Awaitable[int | None]]) -> None:
        self._control, self._versions = control, versions
        self._newest: OrderedDict[tuple[str, str], tuple[float, int]] = OrderedDict()
        self._making: dict[str, asyncio.Task[None]] = {}
        self._new: dict[str, list[float]] = {}  # account -> when campaigns were made for it

    async def of(self, account: str, origin: Origin) -> str:
        """The id of the campaign. Raises MessageError when there can be none that sends."""
        if origin.campaign:
            return self._named(account, origin.campaign)
        if origin.template and origin.version is None:
            origin = origin._replace(version=await self._newest_version(account, origin.template))
        command = command_of(account, origin, time.time())
        ident = ids.thing_id("c", account, command.id)
        if ident not in self._control.campaigns:
            await self._made(ident, command)
        return self._open(self._control.campaigns.get(ident), ident)

    def channel_of(self, account: str, ident: str) -> Channel:
        """The channel of the campaign that a request names. Raises MessageError when there is none."""
        self._named(account, ident)
        return self._control.campaigns[ident].spec.channel

    def _named(self, account: str, ident: str) -> str:
        entry = self._control.campaigns.get(ident)
        if entry is None or entry.account != account:
            raise MessageError(404, f"there is no campaign {ident!r}", "campaign_id")
        if entry.spec.kind != "transactional":
            raise MessageError(
                422, "the campaign has an audience of its own: it is no transactional one", "campaign_id"
            )
        return self._open(entry, ident)

    def _open(self, entry: CampaignEntry | None, ident: str) -> str:
        if entry is not None and entry.state in OPEN:
            return ident
        state = entry.state if entry is not None else "not there yet"
        raise MessageError(409, f"campaign {ident} of these messages is {state}: it takes no more", "campaign_id")

    async def _newest_version(self, account: str, template: str) -> int:
        now, known = time.monotonic(), self._newest.get((account, template))
        if known is not None and now - known[0] < VERSION_SECONDS:
            return known[1]
        version = await self._versions(account, template)
        if version is None:
            raise MessageError(422, f"there is no template {template!r}", "template_id")
        self._newest[account, template] = (now, version)
        if len(self._newest) > MOST_KEPT:
            self._newest.popitem(last=False)
        return version

    async def _made(self, ident: str, command: Command) -> None:
        task = self._making.get(ident)
        if task is None:
            self._count(command.account)
            task = self._making[ident] = asyncio.create_task(self._make(command))
            task.add_done_callback(lambda _: self._making.pop(ident, None))
        await asyncio.shield(task)

    def _count(self, account: str) -> None:
        """A campaign for each message is none: what differs from one to the next belongs into variables."""
        since = time.monotonic() - NEW_SECONDS
        times = self._new[account] = [at for at in self._new.get(account, []) if at > since]
        if len(times) >= MOST_NEW:
            error = f"{MOST_NEW} different senders, templates and texts with variables within an hour are too many"
            raise MessageError(422, f"{error}: put what differs into variables, or send finished text without any")
        times.append(time.monotonic())

    async def _make(self, command: Command) -> None:
        """Create and start it; done when this edge has heard of it."""
        answer = (await self._control.send(command)).answer
        if answer.status >= 400:
            raise MessageError(answer.status, answer.error, _field_of(answer.field))
        if answer.position >= 0:
            place = TopicPartition(answer.topic, answer.partition)
            await self._control.tail.read_past(place, answer.position, HEARD_SECONDS)


def command_of(account: str, origin: Origin, now: float) -> Command:
    """What makes the campaign of *origin*: the same for whoever asks within a week."""
    week = int(now // WEEK)
    content, said = None, f"{origin.template}|{origin.version}"
    if not origin.template:
        own = origin.content or Content(subject=origin.subject, html=origin.html, text=origin.text)
        content = own if origin.subject or origin.content is not None else READY_MADE
        said = content.id
    sender = [origin.from_email, origin.from_name, origin.reply_to, origin.tracking.model_dump_json()]
    if origin.channel != "email":
        sender += [origin.channel, origin.sender_id]
    who = "|".join((*sender, said, str(week)))
    spec = CampaignSpec(
        name="Single messages", kind="transactional", channel=origin.channel, sender_id=origin.sender_id,
        from_email=origin.from_email, from_name=origin.from_name, reply_to=origin.reply_to,
        template_id=origin.template, template_version=origin.version, tracking=origin.tracking,
        expires_at=(week + 1) * WEEK + LAST_TRIES,
    )  # fmt: skip
    ident = f"messages-{blake2b(who.encode(), digest_size=16).hexdigest()}"
    return Command(id=ident, account=account, kind="campaign.create", spec=spec, content=content, start=True)


FIELDS = {"from_email": "from", "sender_id": "from", "content": "", "sms": "text", "voice": "text"}


def _field_of(field: str) -> str:
    """What a field of the command is called in the request."""
    name = field.removeprefix("spec.").removeprefix("content.")
    return FIELDS.get(name, name)
