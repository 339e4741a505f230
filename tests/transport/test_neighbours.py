"""Journals of dead neighbours on a real disk."""

import fcntl
import itertools
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from app.delivery.ledger import Intent
from app.transport import neighbours as module
from app.transport.journal import AttemptJournal
from app.transport.neighbours import Neighbours

RELEASE = b"r" * 16

LIVE = """
import sys
from pathlib import Path
from app.transport.journal import AttemptJournal
from app.transport.neighbours import Neighbours
folder = Path(sys.argv[1])
held, journal = Neighbours(folder), AttemptJournal(folder, rotate_at=1_000)
for number in range(int(sys.argv[2])):  # others fill the files meanwhile
    journal.begun(b"%016d" % number, 0)
    journal.flush()
    journal.forget(b"%016d" % number)
journal.begun(sys.argv[3].encode() * 16, 7)
journal.flush()
print(journal.disk.hex(), journal.life, flush=True)
sys.stdin.read()
"""


@contextmanager
def living(folder: Path, release: bytes = b"r", others: int = 0) -> Iterator[Intent]:
    """A sender that lives in *folder*, has begun row 7 of *release*, and is killed in the end."""
    with subprocess.Popen(
        [sys.executable, "-c", LIVE, str(folder), str(others), release.decode()],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as other:  # fmt: skip
        assert other.stdout is not None
        disk, life = other.stdout.readline().split()
        yield Intent(bytes.fromhex(disk), time.time(), "c_1", "smtp", 8, int(life))
        other.kill()
        other.wait()


def rows_on(ours: Neighbours, intent: Intent, release: bytes = RELEASE) -> set[int] | None:
    """The rows of *release* that a neighbour's journal has; None: it cannot be read."""
    notes = ours.notes_on(release, intent)
    return None if notes is None else set(notes)


def test_the_journal_of_a_dead_neighbour_is_read_and_of_a_living_one_is_not(tmp_path: Path) -> None:
    """One that lives may begin a message at any moment: what it has not begun yet would be mailed twice."""
    ours = Neighbours(tmp_path / "b")
    with living(tmp_path / "a") as intent:
        assert rows_on(ours, intent) is None
    assert rows_on(ours, intent) == {7}
    ours.close()


@pytest.mark.parametrize("others", [0, 100])
def test_of_a_neighbour_that_is_back_the_life_before_is_read(tmp_path: Path, others: int) -> None:
    """It died, its partitions went elsewhere, and it was back before anybody could ask what it had begun."""
    ours = Neighbours(tmp_path / "b")
    with living(tmp_path / "a") as before:
        pass
    with living(tmp_path / "a", b"s", others) as now:
        assert now.life == before.life + 1
        assert rows_on(ours, before) == {7}
        assert rows_on(ours, before, b"n" * 16) == set(), "of that nothing was begun"
        assert rows_on(ours, now, b"s" * 16) is None, "it may begin more"
        nameless = msgspec.structs.replace(before, life=0)
        assert rows_on(ours, nameless) is None, "from before lives were counted"
    with living(tmp_path / "a", b"t", others):
        assert rows_on(ours, now, b"s" * 16) == {7}
        assert rows_on(ours, before) == {7}
    ours.close()


def test_files_that_take_turns_at_each_reading_tell_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of what was read would read as "never begun"."""
    ours = Neighbours(tmp_path / "b")
    with living(tmp_path / "a") as before:
        pass
    with living(tmp_path / "a"):
        turns = itertools.count()
        monkeypatch.setattr(module, "_inodes_of", lambda _folder: {"attempts": next(turns)})
        assert rows_on(ours, before) is None
        monkeypatch.undo()
        assert rows_on(ours, before) == {7}
    ours.close()


def test_several_read_the_journal_of_a_dead_one_at_once(tmp_path: Path) -> None:
    """After a kill all that take over look at the same moment: none may take another reader for the owner."""
    ours = Neighbours(tmp_path / "ours")
    with living(tmp_path / "other") as intent:
        pass
    reading = os.open(tmp_path / "other" / "lock", os.O_RDWR)
    fcntl.flock(reading, fcntl.LOCK_SH)
    assert rows_on(ours, intent) == {7}
    os.close(reading)


def test_a_disk_that_is_not_here_is_unknown(tmp_path: Path) -> None:
    """A lost disk must not be read as "never begun"."""
    ours = Neighbours(tmp_path / "b")
    assert rows_on(ours, Intent(b"elsewhere"[:8], time.time(), "c_1", "smtp", 8, 1)) is None
    ours.close()


def test_what_a_neighbour_wrote_in_a_later_life_is_seen(tmp_path: Path) -> None:
    """It died, came back, began more, died again: the first reading must not be taken for the second."""
    journal = AttemptJournal(tmp_path / "a")
    intent = Intent(journal.disk, time.time(), "c_1", "smtp", 8, journal.life)
    ours = Neighbours(tmp_path / "b")
    journal.begun(RELEASE, 1)
    journal.flush()
    assert rows_on(ours, intent) == {1}
    journal.begun(RELEASE, 2)
    journal.flush()
    assert rows_on(ours, intent) == {1, 2}
    ours.close()


def test_two_workers_cannot_share_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their journals would be one, and neither would know what it had begun."""
    monkeypatch.setattr(module, "OWN_WAIT", 0.1)
    first = Neighbours(tmp_path)
    with pytest.raises(RuntimeError, match="another process"):
        Neighbours(tmp_path)
    first.close()
    Neighbours(tmp_path).close()
