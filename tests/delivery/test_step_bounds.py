"""What one step writes fits into one batch of the changelog, however many small packs wait, and all get their turn."""

import pytest

from app.delivery.events import of_drops
from app.delivery.outcomes import DropReason
from app.delivery.partition import MOST_TAKEN, Partition
from app.delivery.partition_records import ClassKey, WaitingPack
from app.delivery.release import Permits, spend
from app.records import Grant, Outgoing, Slip
from app.stream.pack_table import FRAMING, MAX_WRITE
from tables.recipients import Batch

NOW, LATER = 1_800_000_000.0, 1_800_030_000.0
PEOPLE = 6_000
KEY = ClassKey("c_0123456789abcdef01234567", "bulk", "gmail", "engaged", retry=True)
LONG = ClassKey("c" * 200, "bulk", "ü" * 100, "engaged", retry=True, pin="é" * 200)


def waiting_for_a_retry(key: ClassKey) -> Partition:
    """Each was the only one of its slice that was deferred: a pack of its own, due by now."""
    rows: dict[int, list[Outgoing]] = {}
    state = Partition(0, rows.__getitem__)
    for number in range(PEOPLE):
        who = number.to_bytes(16, "big")
        pack = WaitingPack(
            "acme", *key[:3], 2, NOW - 90, NOW - 1, 1, 0, "America/Argentina/Buenos_Aires", key.tier, True, key.pin
        )
        rows[state.add(Batch(), pack, [Outgoing(who, who, "somebody@gmail.com", b"{}")])] = [
            Outgoing(who, who, "somebody@gmail.com", b"{}")
        ]
    state.tell(Batch(), [])
    return state


OPEN = Permits(lambda _: 1, lambda *_: [])
CLOSED = Permits(lambda _: 1, lambda *_: [], lambda _: LATER)
FORBIDDEN = Permits(lambda _: 1, lambda _, rows: [(i, DropReason.SUPPRESSED, "complaint") for i in range(len(rows))])


@pytest.mark.parametrize("key", [KEY, LONG], ids=["usual names", "long names"])
@pytest.mark.parametrize("permits", [OPEN, CLOSED, FORBIDDEN], ids=["open", "hours close", "all suppressed"])
def test_a_step_fits_into_a_batch_and_the_rest_comes_with_the_next_credit(permits: Permits, key: ClassKey) -> None:
    """A write that is too large ends the process, and after a restart the same packs make the same write again."""
    state, done, slips = waiting_for_a_retry(key), 0, 0
    why = "route smtp: the only one that is open; " * 8
    while state.queue(key).due or not slips:
        slips += 1
        batch = Batch()
        slip = Slip(0, slips, NOW, NOW + 3, NOW + 30, [Grant(route="smtp", count=PEOPLE, why=why, **key._asdict())])
        spent = spend(state, batch, slip, permits, NOW)
        assert spent is not None
        state.tell(batch, [e for pack, *drop in spent.dropped for e in of_drops(pack, [tuple(drop)], NOW)])
        assert sum(len(key) + len(value or b"") + FRAMING for key, value in batch.items) <= MAX_WRITE
        done += len(spent.releases) + len(spent.dropped)
    assert slips >= PEOPLE // MOST_TAKEN
    assert (done, state.demand_of(key).next_due) == ((0, LATER) if permits is CLOSED else (PEOPLE, 0.0))
