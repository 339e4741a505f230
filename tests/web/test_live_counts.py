"""Folding demand snapshots into live counts."""

from hypothesis import given
from hypothesis import strategies as st

from app.control import LiveCounts
from app.records import ClassDemand, Demand


def snapshot(version: int, delivered: int, partition: int = 0, full: bool = True, due: int = 0) -> Demand:
    """What a partition reports: everything is absolute."""
    classes = [ClassDemand("c", "bulk", "g", due, 0.0, 0)]
    return Demand(partition, version, 0, 0.0, full, 0, classes, {"c": {"listed": 50, "delivered": delivered}})


@given(st.lists(st.integers(0, 20), min_size=1))
def test_lost_doubled_and_late_snapshots_do_no_harm(order: list[int]) -> None:
    """
    A dead worker's last words may arrive after its successor's first: the newest version counts.
    """
    counts = LiveCounts(1)
    for version in order:
        counts.hear(snapshot(version, delivered=version))
    assert counts.of("c").counts["delivered"] == max(order)


def test_counts_are_complete_only_when_every_partition_was_heard_in_full() -> None:
    """
    Half of the truth must not look like the whole.
    """
    counts = LiveCounts(2)
    counts.hear(snapshot(1, 10, partition=0))
    counts.hear(snapshot(1, 10, partition=1, full=False))
    assert not counts.of("c").complete
    counts.hear(snapshot(1, 10, partition=1))
    assert counts.of("c").complete
    assert counts.of("c").counts == {"listed": 100, "delivered": 20}


def test_a_class_that_emptied_leaves_the_picture() -> None:
    """
    A page that shows messages as due which are gone looks stuck.
    """
    counts = LiveCounts(1)
    counts.hear(snapshot(1, 0, due=9))
    assert counts.of("c").due == 9
    counts.hear(snapshot(2, 9, full=False, due=0))
    assert counts.of("c").due == 0
