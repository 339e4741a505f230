"""Event packs as rows of the events table: columns are joined from what packs hold already, not built row by row."""

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from app.clickhouse.moments import LATEST
from app.clickhouse.native import Block, low_cardinality, strings
from app.records import EventPack

ID = 16
MOST_CODE = 0xFFFF_FFFF  # codes of Meta have six digits

# What is one value a pack, in the order of the table.
PER_PACK = ("account", "campaign", "channel", "lane", "kind", "route", "why")
PER_ROW = ("groups", "reasons", "actions", "enhanced")  # few values, but not one a pack
NAMES = {"groups": "mx_group", "reasons": "reason", "actions": "action"}


@dataclass(frozen=True, slots=True)
class SourcedPack:
    """A pack, and the record it came in."""

    pack: EventPack
    partition: int
    offset: int

    @property
    def rows(self) -> int:
        """Events in the pack."""
        return len(self.pack.message_ids) // ID


def mistakes_in(pack: EventPack) -> str:
    """Why *pack* cannot be rows, or ""."""
    rows, rest = divmod(len(pack.message_ids), ID)
    if rest or len(pack.recipient_ids) != len(pack.message_ids):
        return f"{len(pack.message_ids)} bytes of message ids, {len(pack.recipient_ids)} of recipient ids"
    for name in ("times", "codes", "classes", "details", "refs", "reports", *PER_ROW):
        size = len(getattr(pack, name))
        if size not in (0, rows):
            return f"{size} {name} for {rows} messages"
    if not 0 <= pack.attempt <= 0xFFFF:
        return "an attempt is not in 0..65535"
    if not all(math.isfinite(at) and 0 <= at < LATEST for at in (pack.at, *pack.times)):
        return "a time is out of range"
    return ""


def block_of(packs: Sequence[SourcedPack]) -> Block:
    """All events of *packs*, which have no mistakes, as one block for `INSERT INTO events`."""
    sizes = [each.rows for each in packs]
    block = Block(sum(sizes))
    both = list(zip([each.pack for each in packs], sizes, strict=True))
    for name in PER_PACK:
        runs = [(getattr(pack, name).encode(), rows) for pack, rows in both]
        block.add(name, "LowCardinality(String)", low_cardinality(runs))
    for name in PER_ROW:
        runs = [
            run
            for pack, rows in both
            for run in _runs(getattr(pack, name), pack.group if name == "groups" else "", rows)
        ]
        block.add(NAMES.get(name, name), "LowCardinality(String)", low_cardinality(runs))
    block.add("message_id", "FixedString(16)", b"".join([pack.message_ids for pack, _ in both]))
    block.add("recipient_id", "FixedString(16)", b"".join([pack.recipient_ids for pack, _ in both]))
    block.add("time", "DateTime64(3, 'UTC')", b"".join([_times(pack, rows) for pack, rows in both]))
    block.add("attempt", "UInt16", b"".join([pack.attempt.to_bytes(2, "little") * rows for pack, rows in both]))
    block.add("code", "UInt32", b"".join([_codes(pack, rows) for pack, rows in both]))
    block.add("class", "String", b"".join([_texts(pack.classes, rows) for pack, rows in both]))
    block.add("detail", "String", b"".join([_texts(pack.details, rows) for pack, rows in both]))
    block.add("ref", "String", b"".join([_texts(pack.refs, rows) for pack, rows in both]))
    block.add("report", "String", b"".join([_texts(pack.reports, rows) for pack, rows in both]))
    places = zip(packs, sizes, strict=True)
    block.add("source_partition", "UInt16", b"".join([s.partition.to_bytes(2, "little") * n for s, n in places]))
    places = zip(packs, sizes, strict=True)
    block.add("source_offset", "UInt64", b"".join([s.offset.to_bytes(8, "little") * n for s, n in places]))
    return block


def _runs(values: list[str], otherwise: str, rows: int) -> list[tuple[bytes, int]]:
    if not values:
        return [(otherwise.encode(), rows)]
    return [(value.encode(), len(list(same))) for value, same in groupby(values)]


def _times(pack: EventPack, rows: int) -> bytes:
    """Milliseconds. Machines that run this are little-endian, as the format is."""
    if not pack.times:
        return int(pack.at * 1000).to_bytes(8, "little") * rows
    return array("q", [int(at * 1000) for at in pack.times]).tobytes()


def _codes(pack: EventPack, rows: int) -> bytes:
    """Codes are whatever servers and providers say: what does not fit is cut, for its event is worth more than it."""
    if not pack.codes:
        return bytes(4 * rows)
    try:
        return array("I", pack.codes).tobytes()
    except OverflowError:
        return array("I", [min(MOST_CODE, max(0, code)) for code in pack.codes]).tobytes()


def _texts(texts: list[str], rows: int) -> bytes:
    return strings([text.encode() for text in texts]) if texts else bytes(rows)
