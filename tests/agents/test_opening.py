"""Opened releases: when each was produced is known for as long as it is open here."""

from types import SimpleNamespace
from typing import Any, cast

from agents.opening import Opening
from app.delivery.partition import Partition
from app.delivery.partition_records import OpenRelease
from app.delivery.people.windows import Hours
from app.stream.zones import zone_named
from tables.recipients import Batch


def test_a_partition_that_goes_in_the_middle_takes_its_releases_along() -> None:
    """
    A rebalance while releases are produced again ended the process over the partitions it had lost.
    """
    state = Partition(0, lambda _: [])
    number = state.open(Batch(), OpenRelease("a", "c", "bulk", "g", "smtp", 1, 0, 0, 1, 0.0, 9.0, 1))
    recipients = cast(Any, SimpleNamespace(partitions={0: state}))
    opening = Opening(cast(Any, None), recipients, cast(Any, None), Hours(zone_named), cast(Any, None))
    opening.produced = {(0, number): 1.0, (0, number + 1): 1.0, (3, number): 1.0}
    opening.forget_closed()
    assert opening.produced == {(0, number): 1.0}
