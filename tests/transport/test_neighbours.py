"""Journals of dead neighbours on a real disk."""

import subprocess
import sys
from pathlib import Path

import pytest

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
held, journal = Neighbours(folder), AttemptJournal(folder)
journal.begun(b"r" * 16, 7)
journal.flush()
print(journal.disk.hex(), flush=True)
sys.stdin.read()
"""


def test_the_journal_of_a_dead_neighbour_is_read_and_of_a_living_one_is_not(tmp_path: Path) -> None:
    """One that lives may begin a message at any moment: what it has not begun yet would be mailed twice."""
    with subprocess.Popen(
        [sys.executable, "-c", LIVE, str(tmp_path / "a")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        disk = bytes.fromhex(other.stdout.readline())
        ours = Neighbours(tmp_path / "b")
        assert ours.notes(disk) is None
        other.kill()
        other.wait()
        notes = ours.notes(disk)
        assert notes is not None and set(notes[RELEASE]) == {7}
        ours.close()


def test_a_disk_that_is_not_here_is_unknown(tmp_path: Path) -> None:
    """A lost disk must not be read as "never begun"."""
    ours = Neighbours(tmp_path / "b")
    assert ours.notes(b"elsewhere"[:8]) is None
    ours.close()


def test_what_a_neighbour_wrote_in_a_later_life_is_seen(tmp_path: Path) -> None:
    """It died, came back, began more, died again: the first reading must not be taken for the second."""
    journal = AttemptJournal(tmp_path / "a")
    ours = Neighbours(tmp_path / "b")
    journal.begun(RELEASE, 1)
    journal.flush()
    assert set((ours.notes(journal.disk) or {})[RELEASE]) == {1}
    journal.begun(RELEASE, 2)
    journal.flush()
    assert set((ours.notes(journal.disk) or {})[RELEASE]) == {1, 2}
    ours.close()


def test_two_workers_cannot_share_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their journals would be one, and neither would know what it had begun."""
    monkeypatch.setattr(module, "OWN_WAIT", 0.1)
    first = Neighbours(tmp_path)
    with pytest.raises(RuntimeError, match="another process"):
        Neighbours(tmp_path)
    first.close()
    Neighbours(tmp_path).close()
