"""What kills a sender again and again is set aside; what was merely near it goes on."""

import asyncio
from pathlib import Path

from agents.quarantine import Quarantine
from app.stream.crash_notes import CrashNotes


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
    quarantine = Quarantine(crashed(tmp_path / "notes", 4, b"cbad"), paused)
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
        quarantine = Quarantine(notes, Paused())
        async with quarantine.enter("c", b"well") as why:
            assert not why
        await quarantine.enter("c", b"bad").__aenter__()
        notes = CrashNotes(tmp_path / "notes")
    quarantine = Quarantine(notes, Paused())
    async with quarantine.enter("c", b"bad") as why:
        assert why
    async with quarantine.enter("d", b"well") as why:
        assert not why


async def test_a_suspect_runs_alone(tmp_path: Path) -> None:
    """Otherwise its neighbours share its fate and, after the fourth crash, its verdict."""
    quarantine = Quarantine(crashed(tmp_path / "notes", 3, b"csuspect"), Paused())
    began: list[str] = []

    async def work(campaign: str, until: asyncio.Event) -> None:
        async with quarantine.enter(campaign, campaign.encode()):
            began.append(campaign)
            await until.wait()

    first, second, third = asyncio.Event(), asyncio.Event(), asyncio.Event()
    tasks = [asyncio.create_task(work("a", first))]
    await asyncio.sleep(0.01)
    tasks.append(asyncio.create_task(work("suspect", second)))
    await asyncio.sleep(0.01)
    tasks.append(asyncio.create_task(work("b", third)))
    await asyncio.sleep(0.01)
    assert began == ["a"]
    first.set()
    await asyncio.sleep(0.01)
    assert began == ["a", "suspect"]
    second.set()
    await asyncio.sleep(0.01)
    assert began == ["a", "suspect", "b"]
    third.set()
    await asyncio.gather(*tasks)
