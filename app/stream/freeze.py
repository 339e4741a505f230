"""Freeze guard: a process that slept through its Kafka session must not act on what it knew before."""

import time
from collections.abc import Callable

TICK_SECONDS = 0.5
SHARE_OF_SESSION = 0.6


def boot_time() -> float:
    """Seconds since boot, counting suspension of the machine."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class FreezeGuard:
    """Compares the clock with the last tick of the event loop; ends the process when the gap is too long."""

    def __init__(self, session: float, die: Callable[[str], object]) -> None:
        self._longest = session * SHARE_OF_SESSION
        self._die = die
        self._last: float | None = None

    def check(self) -> None:
        """Call right before each external call."""
        if self._last is not None and (gap := boot_time() - self._last) > self._longest:
            self._die(f"frozen for {gap:.1f} s: the Kafka session may be another worker's now")

    def tick(self) -> None:
        """Check, then note that the loop is alive. Call every TICK_SECONDS."""
        self.check()
        self._last = boot_time()
