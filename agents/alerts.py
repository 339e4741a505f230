"""Notices of level alert -> FANFARE_ALERT_URL: each is posted once or more, and given up after an hour.

What is to be posted is noted in the batch of the notice and crossed off once it is posted, so a kill loses none: it may
post one twice, which the id tells.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from agents.pacing import Pacing
from app.delivery.campaigns.notices import about
from app.routes import Notice
from app.stream.app import StreamApp
from app.stream.ticks import every

log = logging.getLogger("fanfare.alerts")

LOOK_EVERY = 1.0
AT_ONCE = 4
PAUSES = (1.0, 5.0, 30.0, 120.0, 600.0, 3_000.0)  # seconds before each further try
MOST_LEFT = 200  # that wait to be posted: beyond it the oldest are given up

Post = Callable[[str, dict[str, object]], Awaitable[str]]


class Alerts:
    """Posts alerts, a few at a time."""

    def __init__(self, app: StreamApp, pacing: Pacing, url: str, post: Post) -> None:
        self._app, self._pacing, self._url, self._post = app, pacing, url, post
        self._tries: dict[str, tuple[int, float]] = {}  # notice -> tries so far, when the next is due

    def attach(self) -> None:
        """Start the ticks."""
        every(self._app, LOOK_EVERY, self.look)

    async def look(self) -> None:
        """Post what is due."""
        if self._pacing.group is None:
            return
        waiting = self._pacing.notices.to_post()
        now = self._app.now()
        self._tries = {ident: tried for ident, tried in self._tries.items() if ident in waiting}
        spare = max(0, len(waiting) - MOST_LEFT)
        surplus, kept = waiting[:spare], waiting[spare:]
        due = [ident for ident in kept if self._tries.get(ident, (0, 0.0))[1] <= now]
        done = await asyncio.gather(*(self._try(ident) for ident in due[:AT_ONCE]))
        for ident in surplus:
            log.error("the alert %s is given up: more than %d wait to be posted", ident, MOST_LEFT)
        over = [*surplus, *(ident for ident in done if ident)]
        if over:
            await self._pacing.write(self._pacing.notices.posted(over))

    async def _try(self, ident: str) -> str:
        """Post one; its id when there is nothing more to do about it."""
        notice = self._pacing.notices.stored(ident)
        if notice is None:
            return ident
        wrong = await self._post(self._url, body_of(notice))
        if not wrong:
            return ident
        tries = self._tries.get(ident, (0, 0.0))[0] + 1
        if tries > len(PAUSES):
            log.error("the alert %s is given up after %d tries: %s", ident, tries, wrong)
            return ident
        log.warning("the alert %s could not be posted, tried again: %s", ident, wrong)
        self._tries[ident] = tries, self._app.now() + PAUSES[tries - 1]
        return ""


def body_of(notice: Notice) -> dict[str, object]:
    """What is posted: the notice, and a sentence for services that show a `text`."""
    return {**notice.model_dump(), "text": f"Fanfare: {about(notice)}: {notice.reason}"}
