"""What one report changes of one message: its status by rank, what is counted, whether it tells anything new.

The status that a message ends with does not depend on the order in which reports come, nor on how often: it is the
strongest of those told. Only a bounce and a delivery are compared by the provider's time: who was delivered to may
bounce later.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from app.delivery.outcomes import REPORTED, Status
from app.delivery.partition_records import MessageState
from app.delivery.reports.kinds import RANK, STATUS_TOLD, ReportKind
from app.records import Told

# Of those of one rank, which one stays: the later in this list.
_TIES = (Status.DROPPED, Status.EXPIRED, Status.FAILED, Status.BLOCKED, Status.BOUNCED, Status.OPENED, Status.READ)
STRENGTH = {status: 10 * rank + (_TIES.index(status) if status in _TIES else 0) for status, rank in RANK.items()}

# What became of a message, whatever its reader did with it.
FATE = {
    Status.DELIVERED: "delivered",
    Status.OPENED: "delivered",
    Status.READ: "delivered",
    Status.CLICKED: "delivered",
    Status.COMPLAINED: "delivered",
    Status.BOUNCED: "bounced",
    Status.BLOCKED: "blocked",
    Status.FAILED: "failed",
    Status.EXPIRED: "expired",
}
FATES = tuple(dict.fromkeys(FATE.values()))
UNDONE = "undone"  # "reported.bounced.undone": another fate was told after that one
UNCOUNTED = f"{REPORTED}.uncounted"  # fates of messages that are not counted as sent: lost, or to be tried again
COUNTED_AFTER = f"{REPORTED}.counted_after"  # of those: counted as sent since

# Counted once a message, whatever its fate.
ONCE = frozenset({
    ReportKind.DEFERRED, ReportKind.COMPLAINED, ReportKind.OPENED, ReportKind.CLICKED, ReportKind.READ,
    ReportKind.UNSUBSCRIBED,
})  # fmt: skip

# Bits of MessageState.reported above those of kinds; app/delivery/reports/suppress.py has the 30th.
MOVED = 1 << 29  # its attempt has failed, and another follows
VOICEMAIL = 1 << 28  # a machine has answered the call

KINDS = {str(kind): kind for kind in ReportKind}
COUNTER = {kind: f"{REPORTED}.{kind}" for kind in ReportKind}
_BITS = {kind: 1 << place for place, kind in enumerate(ReportKind)}  # of MessageState.reported: stored data
_BY_A_PROGRAM = frozenset({ReportKind.OPENED, ReportKind.CLICKED})
_TIMED = frozenset({Status.DELIVERED, Status.BOUNCED})
FAILED = frozenset({Status.BOUNCED, Status.BLOCKED, Status.FAILED, Status.EXPIRED})


class Move(NamedTuple):
    """What a report came to."""

    kind: ReportKind
    state: MessageState | None  # afterwards; None where nothing of it changes
    counts: tuple[str, ...] = ()  # names of counters, each by one
    first: bool = False  # no such report had come on this message
    past: bool = False  # an earlier attempt failed: a later one is under way, or was


def was_told(state: MessageState, kinds: Iterable[ReportKind]) -> bool:
    """Whether a report of any of these *kinds* has come on a message in *state*."""
    return any(state.reported & _BITS[kind] for kind in kinds)


def moved(state: MessageState, told: Told) -> Move:
    """What *told* changes of a message in *state*."""
    kind = KINDS.get(told.kind, ReportKind.UNRECOGNISED)
    if told.machine and kind in _BY_A_PROGRAM:
        return Move(kind, None)
    first = not state.reported & _BITS[kind]
    status = STATUS_TOLD.get(kind)
    if status is None or not _goes(state, status, told):
        status = None
    voicemail = told.reason == "voicemail" and not state.reported & VOICEMAIL
    if status is None and not first and not voicemail:
        return Move(kind, None)
    after = MessageState(
        state.status, state.attempt, state.at, state.route, state.recipient, state.account, state.campaign,
        state.channel, state.lane, state.group, state.reported | _BITS[kind], state.awaited,
    )  # fmt: skip
    counts: tuple[str, ...] = (COUNTER[kind],) if first and kind in ONCE else ()
    if voicemail:
        after.reported |= VOICEMAIL
        counts += (f"{REPORTED}.voicemail",)
    if status is not None:
        counts += _fate_counts(state.status, status, told.klass)
        after.status, after.at = status, told.at
    return Move(kind, after, counts, first, status is None and _is_past(state, told, kind))


def _goes(state: MessageState, status: Status, told: Told) -> bool:
    before = state.status
    if state.reported & MOVED and RANK[status] < RANK[Status.DELIVERED]:
        return False  # that is known: the next attempt is to come
    if 0 < told.attempt < state.attempt and RANK[status] < RANK[Status.DELIVERED]:
        return False
    if before in _TIMED and status in _TIMED:
        return told.at >= state.at if before is not status and status is Status.BOUNCED else told.at > state.at
    return STRENGTH[status] > STRENGTH[before]


def _is_past(state: MessageState, told: Told, kind: ReportKind) -> bool:
    earlier = 0 < told.attempt < state.attempt or state.reported & MOVED
    return bool(earlier) and STATUS_TOLD.get(kind) in FAILED


@lru_cache(2_000)
def _fate_counts(before: Status, after: Status, klass: str) -> tuple[str, ...]:
    old, new = FATE.get(before, ""), FATE.get(after, "")
    if old == new or not new:
        return ()
    counts = [f"{REPORTED}.{new}"]
    if klass and after in FAILED:
        counts.append(f"{REPORTED}.{new}.{klass}")
    if old:
        counts.append(f"{REPORTED}.{old}.{UNDONE}")
    elif before is not Status.SENT:
        counts.append(UNCOUNTED)
    return tuple(counts)


def fates(counts: dict[str, int]) -> dict[str, int]:
    """Fate -> messages, of a campaign with these *counts*; "" is those that are out and of which nothing is told yet.

    Includes what the answers of providers told already.
    """
    told = {each: counts.get(f"{REPORTED}.{each}", 0) - counts.get(f"{REPORTED}.{each}.{UNDONE}", 0) for each in FATES}
    shown = {each: max(0, counts.get(each, 0) + told[each]) for each in FATES}
    uncounted = counts.get(UNCOUNTED, 0) - counts.get(COUNTED_AFTER, 0)
    return shown | {"": max(0, counts.get("sent", 0) + uncounted - sum(told.values()))}
