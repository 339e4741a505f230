"""Packs of single messages: who gets one, by partition, and the ids that their messages will have."""

import os
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from app import ids
from app.records import Recipient, RecipientPack
from app.topics import EMAIL, TRANSACTIONAL

MOST_ROWS = 500
MOST_BYTES = 200_000  # of a pack, about: the gate takes a half more
RUN = 1
OVERHEAD = 60  # bytes of a row besides its texts


def new_pack_id() -> bytes:
    """The id of a request that nobody repeats."""
    return os.urandom(ids.ID_BYTES)


def claim_id(account: str, key: str) -> bytes:
    """The pack of a request with an Idempotency-Key that says who came first. Its partition follows from it."""
    return blake2b(f"{account}|{key}".encode(), digest_size=ids.ID_BYTES, person=b"fanfare.claim").digest()


def part_id(claim: bytes, at: float, partition: int, chunk: int) -> bytes:
    """The *chunk*-th pack of a request in a partition: the same for whoever repeats it.

    *at* is when the key was claimed. Once that is forgotten the key is a new one, and so are its packs: some
    partition may still know the old ones, and would take them for repeats.
    """
    text = claim + struct.pack(">d", at) + partition.to_bytes(4, "big") + chunk.to_bytes(4, "big")
    return blake2b(text, digest_size=ids.ID_BYTES, person=b"fanfare.part").digest()


def message_of(day: int, campaign: str, pack: bytes, recipient: bytes, channel: str = EMAIL) -> bytes:
    """The id of the message to *recipient* in *pack*, as the gate works it out."""
    return ids.message_id(day, f"{campaign}|{pack.hex()}", RUN, recipient, channel)


def pack_of(pack_id: bytes, account: str, campaign: str, day: int, rows: list[Recipient]) -> RecipientPack:
    """The record."""
    return RecipientPack(pack_id, account, campaign, RUN, day, TRANSACTIONAL, rows)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows that travel together: their places in the request, and the rows."""

    partition: int
    number: int  # in its partition, from 0
    places: list[int]
    rows: list[Recipient]


def chunks_of(rows: Sequence[Recipient], partitions: int) -> Iterator[Chunk]:
    """*rows* by partition, as many as fit. Nobody is twice in one: their two messages would have one id."""
    growing: dict[int, tuple[Chunk, set[bytes], int]] = {}
    for place, row in enumerate(rows):
        partition = ids.partition_of(row.recipient_id, partitions)
        chunk, seen, size = growing.get(partition) or (Chunk(partition, 0, [], []), set(), 0)
        weight = weight_of(row)
        if chunk.rows and (len(chunk.rows) == MOST_ROWS or size + weight > MOST_BYTES or row.recipient_id in seen):
            yield chunk
            chunk, seen, size = Chunk(partition, chunk.number + 1, [], []), set(), 0
        chunk.places.append(place)
        chunk.rows.append(row)
        seen.add(row.recipient_id)
        growing[partition] = (chunk, seen, size + weight)
    yield from (chunk for chunk, _, _ in growing.values())


def weight_of(row: Recipient) -> int:
    """Bytes that *row* takes in a record, about."""
    return len(row.variables) + 4 * len(row.address) + OVERHEAD
