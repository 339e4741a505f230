"""Packs of a shard: everybody once, in their partition, small enough, and the same at every replay."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.expand import PACK_BYTES, PACK_ROWS, mistakes_in, packs
from app import ids
from app.records import Recipient, Shard, encode

SHARD = Shard("default", "c", 1, "c-1.abc", 20_000, "bulk", 4_000, 0)


def row(number: int, weight: int) -> Recipient:
    """One person with *weight* bytes of attributes."""
    recipient = ids.recipient_id(b"test", "email", f"{number}@example.com")
    return Recipient(
        recipient, f"{number}@example.com", "other", b'{"a":"' + b"x" * weight + b'"}', 5.0, 2, "Asia/Tokyo"
    )


@given(st.lists(st.integers(0, 64_000), max_size=40), st.integers(0, 1_000), st.integers(1, 12))
def test_everybody_of_a_shard_is_in_one_pack_of_their_partition(
    weights: list[int], light: int, partitions: int
) -> None:
    """
    A person who is in no pack gets no mail; one in a wrong partition escapes suppressions.
    """
    rows = [row(i, weight) for i, weight in enumerate([*weights, *[10] * light])]
    made = list(packs(SHARD, rows, partitions))
    listed = [each for _, pack in made for each in pack.rows]
    assert sorted(map(encode, listed)) == sorted(map(encode, rows))
    assert all(
        ids.partition_of(each.recipient_id, partitions) == partition for partition, pack in made for each in pack.rows
    )
    assert all(len(pack.rows) <= PACK_ROWS for _, pack in made)
    assert all(len(encode(pack)) <= PACK_BYTES + 1_000 for _, pack in made)
    assert len({pack.pack_id for _, pack in made}) == len(made)


def test_a_replay_makes_the_same_packs() -> None:
    """
    The gate knows a pack by its id: the same id with other people in it would lose them.
    """
    rows = [row(i, i % 900) for i in range(3_000)]
    first = [(partition, encode(pack)) for partition, pack in packs(SHARD, rows, 8)]
    assert first == [(partition, encode(pack)) for partition, pack in packs(SHARD, rows, 8)]


@pytest.mark.parametrize(
    "change",
    [
        {"lane": "express"}, {"first": -1}, {"count": 0}, {"count": 100_001}, {"first": 1 << 32}, {"day": 70_000},
        {"day": -1}, {"seal": "s" * 501},
    ],
)  # fmt: skip
def test_a_range_that_cannot_be_is_not_asked_for(change: dict[str, Any]) -> None:
    """
    ClickHouse would refuse it again and again, and the ranges behind it would wait.
    """
    good = msgspec.structs.replace(SHARD, count=1_000)
    assert mistakes_in(good) == ""
    assert mistakes_in(msgspec.structs.replace(good, **change))
