"""What a changelog batch says about itself, and which batches count at recovery. Pure.

The first record of every batch carries a header with the offset at which its writer expected it and the
number of its records. A batch that lies elsewhere was written by a process that was no longer the owner
(or by an owner who had already lost a race): nobody ever acted on it, so recovery ignores it and the new
owner rewrites the keys it touched.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

HEADER = "at"
_HEADER = struct.Struct("<qI")
RESERVED = b"__faust\0"  # keys of Faust's store and of ours: never in a changelog
HEAL = RESERVED + b"heal\0"  # + key: touched by an ignored batch, to be rewritten


class Record(Protocol):
    """What is read of a changelog record."""

    offset: int
    key: bytes
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


def batch_header(expected: int, count: int) -> list[tuple[str, bytes]]:
    """Headers for the first record of a batch of *count* records that should get the offset *expected*."""
    return [(HEADER, _HEADER.pack(expected, count))]


@dataclass(slots=True)
class Sifted:
    """What to do with a run of changelog records: *puts* in order (None deletes), up to offset *last*.

    *touched* are keys of ignored batches whose true value no later record repeats; *restored* are keys
    that were touched before and are set again by this run.
    """

    last: int
    puts: dict[bytes, bytes | None] = field(default_factory=dict)
    touched: set[bytes] = field(default_factory=set)
    restored: set[bytes] = field(default_factory=set)


def sift(records: Iterable[Record], seen: int) -> Sifted:
    """Sort *records* (ascending, offsets above *seen* count) into what counts and what does not.

    A run ends with a batch, as every fetch without a limit on records does: what follows an ignored
    batch's header in another run would not be known as ignored. Where compaction has taken the end of
    an ignored batch, *last* is where it was.
    """
    out, ignored_until = Sifted(seen), -1
    puts, touched = out.puts, out.touched
    for record in records:
        offset = record.offset
        if offset <= seen:
            continue
        headers = record.headers
        if headers and headers[0][0] == HEADER:
            expected, count = _HEADER.unpack(headers[0][1])
            ignored_until = -1 if expected == offset else offset + count - 1
        key = record.key
        out.last = offset
        if offset <= ignored_until:
            touched.add(key)
        else:
            puts[key] = record.value
            if touched:
                touched.discard(key)
    if ignored_until > out.last:
        out.last = ignored_until
    out.restored = puts.keys() - touched
    return out
