"""Outcomes that were lost, under the policy "hold": nobody is mailed again, and age decides in the end.

A held unknown keeps its campaign from being complete, because a report may still tell what became of it.
Once decided it stays UNKNOWN and is final.
"""

from collections.abc import Callable, Iterator

from app.delivery.outcomes import DECIDED
from app.delivery.partition import HeldUnknown, OpenRelease, Partition, WaitingPack, Writes
from app.records import Outgoing


def hold(
    state: Partition, writes: Writes, release: OpenRelease, pack: WaitingPack, rows: list[Outgoing], now: float
) -> None:
    """Keep *rows* of *release*, of *pack*, whose outcome was lost, until they are decided. Count them apart."""
    held = HeldUnknown(
        release.account, release.campaign, release.lane, release.group, release.route, release.attempt, now,
        b"".join([row.message_id for row in rows]), b"".join([row.recipient_id for row in rows]),
        state.keep(writes, rows), pack.since, pack.zone, release.tier,
    )  # fmt: skip
    number = state.marks.next_unknown
    state.marks.next_unknown += 1
    state.unknowns[number] = held
    writes.unknown(number, held)


def to_decide(
    state: Partition, before: float, ended: Callable[[str], bool], most: int
) -> Iterator[tuple[int, HeldUnknown]]:
    """At most *most* held unknowns from before *before*, or of campaigns that *ended* says nobody waits for."""
    for number, held in state.unknowns.items():
        if most <= 0:
            return
        if held.at <= before or ended(held.campaign):
            most -= 1
            yield number, held


def decide(state: Partition, writes: Writes, number: int) -> HeldUnknown:
    """Give the held unknown *number* up: it is final from now on, and counted once."""
    held = state.unknowns.pop(number)
    writes.unknown(number, None)
    if held.rows >= 0:
        writes.rows(held.rows, None)
    state.count(writes, held.campaign, {DECIDED: held.count})
    writes.marks(state.marks)
    return held
