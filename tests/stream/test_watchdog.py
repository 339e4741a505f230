"""When a worker that does nothing must end, and when it must not."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP

from app.stream import watchdog
from app.stream.watchdog import Watchdog

HERE = TP("t", 0)


class Stage:
    """A worker and its broker: one partition, of which 3 of 5 records are committed."""

    def __init__(self) -> None:
        self.in_flight, self.committed, self.end = 0, 3, 5
        self.answers, self.holds, self.asked = True, True, 0
        self.deaths: list[str] = []
        self.offsets: dict[TP, int] = {HERE: 1}
        self.working, self.should_stop, self.consumer_generation_id = True, False, 1
        self.settings = SimpleNamespace(kafka="nowhere")
        self.topics = SimpleNamespace(acks_enabled_for=lambda _: True)
        self.tables = SimpleNamespace(recovery=SimpleNamespace(active_offsets=self.offsets))
        self.consumer = SimpleNamespace(
            assignment=lambda: {HERE},
            unfinished=lambda _: self.in_flight,
            committed_offset=lambda _: self.committed,
            highwaters=self.highwaters,
        )

    async def highwaters(self, *tps: TP) -> dict[TP, int]:
        """The end of the log, if the broker answers."""
        if not self.answers:
            raise OSError("connection refused")
        return dict.fromkeys(tps, self.end)

    async def holds_records(self, *_: Any) -> bool:
        """Whether there is a record between commit and end."""
        self.asked += 1
        return self.holds

    def die(self, why: str) -> None:
        """Note a death."""
        self.deaths.append(why)
        self.should_stop = True


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A stage on which time is short: a look lasts no time, a stall three looks."""
    stage = Stage()
    monkeypatch.setattr(watchdog, "LOOK_SECONDS", 0.001)
    monkeypatch.setattr(watchdog, "holds_records", stage.holds_records)
    clock = iter(range(10**6))
    monkeypatch.setattr(watchdog, "time", SimpleNamespace(monotonic=lambda: float(next(clock))))
    monkeypatch.setattr(watchdog, "STALL_SECONDS", 3.0)
    monkeypatch.setattr(watchdog, "RECOVERY_SECONDS", 10.0)
    return stage


async def look(stage: Stage, times: int = 30) -> Watchdog:
    """Let the watchdog look *times* times, or until a death."""
    dog, looks = Watchdog(stage), 0  # type: ignore[arg-type]
    task = asyncio.create_task(dog.run())
    while not task.done() and looks < times:
        await asyncio.sleep(0.002)
        looks += 1
    stage.should_stop = True
    await task
    return dog


async def test_work_that_nobody_begins_ends_the_worker(stage: Stage) -> None:
    """
    All looks healthy, the lag is constant: only a restart brings these people their mail.
    """
    await look(stage)
    assert stage.deaths == ["t[0] stands still: committed 3, end 5, nothing in flight"]


async def test_a_hole_is_looked_into_once(stage: Stage) -> None:
    """
    The end of a transaction is an offset that nobody ever acknowledges.
    """
    stage.holds = False
    await look(stage)
    assert (stage.deaths, stage.asked) == ([], 1)


@pytest.mark.parametrize(
    "healthy", [{"in_flight": 1}, {"committed": 5}, {"answers": False}, {"working": False}], ids=lambda x: next(iter(x))
)
async def test_a_worker_that_works_waits_or_cannot_know_is_left_alone(stage: Stage, healthy: dict[str, Any]) -> None:
    """
    An outage of the broker or a long campaign must not become a restart loop.
    """
    for name, value in healthy.items():
        setattr(stage, name, value)
    await look(stage)
    assert stage.deaths == []


async def test_a_recovery_that_does_not_move_ends_the_worker(stage: Stage) -> None:
    """
    A lost wake-up inside Faust would leave it waiting for ever.
    """
    stage.working = False
    dog = Watchdog(stage)  # type: ignore[arg-type]
    dog.recovery_begins()
    dog._look_at_recovery()
    for _ in range(40):
        stage.offsets[HERE] += 1
        dog._look_at_recovery()
    assert stage.deaths == []
    for _ in range(15):
        dog._look_at_recovery()
    assert "recovery has not moved" in stage.deaths[0]
