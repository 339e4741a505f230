"""What is laid over ClickHouse until it has it."""

from hypothesis import given
from hypothesis import strategies as st

from app.control.overlay import MOST_VERSIONS, Overlay
from app.things import ThingRecord


def record(ident: str, version: int, account: str = "default") -> ThingRecord:
    """A version of a segment."""
    return ThingRecord(kind="segment", account=account, id=ident, version=version, at=1.0, body={"v": version})


def test_the_newest_version_shows_until_record_has_passed_it() -> None:
    """
    Who has just saved a template must see it, whichever edge is asked.
    """
    overlay = Overlay()
    overlay.take(0, 10, record("a", 1))
    overlay.take(0, 12, record("a", 2))
    overlay.take(1, 3, record("b", 1, "other"))
    newest = overlay.newest("segment", "default", "a")
    assert newest is not None and newest.version == 2
    assert [each.id for each in overlay.of("segment", "default")] == ["a"]
    assert overlay.newest("segment", "default", "b") is None  # of another account
    overlay.passed({0: 12, 1: 4})
    assert list(overlay.versions("segment", "default", "a")) == [2]
    assert len(overlay) == 1
    overlay.passed({0: 13})
    assert overlay.newest("segment", "default", "a") is None


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 300)), max_size=400))
def test_memory_is_bounded_and_a_repeat_changes_nothing(heard: list[tuple[int, int]]) -> None:
    """
    While ClickHouse is away for a night, an edge must not grow without end.
    """
    overlay = Overlay(most=10)
    for offset, (thing, version) in enumerate(heard):
        overlay.take(0, offset, record(str(thing), version))
        overlay.take(0, offset, record(str(thing), version))
    assert len(overlay) <= 10
    for each in overlay.of("segment", "default"):
        versions = overlay.versions("segment", "default", each.id)
        assert each.version == max(versions)
        assert len(versions) <= MOST_VERSIONS
