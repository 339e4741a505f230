"""The journals of other senders on this machine: who takes over from a dead one can learn what it had begun.

Only from one that is dead for sure: every sender holds a lock on its folder while it lives, and the kernel
lets go of it when the process ends, however it ends. On another machine the folder is not there at all.
"""

import fcntl
import os
import time
from pathlib import Path

from app.transport.journal import Entries, disk_name, read_journal

OWN_WAIT = 5.0  # seconds: a neighbour may be reading, which takes some hundredths


class Neighbours:
    """The sender folders beside *own*. Raises RuntimeError when another process works in *own*."""

    def __init__(self, own: Path) -> None:
        own.mkdir(parents=True, exist_ok=True)
        self._own = own
        self._lock = _take(own, OWN_WAIT)
        if self._lock is None:
            raise RuntimeError(f"another process works in {own}: a slot is for one worker")
        self._read: dict[bytes, tuple[object, Entries]] = {}  # disk -> state of its files, what is in them

    def notes(self, disk: bytes) -> Entries | None:
        """What the journal on *disk* knows, or None: it is not on this machine, or its owner lives."""
        for folder in self._own.parent.iterdir():
            if folder != self._own and _disk_in(folder) == disk:
                return self._notes_in(folder, disk)
        return None

    def _notes_in(self, folder: Path, disk: bytes) -> Entries | None:
        lock = _take(folder, 0.0)
        if lock is None:
            return None
        try:
            state = tuple(
                (path.name, stat.st_ino, stat.st_size, stat.st_mtime_ns)
                for path in sorted(folder.glob("attempts*"))
                for stat in [path.stat()]
            )
            known = self._read.get(disk)
            if known is None or known[0] != state:
                known = self._read[disk] = (state, read_journal(folder))
            return known[1]
        finally:
            os.close(lock)

    def close(self) -> None:
        """Let go of the own folder."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _take(folder: Path, wait: float) -> int | None:
    """The lock of *folder*, as a file to close; None when its owner has it for longer than *wait* seconds."""
    file = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + wait
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return file
        except BlockingIOError:
            if time.monotonic() >= deadline:
                os.close(file)
                return None
            time.sleep(0.02)


def _disk_in(folder: Path) -> bytes:
    try:
        return disk_name((folder / "disk").read_bytes())
    except OSError:
        return b""
