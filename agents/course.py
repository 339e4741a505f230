"""What time makes of campaigns: they wake, become due, find room, expire, are tested; old ones leave.

Every step is decided again after a kill, from the entry as it was stored: it is done once, whenever that is.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from aiokafka.errors import KafkaError

from agents.pacing import Pacing
from app import topics
from app.commands import CampaignEntry
from app.delivery.campaigns.lifecycle import ENDED, LONG_AHEAD, Around, by_itself
from app.delivery.campaigns.trial import advanced, is_held_back, is_to_be_decided
from app.delivery.outcomes import FINAL
from app.faults import reached
from app.records import WinnerTask, encode
from app.stream.app import StreamApp
from app.stream.ticks import every

log = logging.getLogger("fanfare.course")

TICK_SECONDS = 0.2
LOOK_SECONDS = 1.0  # at what is not a matter of a second: deadlines, and what is due tomorrow
MOST_AT_ONCE = 200  # campaigns moved in one tick
ASK_AGAIN = 30.0  # seconds until the results of an experiment are asked for again
KEEP_ENDED = 86_400.0  # seconds a campaign stays in the directory after its end, at least


class Course:
    """The ticks that move campaigns on."""

    def __init__(self, app: StreamApp, pacing: Pacing, mirrored: Callable[[], Awaitable[int]]) -> None:
        """*mirrored* tells up to which offset of the directory the record has stored it; it may raise KafkaError."""
        self._app, self._pacing, self._mirrored = app, pacing, mirrored
        self._asked_at: dict[str, float] = {}  # campaign -> when its results were asked for

    def attach(self) -> None:
        """Start the ticks."""
        every(self._app, TICK_SECONDS, self.move_on)
        every(self._app, TICK_SECONDS, self.experiments)
        every(self._app, LOOK_SECONDS, self.look_around)
        every(self._app, 60.0, self.forget_ended)

    async def move_on(self) -> None:
        """What is due, and what there is room for."""
        if not self._pacing.is_ready():
            return
        owned, now = self._pacing.owned, self._app.now()
        due = owned.take_due(now, MOST_AT_ONCE)
        await asyncio.gather(*(self._in_time(entry, owned.around, now) for entry in due))
        queued = owned.next_in_queue()[:MOST_AT_ONCE]
        await asyncio.gather(*(self._in_time(entry, owned.around_next, now) for entry in queued))

    async def look_around(self) -> None:
        """Deadlines, approvals that are no longer wanted, who wakes, and who may sleep."""
        if not self._pacing.is_ready():
            return
        owned = self._pacing.owned
        for entry in owned.in_states("APPROVAL", "QUEUED", "RUNNING", "PAUSED"):
            await self._in_time(entry, owned.around, self._app.now())
        now = self._app.now()
        moving = [*owned.to_wake(now + LONG_AHEAD, MOST_AT_ONCE), *owned.to_sleep(now, MOST_AT_ONCE)]
        await asyncio.gather(*(self._place_anew(entry) for entry in moving))

    async def experiments(self) -> None:
        """Move experiments on, and ask for the results of those whose wait is over."""
        if not self._pacing.is_ready() or not self._pacing.pacer.complete:
            return
        now = self._app.now()
        for entry in self._pacing.owned.in_states("RUNNING"):
            if not is_held_back(entry):
                continue
            counts = self._pacing.pacer.counts(entry.id)
            await self._move(entry, advanced(entry, sum(counts.get(name, 0) for name in FINAL), now))
            if is_to_be_decided(entry, now) and now - self._asked_at.get(entry.id, 0.0) >= ASK_AGAIN:
                self._asked_at[entry.id] = now
                await self._ask_for_results(entry)
        self._asked_at = {ident: at for ident, at in self._asked_at.items() if at > now - 2 * ASK_AGAIN}

    async def forget_ended(self) -> None:
        """Campaigns leave the directory a day after their end, once the record has written them down."""
        if not self._pacing.is_ready():
            return
        owned, before = self._pacing.owned, self._app.now() - KEEP_ENDED
        old = [entry for entry in owned.in_states(*ENDED) if (entry.finished_at or 0.0) < before]
        if not old:
            return
        try:
            mirrored = await self._mirrored()
        except (KafkaError, OSError) as error:
            log.warning("ended campaigns stay for now: %r", error)
            return
        for entry in old:
            if 0 <= owned.told_at(entry.id) < mirrored and owned.live.get(entry.id) is entry:
                await self._pacing.forget(entry)

    async def _in_time(self, entry: CampaignEntry, around: Callable[[str], Around], now: float) -> None:
        """Move *entry* on. *now* is the moment at which it was found due: a clock that steps back finds it no more."""
        await self._move(entry, by_itself(entry, now, around(entry.account)))

    async def _move(self, before: CampaignEntry, after: CampaignEntry | None) -> None:
        # A command may have changed it while others were written.
        if after is not None and self._pacing.campaigns.get(before.id) is before:
            await self._pacing.carry(before, after, lambda: reached("course.written"))

    async def _place_anew(self, entry: CampaignEntry) -> None:
        """Time alone makes a campaign live or dormant."""
        if self._pacing.owned.get(entry.id) == entry:
            await self._pacing.carry(entry, entry, lambda: reached("course.placed"))

    async def _ask_for_results(self, entry: CampaignEntry) -> None:
        experiment = entry.spec.experiment
        assert experiment is not None
        names = [each.name for each in experiment.variants]
        task = WinnerTask(entry.account, entry.id, entry.run, names, experiment.metric)
        await self._app.produce(topics.WINNER_REQUESTED, None, entry.id.encode(), encode(task))
