"""What news of awaited messages leads to, and what no news: they are final, tried again, or go on by another channel.

| news of a message | what follows |
|---|---|
| delivered, read, opened, a complaint, a wish to leave | it is final: nobody is written to twice |
| bounced, blocked, failed, expired | the next channel, if there is one; else it is final |
| a call was not answered, or the line was busy | tried again as the campaign says; then as above |
| none until the deadline | the next channel, if there is one; else it is final |

It is counted in FINAL when it is final, as "sent". What is told of an attempt before the last one changes none of this,
but for a delivery.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

import msgspec

from app.delivery.fallbacks.awaited import AWAITED, MOST_PLACES, OVER, Awaited, Lot, Place, lot_of, mark_of, place_of
from app.delivery.fallbacks.onward import FALLBACK, Onward
from app.delivery.outcomes import Kind, Status
from app.delivery.partition import Partition
from app.delivery.partition_records import HeldUnknown, MessageState, OpenRelease, WaitingPack, Writes, state_of
from app.delivery.reports.kinds import RANK, STATUS_TOLD, ReportKind
from app.delivery.reports.moves import FAILED, FATE, MOVED
from app.delivery.retries import Again, RetryRules, next_try
from app.records import Outcome, Outgoing, Told

ONGOING = frozenset({"answered", "in-progress"})  # words for a call that has been picked up, and goes on
UNANSWERED = "unanswered"  # class of what goes on because no report has come
UNREACHED = {"busy": "busy", "noanswer": "no_answer"}  # reason of a report of a call -> class of the attempt


class Verdict(StrEnum):
    """What a report means for a message of which news is awaited."""

    NOTHING = ""
    REACHED = "reached"
    FAILED = "failed"


def is_reached(state: MessageState | None) -> bool:
    """Whether it is known that the message was delivered."""
    return state is not None and RANK[state.status] >= RANK[Status.DELIVERED]


def lies_at(state: Partition, message: MessageState) -> Place | None:
    """Where *message* lies while news of it is awaited; None where it is not."""
    place = place_of(message.awaited)
    if place is None:
        return None
    pack = state.awaiting.packs.get(place.number)
    return place if pack is not None and place.place in pack.places else None


def verdict_on(message: MessageState, told: Told, kind: ReportKind) -> Verdict:
    """What *told* means for *message*, as it was before."""
    status = STATUS_TOLD.get(kind)
    own = told.attempt in (0, message.attempt)
    if (status is not None and FATE.get(status) == "delivered") or kind is ReportKind.UNSUBSCRIBED:
        calls = message.channel == "voice" and own and told.said in ONGOING
        return Verdict.NOTHING if calls else Verdict.REACHED
    failed = status in FAILED or (message.channel == "voice" and kind is ReportKind.DEFERRED)
    if not own or not failed:
        return Verdict.NOTHING
    return Verdict.REACHED if is_reached(message) else Verdict.FAILED


def follows(
    awaited: Awaited, row: Outgoing, told: Told, onward: Onward, rules: RetryRules, now: float, dice: float
) -> Again | None:
    """What follows for *row* of *awaited* once *told* says that its attempt has failed; None: nothing."""
    if awaited.channel == "voice" and told.action == "retry" and not onward.ended:
        outcome = Outcome(Kind.DEFERRED, told.at, klass=UNREACHED.get(told.reason, "no_answer"))
        again = next_try(outcome, awaited.attempt, awaited.since, awaited.zone, rules, now, dice, awaited.began)
        if isinstance(again, Again):
            return again
    return onto(awaited, row, onward, now)


def onto(
    named: Awaited | OpenRelease | HeldUnknown, row: Outgoing, onward: Onward, now: float
) -> Again | None:  # fmt: skip
    """The first try of *row* on the channel after that of *named*, or None."""
    leg = onward.leg(named.channel, named.group, row)
    return None if leg is None else Again(named.attempt + 1, now, tried=False, leg=leg)


def moved_on(message: MessageState, at: float) -> MessageState:
    """*message* once its attempt has failed and another follows."""
    return msgspec.structs.replace(
        message, status=Status.DEFERRED, at=at, reported=message.reported | MOVED, awaited=-1
    )


def pack_for(
    named: Awaited | OpenRelease | HeldUnknown, again: Again, count: int, since: float, zone: str
) -> WaitingPack:
    """How *count* messages wait for *again* that goes another way than a retry of their release."""
    leg = again.leg
    pack = WaitingPack(
        named.account, named.campaign, named.lane, named.group, again.attempt, since, again.due, count, zone=zone,
        tier=named.tier, retry=leg is None, counted=named.counted,
        channel=named.channel, parts=named.parts, sender=named.sender, began=named.began,
    )  # fmt: skip
    if leg is not None:
        pack.channel, pack.parts, pack.sender, pack.began = leg.channel, leg.parts, leg.sender, again.attempt
        pack.since = again.due
    return pack


def counted_as(again: Again, channel: str) -> list[str]:
    """The counters of a message that waits for *again* after an attempt on *channel*."""
    if again.leg is None:
        return ["deferred"]
    return [FALLBACK, f"{FALLBACK}.{again.leg.channel}", by_channel(channel, "not_reached")]


def by_channel(channel: str, what: str) -> str:
    """A counter of one channel of a campaign with fallbacks: accepted, delivered, not_reached."""
    return f"channel.{channel}.{what}"


def wait_for_news(
    state: Partition, writes: Writes, named: OpenRelease | HeldUnknown, since: float, zone: str,
    lots: Mapping[Lot, Sequence[Outgoing]], now: float, counts: dict[str, int],
) -> None:  # fmt: skip
    """Await news of messages of *named* that were taken: their states, with where they lie, and *counts*."""
    retry, pin = getattr(named, "retry", False), getattr(named, "pin", "")
    for (span, lasts), taken in lots.items():
        for start in range(0, len(taken), MOST_PLACES):
            rows = list(taken[start : start + MOST_PLACES])
            awaited = Awaited(
                named.account, named.campaign, named.lane, named.group, named.route, named.attempt, now, now + span, 0,
                bytes(range(len(rows))), now + lasts if lasts else 0.0, since, zone, named.tier, named.counted,
                named.channel, named.parts, named.sender, named.began, pin, retry,
            )  # fmt: skip
            number = state.wait_for_news(writes, awaited, rows)
            for place, row in enumerate(rows):
                message = state_of(named, row.recipient_id, Status.SENT, named.attempt, now, named.route)
                message.awaited = mark_of(number, place)
                writes.message(row.message_id, message)
            counts[AWAITED] = counts.get(AWAITED, 0) + len(rows)


def lots_of(
    named: OpenRelease | HeldUnknown, rows: Iterable[Outgoing], onward: Onward
) -> tuple[dict[Lot, list[Outgoing]], list[Outgoing]]:
    """(messages that are awaited, by how long; the others) of those of *named* that were taken."""
    lots: dict[Lot, list[Outgoing]] = {}
    others = list[Outgoing]()
    lasts = onward.lasts(named.route) if named.channel == "voice" else 0.0
    for row in rows:
        after = None if row.message_id in onward.reached else onward.awaits(named.channel, row)
        lot = lot_of(after, lasts)
        others.append(row) if lot is None else lots.setdefault(lot, []).append(row)
    return lots, others


def leave(
    state: Partition, writes: Writes, number: int, ways: Mapping[int, Again | None], rows: Sequence[Outgoing],
    reached: Mapping[int, str], *, fallbacks: bool,
) -> None:  # fmt: skip
    """Let the messages at the places in *ways* of the pack *number* go their ways: final, or waiting again.

    *reached* are the places of those who were, with the channel on which: news of an earlier one may come late. *rows*
    may be empty where nobody waits again. States are the caller's.
    """
    awaited = state.awaiting.packs[number]
    waiting: dict[Again, list[Outgoing]] = {}
    counts: dict[str, int] = {OVER: len(ways)}
    for place, again in ways.items():
        names = ["sent"] if again is None else counted_as(again, awaited.channel)
        if again is None and fallbacks:
            names += _on_channels(awaited.channel, reached.get(place, ""))
        for name in names:
            counts[name] = counts.get(name, 0) + 1
        if again is not None:
            waiting.setdefault(again, []).append(rows[place])
    state.no_longer_awaited(writes, number, ways)
    for again, own in waiting.items():
        state.add(writes, pack_for(awaited, again, len(own), awaited.since, awaited.zone), own)
    state.count(writes, awaited.campaign, counts)
    writes.marks(state.marks)


def _on_channels(channel: str, reached: str) -> list[str]:
    """The counters of a message that is over on *channel*, and was *reached* on that or an earlier one, or on none."""
    own = by_channel(channel, "delivered" if reached == channel else "not_reached")
    return [own] if reached in ("", channel) else [own, by_channel(reached, "delivered")]
