"""What was in flight when this worker died: suspected after three deaths, set aside after four.

Two things can be poison: a campaign (its template), or one release of it (a person's data).
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from app.stream.crash_notes import CrashNotes

SUSPECT = 3  # deaths after which a release runs alone
GUILTY = 4  # deaths after which it is dead-lettered
REPORT_EVERY = 5.0  # seconds


class Quarantine:
    """Lets releases in: innocent ones side by side, suspected ones alone, guilty ones not at all.

    One release that ends well clears its campaign: a machine that is killed from outside, however
    often, makes nobody guilty as long as anything gets through between two kills. A release is known
    again by its first message: what a crash leaves of it begins there, or nearer to what killed it.
    """

    def __init__(self, notes: CrashNotes, on_guilty: Callable[[str], Awaitable[None]]) -> None:
        self._notes = notes
        self._on_guilty = on_guilty
        self._inside: Counter[bytes] = Counter()
        self._changed = asyncio.Condition()
        self._alone = False
        self._suspects = 0  # who wait to run alone
        self._reported: dict[str, float] = {}  # campaign -> when

    @asynccontextmanager
    async def enter(self, campaign: str, first_message: bytes) -> AsyncIterator[str]:
        """Stay inside while a release is worked on; yields why it must not be, or ""."""
        idents = (b"c" + campaign.encode(), b"m" + first_message)
        crashes = max(map(self._notes.crashes, idents))
        if crashes >= GUILTY:
            await self._report(campaign)
            yield f"campaign {campaign} was being sent at each of the last {crashes} crashes of this worker"
            return
        suspect = crashes >= SUSPECT
        async with self._changed:
            await self._turn(suspect)
            self._alone = suspect
            for ident in idents:
                if not self._inside[ident]:
                    self._notes.begin(ident)
                self._inside[ident] += 1
        try:
            yield ""
        finally:
            async with self._changed:
                for ident in idents:
                    self._leave(ident)
                self._alone = False
                self._changed.notify_all()

    async def _turn(self, suspect: bool) -> None:
        """Wait until nobody runs alone; for a suspect, until nobody runs at all. It keeps others from starting."""
        if not suspect:
            await self._changed.wait_for(lambda: not self._alone and not self._suspects)
            return
        self._suspects += 1
        try:
            await self._changed.wait_for(lambda: not self._alone and not self._inside)
        finally:
            self._suspects -= 1
            self._changed.notify_all()

    async def _report(self, campaign: str) -> None:
        """Have the campaign paused: again, when it was resumed meanwhile, but not for each of its releases."""
        now = asyncio.get_running_loop().time()
        if now - self._reported.get(campaign, -REPORT_EVERY) >= REPORT_EVERY:
            self._reported[campaign] = now
            await self._on_guilty(campaign)

    def _leave(self, ident: bytes) -> None:
        self._notes.end(ident)
        self._inside[ident] -= 1
        if self._inside[ident]:
            self._notes.begin(ident)
        else:
            del self._inside[ident]
