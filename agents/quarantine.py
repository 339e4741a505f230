"""What was in flight when this worker died: suspected after three deaths, set aside after four.

Three things can be poison: a message (a person's data), a campaign (its template), or a release for whatever
other reason. A message is known exactly, so it need not run alone first.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from app.stream.crash_notes import CrashNotes
from app.stream.last_act import LastAct

SUSPECT = 3  # deaths after which a release runs alone
GUILTY = 4  # deaths after which it is dead-lettered
DEADLY = 3  # deaths in the middle of one message after which it is not rendered any more
REPORT_EVERY = 5.0  # seconds

CAMPAIGN, RELEASE, MESSAGE = b"c", b"m", b"r"  # what an id in the crash notes begins with


class Quarantine:
    """Lets releases in: innocent ones side by side, suspected ones alone, guilty ones not at all.

    One release that ends well clears its campaign: a machine that is killed from outside, however
    often, makes nobody guilty as long as anything gets through between two kills. A release is known
    again by its first message: what a crash leaves of it begins there, or nearer to what killed it.
    """

    def __init__(self, notes: CrashNotes, last_act: LastAct, on_guilty: Callable[[str], Awaitable[None]]) -> None:
        self._notes = notes
        self._last_act = last_act
        if last_act.left is not None:
            notes.blame(MESSAGE + last_act.left)
        self._blamed = {ident[1:] for ident in notes.blamed(MESSAGE)}  # messages that a crash was in
        self._refused = 0
        self._on_guilty = on_guilty
        self._inside: Counter[bytes] = Counter()
        self._changed = asyncio.Condition()
        self._alone = False
        self._suspects = 0  # who wait to run alone
        self._reported: dict[str, float] = {}  # campaign -> when

    def begin(self, message: bytes) -> bool:
        """*message* is about to be rendered; False when it must not be: three crashes were in it."""
        if message in self._blamed and self._notes.crashes(MESSAGE + message) >= DEADLY:
            self._refused += 1
            return False
        self._last_act.begin(message)
        return True

    def end(self, message: bytes) -> None:
        """*message* has been rendered, and we live."""
        self._last_act.end()
        if message in self._blamed:
            self._blamed.discard(message)
            self._notes.end(MESSAGE + message)

    @asynccontextmanager
    async def enter(self, campaign: str, first_message: bytes) -> AsyncIterator[str]:
        """Stay inside while a release is worked on; yields why it must not be, or ""."""
        idents = (CAMPAIGN + campaign.encode(), RELEASE + first_message)
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
        refused = self._refused
        try:
            yield ""
        finally:
            async with self._changed:
                for ident in idents:
                    self._leave(ident, well=refused == self._refused)
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

    def _leave(self, ident: bytes, well: bool) -> None:
        # A release of one message that is refused proves nothing about its template.
        (self._notes.end if well else self._notes.leave)(ident)
        self._inside[ident] -= 1
        if self._inside[ident]:
            self._notes.begin(ident)
        else:
            del self._inside[ident]
