"""The state folder of an installation: where things lie, its key, who runs it now."""

import fcntl
import json
import os
import secrets
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from app.local.failure import LocalError, LockedError
from app.settings import Settings

SECRET_BYTES = 32
EDGE = "edge"
UP = ("ready", "done", "idle")  # states of parts for which nobody has to wait


@dataclass(frozen=True, slots=True)
class PartStatus:
    """What a part of the installation does now. Times are seconds, memory is resident MiB with children."""

    name: str
    pid: int
    state: str  # waiting, idle, starting, ready, done, restarting, stopped
    restarts: int
    uptime: float
    memory_mb: int = 0
    cpu_seconds: float = 0.0
    note: str = ""  # why it waits or was restarted
    born: float = 0.0  # when the process began, by the kernel: tells it from a later one with the same pid
    restarts_lately: int = 0  # in the last 5 minutes


def logs_dir(state_dir: Path) -> Path:
    """Where each part's output goes."""
    return state_dir / "logs"


def run_dir(state_dir: Path) -> Path:
    """What is true only while something runs."""
    return state_dir / "run"


def ready_path(state_dir: Path, worker: str) -> Path:
    """The file that *worker* makes when it has recovered and works."""
    return run_dir(state_dir) / f"{worker}.ready"


def wanted_path(state_dir: Path, channel: str) -> Path:
    """The file that pacing makes while there is an enabled route of *channel*: its senders are started then."""
    return run_dir(state_dir) / f"{channel}.wanted"


def status_path(state_dir: Path) -> Path:
    """Where the supervisor writes what every part does."""
    return run_dir(state_dir) / "status.json"


def ensure_secret(settings: Settings) -> None:
    """Make the key of all ids and links if there is none: 32 random bytes that only the owner can read.

    A key that the user named but that does not exist is an error: making another one would change every id.
    """
    path = settings.secret_path
    if path.exists():
        return
    if settings.secret_file:
        raise LocalError(f"the key file {path} does not exist", "restore it, or unset FANFARE_SECRET_FILE")
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_bytes(SECRET_BYTES))
        file.flush()
        os.fsync(file.fileno())
    try:
        path.hardlink_to(fresh)  # fails if somebody was faster: theirs is the key
    except FileExistsError:
        pass
    finally:
        fresh.unlink()


LOCK_TRIES = 10  # 20 ms apart: whoever only looks for the holder has the lock for a moment


class RunLock:
    """Held by the one supervisor of a state folder; the kernel lets go of it when the process ends, however it ends."""

    def __init__(self, state_dir: Path) -> None:
        self._path = run_dir(state_dir) / "supervisor.lock"
        self._file: IO[str] | None = None

    def take(self) -> None:
        """Become the supervisor. Raises LockedError when another one runs."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = self._path.open("a+")
        if not _locked(file):
            file.close()
            raise LockedError(f"Fanfare already runs here (pid {self.holder()})", "`fanfare down` stops it")
        self._hold(file)

    def adopt(self, descriptor: int) -> None:
        """Take over the lock from the parent process, which passed its *descriptor* on: nobody can come in between."""
        os.set_inheritable(descriptor, False)
        self._hold(os.fdopen(descriptor, "a+"))

    def descriptor(self) -> int:
        """What a child process needs to `adopt` the lock. It must be held."""
        assert self._file is not None
        return self._file.fileno()

    def _hold(self, file: IO[str]) -> None:
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        self._file = file

    def release(self) -> None:
        """Let go."""
        if self._file:
            self._file.close()
            self._file = None

    def holder(self) -> int | None:
        """The pid of the supervisor that runs now, if one does."""
        try:
            with self._path.open("r+") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    return int(file.read() or 0) or None
        except FileNotFoundError:
            pass
        return None


def _locked(file: IO[str]) -> bool:
    for _ in range(LOCK_TRIES):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            time.sleep(0.02)
    return False


def write_status(state_dir: Path, parts: list[PartStatus]) -> None:
    """Replace the status file."""
    path = status_path(state_dir)
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps([asdict(part) for part in parts]))
    fresh.replace(path)


def read_status(state_dir: Path) -> list[PartStatus]:
    """What the supervisor wrote last; empty when there is nothing to read."""
    try:
        return [PartStatus(**part) for part in json.loads(status_path(state_dir).read_text())]
    except (FileNotFoundError, ValueError, TypeError):
        return []
