"""Which channel a message goes on to when its person was not reached: in the order of its campaign, each once.

A channel is passed over where the person has not agreed to it, where a suppression forbids it, and an SMS where the
number is a landline. A campaign that has ended goes on to nothing.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from app.delivery.people.consent import NOT_REFUSED, agrees, attribute_of, said
from app.records import Outgoing
from app.specs import CampaignSpec, Fallback

if TYPE_CHECKING:
    from app.delivery.partition_records import MessageState

# Class of an answer after which no other channel is tried: whoever tried to send it died of it.
NEVER_ON = frozenset({"poison"})
# (channel, code) of an answer that may be another one later: where there is another channel, nobody waits for that.
GOES_ON = frozenset({("whatsapp", 131026)})  # not on WhatsApp
FALLBACK = "fallback"  # counter: messages that went on; "fallback.sms": to this channel

_VARIABLES = msgspec.json.Decoder(dict[str, object])


class Leg(NamedTuple):
    """The next channel of a message: what it costs there, whom it comes from, and how long it is waited for."""

    channel: str
    after: float  # seconds without a report of delivery on the channel before it
    parts: int = 1
    sender: str = ""


def after(spec: CampaignSpec, channel: str) -> list[Fallback]:
    """The fallbacks of a campaign that come after *channel*."""
    order = [spec.channel, *(each.channel for each in spec.fallbacks)]
    return spec.fallbacks[order.index(channel) :] if channel in order else []


def nobody(_: bytes, __: str) -> bool:
    """Whether a person is suppressed on a channel, where nothing is known of suppressions."""
    return False


def one_part(_: Outgoing) -> int:
    """The parts of an SMS, where its content is not known."""
    return 1


def of_route(_: Outgoing, __: str, ___: str) -> str:
    """The sender of a message: that of its route."""
    return ""


def no_call(_: str) -> float:
    """Seconds that a call over a route lasts at most, where no route is one of calls."""
    return 0.0


def no_landline(_: str) -> bool:
    """Whether an address is a number that gets no SMS, where nobody looks."""
    return False


@dataclass(frozen=True, slots=True)
class Onward:
    """What one step asks about messages of one campaign that may go on.

    *suppressed* tells of (recipient, channel) whether a suppression forbids it; *parts* gives the SMS that a row
    takes; *sender* whom (row, channel, group) comes from; *lasts* the seconds that a call over a route lasts at most;
    *is_landline* tells of an address whether it gets no SMS; *reached* are messages of the step of which it is known
    that they were delivered, by whichever attempt.
    """

    spec: CampaignSpec | None = None  # None: its campaign is not known
    ended: bool = False
    suppressed: Callable[[bytes, str], bool] = nobody
    parts: Callable[[Outgoing], int] = one_part
    sender: Callable[[Outgoing, str, str], str] = of_route
    lasts: Callable[[str], float] = no_call
    is_landline: Callable[[str], bool] = no_landline
    reached: "Mapping[bytes, MessageState]" = field(default_factory=dict)

    def leg(self, channel: str, group: str, row: Outgoing) -> Leg | None:
        """Where *row* goes after *channel*; None where that was the last one."""
        return next(self._legs(channel, group, row), None)

    def awaits(self, channel: str, row: Outgoing) -> float | None:
        """Seconds for which news of *row* is awaited on *channel*; None where it agrees to nothing that follows.

        Whether it can be reached there is asked when it is to go on: that costs ten times as much.
        """
        spec = self.spec
        if spec is None or self.ended or not spec.fallbacks:
            return None
        return next((step.after for step in after(spec, channel) if may_use(spec, step.channel, row)), None)

    def _legs(self, channel: str, group: str, row: Outgoing) -> Iterator[Leg]:
        spec = self.spec
        if spec is None or self.ended or not spec.fallbacks:
            return
        for step in after(spec, channel):
            if self._reaches(step.channel, row) and may_use(spec, step.channel, row):
                parts = self.parts(row) if step.channel == "sms" else 1
                yield Leg(step.channel, step.after, parts, self.sender(row, step.channel, group))

    def _reaches(self, channel: str, row: Outgoing) -> bool:
        gets_none = channel == "sms" and self.is_landline(row.address)
        return not gets_none and not self.suppressed(row.recipient_id, channel)


NOWHERE = Onward()


def may_use(spec: CampaignSpec, channel: str, row: Outgoing) -> bool:
    """Whether the person of *row* agrees to be written to on *channel*.

    Somebody asked for a transactional message: it takes a no to keep it from them. Who was sealed without a yes to the
    first channel has agreed to a list, and such an agreement holds for the phone, whatever the channel.
    """
    try:
        known = _VARIABLES.decode(row.variables)
    except msgspec.DecodeError:
        return False
    by_list = said(known.get(attribute_of(spec.channel))) is not True
    rule = NOT_REFUSED if spec.kind == "transactional" or by_list else spec.consent
    return agrees(rule, known.get(attribute_of(channel)))
