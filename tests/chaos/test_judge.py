"""The judge itself: a judge that cannot find anything proves nothing."""

from tests.chaos.judge import judge


def test_the_judge_finds_what_is_wrong() -> None:
    """Lost, doubled, unknown and foreign, each counted as itself."""
    verdict = judge(["a", "b", "c", "d", "e"], ["a", "b", "b", "x"], ["c"], ["e"])
    assert (verdict.lost, verdict.duplicated, verdict.unknown, verdict.foreign) == (1, 1, 1, 1)
    assert verdict.unknown_never_sent == 1 and not verdict.clean


def test_the_judge_is_content_with_a_clean_run() -> None:
    """Everybody once."""
    assert judge(["a", "b"], ["b", "a"], [], []).clean
