"""The lines of an uploaded file as bytes of UTF-8: any line end, UTF-8 or UTF-16, plain or gzip, bounded memory."""

import codecs
import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

CHUNK = 1 << 20
LONGEST_LINE = 1 << 20  # bytes
GZIP = b"\x1f\x8b"
MOST_UNPACKED = 100  # times what was read of a packed file: a list of people comes to 10 or 20
ALWAYS_UNPACKED = 100 << 20  # bytes, however well they were packed


@dataclass(frozen=True, slots=True)
class TooLong:
    """A line that was skipped: *size* bytes."""

    size: int


@dataclass(frozen=True, slots=True)
class Broken:
    """The file cannot be read any further."""

    reason: str


Line = bytes | TooLong | Broken


class FileLines:
    """Iterates over (number from 1, line without its end). *bytes_read* counts what was taken from the file."""

    def __init__(self, source: Path | BinaryIO) -> None:
        self.bytes_read = 0
        self._source = source

    def __iter__(self) -> Iterator[tuple[int, Line]]:
        if isinstance(self._source, Path):
            with self._source.open("rb") as file:
                yield from enumerate(self._lines(file), 1)
        else:
            # sys.stdin is text over bytes: the bytes are what was given.
            yield from enumerate(self._lines(getattr(self._source, "buffer", self._source)), 1)

    def _lines(self, file: BinaryIO) -> Iterator[Line]:
        chunks = self._chunks(file)
        try:
            first = next(chunks, b"")
            yield from _split(first, chunks)
        except (OSError, EOFError, zlib.error) as error:
            yield Broken(f"the file cannot be read from here on: {error}")

    def _chunks(self, file: BinaryIO) -> Iterator[bytes]:
        counted = _Counted(file, self._count)
        head = counted.read(4)
        source: io.RawIOBase | gzip.GzipFile = _Prefixed(head, counted)
        if head.startswith(GZIP):
            source = gzip.GzipFile(fileobj=io.BufferedReader(source, CHUNK))
            head = source.peek(4)[:4]
        decode, unpacked = _decoder(head), 0
        while chunk := source.read(CHUNK):
            unpacked += len(chunk)
            if unpacked > max(ALWAYS_UNPACKED, self.bytes_read * MOST_UNPACKED):
                raise OSError(f"it unpacks to more than {MOST_UNPACKED} times its size: is it what it should be?")
            yield decode(chunk)

    def _count(self, size: int) -> None:
        self.bytes_read += size


class _Counted:
    """Tells how much was read."""

    def __init__(self, file: BinaryIO, count: Callable[[int], None]) -> None:
        self._file, self._count = file, count

    def read(self, size: int) -> bytes:
        found = self._file.read(size)
        self._count(len(found))
        return found


class _Prefixed(io.RawIOBase):
    """What was read already, then the rest: a pipe cannot be rewound."""

    def __init__(self, head: bytes, rest: _Counted) -> None:
        self._head, self._rest = head, rest

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        head, self._head = self._head[:size], self._head[size:]
        return head + self._rest.read(size - len(head)) if size > len(head) else head

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        found = self.read(len(buffer))
        buffer[: len(found)] = found
        return len(found)


def _decoder(head: bytes) -> Callable[[bytes], bytes]:
    """What makes UTF-8 of a chunk, by the byte order mark in *head*."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        utf16 = codecs.getincrementaldecoder("utf-16")("replace")
        return lambda chunk: utf16.decode(chunk).encode("utf-8", "replace")
    return lambda chunk: chunk


def _split(first: bytes, others: Iterator[bytes]) -> Iterator[Line]:
    """The lines of all chunks: ends are LF, CRLF, or CR alone where the beginning of the file has no LF."""
    end = b"\r" if b"\r" in first and b"\n" not in first else b"\n"
    pending, skipped = first.removeprefix(codecs.BOM_UTF8), 0
    while True:
        *whole, pending = pending.split(end)
        for line in whole:
            size = skipped + len(line)
            yield line.removesuffix(b"\r") if size <= LONGEST_LINE else TooLong(size)
            skipped = 0
        if skipped + len(pending) > LONGEST_LINE:
            skipped, pending = skipped + len(pending), b""
        chunk = next(others, None)
        if chunk is None:
            break
        pending += chunk
    if skipped:
        yield TooLong(skipped + len(pending))
    elif pending:
        yield pending.removesuffix(b"\r")
