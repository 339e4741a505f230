"""Whoever becomes due is made ready at that moment, whatever was looked at, taken or forgotten before."""

from hypothesis import given
from hypothesis import strategies as st

from app.delivery.partition import Partition
from app.delivery.partition_records import ClassKey, WaitingPack
from app.records import Outgoing
from tables.recipients import Batch

KEYS = [ClassKey(campaign, "bulk", group) for campaign in ("c_1", "c_2") for group in ("gmail", "other")]
WHO = [Outgoing(b"m" * 16, b"r" * 16, "a@b.example", b"{}")]

ACTS = st.lists(
    st.tuples(st.sampled_from(["add", "add", "advance", "one class", "close", "withdraw", "forget"]),
              st.sampled_from(KEYS), st.floats(0.0, 50.0)),
    max_size=40,
)  # fmt: skip


@given(ACTS)
def test_what_is_due_is_ready_and_what_is_not_waits(acts: list[tuple[str, ClassKey, float]]) -> None:
    """A pack that nobody looks at again is a person who is never written to."""
    state, now = Partition(0, lambda _: WHO), 100.0
    for act, key, number in acts:
        now += number / 10
        match act:
            case "add":
                state.add(Batch(), WaitingPack("a", *key[:3], 1, now, now + number, 1), WHO)
            case "advance":
                state.advance(now)
            case "one class":
                state.advance_class(key, now)
            case "close":
                list(state.take(Batch(), key, 2, lambda _: now + number))  # noqa: B023 - it is asked at once
            case "withdraw":
                for each in [each for each, pack in state.packs.items() if pack.key == key and not pack.cursor][:1]:
                    state.withdraw(each)
                    state.forget_if_used_up(Batch(), each)
            case "forget":
                for each in KEYS:
                    state.demand_of(each)
                state.drop_empty_queues(list(state.queues))
        state.tell(Batch(), [])
    again = state.advance(now)
    waits = [pack.due for pack in state.packs.values() if pack.due > now]
    assert sum(queue.due for queue in state.queues.values()) == len(state.packs) - len(waits)
    assert not waits or now < again <= min(waits)
    state.advance(now + 1_000.0)
    assert sum(queue.due for queue in state.queues.values()) == len(state.packs)
