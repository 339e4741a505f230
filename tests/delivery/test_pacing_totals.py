"""Totals over partitions: the same as adding up what each partition has told last, whatever it told before."""

from hypothesis import given
from hypothesis import strategies as st

from app.delivery.pacing.totals import Totals

COUNTS = st.dictionaries(st.sampled_from("abc"), st.integers(0, 3), max_size=3)
REPORTS = st.lists(
    st.tuples(st.integers(0, 2), st.dictionaries(st.sampled_from(("c1", "c2")), COUNTS), st.booleans()), max_size=20
)


@given(REPORTS)
def test_totals_are_the_sum_of_what_each_partition_told_last(
    reports: list[tuple[int, dict[str, dict[str, int]], bool]],
) -> None:
    """
    Also of counters that are 0, and of campaigns that are gone: an error here would end pacing after each start.
    """
    totals, last = Totals(3), [dict[str, dict[str, int]]() for _ in range(3)]
    for partition, counters, full in reports:
        totals.hear(partition, counters, full=full)
        last[partition] = {**({} if full else last[partition]), **counters}
    for campaign in ("c1", "c2"):
        for name in "abc":
            expected = sum(each.get(campaign, {}).get(name, 0) for each in last)
            assert totals.counts(campaign).get(name, 0) == totals.count(campaign, [name]) == expected
