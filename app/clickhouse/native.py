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
