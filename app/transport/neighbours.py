"""The journals of other senders on this machine: who takes over from a dead one can learn what it had begun.

Only from one that is dead for sure: every sender holds a lock on its folder while it lives, and the kernel
lets go of it when the process ends, however it ends. Where the next process has begun to work in the folder, the one
before it is dead as well, and what that left is still in the files. On another machine the folder is not there at all.
"""

import fcntl
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from app.delivery.ledger import Intent, JournalEntry
from app.transport.journal import CURRENT, PREVIOUS, OpenNotes, disk_name, life_in, read_journal

READINGS = 5  # of files that take turns every few seconds
OWN_WAIT = 5.0  # seconds: a neighbour may be reading, which takes some hundredths


class Neighbours:
    """The sender folders beside *own*. Raises RuntimeError when another process works in *own*."""

    def __init__(self, own: Path) -> None:
        own.mkdir(parents=True, exist_ok=True)
        self._own = own
        self._lock = _take(own, OWN_WAIT)
        if self._lock is None:
            raise RuntimeError(f"another process works in {own}: a slot is for one worker")
        self._read: dict[bytes, tuple[object, OpenNotes]] = {}  # disk -> state of its files, what is in them
        self._former: dict[bytes, tuple[int, OpenNotes]] = {}  # disk -> life that was working there, what was in them

    def notes_on(self, release_id: bytes, intent: Intent) -> Mapping[int, JournalEntry] | None:
        """What the disk of *intent* knows of its release. None: it is not here, or may still begin some of it."""
        for folder in self._own.parent.iterdir():
            if folder != self._own and _disk_in(folder) == intent.disk:
                notes = self._notes_in(folder, intent)
                return None if notes is None else notes.on(release_id, intent)
        return None

    def _notes_in(self, folder: Path, intent: Intent) -> OpenNotes | None:
        lock = _take(folder, 0.0, fcntl.LOCK_SH)  # another may read it just now, as after each kill
        if lock is None:
            return self._of_a_former_life(folder, intent)
        try:
            state = _state_of(folder)
            known = self._read.get(intent.disk)
            if known is None or known[0] != state:
                known = self._read[intent.disk] = (state, read_journal(folder))
            return known[1]
        finally:
            os.close(lock)

    def _of_a_former_life(self, folder: Path, intent: Intent) -> OpenNotes | None:
        """What was open in the files of a process that lives: complete for the lives before it."""
        known = self._former.get(intent.disk)
        if known is not None and 0 < intent.life < known[0]:
            return known[1]
        life = life_in(folder)
        if not 0 < intent.life < life:
            return None
        for _ in range(READINGS):
            before = _inodes_of(folder)
            notes = read_journal(folder)
            if CURRENT in before and _inodes_of(folder) == before:
                self._former[intent.disk] = (life, notes)
                return notes
        return None  # the files took turns during each reading

    def close(self) -> None:
        """Let go of the own folder."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _take(folder: Path, wait: float, how: int = fcntl.LOCK_EX) -> int | None:
    """The lock of *folder*, as a file to close; None when its owner has it for longer than *wait* seconds.

    An owner has it alone (*how*), readers share it.
    """
    file = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + wait
    while True:
        try:
            fcntl.flock(file, how | fcntl.LOCK_NB)
            return file
        except BlockingIOError:
            if time.monotonic() >= deadline:
                os.close(file)
                return None
            time.sleep(0.02)


def _state_of(folder: Path) -> object:
    return tuple(
        (path.name, stat.st_ino, stat.st_size, stat.st_mtime_ns)
        for path in sorted(folder.glob("attempts*"))
        for stat in [path.stat()]
    )


def _inodes_of(folder: Path) -> dict[str, int]:
    """The files of a journal in use. One that vanishes meanwhile counts as none: then they have taken turns."""
    found = {}
    for name in (PREVIOUS, CURRENT):
        with suppress(FileNotFoundError):
            found[name] = (folder / name).stat().st_ino
    return found


def _disk_in(folder: Path) -> bytes:
    try:
        return disk_name((folder / "disk").read_bytes())
    except OSError:
        return b""
