"""Settling a result: close the release, count each message once, schedule what is to be tried again."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from app.delivery.outcomes import STATUS_OF, EventKind, Kind, Status
from app.delivery.partition import MessageState, OpenRelease, Partition, WaitingPack, Writes
from app.delivery.release import rows_in
from app.delivery.unknown import hold
from app.records import Outcome, Outgoing, Result


@dataclass(frozen=True, slots=True)
class RetryRules:
    """When a message that could not be sent is tried again."""

    delays: Sequence[float] = (60.0, 300.0, 900.0, 3600.0)  # seconds before attempt 2, 3, ...
    jitter: float = 0.1  # share of a delay that is random
    give_up_after: float = 259_200.0  # seconds since the gate; bounds what throttles repeat
    resend_unknown: bool = False  # policy "resend": at least once instead of at most once

    def delay(self, attempt: int, dice: float) -> float | None:
        """Seconds between failed *attempt* (from 1) and the next, or None to give up. *dice* is in [0, 1)."""
        if attempt > len(self.delays):
            return None
        return self.delays[attempt - 1] * (1.0 + self.jitter * (2.0 * dice - 1.0))


@dataclass(frozen=True, slots=True)
class Settled:
    """One message of a settled release: for its event."""

    kind: EventKind
    row: Outgoing
    outcome: Outcome
    again: tuple[int, float] | None = None  # (attempt, due) of the next try


@dataclass(slots=True)
class Settlement:
    """What settling a result changed."""

    release: OpenRelease
    messages: list[Settled] = field(default_factory=list)


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

NO_DELAY = 60.0  # seconds after a throttle, where no retry delays are set
GAVE_UP = "gave_up"


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
    again: dict[tuple[int, float], list[Outgoing]] = {}  # (attempt, due) -> rows
    lost: list[Outgoing] = []
    counts: dict[str, int] = {}
    state.answered[release.route] = state.answered.get(release.route, 0) + len(result.outcomes)
    state.health.note(release.route, release.group, result.outcomes)
    outcomes = result.outcomes or [Outcome(Kind.RETURNED, result.at)] * len(rows)
    for row, outcome in zip(rows, outcomes, strict=True):
        kind = Kind(outcome.kind)
        retry = _retry(kind, release.attempt, pack.since, rules, now, dice)
        if retry is not None:
            again.setdefault(retry, []).append(row)
            name = "returned" if kind is Kind.RETURNED else "deferred"
        else:
            name = COUNTER_OF.get(kind, "given_up")
            if outcome.klass and name in ("bounced", "blocked"):
                counts[f"{name}.{outcome.klass}"] = counts.get(f"{name}.{outcome.klass}", 0) + 1
            if kind is Kind.UNCERTAIN:
                lost.append(row)
        counts[name] = counts.get(name, 0) + 1
        if kind is Kind.RETURNED:
            continue
        given_up = retry is None and kind not in COUNTER_OF
        status = Status.BOUNCED if given_up else STATUS_OF[kind]
        writes.message(row.message_id, MessageState(status, release.attempt, outcome.at, release.route))
        event = EventKind.BOUNCED if given_up else EVENT_OF[kind]
        told = Outcome(kind, outcome.at, outcome.code, GAVE_UP, outcome.detail, outcome.ref) if given_up else outcome
        settlement.messages.append(Settled(event, row, told, retry))
    state.close(writes, number)
    for (attempt, due), waiting in again.items():
        waits = WaitingPack(
            release.account, release.campaign, release.lane, release.group, attempt, pack.since, due, len(waiting),
            zone=pack.zone, tier=release.tier, retry=release.retry, pin=release.pin,
        )  # fmt: skip
        state.add(writes, waits, waiting)
    if lost:
        hold(state, writes, release, lost, now)
    state.count(writes, release.campaign, counts)
    writes.marks(state.marks)
    return settlement


def _retry(
    kind: Kind, attempt: int, since: float, rules: RetryRules, now: float, dice: float
) -> tuple[int, float] | None:
    """(attempt, due) of the next try, or None when this outcome is final."""
    match kind:
        case Kind.RETURNED:
            return attempt, now
        case Kind.UNCERTAIN if rules.resend_unknown:
            return attempt + 1, now
        case Kind.THROTTLED | Kind.UNAVAILABLE:
            due = now + (rules.delays[0] if rules.delays else NO_DELAY) * (0.5 + dice)
            return (attempt, due) if due - since <= rules.give_up_after else None
        case Kind.DEFERRED:
            delay = rules.delay(attempt, dice)
            if delay is None or now + delay - since > rules.give_up_after:
                return None
            return attempt + 1, now + delay
    return None
