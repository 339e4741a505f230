"""ClickHouse's Native format: blocks of columns, written with as little work a value as can be.

Source: ClickHouse documentation, format "Native": the number of columns and of rows, then for each
column its name, type and values. ClickHouse converts String to LowCardinality as it inserts.
"""

from collections.abc import Iterable


def varint(number: int) -> bytes:
    """LEB128: how lengths are written."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


_LENGTHS = [varint(length) for length in range(1024)]


def string(value: bytes) -> bytes:
    """One String."""
    return (_LENGTHS[len(value)] if len(value) < 1024 else varint(len(value))) + value


def strings(values: Iterable[bytes]) -> bytes:
    """A column of String."""
    return b"".join([string(value) for value in values])


def repeated(value: bytes, count: int) -> bytes:
    """A column of String with one value."""
    return string(value) * count


def fixed_strings(joined: bytes, width: int, count: int) -> bytes:
    """A column of FixedString(*width*), already joined. Raises ValueError when the bytes are not *count* values."""
    if len(joined) != width * count:
        raise ValueError(f"{len(joined)} bytes are not {count} values of {width}")
    return joined


def low_cardinality(runs: Iterable[tuple[bytes, int]]) -> bytes:
    """A column of LowCardinality(String): each value as often in a row as it says. Every value is told once.

    Source: SerializationLowCardinality.cpp: the version of the keys, the type of the indexes with the flags for keys
    of its own and for a dictionary that is new, then the keys and the indexes, each behind their number.
    """
    places: dict[bytes, int] = {}
    indexes, rows = [], 0
    for value, count in runs:
        indexes.append(places.setdefault(value, len(places)).to_bytes(4, "little") * count)
        rows += count
    if not rows:
        return b""
    head = (1).to_bytes(8, "little") + (_INDEXES_OF_32_BITS | _OWN_KEYS | _NEW_DICTIONARY).to_bytes(8, "little")
    keys = len(places).to_bytes(8, "little") + strings(places)
    return b"".join([head, keys, rows.to_bytes(8, "little"), *indexes])


_INDEXES_OF_32_BITS, _OWN_KEYS, _NEW_DICTIONARY = 2, 1 << 9, 1 << 10


class Block:
    """Columns of *rows* values, in the order in which they are added."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self._names: list[str] = []
        self._columns: list[bytes] = []

    def add(self, name: str, kind: str, values: bytes) -> None:
        """Add a column of type *kind*."""
        self._names.append(name)
        self._columns += (string(name.encode()), string(kind.encode()), values)

    @property
    def names(self) -> str:
        """The column names, for an INSERT."""
        return ", ".join(self._names)

    def encode(self) -> bytes:
        """The block as bytes."""
        return b"".join([varint(len(self._names)), varint(self.rows), *self._columns])
