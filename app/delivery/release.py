"""The release decision: turn a credit slip into open releases, each to be sent once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from app import ids
from app.delivery.outcomes import DropReason, Status
from app.delivery.partition import ClassKey, MessageState, OpenRelease, Partition, WaitingPack, Writes
from app.records import Outgoing, Release, Slip

# Row indexes of a slice that must not be sent after all, with the reason.
Recheck = Callable[[WaitingPack, Sequence[Outgoing]], list[tuple[int, DropReason, str]]]


@dataclass(slots=True)
class Spent:
    """What a slip was spent on."""

    releases: list[int] = field(default_factory=list)  # numbers, to be produced
    dropped: list[tuple[WaitingPack, Outgoing, DropReason, str]] = field(default_factory=list)


def spend(
    state: Partition,
    writes: Writes,
    slip: Slip,
    running: Callable[[str], int | None],
    recheck: Recheck,
    now: float,
) -> Spent | None:
    """Spend *slip* once, or None when it is stale: applied before, or no longer valid.

    *running* gives the spec version of a campaign that may send, else None: nothing is taken from
    the others and their credit is forfeited. What suppression forbids since the gate is dropped here.
    """
    if slip.number <= state.marks.slip or now > slip.valid_until:
        return None
    state.marks.slip = slip.number
    state.advance(now)
    spent = Spent()
    for grant in slip.grants:
        version = running(grant.campaign)
        if version is None:
            continue
        for number, pack, start, stop in state.take(ClassKey(grant.campaign, grant.lane, grant.group), grant.count):
            release = OpenRelease(
                pack.account, pack.campaign, pack.lane, pack.group, grant.route, pack.attempt,
                number, start, stop, now, slip.not_after, version,
            )  # fmt: skip
            if state.checked.get(number) != state.suppressions:
                _drop_forbidden(state, writes, release, pack, recheck, spent, now)
            writes.pack(number, pack)
            if release.size:
                spent.releases.append(state.open(writes, release))
            else:
                state.forget_if_used_up(writes, number)
    writes.marks(state.marks)
    return spent


def _drop_forbidden(
    state: Partition,
    writes: Writes,
    release: OpenRelease,
    pack: WaitingPack,
    recheck: Recheck,
    spent: Spent,
    now: float,
) -> None:
    rows = state.rows_of(release.pack)[release.start : release.stop]
    counts: dict[str, int] = {}
    for i, reason, detail in recheck(pack, rows):
        release.skipped.append(i)
        writes.message(rows[i].message_id, MessageState(Status.DROPPED, pack.attempt - 1, now))
        spent.dropped.append((pack, rows[i], reason, detail))
        for name in ("dropped", f"dropped.{reason}"):
            counts[name] = counts.get(name, 0) + 1
    state.count(writes, pack.campaign, counts)


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
        open_.attempt, open_.released_at, open_.not_after, open_.spec_version, rows_in(state, open_),
    )  # fmt: skip


def cancel(state: Partition, writes: Writes, number: int, now: float) -> list[Outgoing]:
    """Drop every waiting row of a pack whose campaign was cancelled; the rows, for their events."""
    pack = state.packs[number]
    rows = state.rows_of(number)
    start, stop = state.withdraw(number)
    gone = rows[start:stop]
    for row in gone:
        writes.message(row.message_id, MessageState(Status.DROPPED, pack.attempt - 1, now))
    state.count(writes, pack.campaign, {"dropped": len(gone), f"dropped.{DropReason.CANCELLED}": len(gone)})
    writes.pack(number, pack)
    state.forget_if_used_up(writes, number)
    return gone
