"""Decisions as event packs: what the gate, the release and the settling tell the record."""

from collections.abc import Sequence

from app.delivery.outcomes import DropReason, EventKind
from app.delivery.partition import HeldUnknown, Verdict, WaitingPack
from app.delivery.settle import Settlement
from app.records import EventPack, Outgoing, RecipientPack

Dropped = tuple[Outgoing, DropReason, str]  # row, reason, detail
MOST = 500  # messages in one event pack


def of_admission(channel: str, pack: RecipientPack, messages: list[bytes], verdict: Verdict) -> list[EventPack]:
    """QUEUED and DROPPED of a pack, one event pack a group."""
    apart = {i for i, _, _ in verdict.dropped} | set(verdict.ignored)
    queued: dict[str, list[int]] = {}
    for i, row in enumerate(pack.rows):
        if i not in apart:
            queued.setdefault(row.group, []).append(i)
    events = [
        _of_rows(channel, pack, EventKind.QUEUED, group, messages, rows, verdict.at) for group, rows in queued.items()
    ]
    dropped: dict[str, list[tuple[int, DropReason, str]]] = {}
    for each in verdict.dropped:
        dropped.setdefault(pack.rows[each[0]].group, []).append(each)
    for group, left_out in dropped.items():
        event = _of_rows(channel, pack, EventKind.DROPPED, group, messages, [i for i, _, _ in left_out], verdict.at)
        event.classes = [str(reason) for _, reason, _ in left_out]
        event.details = [detail for _, _, detail in left_out]
        events.append(event)
    return events


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


def of_drops(channel: str, pack: WaitingPack, dropped: Sequence[Dropped], at: float) -> list[EventPack]:
    """DROPPED after the gate: messages of one waiting pack that no longer may be sent."""
    return [
        EventPack(
            pack.account, pack.campaign, channel, pack.lane, EventKind.DROPPED, pack.group, "", pack.attempt - 1, at,
            b"".join([row.message_id for row, _, _ in part]), b"".join([row.recipient_id for row, _, _ in part]),
            classes=[str(reason) for _, reason, _ in part], details=[detail for _, _, detail in part],
        )
        for part in (dropped[start : start + MOST] for start in range(0, len(dropped), MOST))
    ]  # fmt: skip


def of_settlement(channel: str, settlement: Settlement) -> list[EventPack]:
    """What became of the messages of a release, one pack a kind."""
    release = settlement.release
    kinds: dict[EventKind, list[int]] = {}
    for i, message in enumerate(settlement.messages):
        kinds.setdefault(message.kind, []).append(i)
    events = []
    for kind, indexes in kinds.items():
        told = [settlement.messages[i] for i in indexes]
        outcomes = [message.outcome for message in told]
        events.append(EventPack(
            release.account, release.campaign, channel, release.lane, kind, release.group, release.route,
            release.attempt, outcomes[0].at,
            b"".join([m.row.message_id for m in told]), b"".join([m.row.recipient_id for m in told]),
            times=[o.at for o in outcomes], codes=[o.code for o in outcomes], classes=[o.klass for o in outcomes],
            details=[o.detail for o in outcomes], refs=[o.ref for o in outcomes],
        ))  # fmt: skip
    return events


def of_decision(channel: str, held: HeldUnknown, why: str, at: float) -> EventPack:
    """UNKNOWN for good: *why* nobody will learn what became of these messages."""
    return EventPack(
        held.account, held.campaign, channel, held.lane, EventKind.UNKNOWN, held.group, held.route, held.attempt, at,
        held.messages, held.recipients, classes=["decided"] * held.count, details=[why] * held.count,
    )  # fmt: skip
