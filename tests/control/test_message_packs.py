"""Packs of single messages: everybody in one, each with an id of its own."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from app import ids
from app.control.message_packs import MOST_BYTES, MOST_ROWS, chunks_of, message_of, part_id, weight_of
from app.delivery.gate import message_ids, mistakes_in
from app.records import Recipient, RecipientPack


def a_row(person: int, size: int) -> Recipient:
    recipient = ids.recipient_id(b"k", "email", f"p{person}@x.org")
    return Recipient(recipient, f"p{person}@x.org", "other", b"{%b}" % (b" " * size))


rows = st.lists(st.builds(a_row, st.integers(0, 30), st.sampled_from([0, 100, 90_000])), max_size=60)


@given(rows, st.integers(1, 12))
def test_every_row_is_in_one_chunk_of_its_partition_and_every_message_has_its_own_id(
    wanted: list[Recipient], partitions: int
) -> None:
    """A person may be named twice in a request - two orders - and then wants both messages."""
    places: list[int] = []
    messages: list[bytes] = []
    parts: list[bytes] = []
    for chunk in chunks_of(wanted, partitions):
        assert 0 < len(chunk.rows) <= MOST_ROWS
        assert len(chunk.rows) == 1 or sum(map(weight_of, chunk.rows)) <= MOST_BYTES
        pack_id = part_id(b"c" * 16, 1.7e9, chunk.partition, chunk.number)
        pack = RecipientPack(pack_id, "a", "c_1", 1, 20_000, "transactional", chunk.rows)
        assert mistakes_in(pack, "transactional", chunk.partition, partitions, 0.0) == ""
        named = [message_of(20_000, "c_1", pack_id, row.recipient_id) for row in chunk.rows]
        assert named == message_ids(pack, "email")
        places += chunk.places
        messages += named
        parts.append(pack_id)
    assert sorted(places) == list(range(len(wanted)))
    assert max(Counter(messages).values(), default=1) == 1
    assert len(set(parts)) == len(parts)


def test_a_key_that_is_claimed_anew_makes_new_packs() -> None:
    """After two weeks a gate may have forgotten the key and not yet the packs: new ones must not pass for repeats."""
    first, repeat, later = (part_id(b"c" * 16, at, 0, 0) for at in (1.7e9, 1.7e9, 1.7e9 + 1_300_000))
    assert first == repeat != later
