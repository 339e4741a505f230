"""Settling a result: close the release, count each message once, schedule what is to be tried again."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from app.delivery.fallbacks.news import by_channel, counted_as, lots_of, moved_on, onto, pack_for, wait_for_news
from app.delivery.fallbacks.onward import GOES_ON, NEVER_ON, NOWHERE, Onward
from app.delivery.outcomes import STATUS_OF, EventKind, Kind, Status
from app.delivery.partition import Partition
from app.delivery.partition_records import MessageState, OpenRelease, WaitingPack, Writes, state_of
from app.delivery.people.tier import AGAIN
from app.delivery.release import rows_in
from app.delivery.reports.moves import COUNTED_AFTER
from app.delivery.retries import EXPIRED, GAVE_UP, Again, RetryRules, next_try
from app.delivery.unknown import hold
from app.records import Outcome, Outgoing, Result
from app.topics import PHONES


class Settled(NamedTuple):
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
    state: Partition, writes: Writes, number: int, result: Result, rules: RetryRules, now: float, dice: float,
    onward: Onward = NOWHERE,
) -> Settlement | None:  # fmt: skip
    """Act on *result* for the open release *number*; None when that release is not open (any more).

    One decision per release: a result that comes twice, or late, changes nothing. What was taken, and may go *onward*
    to another channel, or is a call, is not final: news of it is awaited.
    """
    release = state.releases.get(number)
    if release is None:
        return None
    rows = rows_in(state, release)
    step = _Step(writes, release, state.packs[release.pack], onward, Settlement(release), now)
    state.answered[release.route] = state.answered.get(release.route, 0) + len(result.outcomes)
    state.health.note(release.route, release.group, result.outcomes)
    outcomes = result.outcomes or [Outcome(Kind.RETURNED, result.at)] * len(rows)
    is_plain = release.channel not in PHONES and not onward.reached
    for row, outcome in zip(rows, outcomes, strict=True):
        if is_plain and outcome.kind == Kind.ACCEPTED:
            step.sent(row, outcome)
        else:
            step.take(row, outcome, rules, dice)
    step.end(state, number)
    return step.settlement


@dataclass(slots=True)
class _Step:
    """The messages of one release, one after the other, and what becomes of all of them."""

    writes: Writes
    release: OpenRelease
    pack: WaitingPack
    onward: Onward
    settlement: Settlement
    now: float
    again: dict[Again, list[Outgoing]] = field(default_factory=dict)
    lost: list[Outgoing] = field(default_factory=list)
    taken: list[Outgoing] = field(default_factory=list)  # by a provider of phones
    counts: dict[str, int] = field(default_factory=dict)
    _sent: MessageState | None = None  # of all that were sent but for person and moment

    def sent(self, row: Outgoing, outcome: Outcome) -> None:
        """Settle a mail that was taken, which is nearly every one: it is final, as `take` would find, too."""
        release, state = self.release, self._sent
        if state is None:
            state = self._sent = state_of(release, b"", Status.SENT, release.attempt, 0.0, release.route)
        state.recipient, state.at = row.recipient_id, outcome.at
        self.writes.message(row.message_id, state)
        self.settlement.fates.append((row, outcome, 0.0))
        self.settlement.messages.append(Settled(EventKind.SENT, row, outcome))
        self.counts["sent"] = self.counts.get("sent", 0) + 1

    def take(self, row: Outgoing, outcome: Outcome, rules: RetryRules, dice: float) -> None:
        """Settle one message."""
        release, kind, now = self.release, Kind(outcome.kind), self.now
        if row.message_id in self.onward.reached and kind is not Kind.RETURNED:
            self._reached(row, outcome, kind)
            return
        pack = self.pack
        retry = next_try(outcome, release.attempt, pack.since, pack.zone, rules, now, dice, release.began)
        if _has_failed(kind, outcome, retry) or (release.channel, outcome.code) in GOES_ON:
            retry = onto(release, row, self.onward, now) or retry
        self.settlement.fates.append((row, outcome, retry.due if isinstance(retry, Again) else 0.0))
        if kind is Kind.ACCEPTED and release.channel in PHONES:
            self.taken.append(row)
            self.settlement.messages.append(Settled(EVENT_OF[kind], row, outcome))
            return
        if isinstance(retry, Again):
            self.again.setdefault(retry, []).append(row)
        elif kind is Kind.UNCERTAIN:
            self.lost.append(row)
        self._count(_counted_as(outcome, retry, release.channel))
        if kind is not Kind.RETURNED:
            self._tell(row, outcome, kind, retry)

    def _tell(self, row: Outgoing, outcome: Outcome, kind: Kind, retry: Again | str) -> None:
        """Write down and tell what one attempt came to."""
        release = self.release
        told = _given_up(outcome, retry) if isinstance(retry, str) and retry else outcome
        status, event = (STATUS_OF[kind], EVENT_OF[kind]) if told is outcome else (Status.BOUNCED, EventKind.BOUNCED)
        message = state_of(release, row.recipient_id, status, release.attempt, outcome.at, release.route)
        if isinstance(retry, Again) and retry.leg is not None:
            message, event = moved_on(message, outcome.at), EventKind.DEFERRED
        self.writes.message(row.message_id, message)
        self.settlement.messages.append(Settled(event, row, told, retry if isinstance(retry, Again) else None))

    def _reached(self, row: Outgoing, outcome: Outcome, kind: Kind) -> None:
        """An earlier attempt has been delivered meanwhile: the message is final, whatever became of this one."""
        known = self.onward.reached[row.message_id]  # with all that was reported of it
        self.writes.message(row.message_id, msgspec.structs.replace(known, attempt=self.release.attempt))
        went_out = kind in (Kind.ACCEPTED, Kind.UNCERTAIN)
        self.settlement.fates.append((row, outcome, 0.0))
        self.settlement.messages.append(Settled(EVENT_OF[kind] if went_out else EventKind.DEFERRED, row, outcome))
        self._count(["sent", COUNTED_AFTER])

    def end(self, state: Partition, number: int) -> None:
        """Close the release, and let its messages wait for whatever comes next."""
        release, pack, now = self.release, self.pack, self.now
        self._await_news(state)
        state.close(self.writes, number)
        for retry, waiting in self.again.items():
            if retry.leg is not None:
                waits = pack_for(release, retry, len(waiting), now, pack.zone)
            else:
                waits = _waiting(release, pack, retry, len(waiting))
            state.add(self.writes, waits, waiting)
        if self.lost:
            hold(state, self.writes, release, pack, self.lost, now)
        state.count(self.writes, release.campaign, self.counts)
        self.writes.marks(state.marks)

    def _await_news(self, state: Partition) -> None:
        """Of messages that a provider of phones has taken: they are final, or news of them is awaited."""
        if not self.taken:
            return
        release, pack, now = self.release, self.pack, self.now
        lots, others = lots_of(release, self.taken, self.onward)
        wait_for_news(state, self.writes, release, pack.since, pack.zone, lots, now, self.counts)
        for row in others:
            message = state_of(release, row.recipient_id, Status.SENT, release.attempt, now, release.route)
            self.writes.message(row.message_id, message)
            self._count(["sent"])
        if self.onward.spec is not None and self.onward.spec.fallbacks:
            name = by_channel(release.channel, "accepted")
            self.counts[name] = self.counts.get(name, 0) + len(self.taken)

    def _count(self, names: Iterable[str]) -> None:
        for name in names:
            self.counts[name] = self.counts.get(name, 0) + 1


def _has_failed(kind: Kind, outcome: Outcome, retry: Again | str) -> bool:
    """Whether nothing more comes of the message on this channel."""
    if retry == GAVE_UP:
        return kind is not Kind.UNCERTAIN
    return retry == "" and kind in (Kind.REFUSED, Kind.BLOCKED) and outcome.klass not in NEVER_ON


def _counted_as(outcome: Outcome, retry: Again | str, channel: str) -> list[str]:
    """The counters of one message with *outcome*, of which *retry* tells whether it is tried again."""
    if isinstance(retry, Again) and retry.leg is not None:
        return counted_as(retry, channel)
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
    parts = AGAIN if release.channel == "whatsapp" else release.parts  # they may have been paid for
    pin = release.route if retry.pinned else "" if attempted else release.pin
    return WaitingPack(
        release.account, release.campaign, release.lane, release.group, retry.attempt, pack.since, retry.due, count,
        zone=pack.zone, tier=release.tier, retry=retry.tried or release.retry, pin=pin, counted=release.counted,
        channel=release.channel, parts=parts, sender=release.sender, began=release.began,
    )  # fmt: skip
