"""Up to which moment all that came in over a chain of topics has had its effect.

Whoever acts because nothing has come in time asks here first: after an outage of our own it lies in Kafka, unread.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aiokafka.errors import KafkaError

from app.stream.caught_up import Progress
from app.stream.ticks import every

if TYPE_CHECKING:
    from app.stream.app import StreamApp

log = logging.getLogger("fanfare.taken_in")

LOOK_SECONDS = 0.25
STALLED = 120.0  # seconds in which readers do not move at all: what lies before them is waited for no longer

Chain = Sequence[tuple[str, str]]  # (topic, the group that reads it), each feeding the next


class TakenIn:
    """Reads on when it is asked about a moment that it does not know of yet."""

    def __init__(self, app: "StreamApp", chain: Chain) -> None:
        self._app, self._chain = app, chain
        self._until, self._asked = 0.0, False

    def attach(self) -> None:
        """Start the tick."""
        every(self._app, LOOK_SECONDS, self.look)

    def up_to(self, now: float) -> float:
        """The moment, *now* at the latest, up to which all has had its effect; it comes closer once asked for."""
        self._asked = self._asked or self._until < now
        return min(now, self._until)

    async def look(self) -> None:
        """If somebody asked: find out where the topics end, and wait until they are read up to there."""
        if not self._asked:
            return
        self._asked, now = False, self._app.now()
        try:
            for topic, group in self._chain:
                async with Progress(self._app.settings.kafka, group, topic, self._app.partitions) as progress:
                    await self._read(progress, f"{topic} by {group}")
        except (KafkaError, OSError) as error:
            log.warning("cannot ask how far reports are read: %r", error)
            self._asked = True
            return
        self._until = max(self._until, now)

    async def _read(self, progress: Progress, what: str) -> None:
        ends, least, moved = await progress.ends(), None, time.monotonic()
        while (left := await progress.left(ends)) and not self._app.should_stop:
            if left != least:
                least, moved = left, time.monotonic()
            elif time.monotonic() - moved > STALLED:
                log.warning("%s stands still, %d records before the end: it is waited for no longer", what, left)
                return
            await asyncio.sleep(LOOK_SECONDS)
