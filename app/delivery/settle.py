"""Settling a result: close the release, count each message once, schedule what is to be tried again."""

from dataclasses import dataclass, field

import msgspec

from app.delivery.outcomes import STATUS_OF, EventKind, Kind, Status
from app.delivery.partition import OpenRelease, Partition, WaitingPack, Writes, state_of
from app.delivery.release import rows_in
from app.delivery.retries import EXPIRED, Again, RetryRules, next_try
from app.delivery.unknown import hold
from app.records import Outcome, Outgoing, Result


@dataclass(frozen=True, slots=True)
class Settled:
    """One message of a settled release: for its event."""

    kind: EventKind
    row: Outgoing
    outcome: Outcome
    again: Again | None = None  # the next try


@dataclass(slots=True)
class Settlement:
    """What settling a result changed."""

    release: OpenRelease
    messages: list[Settled] = field(default_factory=list)
    fates: list[tuple[Outgoing, Outcome, float]] = field(default_factory=list)  # every row; when it is tried again or 0


EVENT_OF = {
    Kind.ACCEPTED: EventKind.SENT,
    Kind.DELIVERED: EventKind.DELIVERED,
    Kind.DEFERRED: EventKind.DEFERRED,
    Kind.THROTTLED: EventKind.DEFERRED,
    Kind.UNAVAILABLE: EventKind.DEFERRED,
    Kind.REFUSED: EventKind.BOUNCED,
    Kind.BLOCKED: EventKind.BLOCKED,
    Kind.UNCERTAIN: EventKind.UNKNOWN,
}

# Outcome that is not tried again -> the counter that its message is counted in, once.
COUNTER_OF = {
    Kind.ACCEPTED: "sent",
    Kind.DELIVERED: "delivered",
    Kind.REFUSED: "bounced",
    Kind.BLOCKED: "blocked",
    Kind.UNCERTAIN: "unknown",
}

GIVEN_UP = "given_up"  # the counter of those for whom no retry was left
EXPIRED_DETAIL = "its campaign ends before the next try"


def settle(
    state: Partition, writes: Writes, number: int, result: Result, rules: RetryRules, now: float, dice: float
) -> Settlement | None:
    """Act on *result* for the open release *number*; None when that release is not open (any more).

    One decision per release: a result that comes twice, or late, changes nothing.
    """
    release = state.releases.get(number)
    if release is None:
        return None
    rows = rows_in(state, release)
    pack = state.packs[release.pack]
    settlement = Settlement(release)
    again: dict[Again, list[Outgoing]] = {}
    lost: list[Outgoing] = []
    counts: dict[str, int] = {}
    state.answered[release.route] = state.answered.get(release.route, 0) + len(result.outcomes)
    state.health.note(release.route, release.group, result.outcomes)
    outcomes = result.outcomes or [Outcome(Kind.RETURNED, result.at)] * len(rows)
    for row, outcome in zip(rows, outcomes, strict=True):
        kind = Kind(outcome.kind)
        retry = next_try(outcome, release.attempt, pack.since, pack.zone, rules, now, dice)
        settlement.fates.append((row, outcome, retry.due if isinstance(retry, Again) else 0.0))
        if isinstance(retry, Again):
            again.setdefault(retry, []).append(row)
        elif kind is Kind.UNCERTAIN:
            lost.append(row)
        for name in _counted_as(outcome, retry):
            counts[name] = counts.get(name, 0) + 1
        if kind is Kind.RETURNED:
            continue
        told = _given_up(outcome, retry) if isinstance(retry, str) and retry else outcome
        status, event = (STATUS_OF[kind], EVENT_OF[kind]) if told is outcome else (Status.BOUNCED, EventKind.BOUNCED)
        at, route = outcome.at, release.route
        writes.message(row.message_id, state_of(release, row.recipient_id, status, release.attempt, at, route))
        settlement.messages.append(Settled(event, row, told, retry if isinstance(retry, Again) else None))
    state.close(writes, number)
    for retry, waiting in again.items():
        state.add(writes, _waiting(release, pack, retry, len(waiting)), waiting)
    if lost:
        hold(state, writes, release, pack, lost, now)
    state.count(writes, release.campaign, counts)
    writes.marks(state.marks)
    return settlement


def _counted_as(outcome: Outcome, retry: Again | str) -> list[str]:
    """The counters of one message with *outcome*, of which *retry* tells whether it is tried again."""
    if isinstance(retry, Again):
        return ["deferred" if retry.tried else "returned"]
    if retry:
        return [GIVEN_UP, f"{GIVEN_UP}.{EXPIRED}"] if retry == EXPIRED else [GIVEN_UP]
    name = COUNTER_OF[Kind(outcome.kind)]
    return [name, f"{name}.{outcome.klass}"] if outcome.klass and name in ("bounced", "blocked") else [name]


def _given_up(outcome: Outcome, why: str) -> Outcome:
    """*outcome* as the last one: its class says *why* no other follows."""
    detail = f"{EXPIRED_DETAIL}: {outcome.detail}" if why == EXPIRED else outcome.detail
    return msgspec.structs.replace(outcome, klass=why, detail=detail)


def _waiting(release: OpenRelease, pack: WaitingPack, retry: Again, count: int) -> WaitingPack:
    """How *count* messages of *release* wait for *retry*.

    What was begun waits in the lane of retries, what was not where it stood. Who is pinned to a route, because nobody
    knows what became of the try before, stays so until an attempt there has certainly failed.
    """
    attempted = retry.attempt > release.attempt
    pin = release.route if retry.pinned else "" if attempted else release.pin
    return WaitingPack(
        release.account, release.campaign, release.lane, release.group, retry.attempt, pack.since, retry.due, count,
        zone=pack.zone, tier=release.tier, retry=retry.tried or release.retry, pin=pin, counted=release.counted,
        channel=release.channel, parts=release.parts, sender=release.sender,
    )  # fmt: skip
