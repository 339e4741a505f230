"""The release decision: turn a credit slip into open releases, each to be sent once."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from app import ids
from app.delivery.outcomes import DECIDED, DROPPED, UNKNOWN, DropReason, Status
from app.delivery.partition import (
    ClassKey,
    MessageState,
    OpenRelease,
    Partition,
    Standing,
    WaitingPack,
    Wasted,
    Writes,
    class_of,
)
from app.records import Outgoing, Release, Slip

MOST_DROPPED = 500  # messages, and the rest of a slice, in one step: each is told of, in the batch of the step
MARGIN = 0.001  # seconds: a message that starts at the moment of closing is outside


def at_once(_: WaitingPack) -> float:
    """The opening of what knows no hours."""
    return 0.0


def for_ever(_: WaitingPack) -> float:
    """The closing of what knows no hours."""
    return float("inf")


@dataclass(frozen=True, slots=True)
class Permits:
    """What is asked once more before messages leave.

    *running* gives the spec version of a campaign that may send, else None. *forbidden* gives the row indexes
    of a slice that must not be sent after all, with the reason. *opening* is 0 for a pack that may leave now,
    else the moment from which on it may; *closing* the moment up to which it may.
    """

    running: Callable[[str], int | None]
    forbidden: Callable[[WaitingPack, Sequence[Outgoing]], list[tuple[int, DropReason, str]]]
    opening: Callable[[WaitingPack], float] = at_once
    closing: Callable[[WaitingPack], float] = for_ever


@dataclass(slots=True)
class Spent:
    """What a slip was spent on."""

    releases: list[int] = field(default_factory=list)  # numbers, to be produced
    messages: int = 0  # in them
    dropped: list[tuple[WaitingPack, Outgoing, DropReason, str]] = field(default_factory=list)


def spend(state: Partition, writes: Writes, slip: Slip, permits: Permits, now: float) -> Spent | None:
    """Spend *slip* once, or None when it is stale: applied before, or no longer valid.

    Nothing is taken from campaigns that may not send: their credit is forfeited. What suppression forbids
    since the gate is dropped here, and what is outside its hours waits for them again.
    """
    if slip.number <= state.marks.slip or now > slip.valid_until:
        return None
    state.marks.slip = slip.number
    state.advance(now)
    spent = Spent()
    for index, grant in enumerate(slip.grants):
        before = spent.messages
        _open_releases(
            state, writes, class_of(grant), grant.route, grant.count, slip.not_after, permits, spent, now, grant.why
        )
        left = grant.count - (spent.messages - before)
        if left > 0:
            state.wasted.append(Wasted(slip.number, index, left, now))
            state.changed.add(class_of(grant))  # pacing thought that there was more: it hears soon
    writes.marks(state.marks)
    return spent


def stand(state: Partition, slip: Slip) -> None:
    """Keep the credit that *slip* gives ahead of demand, in place of what was given before."""
    if slip.standing:
        state.standing = {name: each for name, each in state.standing.items() if each.valid_until >= slip.issued_at}
    for grant in slip.standing:
        state.standing[grant.campaign] = Standing(grant.route, grant.count, slip.valid_until, slip.not_after)


def spend_standing(
    state: Partition, writes: Writes, keys: Iterable[ClassKey], permits: Permits, now: float
) -> Spent | None:
    """Release what is due of the classes *keys* on the credit that stands; None when there is none."""
    spent = Spent()
    for key in keys:
        credit = state.standing.get(key.campaign)
        if credit is None or now > credit.valid_until or credit.count <= 0:
            continue
        state.advance_class(key, now)
        credit.count -= _open_releases(
            state, writes, key, credit.route, credit.count, credit.not_after, permits, spent, now
        )
    if not (spent.releases or spent.dropped):
        return None
    writes.marks(state.marks)
    return spent


def _open_releases(
    state: Partition, writes: Writes, key: ClassKey, route: str, count: int, not_after: float, permits: Permits,
    spent: Spent, now: float, why: str = "",
) -> int:  # fmt: skip
    """Open releases of up to *count* messages of the class *key*; how many were taken for them."""
    version, taken = permits.running(key.campaign), 0
    if version is None or len(spent.dropped) >= MOST_DROPPED:
        return 0
    for number, pack, start, stop in state.take(writes, key, count, permits.opening):
        taken += stop - start
        release = OpenRelease(
            pack.account, pack.campaign, pack.lane, pack.group, route, pack.attempt,
            number, start, stop, now, min(not_after, permits.closing(pack) - MARGIN), version,
            tier=pack.tier, retry=pack.retry, pin=pack.pin, why=why,
        )  # fmt: skip
        if state.checked.get(number) != state.suppressions:
            _drop_forbidden(state, writes, release, pack, permits, spent, now)
        writes.pack(number, pack)
        if release.size:
            spent.releases.append(state.open(writes, release))
            spent.messages += release.size
        else:
            state.forget_if_used_up(writes, number)
        if len(spent.dropped) >= MOST_DROPPED:
            break
    return taken


def _drop_forbidden(
    state: Partition,
    writes: Writes,
    release: OpenRelease,
    pack: WaitingPack,
    permits: Permits,
    spent: Spent,
    now: float,
) -> None:
    rows = state.rows_of(release.pack)[release.start : release.stop]
    for i, reason, detail in permits.forbidden(pack, rows):
        release.skipped.append(i)
        _leave_out(state, writes, pack, rows[i : i + 1], reason, now)
        spent.dropped.append((pack, rows[i], reason, detail))


def _leave_out(
    state: Partition, writes: Writes, pack: WaitingPack, rows: Sequence[Outgoing], reason: DropReason, now: float
) -> None:
    """Write down that *rows* of *pack* are not sent any more.

    They count as dropped; but who waits to be sent to again because an outcome was lost may have got the first try.
    """
    status = Status.UNKNOWN if pack.pin else Status.DROPPED
    for row in rows:
        writes.message(row.message_id, MessageState(status, pack.attempt - 1, now, pack.pin))
    names = (UNKNOWN, DECIDED) if pack.pin else (DROPPED, f"{DROPPED}.{reason}")
    state.count(writes, pack.campaign, dict.fromkeys(names, len(rows)))


def rows_in(state: Partition, release: OpenRelease) -> list[Outgoing]:
    """The rows a sender gets, in order."""
    rows = state.rows_of(release.pack)[release.start : release.stop]
    if not release.skipped:
        return rows
    skipped = set(release.skipped)
    return [row for i, row in enumerate(rows) if i not in skipped]


def record_of(state: Partition, number: int) -> Release:
    """The release as it travels: the same bytes each time it is produced."""
    open_ = state.releases[number]
    return Release(
        ids.release_id(state.number, number), open_.account, open_.campaign, open_.lane, open_.group, open_.route,
        open_.attempt, open_.released_at, open_.not_after, open_.spec_version, rows_in(state, open_), open_.why,
    )  # fmt: skip


def clear(state: Partition, writes: Writes, number: int, reason: DropReason, now: float) -> list[Outgoing]:
    """Drop every waiting row of a pack whose campaign sends nothing more; the rows, for their events."""
    pack = state.packs[number]
    rows = state.rows_of(number)
    start, stop = state.withdraw(number)
    gone = rows[start:stop]
    _leave_out(state, writes, pack, gone, reason, now)
    writes.pack(number, pack)
    state.forget_if_used_up(writes, number)
    return gone
