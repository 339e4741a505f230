"""What a recipients partition keeps: the records of its table, and the batch that a step writes of them.

The sections in which they lie are listed in tables/recipients.py.
"""

from collections.abc import Container
from typing import NamedTuple, Protocol

import msgspec

from app.delivery.fallbacks.awaited import Awaited
from app.delivery.outcomes import DropReason, Status
from app.delivery.people.frequency import Touch
from app.records import ClassDemand, EventPack, Grant, Outgoing


class ClassKey(NamedTuple):
    """What shares credit: one campaign, lane and destination group, and what decides on its routes."""

    campaign: str
    lane: str
    group: str
    tier: str = ""  # how its recipients have reacted of late
    retry: bool = False  # its messages were tried before: they have a share of their own
    pin: str = ""  # the only route it may take: what became of its messages there is unknown
    channel: str = "email"
    parts: int = 1  # SMS that each of its messages takes; 0: of people who were paid for (app/delivery/people/tier.py)
    sender: str = ""  # number or sender id that they come from; "": that of the route


def class_of(named: "ClassDemand | Grant | WaitingPack | OpenRelease | Awaited") -> ClassKey:
    """The class that a demand, a grant, a pack or a release is about."""
    return ClassKey(
        named.campaign, named.lane, named.group, named.tier, named.retry, named.pin,
        named.channel, named.parts, named.sender,
    )  # fmt: skip


class WaitingPack(msgspec.Struct, array_like=True):
    """Messages of one class that wait together; rows before *cursor* have been released."""

    account: str
    campaign: str
    lane: str
    group: str
    attempt: int  # of the next send, from 1
    since: float  # when they passed the gate
    due: float
    count: int
    cursor: int = 0
    zone: str = ""  # time zone of these people, where hours are those of the recipient
    tier: str = ""
    retry: bool = False
    pin: str = ""
    counted: bool = False  # they may stand in the frequency records of their recipients
    put_off: int = 0  # the caps (their stamp) for which they wait until *due*; 0: they do not
    channel: str = "email"
    parts: int = 1
    sender: str = ""
    began: int = 1  # the attempt with which they began on this channel

    @property
    def key(self) -> ClassKey:
        """The class of these messages."""
        return class_of(self)


class OpenRelease(msgspec.Struct, array_like=True):
    """Rows [start, stop) of a waiting pack, without *skipped*, on their way to a sender."""

    account: str
    campaign: str
    lane: str
    group: str
    route: str
    attempt: int
    pack: int
    start: int
    stop: int
    released_at: float
    not_after: float
    spec_version: int
    skipped: list[int] = []
    tier: str = ""
    retry: bool = False
    pin: str = ""
    why: str = ""  # what decided on it, for its events
    counted: bool = False  # its messages may stand in the frequency records of their recipients
    channel: str = "email"
    parts: int = 1
    sender: str = ""
    began: int = 1

    @property
    def key(self) -> ClassKey:
        """The class of these messages."""
        return class_of(self)

    @property
    def size(self) -> int:
        """Messages that a sender gets."""
        return self.stop - self.start - len(self.skipped)


class MessageState(msgspec.Struct, array_like=True):
    """Where one message stands, and what a report on it has to know."""

    status: Status
    attempt: int
    at: float
    route: str = ""
    recipient: bytes = b""  # 16 bytes; none: a message from before reports, or one that was never sent
    account: str = ""
    campaign: str = ""
    channel: str = "email"
    lane: str = "bulk"
    group: str = ""
    reported: int = 0  # bits: the kinds of reports that have come (app/delivery/reports/moves.py)
    awaited: int = -1  # where it lies while news of it is awaited (app/delivery/fallbacks/awaited.py); -1: nowhere


def state_of(
    named: "WaitingPack | OpenRelease | HeldUnknown | Awaited", recipient: bytes, status: Status, attempt: int,
    at: float, route: str,
) -> MessageState:  # fmt: skip
    """The state of a message that has been on its way, with all that a report on it has to know."""
    return MessageState(
        status, attempt, at, route, recipient, named.account, named.campaign, named.channel, named.lane, named.group
    )


class Verdict(msgspec.Struct, array_like=True):
    """What the gate decided on a pack: kept, so that a pack that comes again changes nothing."""

    at: float
    dropped: list[tuple[int, DropReason, str]] = []  # row, reason, detail
    ignored: list[int] = []  # rows whose very message was taken before: neither counted nor told again
    body: bytes = b""  # hash of the request that it answers, with its campaign
    campaign: str = ""


class HeldUnknown(msgspec.Struct, array_like=True):
    """Messages of one release whose outcome was lost and that must not be sent again: kept until decided."""

    account: str
    campaign: str
    lane: str
    group: str
    route: str
    attempt: int
    at: float  # when they were settled as unknown
    messages: bytes  # 16 bytes each
    recipients: bytes  # 16 bytes each, in the same order
    rows: int = -1  # the number under which their rows lie, to be sent again; others may lie there, too. -1: nowhere
    since: float = 0.0  # when they passed the gate
    zone: str = ""
    tier: str = ""
    counted: bool = False  # they may stand in the frequency records of their recipients
    channel: str = "email"
    parts: int = 1
    sender: str = ""
    began: int = 1

    @property
    def count(self) -> int:
        """How many they are."""
        return len(self.messages) // 16

    @property
    def ids(self) -> list[bytes]:
        """The messages, one by one."""
        return [self.messages[at : at + 16] for at in range(0, len(self.messages), 16)]

    @property
    def people(self) -> list[bytes]:
        """Their recipients, in the same order."""
        return [self.recipients[at : at + 16] for at in range(0, len(self.recipients), 16)]

    def parted(self, named: Container[bytes]) -> tuple["HeldUnknown", "HeldUnknown"]:
        """The messages that are in *named*, and the others."""
        parts = []
        for inside in (True, False):
            places = [16 * i for i, message in enumerate(self.ids) if (message in named) is inside]
            messages = b"".join([self.messages[at : at + 16] for at in places])
            recipients = b"".join([self.recipients[at : at + 16] for at in places])
            parts.append(msgspec.structs.replace(self, messages=messages, recipients=recipients))
        return parts[0], parts[1]


class Marks(msgspec.Struct, array_like=True):
    """The numbers of a partition that only ever grow."""

    slip: int = -1  # last credit slip applied
    next_pack: int = 0
    next_release: int = 0
    next_event: int = 0
    next_unknown: int = 0
    next_awaited: int = 0


class Sighting(msgspec.Struct, array_like=True):
    """Which message a dedup key was last used for."""

    message: bytes
    at: float


class Writes(Protocol):
    """One atomic batch of the recipients table. None deletes. What *touches* gets may be written before the rest.

    What is handed over is written as it is then: it may be changed afterwards.
    """

    def pack(self, number: int, pack: WaitingPack | None) -> None: ...
    def rows(self, number: int, rows: list[Outgoing] | None) -> None: ...
    def release(self, number: int, release: OpenRelease | None) -> None: ...
    def message(self, message: bytes, state: MessageState) -> None: ...
    def sighting(self, key: bytes, message: bytes, at: float) -> None: ...
    def verdict(self, pack_id: bytes, verdict: Verdict) -> None: ...
    def counters(self, campaign: str, counts: dict[str, int]) -> None: ...
    def marks(self, marks: Marks) -> None: ...
    def event(self, number: int, event: EventPack | None) -> None: ...
    def unknown(self, number: int, held: HeldUnknown | None) -> None: ...
    def awaited(self, number: int, awaited: Awaited | None) -> None: ...
    def touches(self, key: bytes, touches: list[Touch] | None) -> None: ...
