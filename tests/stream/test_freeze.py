"""The freeze guard."""

import queue
import threading

import pytest

from app.stream import freeze
from app.stream.freeze import FreezeGuard, StuckGuard


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The clock of the machine, as a variable."""
    now = [100.0]
    monkeypatch.setattr(freeze, "boot_time", lambda: now[0])
    return now


def test_a_gap_of_most_of_a_session_ends_the_process(clock: list[float]) -> None:
    """
    From then on the partitions may be another worker's, and each mail would be the second one.
    """
    deaths: list[str] = []
    guard = FreezeGuard(12.0, deaths.append)
    guard.check()
    guard.tick()
    clock[0] += 7.1
    guard.check()
    assert deaths == []
    clock[0] += 0.2
    guard.check()
    assert deaths == ["frozen for 7.3 s: the Kafka session may be another worker's now"]


def test_a_loop_that_ticks_lives_for_ever(clock: list[float]) -> None:
    """
    Only gaps count, not age.
    """
    guard = FreezeGuard(12.0, pytest.fail)
    for _ in range(100):
        guard.tick()
        clock[0] += 5.0


def test_the_tick_itself_finds_the_gap(clock: list[float]) -> None:
    """
    A worker without external calls must leave too, before its tick hides that it slept.
    """
    deaths: list[str] = []
    guard = FreezeGuard(12.0, deaths.append)
    guard.tick()
    clock[0] += 40.0
    guard.tick()
    assert len(deaths) == 1


def test_the_clock_counts_suspension() -> None:
    """
    A monotonic clock stands still while a laptop sleeps, and would see no gap.
    """
    assert freeze.boot_time() > 0
    assert freeze.time.CLOCK_BOOTTIME != freeze.time.CLOCK_MONOTONIC


class Looks(threading.Event):
    """The looks of a guard, without the time between them; it is stopped after the last one."""

    def __init__(self, guard: StuckGuard, ticking: str) -> None:
        super().__init__()
        self.guard, self.ticking = guard, iter(ticking)

    def wait(self, _timeout: float | None = None) -> bool:
        """Up to the next look, the loop ticks (t) or it does not (-)."""
        did = next(self.ticking, "")
        if did == "t":
            self.guard.tick()
        return not did


@pytest.mark.parametrize(
    ("ticking", "ends"),
    [
        ("-" * 50, False), ("t----t----t----" + "t" * 9, False), ("t-----", True), ("ttt---t-----t", True),
        ("-" * 20 + "t----", False),  # before the first tick, tables are recovered
    ],
)  # fmt: skip
def test_a_loop_that_hangs_ends_the_process_and_one_that_ticks_does_not(ticking: str, ends: bool) -> None:
    """
    An endless loop in one handler keeps its partitions for ever: nobody else would notice.
    """
    ended: list[str] = []
    guard = StuckGuard(ended.append, longest=0.5, every=0.1)
    guard._over = Looks(guard, ticking)
    guard._look()
    assert len(ended) == ends and all("stuck" in why for why in ended)


def test_the_loop_is_looked_after_from_another_thread_until_it_ends() -> None:
    """
    A loop that is stuck cannot look after itself; one that has ended well is not stuck.
    """
    ended: queue.Queue[str] = queue.Queue()
    guard = StuckGuard(ended.put, longest=0.05, every=0.01)
    guard.start()
    guard.tick()
    assert "stuck" in ended.get(timeout=30.0)
    stopped = StuckGuard(ended.put, longest=0.05, every=0.01)
    stopped.tick()
    stopped.stop()
    stopped.start()
    with pytest.raises(queue.Empty):
        ended.get(timeout=0.3)
