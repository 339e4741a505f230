"""Which changelog records count at recovery."""

from dataclasses import dataclass
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from app.settings import Settings
from app.stream.app import create_app
from app.stream.changelog import batch_header, sift


@dataclass
class Stored:
    """A record as it is read."""

    offset: int
    key: bytes
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


def batch(at: int, expected: int, **items: str | None) -> list[Stored]:
    """A batch that lies at *at* and was written for *expected*."""
    headers = tuple(batch_header(expected, len(items)))
    found = []
    for place, (key, value) in enumerate(items.items()):
        found.append(Stored(at + place, key.encode(), None if value is None else value.encode(), headers))
        headers = ()
    return found


def test_a_batch_that_lies_where_it_was_expected_counts() -> None:
    """
    The last value of a key wins, and a tombstone is a value.
    """
    sifted = sift(batch(0, 0, a="1", b="1") + batch(2, 2, a=None), -1)
    assert sifted.puts == {b"a": None, b"b": b"1"}
    assert sifted.last == 2
    assert sifted.touched == set()


def test_a_batch_that_lies_elsewhere_is_ignored_and_its_keys_are_remembered() -> None:
    """
    Nobody acted on it: its writer died at its acknowledgement.
    """
    sifted = sift(batch(0, 0, a="1") + batch(1, 7, a="x", c="x") + batch(3, 3, b="1"), -1)
    assert sifted.puts == {b"a": b"1", b"b": b"1"}
    assert sifted.touched == {b"a", b"c"}


def test_a_later_write_of_the_owner_makes_a_touched_key_whole() -> None:
    """
    Whoever reads the changelog later needs the true value last.
    """
    sifted = sift(batch(0, 7, a="x") + batch(1, 1, a="2"), -1)
    assert sifted.puts == {b"a": b"2"}
    assert sifted.touched == set()
    assert sifted.restored == {b"a"}


def test_records_without_their_header_count() -> None:
    """
    Compaction may have removed the first record of a batch; the rest was rewritten if it was not to count.
    """
    assert sift(batch(4, 4, a="1", b="2")[1:], -1).puts == {b"b": b"2"}


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 4), st.integers(0, 3)), max_size=12), st.data())
def test_recovery_in_pieces_finds_the_same_as_in_one_go(
    shape: list[tuple[bool, int, int]], data: st.DataObject
) -> None:
    """
    A fetch ends after any batch, a crash makes the rest begin anew, and compaction may have taken a batch's tail.
    """
    batches: list[list[Stored]] = []
    end = 0
    for number, (owner, size, gone) in enumerate(shape):
        names = data.draw(st.lists(st.sampled_from("abcdef"), min_size=size, max_size=size, unique=True))
        whole_batch = batch(end, end if owner else end + 1000, **{name: str(number) for name in names})
        batches.append(whole_batch[: max(1, size - gone)])
        end += size
    whole = sift([record for each in batches for record in each], -1)
    puts: dict[bytes, bytes | None] = {}
    touched: set[bytes] = set()
    seen, start = -1, 0
    for cut in [*sorted(data.draw(st.sets(st.integers(0, len(batches))))), len(batches)]:
        again = max(0, start - 1)  # a restart reads the last batch once more
        part = sift([record for each in batches[again:cut] for record in each], seen)
        puts |= part.puts
        touched = (touched - part.restored) | part.touched
        seen, start = part.last, cut
    assert (puts, touched, seen) == (whole.puts, whole.touched, whole.last)


def test_fetches_are_not_limited_by_records(tmp_path: Path) -> None:
    """
    A limit would cut an ignored batch in two, and its second half would count.
    """
    app = create_app("test", Settings(state_dir=tmp_path), worker="test-0", web_port=None)
    assert app.conf.broker_max_poll_records is None
