"""The release decision: turn a credit slip into open releases, each to be sent once."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import msgspec

from app import ids
from app.delivery.outcomes import DECIDED, DROPPED, PAIRED, PUT_OFF, UNKNOWN, DropReason, Status
from app.delivery.partition import Partition, Standing, Wasted, was_tried
from app.delivery.partition_records import (
    ClassKey,
    MessageState,
    OpenRelease,
    Sighting,
    WaitingPack,
    Writes,
    class_of,
    state_of,
)
from app.delivery.people.frequency import NEVER, Desk, Room
from app.delivery.people.pairs import SIGHTING_BYTES, is_paired, pair_keys, waits_until
from app.delivery.people.tier import AGAIN, is_paid, paid_keys
from app.delivery.reports.moves import COUNTED_AFTER
from app.records import Outgoing, Release, Slip

MOST_DROPPED = 500  # messages, and the rest of a slice, in one step: each is told of, in the batch of the step
MOST_PUT_OFF_BYTES = 60_000  # of rows in one step, and the rest of a slice, which may have 300,000
ROW_BYTES = 60  # of a row besides its address and its variables
MOST_BESIDE = 100  # releases of a step that puts somebody off, and the rest
REPEAT_AFTER, REPEAT_SHARE = 30.0, 0.25  # seconds, and of the age of a release
MARGIN = 0.001  # seconds: a message that starts at the moment of closing is outside


def at_once(_: WaitingPack) -> float:
    """The opening of what knows no hours."""
    return 0.0


def for_ever(_: WaitingPack) -> float:
    """The closing of what knows no hours."""
    return float("inf")


def nobody_reached(_: WaitingPack, __: Sequence[Outgoing]) -> list[int]:
    """Whom earlier attempts have reached, where nobody is asked."""
    return []


def nobody_seen(keys: Sequence[bytes]) -> list[Sighting | None]:
    """The sightings under *keys*, where there are none."""
    return [None] * len(keys)


def no_desk(_: WaitingPack) -> None:
    """The desk where no frequency cap is known."""


@dataclass(frozen=True, slots=True)
class Permits:
    """What is asked once more before messages leave.

    *running* gives the spec version of a campaign that may send, else None. *forbidden* gives the row indexes
    of a slice that must not be sent after all, with the reason. *opening* is 0 for a pack that may leave now,
    else the moment from which on it may; *closing* the moment up to which it may. *desk* is where the frequency
    caps of a pack are asked, None where there are none. *reached* gives the row indexes of whom an earlier attempt
    has reached after all. *seen* gives the sightings under keys.
    """

    running: Callable[[str], int | None]
    forbidden: Callable[[WaitingPack, Sequence[Outgoing]], list[tuple[int, DropReason, str]]]
    opening: Callable[[WaitingPack], float] = at_once
    closing: Callable[[WaitingPack], float] = for_ever
    desk: Callable[[WaitingPack], Desk | None] = no_desk
    reached: Callable[[WaitingPack, Sequence[Outgoing]], list[int]] = nobody_reached
    seen: Callable[[Sequence[bytes]], list[Sighting | None]] = nobody_seen


@dataclass(slots=True)
class Spent:
    """What a slip was spent on."""

    releases: list[int] = field(default_factory=list)  # numbers, to be produced
    messages: int = 0  # in them
    dropped: list[tuple[WaitingPack, Outgoing, DropReason, str]] = field(default_factory=list)
    put_off: list[tuple[WaitingPack, Outgoing, Room]] = field(default_factory=list)  # by a frequency cap
    put_off_bytes: int = 0  # of the rows that are written once more

    @property
    def is_full(self) -> bool:
        """Whether the batch of the step has no place for more."""
        written = self.put_off_bytes > MOST_PUT_OFF_BYTES or (self.put_off and len(self.releases) > MOST_BESIDE)
        return len(self.dropped) + len(self.put_off) >= MOST_DROPPED or bool(written)


def spend(state: Partition, writes: Writes, slip: Slip, permits: Permits, now: float) -> Spent | None:
    """Spend *slip* once, or None when it is stale: applied before, or no longer valid.

    Nothing is taken from campaigns that may not send: their credit is forfeited. What suppression forbids
    since the gate is dropped here, and what is outside its hours waits for them again.
    """
    if slip.number <= state.marks.slip:
        return None
    state.marks.slip = slip.number
    if now > slip.valid_until:  # nobody will ever spend it: what was paid for it counts in no cap
        state.wasted.extend(Wasted(slip.number, index, grant.count, now) for index, grant in enumerate(slip.grants))
        state.changed.update(map(class_of, slip.grants))
        return None
    state.advance(now)
    spent = Spent()
    for index, grant in enumerate(slip.grants):
        before = spent.messages
        _open_releases(
            state, writes, class_of(grant), grant.route, grant.count, slip.not_after, permits, spent, now, grant.why,
            grant.people,
        )  # fmt: skip
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
        state.standing[grant.campaign] = Standing(
            grant.route, grant.count, slip.valid_until, slip.not_after, grant.channel
        )


def spend_standing(
    state: Partition, writes: Writes, keys: Iterable[ClassKey], permits: Permits, now: float
) -> Spent | None:
    """Release what is due of the classes *keys* on the credit that stands; None when there is none."""
    spent = Spent()
    for key in keys:
        credit = state.standing.get(key.campaign)
        if credit is None or key.channel != credit.channel or now > credit.valid_until or credit.count <= 0:
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
    spent: Spent, now: float, why: str = "", people: bytes = b"",
) -> int:  # fmt: skip
    """Open releases of up to *count* messages of the class *key*; how many were taken for them."""
    version, taken = permits.running(key.campaign), 0
    if version is None or spent.is_full:
        return 0
    for number, pack, start, stop in state.take(writes, key, count, permits.opening):
        taken += stop - start
        release = OpenRelease(
            pack.account, pack.campaign, pack.lane, pack.group, route, pack.attempt,
            number, start, stop, now, min(not_after, permits.closing(pack) - MARGIN), version,
            tier=pack.tier, retry=pack.retry, pin=pack.pin, why=why,
            channel=pack.channel, parts=pack.parts, sender=pack.sender, began=pack.began,
        )  # fmt: skip
        if was_tried(pack):
            _let_go(state, writes, release, pack, permits)
        if state.checked.get(number) != state.suppressions:
            _drop_forbidden(state, writes, release, pack, permits, spent, now)
        desk = permits.desk(pack)
        if desk is not None:
            _keep_caps(state, writes, release, pack, desk, spent, now)
        if is_paired(pack):
            _keep_pairs(state, writes, release, pack, permits, spent, now, AGAIN if people else pack.parts)
            if people:
                _keep_people(state, writes, release, pack, permits, spent, now, people)
        writes.pack(number, pack)
        if release.size:
            spent.releases.append(state.open(writes, release))
            spent.messages += release.size
        else:
            state.forget_if_used_up(writes, number)
        if spent.is_full:
            break
    return taken


def _let_go(
    state: Partition, writes: Writes, release: OpenRelease, pack: WaitingPack, permits: Permits
) -> None:  # fmt: skip
    """Leave out of *release* whom an earlier attempt has reached meanwhile: they are final."""
    rows = state.rows_of(release.pack)[release.start : release.stop]
    reached = permits.reached(pack, rows)
    release.skipped.extend(reached)
    state.count(writes, pack.campaign, dict.fromkeys(("sent", COUNTED_AFTER), len(reached)))


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
    skipped = set(release.skipped)
    forbidden = [each for each in permits.forbidden(pack, rows) if each[0] not in skipped]
    _drop(state, writes, release, pack, rows, forbidden, spent, now)


def _drop(
    state: Partition, writes: Writes, release: OpenRelease, pack: WaitingPack, rows: Sequence[Outgoing],
    drops: Iterable[tuple[int, DropReason, str]], spent: Spent, now: float,
) -> None:  # fmt: skip
    for i, reason, detail in drops:
        release.skipped.append(i)
        leave_out(state, writes, pack, rows[i : i + 1], reason, now)
        spent.dropped.append((pack, rows[i], reason, detail))


def leave_out(
    state: Partition, writes: Writes, pack: WaitingPack, rows: Sequence[Outgoing], reason: DropReason, now: float
) -> None:
    """Write down that *rows* of *pack* are not sent any more.

    They count as dropped; but who waits to be sent to again because an outcome was lost may have got the first try.
    """
    for row in rows:
        if pack.pin:
            known = state_of(pack, row.recipient_id, Status.UNKNOWN, pack.attempt - 1, now, pack.pin)
            state.note(writes, row.message_id, known)
        else:
            writes.message(row.message_id, MessageState(Status.DROPPED, pack.attempt - 1, now))
    names = (UNKNOWN, DECIDED) if pack.pin else (DROPPED, f"{DROPPED}.{reason}")
    state.count(writes, pack.campaign, dict.fromkeys(names, len(rows)))


def _keep_caps(
    state: Partition, writes: Writes, release: OpenRelease, pack: WaitingPack, desk: Desk, spent: Spent, now: float
) -> None:
    """Ask the frequency caps for each row of *release*: it leaves, is dropped, or waits in a pack of its own."""
    rows = state.rows_of(release.pack)[release.start : release.stop]
    skipped = set(release.skipped)
    desk.fetch(row.recipient_id for row in rows)
    drops: list[tuple[int, DropReason, str]] = []
    later: dict[float, list[Outgoing]] = {}
    for i, row in enumerate(rows):
        if i in skipped:
            desk.free(row.recipient_id, row.message_id)
            continue
        room = desk.ask(row.recipient_id, row.message_id, now, pack.zone, leaving=True)
        if room.due == NEVER:
            drops.append((i, DropReason.CAPPED, room.detail))
        elif room.due > now:
            release.skipped.append(i)
            later.setdefault(room.due, []).append(row)
            spent.put_off.append((pack, row, room))
            spent.put_off_bytes += len(row.variables) + len(row.address) + ROW_BYTES
    release.counted = True
    _drop(state, writes, release, pack, rows, drops, spent, now)
    for due, waiting in later.items():
        waits = msgspec.structs.replace(
            pack, since=due, due=due, count=len(waiting), cursor=0, counted=True, put_off=desk.rules.caps.stamp
        )
        state.add(writes, waits, waiting)
    state.count(writes, pack.campaign, {PUT_OFF: sum(map(len, later.values()))})


def _keep_pairs(
    state: Partition,
    writes: Writes,
    release: OpenRelease,
    pack: WaitingPack,
    permits: Permits,
    spent: Spent,
    now: float,
    parts: int,
) -> None:
    """Let those of *release* wait, in a class of *parts*, who had a message from the number a moment ago; note the
    others."""
    skipped = set(release.skipped)
    rows = state.rows_of(release.pack)[release.start : release.stop]
    keys = pair_keys(release, rows)
    later: dict[float, list[Outgoing]] = {}
    for i, (row, key, seen) in enumerate(zip(rows, keys, permits.seen(keys), strict=True)):
        if i in skipped:
            continue
        due = waits_until(seen, row.message_id, now)
        if due:
            release.skipped.append(i)
            later.setdefault(due, []).append(row)
            spent.put_off_bytes += len(row.variables) + len(row.address) + ROW_BYTES
        else:
            writes.sighting(key, row.message_id, now)
    state.wrote(SIGHTING_BYTES * release.size)
    for due, waiting in later.items():
        state.add(writes, msgspec.structs.replace(pack, due=due, count=len(waiting), cursor=0, parts=parts), waiting)
    state.count(writes, pack.campaign, {PAIRED: sum(map(len, later.values()))})


def _keep_people(
    state: Partition, writes: Writes, release: OpenRelease, pack: WaitingPack, permits: Permits, spent: Spent,
    now: float, stamp: bytes,
) -> None:  # fmt: skip
    """Note who has a place of limits that count people; who seemed to have one and has none waits to take one."""
    skipped = set(release.skipped)
    rows = state.rows_of(release.pack)[release.start : release.stop]
    keys = paid_keys(row.recipient_id for row in rows)
    anew: list[Outgoing] = []
    for i, (row, key, seen) in enumerate(zip(rows, keys, permits.seen(keys), strict=True)):
        if i in skipped:
            continue
        if release.parts != AGAIN or is_paid(seen, stamp, now):
            writes.sighting(key, stamp, now)
            continue
        release.skipped.append(i)
        anew.append(row)
        spent.put_off_bytes += len(row.variables) + len(row.address) + ROW_BYTES
    state.wrote(SIGHTING_BYTES * release.size)
    if anew:
        state.add(writes, msgspec.structs.replace(pack, due=now, count=len(anew), cursor=0, parts=1), anew)


def ask_again(state: Partition, writes: Writes, number: int, now: float) -> None:
    """Have a pack that was put off under other caps than hold now ask once more, as soon as it has credit."""
    pack = state.packs[number]
    rows = state.rows_of(number)
    start, stop = state.withdraw(number)
    waits = msgspec.structs.replace(pack, since=now, due=now, count=stop - start, cursor=0, put_off=0)
    state.add(writes, waits, rows[start:stop])
    writes.pack(number, pack)
    state.forget_if_used_up(writes, number)


def repeats_after(age: float) -> float:
    """Seconds from the last time that a release of this age was produced until it is produced again.

    A channel whose senders are away, or that has none, finds it in its topic all the same: the older, the rarer.
    """
    return max(REPEAT_AFTER, age * REPEAT_SHARE)


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
        open_.channel, open_.parts, open_.sender,
    )  # fmt: skip
