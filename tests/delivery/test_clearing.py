"""What waits of ended campaigns is dropped in steps that fit into a batch: everybody once, and nobody else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.delivery.clearing import alike, clear_waiting
from app.delivery.events import of_drops
from app.delivery.outcomes import DropReason, Status
from app.delivery.partition import Partition
from app.delivery.partition_records import ClassKey, WaitingPack
from app.records import Outgoing
from app.stream.pack_table import FRAMING, MAX_WRITE
from tables.recipients import Batch, restore
from tables.reports import states_of

NOW = 1_800_000_000.0
CAMPAIGNS = ("cancelled", "late", "runs")
ENDED = {"cancelled": DropReason.CANCELLED, "late": DropReason.EXPIRED}

PACKS = st.lists(
    st.tuples(
        st.sampled_from(CAMPAIGNS), st.sampled_from(("gmail", "other")), st.integers(1, 4), st.integers(1, 400),
        st.sampled_from((0.0, 50.0)),
    ),
    max_size=8,
)  # fmt: skip


class Stored:
    """The table, as a dict."""

    def __init__(self) -> None:
        self.items: dict[bytes, bytes] = {}

    def get_many(self, _: int, keys: list[bytes]) -> list[bytes | None]:
        return [self.items.get(key) for key in keys]

    def scan(self, _: int, prefix: bytes) -> list[tuple[bytes, bytes]]:
        return sorted(each for each in self.items.items() if each[0].startswith(prefix))

    def write(self, batch: Batch) -> None:
        """Apply *batch*, which must fit into one of Kafka's."""
        assert sum(len(key) + len(value or b"") + FRAMING for key, value in batch.items) <= MAX_WRITE
        for key, value in batch.items:
            if value is None:
                self.items.pop(key, None)
            else:
                self.items[key] = value


def people(number: int, count: int) -> list[Outgoing]:
    """Somebody for every row of a pack."""
    who = [number.to_bytes(8, "big") + row.to_bytes(8, "big") for row in range(count)]
    return [Outgoing(each, each, "somebody@example.com", b"{}") for each in who]


@given(PACKS, st.integers(0, 900))
def test_everybody_who_waits_is_dropped_once_and_nobody_else(
    packs: list[tuple[str, str, int, int, float]], taken: int
) -> None:
    """
    Packs that are partly on their way, tried before, due now or later: the counters and the events tell the same.
    """
    table = Stored()
    state = restore(table, 0)  # type: ignore[arg-type]
    for number, (campaign, group, attempt, count, later) in enumerate(packs):
        batch = Batch()
        pack = WaitingPack("a", campaign, "bulk", group, attempt, NOW, NOW + later, count, retry=attempt > 1)
        state.add(batch, pack, people(number, count))
        state.tell(batch, [])
        table.write(batch)
    state.advance(NOW)
    batch = Batch()
    for campaign in CAMPAIGNS:  # some have left
        for number, pack, *_ in state.take(batch, ClassKey(campaign, "bulk", "gmail"), taken, lambda _: 0.0):
            batch.pack(number, pack)
    state.tell(batch, [])
    table.write(batch)
    before = {name: waits(state, name) for name in CAMPAIGNS}
    told: dict[str, list[bytes]] = {name: [] for name in CAMPAIGNS}
    while True:
        batch = Batch()
        cleared = clear_waiting(state, batch, ENDED, NOW)
        if not cleared:
            break
        events = [event for pack, drops in alike(cleared) for event in of_drops(pack, drops, NOW)]
        for event in events:
            assert set(event.classes) == {ENDED[event.campaign]}
            told[event.campaign] += [event.message_ids[at : at + 16] for at in range(0, len(event.message_ids), 16)]
        state.tell(batch, events)
        table.write(batch)
    for name in CAMPAIGNS:
        gone = before[name] if name in ENDED else 0
        assert len(set(told[name])) == len(told[name]) == gone == state.counters.get(name, {}).get("dropped", 0)
        assert waits(state, name) == before[name] - gone
    again = restore(table, 0)  # type: ignore[arg-type]
    assert {name: waits(again, name) for name in CAMPAIGNS} == {name: waits(state, name) for name in CAMPAIGNS}
    state.advance(NOW + 100)
    assert {name: due(state, name) for name in CAMPAIGNS} == {name: waits(state, name) for name in CAMPAIGNS}


@pytest.mark.parametrize("attempt", [1, 2])
def test_of_who_was_tried_before_it_is_written_down_that_they_are_not_tried_again(attempt: int) -> None:
    """
    A provider that said "too fast" has not had its attempt counted; the state of its messages says that they wait.
    """
    state, batch, (row, reached) = restore(Stored(), 0), Batch(), people(0, 2)  # type: ignore[arg-type]
    pack = WaitingPack("a", "cancelled", "bulk", "gmail", attempt, NOW, NOW + 50, 2, retry=True)
    state.add(batch, pack, [row, reached])
    batch = Batch()
    ((_, rows, _),) = clear_waiting(state, batch, ENDED, NOW, lambda _, rows: [rows.index(reached)])
    stored = Stored()
    stored.write(batch)
    states = states_of(stored, 0, [row.message_id, reached.message_id])  # type: ignore[arg-type]
    assert rows == [row] and {message: each.status for message, each in states.items()} == {
        row.message_id: Status.DROPPED
    }
    assert (state.counters["cancelled"]["dropped"], state.counters["cancelled"]["sent"]) == (1, 1)


def waits(state: Partition, campaign: str) -> int:
    """Messages of *campaign* that wait."""
    return sum(pack.count - pack.cursor for pack in state.packs.values() if pack.campaign == campaign)


def due(state: Partition, campaign: str) -> int:
    """Those of them that are ready."""
    return sum(queue.due for key, queue in state.queues.items() if key.campaign == campaign)


@pytest.mark.parametrize("count", [1, 20, 500])
@pytest.mark.parametrize("pin", ["", "é" * 200], ids=["tried", "in doubt"])
def test_a_step_fits_into_a_batch_whatever_the_names(count: int, pin: str) -> None:
    """
    A write that is too large ends the process, and it would end the same way after each start.
    """
    table, campaign = Stored(), "c" * 200
    state = restore(table, 0)  # type: ignore[arg-type]
    for number in range(3_000 // count):
        batch, group = Batch(), f"{'ü' * 90}{number % 50}"
        pack = WaitingPack("a" * 64, campaign, "bulk", group, 2, NOW, NOW, count, retry=True, pin=pin)
        state.add(batch, pack, people(number, count))
        state.tell(batch, [])
        table.write(batch)
    steps = dropped = 0
    while True:
        batch = Batch()
        cleared = clear_waiting(state, batch, {campaign: DropReason.CANCELLED}, NOW)
        if not cleared:
            break
        events = [event for pack, drops in alike(cleared) for event in of_drops(pack, drops, NOW)]
        state.tell(batch, events)
        table.write(batch)
        steps += 1
        dropped += sum(len(event.message_ids) // 16 for event in events)
    assert dropped == 3_000 // count * count and steps > 1
