"""Who was in flight when the process died."""

import asyncio
from pathlib import Path

from app.stream.crash_notes import CrashNotes


def test_what_was_in_flight_at_a_crash_is_counted_and_what_ended_is_not(tmp_path: Path) -> None:
    """
    Three crashes set a poison aside; a neighbour that ended must not go with it.
    """
    path = tmp_path / "notes"
    for crash in range(3):
        notes = CrashNotes(path)
        assert (notes.crashes(b"poison"), notes.crashes(b"fine")) == (crash, 0)
        notes.begin(b"fine")
        notes.begin(b"poison")
        notes.end(b"fine")
    assert CrashNotes(path).crashes(b"poison") == 3


def test_ending_well_wipes_the_slate(tmp_path: Path) -> None:
    """
    Crashes count in a row: bad luck of last month is no poison.
    """
    notes = CrashNotes(tmp_path / "notes")
    notes.begin(b"x")
    notes = CrashNotes(tmp_path / "notes")
    assert notes.crashes(b"x") == 1
    notes.begin(b"x")
    notes.end(b"x")
    assert CrashNotes(tmp_path / "notes").crashes(b"x") == 0


async def test_a_death_that_is_nobodys_fault_blames_only_the_guilty_task(tmp_path: Path) -> None:
    """
    A fence or a broker that is away would otherwise set aside whatever was sent at that moment.
    """
    notes = CrashNotes(tmp_path / "notes")

    async def begin(ident: bytes) -> None:
        notes.begin(ident)

    guilty = asyncio.create_task(begin(b"guilty"))
    await asyncio.gather(guilty, asyncio.create_task(begin(b"bystander")))
    notes.forgive(guilty=guilty)
    after = CrashNotes(tmp_path / "notes")
    assert (after.crashes(b"guilty"), after.crashes(b"bystander")) == (1, 0)
    after.begin(b"other")
    after.forgive()
    assert CrashNotes(tmp_path / "notes").crashes(b"other") == 0


def test_a_note_torn_by_the_crash_is_no_obstacle(tmp_path: Path) -> None:
    """
    A worker that cannot read its notes would never start again.
    """
    path = tmp_path / "notes"
    CrashNotes(path).begin(b"whole")
    with path.open("ab") as file:
        file.write(b"B\x09torn")
    assert CrashNotes(path).crashes(b"whole") == 1


def test_the_file_is_compacted_at_every_start(tmp_path: Path) -> None:
    """
    A year of notes must not be read at each start.
    """
    path = tmp_path / "notes"
    notes = CrashNotes(path)
    for _ in range(1000):
        notes.begin(b"x")
        notes.end(b"x")
    CrashNotes(path)
    assert path.stat().st_size == 0


def test_the_file_is_bounded_while_a_worker_lives(tmp_path: Path) -> None:
    """
    A worker that is never restarted must not fill its disk, and still know who is in flight.
    """
    path = tmp_path / "notes"
    notes = CrashNotes(path)
    notes.begin(b"poison")
    for _ in range(30_000):
        notes.begin(b"other" * 5)
        notes.end(b"other" * 5)
    assert path.stat().st_size < 1_100_000
    assert CrashNotes(path).crashes(b"poison") == 1


def test_only_the_latest_ids_are_remembered(tmp_path: Path) -> None:
    """
    What was in flight at a crash and never came again would be kept for ever.
    """
    path = tmp_path / "notes"
    for crash in range(3):
        notes = CrashNotes(path)
        for number in range(600):
            notes.begin(b"%d-%d" % (crash, number))
    notes = CrashNotes(path)
    assert path.stat().st_size < 30_000
    assert notes.crashes(b"2-599") == 1
