"""Crash notes: which ids were in flight when the process died, and how often that has happened.

A local append-only file, one small write a note, no fsync: it survives kill -9, and losing it costs only
a later verdict. Deaths that are nobody's fault (fence, broker, watchdog) do not count.
"""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

BEGIN, END, COUNT, FORGIVE = b"B", b"E", b"C", b"F"  # COUNT: in flight at one more crash, from an earlier file
LARGEST = 1 << 20  # bytes of notes until they are compacted
MOST_COUNTED = 1_000  # ids whose crashes are kept, the latest


class CrashNotes:
    """Notes of one worker; *path* is read, compacted and kept open."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._crashes = _crashes_in(path.read_bytes()) if path.exists() else {}
        for ident in list(self._crashes)[:-MOST_COUNTED]:
            del self._crashes[ident]
        self._in_flight: dict[bytes, asyncio.Task[object] | None] = {}
        self._compact()

    def begin(self, ident: bytes) -> None:
        """Work on *ident* (1 to 255 bytes) begins."""
        self._in_flight[ident] = _current_task()
        self._add(_note(BEGIN, ident))

    def end(self, ident: bytes) -> None:
        """Work on *ident* has ended well or gave way: forget its crashes."""
        self._in_flight.pop(ident, None)
        self._crashes.pop(ident, None)
        self._add(_note(END, ident))

    def leave(self, ident: bytes) -> None:
        """Work on *ident* has ended, but not so well that its crashes are forgotten."""
        self._in_flight.pop(ident, None)
        self._add(_note(FORGIVE, ident))

    def blamed(self, prefix: bytes) -> dict[bytes, int]:
        """Crashes by id, of the ids that begin with *prefix*."""
        return {ident: n for ident, n in self._crashes.items() if ident.startswith(prefix)}

    def blame(self, ident: bytes) -> None:
        """Count one more crash for *ident*: something else has told that it was in flight."""
        self._crashes[ident] = self._crashes.pop(ident, 0) + 1
        self._add(_note(COUNT, ident))

    def crashes(self, ident: bytes) -> int:
        """How many crashes in a row *ident* was in flight at."""
        return self._crashes.get(ident, 0)

    def forgive(self, *, guilty: "asyncio.Task[object] | None" = None) -> None:
        """The process is about to end: what is in flight is not to blame, but for what the task *guilty* began."""
        notes = [_note(FORGIVE, i) for i, task in self._in_flight.items() if guilty is None or task is not guilty]
        if notes:
            self._add(b"".join(notes))

    def _add(self, notes: bytes) -> None:
        os.write(self._file, notes)
        self._size += len(notes)
        if self._size > LARGEST:
            os.close(self._file)
            self._compact()

    def _compact(self) -> None:
        """Write what is still true to a file of its own, and go on in it."""
        still = [_note(COUNT, i) * n for i, n in self._crashes.items()] + [_note(BEGIN, i) for i in self._in_flight]
        fresh = self._path.with_suffix(".new")
        fresh.write_bytes(b"".join(still))
        fresh.replace(self._path)
        self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND)
        self._size = 0


def _note(kind: bytes, ident: bytes) -> bytes:
    return kind + bytes([len(ident)]) + ident


def _current_task() -> "asyncio.Task[object] | None":
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None


def _notes_in(raw: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + 2 <= len(raw):
        end = at + 2 + raw[at + 1]
        if end > len(raw):
            return  # torn by the crash
        yield raw[at : at + 1], raw[at + 2 : end]
        at = end


def _crashes_in(raw: bytes) -> dict[bytes, int]:
    """Crashes by id: those noted before, and one more for what was in flight at the end of *raw*."""
    crashes: dict[bytes, int] = {}
    in_flight: set[bytes] = set()
    for kind, ident in _notes_in(raw):
        if kind == COUNT:
            crashes[ident] = crashes.get(ident, 0) + 1
        elif kind == BEGIN:
            in_flight.add(ident)
        elif kind == END:
            in_flight.discard(ident)
            crashes.pop(ident, None)
        elif kind == FORGIVE:
            in_flight.discard(ident)
    for ident in in_flight:
        crashes[ident] = crashes.pop(ident, 0) + 1  # the latest comes last
    return crashes
