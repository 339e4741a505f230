"""Clearing: what waits of campaigns that send nothing more is dropped, many packs in one step."""

from collections.abc import Callable, Mapping, Sequence

from app.delivery.events import Dropped
from app.delivery.outcomes import DROPPED, DropReason
from app.delivery.partition import Partition, was_tried
from app.delivery.partition_records import WaitingPack, Writes
from app.delivery.release import leave_out, nobody_reached
from app.delivery.reports.moves import COUNTED_AFTER
from app.records import Outgoing, encode

MOST_WRITTEN = 100_000  # bytes of one step, and what one more pack of up to 500 people takes: some 5 ms
PACK_BYTES, PERSON_BYTES, STATE_BYTES = 150, 45, 80  # besides its names; in an event; of who was tried before

Met = Callable[[WaitingPack, Sequence[Outgoing]], list[int]]
Cleared = list[tuple[WaitingPack, list[Outgoing], DropReason]]


def clear_waiting(
    state: Partition, writes: Writes, ended: Mapping[str, DropReason], now: float, met: Met = nobody_reached
) -> Cleared:
    """Drop what waits of the campaigns *ended*, as much as one step takes; pack by pack what it was. Empty: nothing."""
    cleared: Cleared = []
    for number in state.leaving(ended):
        pack = state.packs[number]
        reason = ended[pack.campaign]
        rows = clear(state, writes, number, reason, now, met)
        cleared.append((pack, rows, reason))
        state.wrote(len(encode(pack)) + PACK_BYTES + PERSON_BYTES * len(rows))
        if state.written >= MOST_WRITTEN:
            break
    return cleared


def alike(cleared: Cleared) -> list[tuple[WaitingPack, list[Dropped]]]:
    """Those who waited alike, whatever their packs: their events go together."""
    found: dict[tuple[object, ...], tuple[WaitingPack, list[Dropped]]] = {}
    for pack, rows, reason in cleared:
        kept = found.setdefault((pack.account, pack.key, pack.attempt), (pack, []))
        kept[1].extend((row, reason, "") for row in rows)
    return list(found.values())


def clear(
    state: Partition, writes: Writes, number: int, reason: DropReason, now: float, met: Met = nobody_reached
) -> list[Outgoing]:
    """Drop every waiting row of a pack whose campaign sends nothing more; the rows, for their events.

    Whom an earlier attempt has reached (*met*) is not among them. Who was never tried has no state in the table, and
    gets none: no report can name that message.
    """
    pack = state.packs[number]
    rows = state.rows_of(number)
    start, stop = state.withdraw(number)
    gone = rows[start:stop]
    if was_tried(pack):
        there = set(met(pack, gone))
        gone = [row for i, row in enumerate(gone) if i not in there]
        state.count(writes, pack.campaign, dict.fromkeys(("sent", COUNTED_AFTER), len(there)))
        leave_out(state, writes, pack, gone, reason, now)
        state.wrote(STATE_BYTES * len(gone))
    else:
        state.count(writes, pack.campaign, dict.fromkeys((DROPPED, f"{DROPPED}.{reason}"), len(gone)))
    writes.pack(number, pack)
    state.forget_if_used_up(writes, number)
    return gone
