"""The freeze guard."""

import queue
import time

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


def test_a_loop_that_hangs_ends_the_process_and_one_that_ticks_does_not() -> None:
    """
    An endless loop in one handler keeps its partitions for ever: nobody else would notice.
    """
    ended: queue.Queue[str] = queue.Queue()
    guard = StuckGuard(ended.put, longest=0.2, every=0.01)
    guard.start()
    for _ in range(10):
        time.sleep(0.05)
        guard.tick()
    assert ended.empty()
    assert "stuck" in ended.get(timeout=5.0)
    guard = StuckGuard(ended.put, longest=0.05, every=0.01)
    guard.start()
    time.sleep(0.2)  # not begun yet
    guard.tick()
    guard.stop()
    time.sleep(0.2)
    assert ended.empty()
