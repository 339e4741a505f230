"""Decisions as event packs: what the gate, the release and the settling tell the record."""

from collections.abc import Mapping, Sequence

from app.delivery import retries
from app.delivery.fallbacks.awaited import Awaited
from app.delivery.fallbacks.news import UNANSWERED
from app.delivery.gate import Placing
from app.delivery.outcomes import DropReason, EventKind
from app.delivery.partition_records import HeldUnknown, Verdict, WaitingPack
from app.delivery.people.frequency import Room
from app.delivery.retries import policy_of
from app.delivery.settle import Settled, Settlement
from app.delivery.unknown import Decided, End
from app.delivery.why import CAP, HOURS, SCHEDULE, Again, of_queued, with_again, with_next
from app.records import EventPack, Outgoing, Recipient, RecipientPack

Dropped = tuple[Outgoing, DropReason, str]  # row, reason, detail
MOST = 500  # messages in one event pack
Waits = tuple[Outgoing, Room]  # row, until when and why
CLASS_OF = {End.GIVE_UP: "decided", End.RESEND: "resent"}
ROUTE_GONE = "route_gone"  # class of what is held once more
NOBODY: Mapping[int, Room] = {}


def of_admission(
    channel: str,
    pack: RecipientPack,
    messages: list[bytes],
    verdict: Verdict,
    place: Placing | None = None,
    dedup_key: str = "",
    capped: Mapping[int, Room] = NOBODY,
) -> list[EventPack]:
    """QUEUED and DROPPED of a pack, one event pack a group and reason.

    *place* is what the gate was given. *capped*: row -> until when a frequency cap lets it wait.
    """
    apart = {i for i, _, _ in verdict.dropped} | set(verdict.ignored)
    reasons: dict[tuple[str, float, str, float], str] = {}
    queued: dict[tuple[str, str], list[int]] = {}
    for i, row in enumerate(pack.rows):
        if i in apart:
            continue
        known = (row.tier, row.due, row.zone, capped[i].due if i in capped else 0.0)
        why = reasons.get(known)
        if why is None:
            why = reasons[known] = _why_queued(row, verdict.at, place, dedup_key, known[3])
        queued.setdefault((row.group, why), []).append(i)
    events = []
    for (group, why), rows in queued.items():
        event = _of_rows(channel, pack, EventKind.QUEUED, group, messages, rows, verdict.at)
        event.why = why
        if not capped.keys().isdisjoint(rows):
            event.classes = [str(DropReason.CAPPED) if i in capped else "" for i in rows]
            event.details = [capped[i].detail if i in capped else "" for i in rows]
        events.append(event)
    dropped: dict[str, list[tuple[int, DropReason, str]]] = {}
    for each in verdict.dropped:
        dropped.setdefault(pack.rows[each[0]].group, []).append(each)
    for group, left_out in dropped.items():
        event = _of_rows(channel, pack, EventKind.DROPPED, group, messages, [i for i, _, _ in left_out], verdict.at)
        event.classes = [str(reason) for _, reason, _ in left_out]
        event.details = [detail for _, _, detail in left_out]
        events.append(event)
    return events


def _why_queued(row: Recipient, at: float, place: Placing | None, dedup_key: str, capped: float) -> str:
    due, cause = (row.due, SCHEDULE) if row.due > at else (0.0, "")
    if capped > max(at, due):
        due, cause = capped, CAP
    if place is not None:
        opening, _ = place(row.zone, max(at, due))
        if opening > max(at, due):
            due, cause = opening, HOURS
    return of_queued(row.tier, due, cause, dedup_key)


def _of_rows(
    channel: str,
    pack: RecipientPack,
    kind: EventKind,
    group: str,
    messages: list[bytes],
    rows: Sequence[int],
    at: float,
) -> EventPack:
    return EventPack(
        pack.account, pack.campaign, channel, pack.lane, kind, group, "", 0, at,
        b"".join([messages[i] for i in rows]), b"".join([pack.rows[i].recipient_id for i in rows]),
    )  # fmt: skip


def of_drops(pack: WaitingPack, dropped: Sequence[Dropped], at: float) -> list[EventPack]:
    """After the gate: messages of one waiting pack that no longer may be sent.

    DROPPED; but UNKNOWN for good where they waited to be sent again because an outcome was lost.
    """
    kind = EventKind.UNKNOWN if pack.pin else EventKind.DROPPED
    return [
        EventPack(
            pack.account, pack.campaign, pack.channel, pack.lane, kind, pack.group, pack.pin, pack.attempt - 1, at,
            b"".join([row.message_id for row, _, _ in part]), b"".join([row.recipient_id for row, _, _ in part]),
            classes=["decided" if pack.pin else str(reason) for _, reason, _ in part],
            details=[f"not sent again: {why} {detail}".strip() if pack.pin else detail for _, why, detail in part],
        )
        for part in (dropped[start : start + MOST] for start in range(0, len(dropped), MOST))
    ]  # fmt: skip


def of_put_off(pack: WaitingPack, put_off: Sequence[Waits], at: float) -> list[EventPack]:
    """DEFERRED after the gate: messages of one waiting pack that a frequency cap lets wait, one pack a moment."""
    parts: dict[float, list[Waits]] = {}
    for each in put_off:
        parts.setdefault(each[1].due, []).append(each)
    return [
        EventPack(
            pack.account, pack.campaign, pack.channel, pack.lane, EventKind.DEFERRED, pack.group, "",
            pack.attempt - 1, at,
            b"".join([row.message_id for row, _ in part]), b"".join([row.recipient_id for row, _ in part]),
            classes=[str(DropReason.CAPPED)] * len(part), details=[room.detail for _, room in part],
            why=of_queued("", due, CAP, ""),
        )
        for due, part in parts.items()
    ]  # fmt: skip


def of_settlement(settlement: Settlement) -> list[EventPack]:
    """What became of the messages of a release, one pack a kind and next try."""
    release = settlement.release
    kinds: dict[tuple[EventKind, Again | None], list[Settled]] = {}
    for message in settlement.messages:
        kinds.setdefault((message.kind, _again(message)), []).append(message)
    events = []
    for (kind, again), told in kinds.items():
        outcomes = [message.outcome for message in told]
        events.append(EventPack(
            release.account, release.campaign, release.channel, release.lane, kind, release.group, release.route,
            release.attempt, outcomes[0].at,
            b"".join([m.row.message_id for m in told]), b"".join([m.row.recipient_id for m in told]),
            times=[o.at for o in outcomes], codes=[o.code for o in outcomes], classes=[o.klass for o in outcomes],
            details=[o.detail for o in outcomes], refs=[o.ref for o in outcomes],
            why=release.why if again is None else with_again(release.why, again),
        ))  # fmt: skip
    return events


def _again(message: Settled) -> Again | None:
    if message.again is None:
        return None
    leg = message.again.leg
    policy = policy_of(message.outcome.kind, message.outcome.klass) if leg is None else leg.channel
    return Again(message.again.attempt, message.again.due, policy)


def of_held_again(held: HeldUnknown) -> EventPack:
    """UNKNOWN of messages that cannot be sent again: their route is gone."""
    detail = f"the route {held.route}, on which it was to be sent again, is deleted"
    return EventPack(
        held.account, held.campaign, held.channel, held.lane, EventKind.UNKNOWN, held.group, held.route,
        held.attempt, held.at, held.messages, held.recipients,
        classes=[ROUTE_GONE] * held.count, details=[detail] * held.count,
    )  # fmt: skip


def of_unanswered(awaited: Awaited, rows: Sequence[Outgoing], again: retries.Again, at: float) -> EventPack:
    """DEFERRED of messages that go on to another channel: no report of delivery has come in time."""
    detail = f"no report of delivery within {awaited.until - awaited.at:.0f} s"
    return EventPack(
        awaited.account, awaited.campaign, awaited.channel, awaited.lane, EventKind.DEFERRED, awaited.group,
        awaited.route, awaited.attempt, at,
        b"".join([row.message_id for row in rows]), b"".join([row.recipient_id for row in rows]),
        classes=[UNANSWERED] * len(rows), details=[detail] * len(rows), why=with_next("", again, ""),
    )  # fmt: skip


def of_decision(decided: Decided, at: float, again: retries.Again | None = None) -> EventPack:
    """What became of messages whose outcome was lost.

    SENT where somebody knew; else UNKNOWN, with the way they went as the class: "decided" for good, or they wait again.
    DEFERRED where they go on to another channel, for the attempt *again*.
    """
    held, end, why = decided
    kind, klass = (EventKind.SENT, "") if end is End.SENT else (EventKind.UNKNOWN, CLASS_OF.get(end, str(end)))
    if again is not None:
        kind, klass = EventKind.DEFERRED, UNANSWERED
    return EventPack(
        held.account, held.campaign, held.channel, held.lane, kind, held.group, held.route, held.attempt, at,
        held.messages, held.recipients, classes=[klass] * held.count, details=[why] * held.count,
        why=with_next("", again, ""),
    )  # fmt: skip
