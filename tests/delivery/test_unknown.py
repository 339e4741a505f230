"""Unknown outcomes under "hold": never sent again, and decided in the end."""

from app.delivery.events import of_decision
from app.delivery.outcomes import FINAL, Kind
from app.delivery.partition import Partition
from app.delivery.settle import settle
from app.delivery.unknown import decide, to_decide
from tables.recipients import Batch, restore
from tests.delivery.test_settle import NOW, RULES, Rows, answered, released


def lost(people: int) -> tuple[Partition, Rows]:
    """A partition in which *people* were on the wire when their sender died."""
    state, table, (number,) = released(people, people)
    batch = Batch()
    settle(state, batch, number, answered(state, number, Kind.UNCERTAIN), RULES, NOW, 0.5)
    table.apply(batch)
    return state, table


def final(state: Partition) -> int:
    return sum(state.counters["c_1"].get(name, 0) for name in FINAL)


def running(_: str) -> bool:
    return False


def test_a_held_unknown_is_final_only_when_it_is_decided() -> None:
    """A campaign that says "completed" must not wait for anything any more; one that waits must say so."""
    state, _ = lost(7)
    assert state.counters["c_1"] == {"unknown": 7} and final(state) == 0
    assert not list(to_decide(state, NOW - 0.001, running, 10))
    ((number, _),) = to_decide(state, NOW, running, 10)
    decide(state, Batch(), number)
    assert final(state) == 7 and not list(to_decide(state, NOW + 1e9, running, 10))


def test_held_unknowns_survive_a_restart_and_are_counted_once() -> None:
    """A crash before the decision keeps them, one after it does not decide them again."""
    _, table = lost(5)
    state = restore(table, 0)
    ((number, held),) = to_decide(state, NOW, running, 10)
    batch = Batch()
    decide(state, batch, number)
    assert of_decision("email", held, "no news", NOW).message_ids == held.messages and held.count == 5
    assert len(restore(table, 0).unknowns) == 1  # killed before the batch was there
    table.apply(batch)
    again = restore(table, 0)
    assert not again.unknowns and final(again) == 5
    assert again.marks.next_unknown == 1  # a number is never used twice


def test_a_sweep_takes_few_at_a_time_and_cancelled_ones_at_once() -> None:
    """A disk full of unknowns must not make one batch too large; nobody waits for a cancelled campaign."""
    state, _ = lost(3)
    held = state.unknowns[0]
    state.unknowns = dict.fromkeys(range(50), held)
    assert len(list(to_decide(state, NOW, running, 20))) == 20
    assert not list(to_decide(state, 0.0, running, 20))
    assert len(list(to_decide(state, 0.0, lambda campaign: campaign == "c_1", 20))) == 20
