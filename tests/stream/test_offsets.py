"""Which offset may be committed."""

from hypothesis import given
from hypothesis import strategies as st

from app.stream.offsets import Delivered, lost_ground


def delivered(*offsets: int) -> Delivered:
    """A partition in which *offsets* were handed over."""
    memory = Delivered()
    for offset in offsets:
        memory.add(offset)
    return memory


def test_nothing_is_committed_past_a_record_in_flight() -> None:
    """
    Stock Faust is off by one here, and a crash loses the record.
    """
    memory = delivered(5, 6, 7)
    assert memory.take_acked({6, 7}) == []
    assert memory.take_acked({5, 6, 7}) == [5, 6, 7]
    assert len(memory) == 0


def test_a_gap_neither_holds_nor_skips_anything() -> None:
    """
    Compaction and transactions leave holes; what lies behind one counts like any other record.
    """
    memory = delivered(5, 9, 12)
    assert memory.take_acked({5, 12}) == [5]
    assert memory.take_acked({9, 12}) == [9, 12]


def test_a_rewind_forgets_what_will_come_again() -> None:
    """
    After a seek the same offsets are handed over anew; twice in the memory, they would block each other.
    """
    memory = delivered(5, 6, 7, 6, 7)
    assert len(memory) == 3
    assert memory.take_acked({5, 6}) == [5, 6]


@given(st.sets(st.integers(0, 60)), st.data())
def test_what_is_committed_is_exactly_the_acknowledged_head(offsets: set[int], data: st.DataObject) -> None:
    """
    For every order of acknowledgements: no unfinished record below the commit, no finished one kept behind.
    """
    order = data.draw(st.permutations(sorted(offsets)))
    memory, acked, committed = delivered(*sorted(offsets)), set[int](), -1
    for offset in order:
        acked.add(offset)
        run = memory.take_acked(acked)
        acked -= set(run)
        committed = run[-1] if run else committed
        unfinished = offsets - set(order[: order.index(offset) + 1])
        assert committed < min(unfinished, default=61)
        assert all(done <= committed or any(u < done for u in unfinished) for done in order[: order.index(offset) + 1])
    assert len(memory) == 0


def test_a_commit_must_lie_in_the_log() -> None:
    """
    Below the start something was deleted unread; beyond the end it is another log.
    """
    assert lost_ground(3, 3, 9) == lost_ground(9, 3, 9) == ""
    assert "deleted unread" in lost_ground(2, 3, 9)
    assert "not the log that was read" in lost_ground(10, 3, 9)
