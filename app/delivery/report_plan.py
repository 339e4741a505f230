"""What a lot of reports changes, of the messages of one partition: decided here, written and told by an agent."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import msgspec

from app.delivery.partition import HeldUnknown, MessageState
from app.delivery.report_events import REPEATED, UNTOLD, Reported
from app.delivery.report_moves import FATE, Move, moved
from app.delivery.report_suppress import (
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
from app.delivery.reports import ReportKind
from app.records import Told

HARMFUL = GONE_KINDS | {ReportKind.COMPLAINED, ReportKind.UNSUBSCRIBED}  # may suppress somebody


@dataclass(slots=True)
class Plan:
    """What follows from reports. *states* and *softs* hold only what changes."""

    states: dict[bytes, MessageState] = field(default_factory=dict)
    softs: dict[bytes, list[int]] = field(default_factory=dict)  # days with soft bounces; empty: forgotten
    counts: dict[str, dict[str, int]] = field(default_factory=dict)  # campaign -> name -> how many
    reported: list[Reported] = field(default_factory=list)  # what is told on, as events
    suppress: list[Suppress] = field(default_factory=list)
    moves: list[tuple[MessageState, Told, Move]] = field(default_factory=list)  # what counts: the state before it


def plan(
    rows: Iterable[Told],
    states: Mapping[bytes, MessageState],
    softs: Mapping[bytes, list[int]],
    everywhere: Callable[[str], bool],
) -> Plan:
    """What *rows*, each of a message in *states*, change. *softs*: days with soft bounces by `soft_key`.

    *everywhere* tells whether an account has its hard bounces and complaints hold for all accounts.
    """
    made = Plan()
    for told in rows:
        message = told.message_id
        state = made.states.get(message) or states[message]
        move = moved(state, told)
        after = move.state
        suppress = _suppress(made, softs, state, told, move, everywhere) if move.kind in HARMFUL else None
        if suppress is not None:
            made.suppress.append(suppress)
            if move.kind in GONE_KINDS:
                after = msgspec.structs.replace(after or state, reported=(after or state).reported | SUPPRESSED)
        if after is not None:
            made.states[message] = after
            if (softs or made.softs) and FATE.get(after.status) == "delivered" and after.status is not state.status:
                _forget_soft(made, softs, state)
        if move.counts:
            made.moves.append((state, told, move))
        for name in move.counts:
            counts = made.counts.setdefault(state.campaign, {})
            counts[name] = counts.get(name, 0) + 1
        if move.kind not in UNTOLD and (after is not None or move.first or move.kind in REPEATED):
            # An attempt that failed before another one is no end of its message: the record must not say so.
            kind = ReportKind.DEFERRED if move.past else move.kind
            made.reported.append(Reported(message, state, told, kind))
    return made


def _suppress(
    made: Plan, softs: Mapping[bytes, list[int]], state: MessageState, told: Told, move: Move,
    everywhere: Callable[[str], bool],
) -> Suppress | None:  # fmt: skip
    at_once = suppression_of(state, told, move.kind, first=move.first, everywhere=everywhere(state.account))
    if at_once is None and move.first and is_soft(told, move.kind):
        return _soft(made, softs, state, told)
    return at_once


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
