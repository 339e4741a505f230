"""The attempt journal on a real disk."""

import time
from pathlib import Path

import pytest

from app.delivery.ledger import Intent, resolve
from app.delivery.outcomes import Kind
from app.records import Outcome
from app.transport import journal as journals
from app.transport.journal import AttemptJournal, read_journal

RELEASE = b"r" * 16


def test_a_restart_knows_what_was_begun_and_what_was_answered(tmp_path: Path) -> None:
    """This is what keeps the doubt of a kill to the messages that were really on the wire."""
    journal = AttemptJournal(tmp_path)
    journal.begun(RELEASE, 0)
    journal.begun(RELEASE, 1)
    journal.answered(RELEASE, 1, Outcome(Kind.ACCEPTED, 5.0, 250, detail="ok"))
    journal.flush()
    again = AttemptJournal(tmp_path)
    intent = Intent(again.disk, 4.0, "c_1", "smtp", 3)
    result = resolve(RELEASE, intent, again.disk, again.entries[RELEASE], 6.0)
    assert [outcome.kind for outcome in result.outcomes] == [Kind.UNCERTAIN, Kind.ACCEPTED, Kind.RETURNED]


def test_another_disk_knows_nothing(tmp_path: Path) -> None:
    """A lost disk must not be read as "never begun": that would mail people twice."""
    first, second = AttemptJournal(tmp_path / "a"), AttemptJournal(tmp_path / "b")
    intent = Intent(first.disk, 4.0, "c_1", "smtp", 2)
    result = resolve(RELEASE, intent, second.disk, {}, 6.0)
    assert [outcome.kind for outcome in result.outcomes] == [Kind.UNCERTAIN, Kind.UNCERTAIN]


def test_a_torn_record_hides_neither_what_came_before_nor_what_comes_after(tmp_path: Path) -> None:
    """A kill can cut a record; the next process writes on."""
    journal = AttemptJournal(tmp_path)
    journal.begun(RELEASE, 0)
    journal.flush()
    with (tmp_path / "attempts").open("ab") as file:
        file.write(b"\x00\x20\x01\x02")
    torn = AttemptJournal(tmp_path)
    torn.begun(RELEASE, 1)
    torn.flush()
    assert set(AttemptJournal(tmp_path).entries[RELEASE]) == {0, 1}


def test_the_journal_stays_bounded_and_keeps_the_latest(tmp_path: Path) -> None:
    """It runs for years beside the mail."""
    journal = AttemptJournal(tmp_path, rotate_at=1_000)
    for number in range(200):
        journal.begun(b"%016d" % number, 0)
        journal.flush()
        if number < 199:
            journal.forget(b"%016d" % number)
    assert sum(path.stat().st_size for path in tmp_path.glob("attempts*")) < 2_500
    assert b"%016d" % 199 in AttemptJournal(tmp_path).entries


@pytest.mark.parametrize("killed_at", [None, 0, 1])
def test_notes_on_an_open_release_stay_while_others_fill_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed_at: int | None
) -> None:
    """A silent route keeps a release open for half a minute; a note that is gone would read as "never begun"."""
    journal = AttemptJournal(tmp_path, rotate_at=1_000)
    journal.begun(RELEASE, 0)
    journal.begun(RELEASE, 1)
    journal.answered(RELEASE, 1, Outcome(Kind.ACCEPTED, 5.0, 250, detail="ok"))
    renamed = 0
    rename = Path.replace

    def dying(path: Path, target: Path) -> Path:
        nonlocal renamed
        renamed += 1
        if killed_at is not None and renamed > 6 and renamed % 2 == killed_at:
            raise KeyboardInterrupt
        return rename(path, target)

    monkeypatch.setattr(Path, "replace", dying)
    try:
        for number in range(400):
            journal.begun(b"%016d" % number, 0)
            journal.flush()
            journal.forget(b"%016d" % number)
    except KeyboardInterrupt:
        assert killed_at is not None
    monkeypatch.setattr(Path, "replace", rename)
    assert renamed > 6
    for known in (read_journal(tmp_path), AttemptJournal(tmp_path).entries, AttemptJournal(tmp_path).entries):
        assert set(known[RELEASE]) == {0, 1} and known[RELEASE][1].outcome is not None


def test_a_machine_that_was_off_is_another_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The notes are not forced to the disk: after a power cut, a note that is missing does not mean "never begun"."""
    before = AttemptJournal(tmp_path).disk
    assert AttemptJournal(tmp_path).disk == before
    monkeypatch.setattr(journals, "boot_id", lambda: b"the next start")
    assert AttemptJournal(tmp_path).disk != before


def test_a_release_that_comes_back_to_the_same_process_is_known(tmp_path: Path) -> None:
    """Partitions may leave and return while a worker lives; what it began meanwhile is in the file, not in memory."""
    journal = AttemptJournal(tmp_path)
    journal.begun(RELEASE, 3)
    assert set(journal.notes_on(RELEASE, time.time())) == {3}
    assert set(AttemptJournal(tmp_path).notes_on(RELEASE, 0.0)) == {3}
