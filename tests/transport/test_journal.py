"""The attempt journal on a real disk."""

import errno
import os
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from app.delivery.ledger import Intent, JournalEntry, resolve
from app.delivery.outcomes import Kind
from app.records import Outcome
from app.transport import journal as journals
from app.transport.journal import AttemptJournal, read_journal

RELEASE, OTHER = b"r" * 16, b"o" * 16


def test_a_restart_knows_what_was_begun_and_what_was_answered(tmp_path: Path) -> None:
    """This is what keeps the doubt of a kill to the messages that were really on the wire."""
    journal = AttemptJournal(tmp_path)
    journal.begun(RELEASE, 0)
    journal.begun(RELEASE, 1)
    journal.answered(RELEASE, 1, Outcome(Kind.ACCEPTED, 5.0, 250, detail="ok"))
    journal.flush()
    again = AttemptJournal(tmp_path)
    intent = Intent(again.disk, 4.0, "c_1", "smtp", 3, journal.life)
    result = resolve(RELEASE, intent, again.notes_on(RELEASE, intent), 6.0)
    assert [outcome.kind for outcome in result.outcomes] == [Kind.UNCERTAIN, Kind.ACCEPTED, Kind.RETURNED]


def test_where_no_journal_can_be_read_nobody_knows() -> None:
    """A lost disk must not be read as "never begun": that would mail people twice."""
    result = resolve(RELEASE, Intent(b"gone", 4.0, "c_1", "smtp", 2, 1), None, 6.0)
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
    assert rows_on(AttemptJournal(tmp_path)) == {0, 1}


def test_what_is_not_as_it_was_written_is_not_read(tmp_path: Path) -> None:
    """A length that happens to fit must not make a record of what a broken disk holds."""
    journal = AttemptJournal(tmp_path)
    journal.begun(RELEASE, 0)
    journal.flush()
    path = tmp_path / "attempts"
    whole = path.read_bytes()
    journal.begun(RELEASE, 1)
    journal.flush()
    for at in range(len(whole), path.stat().st_size):
        broken = bytearray(path.read_bytes())
        broken[at] ^= 0x10
        (tmp_path / "broken").mkdir(exist_ok=True)
        (tmp_path / "broken" / "attempts").write_bytes(broken)
        assert rows_on(AttemptJournal(tmp_path / "broken")) == {0}, at
        assert (tmp_path / "broken" / "attempts").read_bytes() == whole


def test_what_a_full_disk_has_cut_off_hides_nothing_that_comes_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some of a record is written, the message does not go; as soon as there is room, notes must be read again."""
    journal = AttemptJournal(tmp_path)
    journal.begun(RELEASE, 0)
    journal.flush()
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: write(file, data[: len(data) // 2]))
    journal.begun(RELEASE, 1)
    with pytest.raises(OSError, match="is the disk full"):
        journal.flush()
    monkeypatch.undo()
    journal.begun(RELEASE, 2)
    journal.flush()
    assert rows_on(AttemptJournal(tmp_path)) == {0, 1, 2}


@pytest.mark.parametrize("part", [0, 3])
def test_what_one_could_not_write_is_there_before_another_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: int
) -> None:
    """Two routes have begun a message each; the flush of the first fails, also with the notes of the second."""
    journal = AttemptJournal(tmp_path)
    write, fails = os.write, [True]

    def full(file: int, data: bytes) -> int:
        if fails.pop() and not part:
            raise OSError(errno.ENOSPC, "no space left on device")
        return write(file, data[:part])

    journal.begun(RELEASE, 1)
    journal.begun(OTHER, 2)
    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match=r"disk full|no space"):
        journal.flush()
    monkeypatch.undo()
    journal.flush()  # of the other route, whose message leaves now
    assert {each: set(rows_in(tmp_path, each)) for each in (RELEASE, OTHER)} == {RELEASE: {1}, OTHER: {2}}


def test_while_the_disk_is_full_nobody_may_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither to go on in a file that may be torn, nor as though nothing were missing; nor does half a file stay."""
    journal = AttemptJournal(tmp_path)
    journal.begun(RELEASE, 0)
    journal.flush()
    write_bytes = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        write_bytes(path, data[:3])
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr(os, "write", lambda _file, _data: 0)
    monkeypatch.setattr(Path, "write_bytes", full)
    journal.begun(RELEASE, 1)
    for _ in range(3):
        with pytest.raises(OSError, match=r"disk full|no space"):
            journal.flush()
        assert not (tmp_path / "attempts.next").exists()
    assert set(rows_in(tmp_path, RELEASE)) == {0}
    monkeypatch.undo()
    journal.flush()
    journal.begun(RELEASE, 2)
    journal.flush()
    assert set(rows_in(tmp_path, RELEASE)) == {0, 1, 2}


def test_a_file_that_a_power_cut_has_filled_with_zeros_is_read(tmp_path: Path) -> None:
    """Filesystems leave zeros where a length was written and its bytes were not: no record has none."""
    journal = AttemptJournal(tmp_path)
    journal.begun(RELEASE, 0)
    journal.flush()
    with (tmp_path / "attempts").open("ab") as file:
        file.write(bytes(5_000))
    again = AttemptJournal(tmp_path)
    again.begun(RELEASE, 1)
    again.flush()
    assert set(rows_in(tmp_path, RELEASE)) == {0, 1}


def test_many_short_lives_do_not_fill_the_disk(tmp_path: Path) -> None:
    """A sender that crashes again and again writes less than a file each time."""
    for life in range(30):
        journal = AttemptJournal(tmp_path, rotate_at=1_000)
        for number in range(8):
            journal.begun(b"%08d%08d" % (life, number), 0)
            journal.flush()
            journal.forget(b"%08d%08d" % (life, number))
        journal.close()
    assert sum(path.stat().st_size for path in tmp_path.glob("attempts*")) < 6_000


@pytest.mark.parametrize("rotate_at", [100, 1_000])
def test_what_lives_hand_on_is_there_once(tmp_path: Path, rotate_at: int) -> None:
    """It stands in both files: a life that read it twice would write it twice, and thirty lives a billion times."""
    journal = AttemptJournal(tmp_path)
    for row in range(5):
        journal.begun(RELEASE, row)
    journal.answered(RELEASE, 0, Outcome(Kind.DEFERRED, 5.0, 451))
    journal.begun(RELEASE, 0)  # once more, and no answer
    journal.answered(RELEASE, 1, Outcome(Kind.ACCEPTED, 5.0, 250))
    journal.close()
    for _ in range(12):
        journal = AttemptJournal(tmp_path, rotate_at)
        fill(journal)
        journal.close()
    assert sum(path.stat().st_size for path in tmp_path.glob("attempts*")) < 6_000
    found = {row: entry.outcome and entry.outcome.kind for row, entry in rows_in(tmp_path, RELEASE).items()}
    assert found == dict.fromkeys(range(5)) | {1: Kind.ACCEPTED}


def test_what_many_lives_left_open_is_bounded_and_what_is_left_out_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others have concluded it, which nobody tells this disk."""
    monkeypatch.setattr(journals, "MOST_OPEN", 3_000)
    for life in range(10):
        journal = AttemptJournal(tmp_path, rotate_at=500)
        for number in range(20):
            journal.begun(b"%08d%08d" % (life, number), 3)
            journal.flush()
        journal.close()
    assert sum(path.stat().st_size for path in tmp_path.glob("attempts*")) < 8_000
    latest, first = b"%08d%08d" % (9, 19), b"%08d%08d" % (0, 0)
    intent = Intent(journal.disk, time.time() - 10, "c_1", "smtp", 5, 1)
    notes = read_journal(tmp_path)
    assert notes.on(latest, intent) == {3: JournalEntry()} and notes.on(first, intent) is None


def rows_in(folder: Path, release: bytes) -> Mapping[int, JournalEntry]:
    """What another process reads of *release* in *folder*."""
    notes = read_journal(folder).on(release, Intent(b"", time.time(), "c_1", "smtp", 5, 1))
    return notes or {}


def test_the_journal_stays_bounded_and_keeps_the_latest(tmp_path: Path) -> None:
    """It runs for years beside the mail."""
    journal = AttemptJournal(tmp_path, rotate_at=1_000)
    for number in range(200):
        journal.begun(b"%016d" % number, 0)
        journal.flush()
        if number < 199:
            journal.forget(b"%016d" % number)
    assert sum(path.stat().st_size for path in tmp_path.glob("attempts*")) < 2_500
    assert set(read_journal(tmp_path).lines) == {b"%016d" % 199}


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
    for known in (read_journal(tmp_path).on, AttemptJournal(tmp_path).notes_on, AttemptJournal(tmp_path).notes_on):
        notes = known(RELEASE, intent_of(journal))
        assert notes is not None and set(notes) == {0, 1} and notes[1].outcome is not None


def test_a_machine_that_was_off_is_another_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The notes are not forced to the disk: after a power cut, a note that is missing does not mean "never begun"."""
    before = AttemptJournal(tmp_path).disk
    assert AttemptJournal(tmp_path).disk == before
    monkeypatch.setattr(journals, "boot_id", lambda: b"the next start")
    assert AttemptJournal(tmp_path).disk != before


def test_a_release_that_comes_back_to_the_same_process_is_known(tmp_path: Path) -> None:
    """Partitions may leave and return while a worker lives."""
    journal = AttemptJournal(tmp_path)
    journal.begun(RELEASE, 3)
    assert rows_on(journal) == {3}
    journal.flush()
    assert rows_on(AttemptJournal(tmp_path), journal.life) == {3}


def test_what_a_former_life_left_open_outlives_the_turns_of_the_next_ones(tmp_path: Path) -> None:
    """Its partition may be nobody's for long; what was begun must be known then, or it is sent twice."""
    first = AttemptJournal(tmp_path)
    first.begun(RELEASE, 1)
    first.begun(b"concluded".ljust(16), 2)
    first.forget(b"concluded".ljust(16))
    first.flush()
    for _ in range(3):
        fill(AttemptJournal(tmp_path, rotate_at=1_000))
    last = AttemptJournal(tmp_path)
    assert last.life == first.life + 4
    assert rows_on(last, first.life) == {1}
    assert set(read_journal(tmp_path).lines) == {RELEASE}


def test_what_was_open_for_too_long_is_left_out_and_that_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A note that was left out must not read as "never begun"."""
    monkeypatch.setattr(journals, "OPEN_SECONDS", -1.0)
    journal = AttemptJournal(tmp_path, rotate_at=1_000)
    before = time.time()
    journal.begun(RELEASE, 1)
    fill(journal)
    assert RELEASE not in read_journal(tmp_path).lines
    for known in (journal.notes_on, AttemptJournal(tmp_path).notes_on):
        assert known(RELEASE, Intent(journal.disk, before, "c_1", "smtp", 2, journal.life)) is None
        assert known(RELEASE, Intent(journal.disk, before + 60, "c_1", "smtp", 2, journal.life)) == {}


def fill(journal: AttemptJournal) -> None:
    """Have the files take turns several times."""
    for number in range(100):
        journal.begun(b"%016d" % number, 0)
        journal.flush()
        journal.forget(b"%016d" % number)
    journal.flush()


def intent_of(journal: AttemptJournal, life: int = 0) -> Intent:
    """That RELEASE was taken on, now."""
    return Intent(journal.disk, time.time(), "c_1", "smtp", 5, life or journal.life)


def rows_on(journal: AttemptJournal, life: int = 0) -> set[int]:
    """The rows of RELEASE that are noted."""
    notes = journal.notes_on(RELEASE, intent_of(journal, life))
    assert notes is not None
    return set(notes)
