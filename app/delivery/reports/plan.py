"""What a lot of reports changes, of the messages of one partition: decided here, written and told by an agent."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from app.delivery.fallbacks.awaited import Place, place_of
from app.delivery.fallbacks.news import Verdict, moved_on, verdict_on
from app.delivery.partition_records import HeldUnknown, MessageState
from app.delivery.reports.events import REPEATED, UNTOLD, Reported
from app.delivery.reports.kinds import ReportKind
from app.delivery.reports.moves import FATE, KINDS, Move, moved
from app.delivery.reports.suppress import (
    GONE_KINDS,
    SUPPRESSED,
    Suppress,
    is_soft,
    rule_of,
    soft_key,
    soft_keys,
    soft_suppression,
    suppression_of,
    too_soft,
    with_soft,
)
from app.delivery.reports.ways import Way, as_of
from app.delivery.retries import Again
from app.records import Told

HARMFUL = GONE_KINDS | {ReportKind.COMPLAINED, ReportKind.UNSUBSCRIBED}  # may suppress somebody


class News(Protocol):
    """What is asked about messages of which news is awaited."""

    def where(self, message: MessageState) -> Place | None:
        """Where *message* lies, if news of it is awaited."""

    def follows(self, place: Place, told: Told) -> Again | None:
        """What follows for the message there, once *told* says that its attempt has failed."""


class NoNews:
    """Where news of nobody is awaited."""

    def where(self, _: MessageState) -> Place | None:
        """Nowhere."""
        return None

    def follows(self, _: Place, __: Told) -> Again | None:
        """Nothing."""
        return None


NO_NEWS = NoNews()
NO_WAYS: Mapping[int, Way] = {}


@dataclass(slots=True)
class Plan:
    """What follows from reports. *states* and *softs* hold only what changes."""

    states: dict[bytes, MessageState] = field(default_factory=dict)
    softs: dict[bytes, list[int]] = field(default_factory=dict)  # days with soft bounces; empty: forgotten
    counts: dict[str, dict[str, int]] = field(default_factory=dict)  # campaign -> name -> how many
    reported: list[Reported] = field(default_factory=list)  # what is told on, as events
    suppress: list[Suppress] = field(default_factory=list)
    moves: list[tuple[MessageState, Told, Move]] = field(default_factory=list)  # what counts: as of its attempt, before
    ways: dict[int, dict[int, Again | None]] = field(default_factory=dict)  # awaited pack -> place -> what follows
    reached: dict[Place, str] = field(default_factory=dict)  # of those: on which channel


def plan(
    rows: Iterable[Told],
    states: Mapping[bytes, MessageState],
    softs: Mapping[bytes, list[int]],
    everywhere: Callable[[str], bool],
    news: News = NO_NEWS,
    earlier: Mapping[int, Way] = NO_WAYS,
) -> Plan:
    """What *rows*, each of a message in *states*, change. *softs*: days with soft bounces by `soft_key`.

    *everywhere* tells whether an account has its hard bounces and complaints hold for all accounts. *earlier*: place
    in *rows* -> the way of an attempt before the last one, which that report is about.
    """
    made = Plan()
    tallies: dict[tuple[str, tuple[str, ...]], int] = {}  # campaign and names of counters -> reports
    for row, told in enumerate(rows):
        message = told.message_id
        state = made.states.get(message) or states[message]
        about = as_of(state, earlier.get(row)) if earlier else state
        told, again = _heard(made, news, state, told, about.channel) if state.awaited >= 0 else (told, None)
        move = moved(state, told)
        after = move.state
        if move.kind in HARMFUL and _suppressed(made, softs, about, told, move, everywhere):
            after = msgspec.structs.replace(after or state, reported=(after or state).reported | SUPPRESSED)
        if move.counts:
            made.moves.append((about, told, move))
        if again is not None:
            after, move = moved_on(after or state, told.at), Move(ReportKind.DEFERRED, None, first=True)
        elif state.awaited >= 0 and _is_over(made, state):
            after = msgspec.structs.replace(after or state, awaited=-1)
        if after is not None:
            made.states[message] = after
            if (softs or made.softs) and FATE.get(after.status) == "delivered" and after.status is not state.status:
                _forget_soft(made, softs, about)
        tally = state.campaign, move.counts
        tallies[tally] = tallies.get(tally, 0) + 1
        if move.kind not in UNTOLD and (after is not None or move.first or move.kind in REPEATED):
            # An attempt that failed before another one is no end of its message: the record must not say so.
            kind = ReportKind.DEFERRED if move.past else move.kind
            made.reported.append(Reported(message, about, told, kind, again))
    made.counts = _summed(tallies)
    return made


def _summed(tallies: Mapping[tuple[str, tuple[str, ...]], int]) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = {}
    for (campaign, names), reports in tallies.items():
        for name in names:
            own = counts.setdefault(campaign, {})
            own[name] = own.get(name, 0) + reports
    return counts


def _heard(made: Plan, news: News, state: MessageState, told: Told, channel: str) -> tuple[Told, Again | None]:
    """*told* as it counts for a message of which news may be awaited, and what follows if its attempt has failed.

    *channel* is that of the attempt that it is about.
    """
    place, kind = news.where(state), KINDS.get(told.kind, ReportKind.UNRECOGNISED)
    verdict = verdict_on(state, told, kind) if place is not None else Verdict.NOTHING
    if place is None or verdict is Verdict.NOTHING:
        return told, None
    again = news.follows(place, told) if verdict is Verdict.FAILED else None
    made.ways.setdefault(place.number, {})[place.place] = again
    if verdict is Verdict.REACHED:
        made.reached.setdefault(place, channel)
    elif again is None and kind is ReportKind.DEFERRED:  # it is not tried again: that was the end of it
        told = msgspec.structs.replace(told, kind=str(ReportKind.BOUNCED))
    return told, again


def _is_over(made: Plan, state: MessageState) -> bool:
    """Whether news of the message is awaited no longer, since one of these reports."""
    place = place_of(state.awaited)
    return place is not None and place.place in made.ways.get(place.number, ())


def _suppressed(
    made: Plan, softs: Mapping[bytes, list[int]], state: MessageState, told: Told, move: Move,
    everywhere: Callable[[str], bool],
) -> bool:  # fmt: skip
    """Note who is not written to any more since *told*; whether that is a bounce, which has to be remembered."""
    suppress = suppression_of(state, told, move.kind, first=move.first, everywhere=everywhere(state.account))
    if suppress is None and move.first and is_soft(told, move.kind):
        suppress = _soft(made, softs, state, told)
    if suppress is not None:
        made.suppress.append(suppress)
    return suppress is not None and move.kind in GONE_KINDS


def _soft(made: Plan, softs: Mapping[bytes, list[int]], state: MessageState, told: Told) -> Suppress | None:
    rule = rule_of(state, told)
    key = soft_key(state, rule)
    days = with_soft(made.softs.get(key, softs.get(key, [])), told.at)
    made.softs[key] = [] if too_soft(days, rule) else days
    return soft_suppression(state, told.at, rule) if too_soft(days, rule) else None


def _forget_soft(made: Plan, softs: Mapping[bytes, list[int]], state: MessageState) -> None:
    for key in soft_keys(state):
        if made.softs.get(key, softs.get(key)):
            made.softs[key] = []


def needs_softs(told: Told) -> bool:
    """Whether the days with soft bounces of its recipient matter to *told*."""
    return told.kind in _MATTERS


_MATTERS = frozenset({
    str(each)
    for each in (
        ReportKind.DELIVERED, ReportKind.OPENED, ReportKind.READ, ReportKind.CLICKED, ReportKind.BOUNCED,
        ReportKind.EXPIRED,
    )
})  # fmt: skip


class Held:
    """Which held unknown a message lies in, worked out when it is asked. Held unknowns only lose messages."""

    def __init__(self) -> None:
        self._of: dict[bytes, int] = {}
        self._next = 0  # number of the first one that is not in here

    def find(self, unknowns: Mapping[int, HeldUnknown], messages: Iterable[bytes]) -> dict[int, list[bytes]]:
        """Number of a held unknown -> those of *messages* that lie in it."""
        fresh = [number for number in unknowns if number >= self._next]
        for number in fresh:
            self._of.update(dict.fromkeys(unknowns[number].ids, number))
        self._next = max([self._next, *(number + 1 for number in fresh)])
        found: dict[int, list[bytes]] = {}
        for message in messages:
            number = self._of.get(message, -1)
            if number in unknowns and message in unknowns[number].ids:
                found.setdefault(number, []).append(message)
            elif number >= 0:
                del self._of[message]
        return found
