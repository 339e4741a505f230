"""Guards of the event loop: one that slept through its Kafka session must not act; one that is stuck must end.

A stuck loop looks healthy from outside: the consumer's thread goes on telling Kafka that it lives.
"""

import threading
import time
from collections.abc import Callable

TICK_SECONDS = 0.5
SHARE_OF_SESSION = 0.6
STUCK_SECONDS = 30.0


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


class StuckGuard:
    """A thread that calls *leave* when the event loop has not ticked for *longest* seconds of its running time.

    Looks that come late do not count, so a process that was stopped as a whole is left to the freeze guard.
    """

    def __init__(self, leave: Callable[[str], object], longest: float = STUCK_SECONDS, every: float = 1.0) -> None:
        self._leave, self._longest, self._every = leave, longest, every
        self._ticks = 0
        self._over = threading.Event()

    def start(self) -> None:
        """Begin to look."""
        threading.Thread(target=self._look, name="stuck-guard", daemon=True).start()

    def tick(self) -> None:
        """The loop is alive."""
        self._ticks += 1

    def stop(self) -> None:
        """The loop is about to end."""
        self._over.set()

    def _look(self) -> None:
        seen, looks = self._ticks, 0
        while not self._over.wait(self._every):
            if seen != self._ticks or not self._ticks:  # it begins to tick when the tables are recovered
                seen, looks = self._ticks, 0
                continue
            looks += 1
            if looks * self._every >= self._longest:
                self._leave(f"the event loop has been stuck for {self._longest:.0f} s")
                return
