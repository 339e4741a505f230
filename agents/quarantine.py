"""Campaigns that were in flight when this worker died: suspected after three deaths, set aside after four."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from app.stream.crash_notes import CrashNotes

SUSPECT = 3  # deaths after which a campaign runs alone
GUILTY = 4  # deaths after which its releases are dead-lettered


class Quarantine:
    """Lets releases in: innocent ones side by side, suspected campaigns alone, guilty ones not at all.

    One release that ends well clears its campaign: a machine that is killed from outside, however
    often, makes nobody guilty as long as anything gets through between two kills.
    """

    def __init__(self, notes: CrashNotes, on_guilty: Callable[[str], Awaitable[None]]) -> None:
        self._notes = notes
        self._on_guilty = on_guilty
        self._inside: Counter[str] = Counter()
        self._changed = asyncio.Condition()
        self._alone = False
        self._reported: set[str] = set()

    @asynccontextmanager
    async def enter(self, campaign: str) -> AsyncIterator[str]:
        """Stay inside while a release of *campaign* is worked on; yields why it must not be, or ""."""
        ident = campaign.encode()
        crashes = self._notes.crashes(ident)
        if crashes >= GUILTY:
            reason = f"campaign {campaign} was being sent at each of the last {crashes} crashes of this worker"
            if campaign not in self._reported:
                self._reported.add(campaign)
                await self._on_guilty(campaign)
            yield reason
            return
        suspect = crashes >= SUSPECT
        async with self._changed:
            await self._changed.wait_for(lambda: not self._alone and not (suspect and self._inside.total()))
            self._alone = suspect
            if not self._inside[campaign]:
                self._notes.begin(ident)
            self._inside[campaign] += 1
        try:
            yield ""
        finally:
            async with self._changed:
                self._inside[campaign] -= 1
                self._notes.end(ident)
                if self._inside[campaign]:
                    self._notes.begin(ident)
                self._alone = False
                self._changed.notify_all()
