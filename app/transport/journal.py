"""The attempt journal: which messages of this disk were begun, and how they were answered.

Append-only, no fsync: it survives a kill, not the disk. Notes gather until `flush`, which is called
before the bytes that they announce leave: one os.write for the notes of many messages. A record is
length (2 bytes), CRC-32 (4 bytes) and a msgpack array; reading stops at the first that is torn.
"""

import hashlib
import os
import struct
import time
import zlib
from collections.abc import Mapping
from pathlib import Path

import msgspec
import psutil

from app.delivery.ledger import JournalEntry
from app.records import Outcome

_HEAD = struct.Struct(">HI")
_MAX_DETAIL = 200
CURRENT, PREVIOUS, NEXT = "attempts", "attempts.previous", "attempts.next"
OPEN_SECONDS = 3_600.0  # a release that has been open for longer is no longer ours: its partition has left


class _Record(msgspec.Struct, array_like=True):
    release_id: bytes
    row: int
    outcome: Outcome | None = None


_ENCODE = msgspec.msgpack.Encoder().encode
_DECODE = msgspec.msgpack.Decoder(_Record).decode

Entries = dict[bytes, dict[int, JournalEntry]]


class AttemptJournal:
    """The journal of one sender's data folder.

    *disk* (8 bytes) names the folder, since the machine was started, in every intent. Two files take turns, each
    up to *rotate_at* bytes; what was noted of releases that are still open is taken along, however long a slow
    route keeps them while others write.
    """

    def __init__(self, folder: Path, rotate_at: int = 4 << 20) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._opened_at = time.time()
        self.disk = disk_name(_disk_id(folder / "disk"))
        self.entries: Entries = {}  # what a former process left, by release
        self._current, self._previous, self._next = folder / CURRENT, folder / PREVIOUS, folder / NEXT
        if self._next.exists():  # killed while the files took turns
            if self._current.exists():
                self._next.unlink()
            else:
                self._next.replace(self._current)
        _read(self._previous, self.entries)
        whole = _read(self._current, self.entries)
        if self._current.exists():
            os.truncate(self._current, whole)  # what follows a torn record could never be read
        self._rotate_at = rotate_at
        self._notes: list[bytes] = []
        self._noted: dict[bytes, list[bytes]] = {}  # what this process has noted of each open release
        self._noted_since: dict[bytes, float] = {}
        self._open()

    def _open(self) -> None:
        self._fd = os.open(self._current, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
        self._size = os.fstat(self._fd).st_size
        self._full = self._size + self._rotate_at

    def begun(self, release_id: bytes, row: int) -> None:
        """Note that the message goes on the wire. `flush` before its last byte is written."""
        self._note(_Record(release_id, row))

    def answered(self, release_id: bytes, row: int, outcome: Outcome) -> None:
        """Note the outcome of a message."""
        if len(outcome.detail) > _MAX_DETAIL:
            outcome = msgspec.structs.replace(outcome, detail=outcome.detail[:_MAX_DETAIL])
        self._note(_Record(release_id, row, outcome))

    def _note(self, record: _Record) -> None:
        body = _ENCODE(record)
        line = _HEAD.pack(len(body), zlib.crc32(body)) + body
        self._notes.append(line)
        lines = self._noted.get(record.release_id)
        if lines is None:
            lines = self._noted[record.release_id] = []
            self._noted_since[record.release_id] = time.monotonic()
        lines.append(line)

    def flush(self) -> None:
        """Hand the notes over to the kernel. Raises OSError when it does not take them."""
        if not self._notes:
            return
        lines = b"".join(self._notes)
        self._notes.clear()
        if os.write(self._fd, lines) != len(lines):
            os.ftruncate(self._fd, self._size)  # what follows a torn record could never be read
            raise OSError("the attempt journal could not be written: is the disk full?")
        self._size += len(lines)
        if self._size > self._full:
            self._take_turns()

    def _take_turns(self) -> None:
        """Begin a new file with what open releases need. A kill at any step leaves that in one file or another."""
        oldest = time.monotonic() - OPEN_SECONDS
        for release_id in [each for each, since in self._noted_since.items() if since < oldest]:
            del self._noted[release_id], self._noted_since[release_id]
        self._next.write_bytes(b"".join(line for lines in self._noted.values() for line in lines))
        os.close(self._fd)
        self._current.replace(self._previous)
        self._next.replace(self._current)
        self._open()

    def notes_on(self, release_id: bytes, since: float) -> Mapping[int, JournalEntry]:
        """What is known of a release that was taken on at *since*, by a former process of this disk or by this one."""
        if since < self._opened_at:
            return self.entries.get(release_id, {})
        self.flush()
        return read_journal(self._current.parent).get(release_id, {})

    def forget(self, release_id: bytes) -> None:
        """Its result is stored: the notes on a release are no longer needed, be they ours or the former process's."""
        self.entries.pop(release_id, None)
        self._noted.pop(release_id, None)
        self._noted_since.pop(release_id, None)

    def close(self) -> None:
        """Write what is noted and close the file."""
        self.flush()
        os.close(self._fd)


def read_journal(folder: Path) -> Entries:
    """Everything in the journal of *folder*, which nobody writes meanwhile."""
    entries: Entries = {}
    names = (PREVIOUS, CURRENT) if (folder / CURRENT).exists() else (PREVIOUS, NEXT)
    for name in names:
        _read(folder / name, entries)
    return entries


def disk_name(disk_id: bytes) -> bytes:
    """What a disk is called until the machine stops: what was not written to it by then is gone from the journal."""
    return hashlib.blake2b(disk_id, key=boot_id(), digest_size=8).digest()


def boot_id() -> bytes:
    """What this start of the machine is called, at most 64 bytes."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_bytes().strip()[:64]
    except OSError:
        return str(int(psutil.boot_time())).encode()  # not Linux. A second off is a doubt more, never a mail more


def _disk_id(path: Path) -> bytes:
    try:
        disk = path.read_bytes()
        if len(disk) == 8:
            return disk
    except FileNotFoundError:
        pass
    disk = os.urandom(8)
    draft = path.with_suffix(".new")
    draft.write_bytes(disk)
    draft.replace(path)
    return disk


def _read(path: Path, entries: Entries) -> int:
    """Add the records of *path* to *entries*; the bytes up to the end of the last whole one."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return 0
    at, end = 0, len(data)
    while at + _HEAD.size <= end:
        length, crc = _HEAD.unpack_from(data, at)
        body = data[at + _HEAD.size : at + _HEAD.size + length]
        if len(body) < length or zlib.crc32(body) != crc:
            return at  # torn by the kill: nothing after it was written
        record = _DECODE(body)
        entries.setdefault(record.release_id, {})[record.row] = JournalEntry(record.outcome)
        at += _HEAD.size + length
    return at
