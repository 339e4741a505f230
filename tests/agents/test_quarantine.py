"""What kills a sender again and again is set aside; what was merely near it goes on."""

import asyncio
from pathlib import Path

from agents.quarantine import Quarantine
from app.stream.crash_notes import CrashNotes
from app.stream.last_act import LastAct


class Paused(list[str]):
    """Campaigns that were asked to be paused."""

    async def __call__(self, campaign: str) -> None:
        self.append(campaign)


def crashed(path: Path, times: int, *idents: bytes) -> CrashNotes:
    """Notes of a worker that died *times* times with *idents* in flight."""
    for _ in range(times):
        notes = CrashNotes(path)
        for ident in idents:
            notes.begin(ident)
    return CrashNotes(path)


async def test_a_campaign_that_killed_four_times_is_not_let_in_and_is_paused(tmp_path: Path) -> None:
    """A template that kills must not keep the sender of all others down."""
    paused = Paused()
    quarantine = Quarantine(crashed(tmp_path / "notes", 4, b"cbad"), LastAct(tmp_path / "act"), paused)
    for _ in range(3):
        async with quarantine.enter("bad", b"m1") as why:
            assert "bad" in why
    async with quarantine.enter("good", b"m2") as why:
        assert not why
    assert paused == ["bad"]


async def test_one_release_that_kills_is_set_aside_and_its_campaign_goes_on(tmp_path: Path) -> None:
    """One person's data must not cost everybody else their mail, even while other releases end well."""
    notes = CrashNotes(tmp_path / "notes")
    for _ in range(4):
        quarantine = Quarantine(notes, LastAct(tmp_path / "act"), Paused())
        async with quarantine.enter("c", b"well") as why:
            assert not why
        await quarantine.enter("c", b"bad").__aenter__()
        notes = CrashNotes(tmp_path / "notes")
    quarantine = Quarantine(notes, LastAct(tmp_path / "act"), Paused())
    async with quarantine.enter("c", b"bad") as why:
        assert why
    async with quarantine.enter("d", b"well") as why:
        assert not why


async def turns() -> None:
    """Whatever can go on does: in turns of the loop, since a moment may be over before they are."""
    for _ in range(50):
        await asyncio.sleep(0)


async def test_a_suspect_runs_alone(tmp_path: Path) -> None:
    """Otherwise its neighbours share its fate and, after the fourth crash, its verdict."""
    quarantine = Quarantine(crashed(tmp_path / "notes", 3, b"csuspect"), LastAct(tmp_path / "act"), Paused())
    began: list[str] = []

    async def work(campaign: str, until: asyncio.Event) -> None:
        async with quarantine.enter(campaign, campaign.encode()):
            began.append(campaign)
            await until.wait()

    first, second, third = asyncio.Event(), asyncio.Event(), asyncio.Event()
    tasks = [asyncio.create_task(work("a", first))]
    await turns()
    tasks.append(asyncio.create_task(work("suspect", second)))
    await turns()
    tasks.append(asyncio.create_task(work("b", third)))
    await turns()
    assert began == ["a"]
    first.set()
    await turns()
    assert began == ["a", "suspect"]
    second.set()
    await turns()
    assert began == ["a", "suspect", "b"]
    third.set()
    await asyncio.gather(*tasks)


def restarted(folder: Path) -> Quarantine:
    """A worker on the same disk, after the one before it was killed."""
    return Quarantine(CrashNotes(folder / "notes"), LastAct(folder / "act"), Paused())


async def test_a_message_that_killed_three_times_is_not_rendered_and_its_release_is(tmp_path: Path) -> None:
    """One person's data must cost one person, whoever stands beside it and in whatever order."""
    bad, good = b"B" * 16, b"G" * 16
    for _ in range(3):
        quarantine = restarted(tmp_path)
        assert quarantine.begin(good)
        quarantine.end(good)
        assert quarantine.begin(bad)
    quarantine = restarted(tmp_path)
    assert not quarantine.begin(bad)
    assert quarantine.begin(good)
    quarantine.end(good)
    assert not restarted(tmp_path).begin(bad)  # and it stays so


async def test_a_message_that_was_merely_near_a_kill_is_forgiven_when_it_is_rendered(tmp_path: Path) -> None:
    """kill -9 from outside hits somebody in the middle, too."""
    message = b"M" * 16
    for _ in range(5):
        assert restarted(tmp_path).begin(message)
        quarantine = restarted(tmp_path)
        assert quarantine.begin(message)
        quarantine.end(message)


async def test_a_refused_message_does_not_clear_its_campaign(tmp_path: Path) -> None:
    """A template that kills over each person in turn would else be cleared by each that is set aside."""
    bad = b"B" * 16
    for _ in range(3):
        quarantine = restarted(tmp_path)
        await quarantine.enter("c", bad).__aenter__()
        assert quarantine.begin(bad)
    quarantine = restarted(tmp_path)
    async with quarantine.enter("c", bad) as why:
        assert not why and not quarantine.begin(bad)
    await quarantine.enter("c", b"next").__aenter__()
    async with restarted(tmp_path).enter("c", b"third") as why:
        assert why
