"""Outcomes that were lost, under the policy "hold": nobody is mailed again unless somebody decides so.

A held unknown keeps its campaign from being complete, because news of it may still come: a person or a provider who
knows, or else age. Each of its messages then goes one way, once:

- it was sent: final, counted as sent;
- it was not sent: it waits again, as a retry, on whichever route pacing picks;
- nobody knows, and it shall be sent again: it waits again, on the route it was on, because a second provider would not
  know the message of the first;
- nobody will learn: it goes on to the next channel of its campaign, or it stays UNKNOWN and is final.

Who waits to be sent again on a route that is deleted meanwhile is held once more, and is not sent again by itself.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from app.delivery.fallbacks.news import by_channel, counted_as, lots_of, moved_on, onto, pack_for, wait_for_news
from app.delivery.fallbacks.onward import NOWHERE, Onward
from app.delivery.outcomes import DECIDED, RESENT, RESOLVED, UNKNOWN, Status
from app.delivery.partition import Partition
from app.delivery.partition_records import HeldUnknown, OpenRelease, WaitingPack, Writes, state_of
from app.delivery.retries import Again
from app.records import DeliveryReport, Outgoing

ID = 16  # bytes
MOST_GROUPS = 20  # held unknowns that one step decides, each at most a release: some 100 kB in its batch
GONE_FOR = (
    30.0  # seconds that a message waits for its route before that counts as gone: who tells of routes may be late
)
OF_BEFORE = "it cannot be sent again: it was held by an earlier version"


class End(StrEnum):
    """Which way messages whose outcome was lost go."""

    SENT = "sent"
    NOT_SENT = "not_sent"
    GIVE_UP = "give_up"
    RESEND = "resend"


@dataclass(frozen=True, slots=True)
class UnknownRules:
    """What becomes of the unknowns of one campaign by themselves."""

    after: float  # seconds that news of them is awaited
    resends: int = 0  # attempts after which they are still sent again; 0: never
    ended: str = ""  # why nobody waits for them any more, "" while somebody does


class Decided(NamedTuple):
    """Messages of a held unknown that went one way: for their event."""

    held: HeldUnknown  # of these messages only
    end: End
    why: str


def hold(
    state: Partition, writes: Writes, release: OpenRelease, pack: WaitingPack, rows: list[Outgoing], now: float
) -> None:
    """Keep *rows* of *release*, of *pack*, whose outcome was lost, until they are decided. Count them apart."""
    held = HeldUnknown(
        release.account, release.campaign, release.lane, release.group, release.route, release.attempt, now,
        b"".join([row.message_id for row in rows]), b"".join([row.recipient_id for row in rows]),
        state.keep(writes, rows), pack.since, pack.zone, release.tier, release.counted,
        release.channel, release.parts, release.sender, release.began,
    )  # fmt: skip
    _add(state, writes, held)


def by_age(
    state: Partition, rules_of: Callable[[HeldUnknown], UnknownRules], now: float, most: int = MOST_GROUPS
) -> Iterator[tuple[int, End, str]]:
    """(number, way, why) of at most *most* held unknowns of which no news is awaited any more."""
    for number, held in state.unknowns.items():
        if most <= 0:
            return
        rules = rules_of(held)
        if not rules.ended and now - held.at < rules.after:
            continue
        most -= 1
        waited = f"no news for {now - held.at:.0f} s"
        if rules.ended:
            yield number, End.GIVE_UP, rules.ended
        elif held.attempt <= rules.resends:
            yield number, End.RESEND, f"{waited}: sent again over {held.route}"
        else:
            yield number, End.GIVE_UP, waited


def named_by(
    state: Partition, report: DeliveryReport, most: int = MOST_GROUPS
) -> Iterator[tuple[int, Collection[bytes]]]:
    """(number, messages) of at most *most* held unknowns that *report* is about.

    It is about what was held when it was made, so one that comes again does not touch a message that was sent again
    and lost again.
    """
    wanted = {report.message_id[at : at + ID] for at in range(0, len(report.message_id), ID)}
    for number, held in state.unknowns.items():
        if held.campaign != report.campaign or held.at > report.at or report.attempt not in (0, held.attempt):
            continue
        messages = held.ids if not wanted else [each for each in held.ids if each in wanted]
        if messages:
            yield number, messages
            most -= 1
            if most <= 0:
                return


def decide(
    state: Partition, writes: Writes, number: int, end: End, why: str, now: float,
    only: Collection[bytes] | None = None, onward: Onward = NOWHERE,
) -> Decided:  # fmt: skip
    """Let the messages of the held unknown *number*, or *only* these of it, go the way *end*. Each is counted once.

    Those that went out, and may go *onward* to another channel, or are calls, are not final: news of them is awaited.
    """
    whole = state.unknowns[number]
    named = frozenset(whole.ids if only is None else only)
    held, rest = whole.parted(named)
    rows = [row for row in state.rows_of(held.rows) if row.message_id in named] if held.rows >= 0 else []
    if end in (End.NOT_SENT, End.RESEND) and len(rows) != held.count:
        end, why = End.GIVE_UP, OF_BEFORE
    _shorten(state, writes, number, rest)
    match end:
        case End.SENT:
            _note(writes, held, Status.SENT, now)
            lots, others = lots_of(held, rows, onward)
            counts = {RESOLVED: held.count, "sent": held.count - len(rows) + len(others)}
            if onward.spec is not None and onward.spec.fallbacks:
                counts[by_channel(held.channel, "accepted")] = held.count
            wait_for_news(state, writes, held, held.since, held.zone, lots, now, counts)
            state.count(writes, held.campaign, counts)
        case End.GIVE_UP:
            state.count(writes, held.campaign, {DECIDED: held.count})
        case _:
            pin = held.route if end is End.RESEND else ""
            waits = WaitingPack(
                held.account, held.campaign, held.lane, held.group, held.attempt + 1, held.since, now, held.count,
                zone=held.zone, tier=held.tier, retry=True, pin=pin, counted=held.counted,
                channel=held.channel, parts=held.parts, sender=held.sender, began=held.began,
            )  # fmt: skip
            if not pin:
                _note(writes, held, Status.DEFERRED, now)
            state.add(writes, waits, rows)
            state.count(writes, held.campaign, {RESENT: held.count})
    writes.marks(state.marks)
    return Decided(held, end, why)


def go_on(
    state: Partition, writes: Writes, number: int, onward: Onward, why: str, now: float
) -> list[tuple[Decided, Again | None]]:
    """Let nobody wait any longer for news of the held unknown *number*: its messages go onward, or are given up.

    What went which way, with where it waits now; None for who is given up.
    """
    held = state.unknowns[number]
    rows = state.rows_of(held.rows) if held.rows >= 0 else []
    waiting: dict[Again, list[Outgoing]] = {}
    for row in rows:
        again = onto(held, row, onward, now) if row.message_id not in onward.reached else None
        if again is not None:
            waiting.setdefault(again, []).append(row)
    told: list[tuple[Decided, Again | None]] = []
    named = frozenset(held.ids)
    waiting = {again: kept for again, own in waiting.items() if (kept := [r for r in own if r.message_id in named])}
    for again, own in waiting.items():
        ids = frozenset(row.message_id for row in own)
        part, rest = state.unknowns[number].parted(ids)
        _shorten(state, writes, number, rest)
        for row in own:
            before = state_of(part, row.recipient_id, Status.UNKNOWN, part.attempt, now, part.route)
            writes.message(row.message_id, moved_on(before, now))
        state.add(writes, pack_for(part, again, len(own), now, part.zone), own)
        counts = {RESENT: len(own)} | {name: len(own) for name in counted_as(again, part.channel)}
        state.count(writes, part.campaign, counts)
        told.append((Decided(part, End.GIVE_UP, why), again))
    if number in state.unknowns:
        told.append((decide(state, writes, number, End.GIVE_UP, why, now), None))
    writes.marks(state.marks)
    return told


def _shorten(state: Partition, writes: Writes, number: int, rest: HeldUnknown) -> None:
    """Keep *rest* of the held unknown *number*, or nothing."""
    if rest.count:
        state.unknowns[number] = rest
        writes.unknown(number, rest)
    else:
        held = state.unknowns.pop(number)
        writes.unknown(number, None)
        if held.rows >= 0:
            writes.rows(held.rows, None)


def _note(writes: Writes, held: HeldUnknown, status: Status, now: float) -> None:
    for message, person in zip(held.ids, held.people, strict=True):
        writes.message(message, state_of(held, person, status, held.attempt, now, held.route))


def stranded(state: Partition, is_gone: Callable[[str], bool], now: float) -> Iterator[int]:
    """Waiting packs that are to be sent again on a route that is gone: nobody would ever take them."""
    pins = {pin for pin in {key.pin for key in state.queues} if pin and is_gone(pin)}
    for key, queue in state.queues.items() if pins else ():
        if key.pin in pins:
            for number in queue.ready:
                pack = state.packs.get(number)
                if pack is not None and pack.cursor < pack.count and now - pack.due >= GONE_FOR:
                    yield number


def hold_again(state: Partition, writes: Writes, number: int, now: float) -> HeldUnknown:
    """Await news once more of what waits in the pack *number*: it cannot be sent again on the route it was on."""
    pack = state.packs[number]
    rows = state.rows_of(number)
    start, stop = state.withdraw(number)
    rows = rows[start:stop]
    held = HeldUnknown(
        pack.account, pack.campaign, pack.lane, pack.group, pack.pin, pack.attempt - 1, now,
        b"".join([row.message_id for row in rows]), b"".join([row.recipient_id for row in rows]),
        state.keep(writes, rows), pack.since, pack.zone, pack.tier, pack.counted,
        pack.channel, pack.parts, pack.sender, pack.began,
    )  # fmt: skip
    _add(state, writes, held)
    state.count(writes, pack.campaign, {UNKNOWN: held.count})
    writes.pack(number, pack)
    state.forget_if_used_up(writes, number)
    writes.marks(state.marks)
    return held


def _add(state: Partition, writes: Writes, held: HeldUnknown) -> None:
    number = state.marks.next_unknown
    state.marks.next_unknown += 1
    state.unknowns[number] = held
    writes.unknown(number, held)


def still_open(counts: dict[str, int]) -> int:
    """How many messages with these *counts* are held as unknown, decided ones not among them."""
    return counts.get(UNKNOWN, 0) - sum(counts.get(name, 0) for name in (DECIDED, RESOLVED, RESENT))
