"""The attempt journal: which messages of this disk were begun, and how they were answered.

Append-only, no fsync: it survives a kill, not the disk. Notes gather until `flush`, which is called
before the bytes that they announce leave: one os.write for the notes of many messages. A record is
length (2 bytes), CRC-32 (4 bytes) and a msgpack array; reading stops at the first that is torn.

Each process that opens it is one more life of the disk. What an earlier life left open is complete, and stays
in the files until it is concluded, so that others can read it although the next life writes beside it.
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

from app.delivery.ledger import Intent, JournalEntry
from app.delivery.outcomes import Kind
from app.records import Outcome

_HEAD = struct.Struct(">HI")
_MAX_DETAIL = 200
CURRENT, PREVIOUS, NEXT = "attempts", "attempts.previous", "attempts.next"
LIFE = "life"
OPEN_SECONDS = 3_600.0  # a release that has been open for longer is no longer ours: its partition has left
# Bytes of what is open. What others concluded for us after a kill stays open here: after many kills it is a lot.
MOST_OPEN = 64 << 20
CONCLUDED = -1  # in place of a row: the result of the release is stored
LEFT_OUT = -2  # in place of a row: what was noted until the moment of the outcome and is not here was open for too long


class _Record(msgspec.Struct, array_like=True):
    release_id: bytes
    row: int
    outcome: Outcome | None = None


_ENCODE = msgspec.msgpack.Encoder().encode
_DECODE = msgspec.msgpack.Decoder(_Record).decode


class OpenNotes:
    """What is open in a journal: its records as they are written, by release, the latest last.

    One that was taken along stands in both files, and once here: else each life would double it.

    *left_out_until*: a release that was taken on before that moment may be missing.
    """

    def __init__(self) -> None:
        self.lines: dict[bytes, dict[bytes, None]] = {}
        self.left_out_until = 0.0

    def on(self, release_id: bytes, intent: Intent) -> Mapping[int, JournalEntry] | None:
        """What is known of a release, by row; nothing: none of it was begun; None: nobody knows."""
        lines = self.lines.get(release_id)
        if lines is None:
            return {} if intent.at > self.left_out_until else None
        records = [_DECODE(line[_HEAD.size :]) for line in lines]
        return {record.row: JournalEntry(record.outcome) for record in records}

    def read(self, path: Path) -> int:
        """Add what *path* holds; the bytes up to the end of its last whole record."""
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return 0
        at, size = 0, len(data)
        while at + _HEAD.size <= size:
            length, crc = _HEAD.unpack_from(data, at)
            end = at + _HEAD.size + length
            body = data[at + _HEAD.size : end]
            if not length or len(body) < length or zlib.crc32(body) != crc:
                return at  # torn by the kill, or zeros after a power cut: nothing after it was written
            self._take(_DECODE(body), data[at:end])
            at = end
        return at

    def _take(self, record: _Record, line: bytes) -> None:
        if record.row == CONCLUDED:
            self.lines.pop(record.release_id, None)
        elif record.row == LEFT_OUT and record.outcome:
            self.left_out_until = max(self.left_out_until, record.outcome.at)
        else:
            self.add(record.release_id, line)

    def add(self, release_id: bytes, line: bytes) -> None:
        """Take in the latest record of a release."""
        lines = self.lines.setdefault(release_id, {})
        lines.pop(line, None)
        lines[line] = None


class AttemptJournal:
    """The journal of one sender's data folder.

    *disk* (8 bytes) names the folder, since the machine was started, and *life* its process, in every intent. Two
    files take turns, each up to *rotate_at* bytes; what was noted of releases that are still open is taken along,
    however long a slow route keeps them while others write.
    """

    def __init__(self, folder: Path, rotate_at: int = 4 << 20) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.disk = disk_name(_disk_id(folder / "disk"))
        self.life = life_in(folder) + 1
        _write_whole(folder / LIFE, self.life.to_bytes(8, "big"))
        self._open_notes = OpenNotes()  # of this life and of former ones
        self._current, self._previous, self._next = folder / CURRENT, folder / PREVIOUS, folder / NEXT
        if self._next.exists():  # killed while the files took turns
            if self._current.exists():
                self._next.unlink()
            else:
                self._next.replace(self._current)
        self._open_notes.read(self._previous)
        whole = self._open_notes.read(self._current)
        if self._current.exists():
            os.truncate(self._current, whole)  # what follows a torn record could never be read
        self._rotate_at = rotate_at
        self._notes: list[bytes] = []
        self._behind = False  # notes are missing from the file, which may be torn
        self._since = dict.fromkeys(self._open_notes.lines, time.monotonic())
        self._open()
        if self._size > rotate_at:  # lives that end soon write less than a file each, but there may be many
            self._take_turns()

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
        line = _line(record)
        self._notes.append(line)
        self._since.setdefault(record.release_id, time.monotonic())
        self._open_notes.add(record.release_id, line)

    def flush(self) -> None:
        """Hand the notes over to the kernel. Raises OSError when it does not take them.

        What it did not take, also notes of others that went along, is in the file before another flush returns.
        """
        if self._behind:
            self._take_turns()
            return
        if not self._notes:
            return
        lines = b"".join(self._notes)
        self._notes.clear()
        self._behind = True
        if os.write(self._fd, lines) != len(lines):
            raise OSError("the attempt journal could not be written: is the disk full?")
        self._behind = False
        self._size += len(lines)
        if self._size > self._full:
            self._take_turns()

    def _take_turns(self) -> None:
        """Begin a new file with what open releases need. A kill at any step leaves that in one file or another."""
        noted = self._open_notes
        self._leave_out()
        left_out = _line(_Record(b"", LEFT_OUT, Outcome(Kind.RETURNED, noted.left_out_until)))
        try:
            self._next.write_bytes(left_out + b"".join(line for lines in noted.lines.values() for line in lines))
        except OSError:
            self._next.unlink(missing_ok=True)  # half of it takes room, and is of no use
            raise
        self._current.replace(self._previous)
        self._next.replace(self._current)
        former = self._fd  # until here: its number must not go to a connection
        self._open()
        os.close(former)
        self._notes.clear()
        self._behind = False

    def _leave_out(self) -> None:
        """Let go of what was open for too long, and of the oldest where there is too much."""
        noted, oldest = self._open_notes, time.monotonic() - OPEN_SECONDS
        for release_id in [each for each, since in self._since.items() if since < oldest]:
            del noted.lines[release_id], self._since[release_id]
            noted.left_out_until = max(noted.left_out_until, time.time() - OPEN_SECONDS)
        sizes = {release_id: sum(map(len, lines)) for release_id, lines in noted.lines.items()}
        size = sum(sizes.values())
        for release_id, own in sizes.items():
            if size <= MOST_OPEN:
                break
            del noted.lines[release_id], self._since[release_id]
            noted.left_out_until = time.time()
            size -= own

    def notes_on(self, release_id: bytes, intent: Intent) -> Mapping[int, JournalEntry] | None:
        """What is known of a release that this disk took on, in a former life or in this one; None: nobody knows."""
        return self._open_notes.on(release_id, intent)

    def forget(self, release_id: bytes) -> None:
        """Its result is stored: the notes on a release are no longer needed, be they of this life or a former one."""
        if self._open_notes.lines.pop(release_id, None) is not None:
            del self._since[release_id]
            self._notes.append(_line(_Record(release_id, CONCLUDED)))  # leaves with the next: without it, it is kept

    def close(self) -> None:
        """Write what is noted and close the file."""
        self.flush()
        os.close(self._fd)


def read_journal(folder: Path) -> OpenNotes:
    """All that is open in the journal of *folder*, in which nobody takes turns meanwhile."""
    notes = OpenNotes()
    for name in (PREVIOUS, CURRENT) if (folder / CURRENT).exists() else (PREVIOUS, NEXT):
        notes.read(folder / name)
    return notes


def life_in(folder: Path) -> int:
    """How many processes have opened the journal of *folder*."""
    try:
        return int.from_bytes((folder / LIFE).read_bytes(), "big")
    except FileNotFoundError:
        return 0


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
    _write_whole(path, disk)
    return disk


def _write_whole(path: Path, data: bytes) -> None:
    """Write *data* so that a kill leaves the old file or the new one."""
    draft = path.with_suffix(".new")
    draft.write_bytes(data)
    draft.replace(path)


def _line(record: _Record) -> bytes:
    body = _ENCODE(record)
    return _HEAD.pack(len(body), zlib.crc32(body)) + body
