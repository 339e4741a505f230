"""The verdict of the end-to-end benchmark on a record of the sink."""

from benchmarks.end_to_end import judge


def test_the_verdict_counts_what_is_missing_doubled_and_foreign() -> None:
    """A benchmark that could not see a loss would praise it as speed."""
    assert judge({"a", "b", "c"}, ["a", "b", "b", "b", "x"]) == (1, 2, 1)
    assert judge({"a"}, ["a"]) == (0, 0, 0)
