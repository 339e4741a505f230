"""What a live page is told: one picture of a campaign, made at most a few times a second for all viewers."""

import asyncio
import time
from typing import Any

import orjson

from app.commands import CampaignEntry
from app.control import Control, Speed, describe
from app.control.held import held_of
from app.delivery.campaigns.lifecycle import LIVE
from app.delivery.campaigns.queueing import position
from app.web.forecasts import forecast_of
from app.web.link import Link
from app.web.notices_seen import of_campaign
from app.web.views import Views

SAMPLE_SECONDS = 1.0
MOST_SAMPLES = 600  # then every second one is dropped: a long campaign keeps its whole shape
PROVIDER_SECONDS = 2.0
PICTURE_SECONDS = 0.25
MOST_NOTICES = 20
MOST_GROUPS = 30  # on a page: the long tail has hundreds
FORGET_SECONDS = 300.0  # between two looks for counts of campaigns that are over; each full snapshot has the others


class History:
    """Messages decided over time: (seconds since 1970, count), bounded in number."""

    def __init__(self) -> None:
        self.points: list[tuple[float, int]] = []
        self._every = SAMPLE_SECONDS

    def note(self, now: float, done: int) -> None:
        """Add a sample unless the last one is too fresh."""
        if self.points and now - self.points[-1][0] < self._every * 0.9:
            return
        self.points.append((round(now, 1), done))
        if len(self.points) > MOST_SAMPLES:
            self.points = self.points[::2]
            self._every *= 2


def largest(rows: list[dict[str, Any]] | None, most: int = MOST_GROUPS) -> list[dict[str, Any]] | None:
    """*rows* by MX group, the largest first: the rest of them added up in one."""
    if rows is None or len(rows) <= most:
        return rows
    shown, rest = rows[: most - 1], rows[most - 1 :]
    sums = {name: sum(int(each[name]) for each in rest) for name in rest[0] if name != "provider"}
    return [*shown, {"provider": f"{len(rest)} more"} | sums]


class Feed:
    """Samples running campaigns and builds the pictures that viewers get."""

    def __init__(self, link: Link, views: Views) -> None:
        self._link = link
        self._views = views
        self._histories: dict[str, History] = {}
        self._speeds: dict[str, Speed] = {}
        self._providers: dict[str, tuple[float, list[dict[str, Any]] | None]] = {}
        self._made: dict[str, tuple[float, bytes]] = {}
        self._reading: set[str] = set()
        self._forgot = 0.0
        self._tasks: set[asyncio.Task[None]] = set()
        self._sampler: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to sample."""
        self._sampler = asyncio.create_task(self._sample_for_ever(), name="edge-sampler")

    async def stop(self) -> None:
        """End."""
        tasks = [*self._tasks, *([self._sampler] if self._sampler else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def picture(self, entry: CampaignEntry) -> dict[str, Any]:
        """Everything a page shows of *entry*, as of now."""
        control = self._link.control
        counted = control.picture_of(entry)
        rate, providers = self.rate(entry, counted.final), self.providers(entry.id)
        return describe(entry, counted) | {
            "rate": rate,
            "providers": largest(providers),
            "due_at": entry.due_at,
            "queue_position": position(entry, control.campaigns.values()),
            "trial": entry.trial.model_dump() if entry.trial else None,
            "forecast": forecast_of(control, entry, counted, rate, providers or []).as_json(),
            "held": held_of(control.tail, entry),
            "notices": [
                each.model_dump(include={"id", "at", "level", "kind", "route", "pool", "group", "reason"})
                for each in of_campaign(control.tail.notices.values(), entry.id, entry.account)[:MOST_NOTICES]
            ],
        }

    def rate(self, entry: CampaignEntry, done: int) -> float:
        """Messages of *entry* decided a second, now that *done* are."""
        if entry.state not in LIVE:
            return 0.0
        return round(self._speeds.setdefault(entry.id, Speed()).at(time.monotonic(), done), 1)

    def encoded(self, entry: CampaignEntry) -> bytes:
        """`picture` as JSON, at most PICTURE_SECONDS old."""
        made, body = self._made.get(entry.id, (0.0, b""))
        now = time.monotonic()
        if now - made >= PICTURE_SECONDS:
            body = orjson.dumps(self.picture(entry))
            self._made[entry.id] = (now, body)
        return body

    def history(self, campaign: str) -> bytes:
        """The samples of *campaign* since this edge runs, and the time here, as JSON."""
        history = self._histories.get(campaign)
        return orjson.dumps({"now": time.time(), "points": history.points if history else []})

    def note(self, campaign: str, at: float, done: int) -> None:
        """Add a sample to the history of *campaign*."""
        self._histories.setdefault(campaign, History()).note(at, done)

    def providers(self, campaign: str) -> list[dict[str, Any]] | None:
        """Results by MX group as they were read last; a fresh read is begun when that is old. None: no ClickHouse."""
        now = time.monotonic()
        read, rows = self._providers.get(campaign, (0.0, []))
        if now - read >= PROVIDER_SECONDS and campaign not in self._reading:
            self._reading.add(campaign)
            task = asyncio.create_task(self._read_providers(campaign))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return rows

    async def _read_providers(self, campaign: str) -> None:
        try:
            rows = await self._views.by_provider(campaign)
        finally:
            self._reading.discard(campaign)
        self._providers[campaign] = (time.monotonic(), rows)

    async def _sample_for_ever(self) -> None:
        while True:
            if self._link.connected:
                self._sample(self._link.control, time.time())
            await asyncio.sleep(SAMPLE_SECONDS)

    def _sample(self, control: Control, now: float) -> None:
        for entry in list(control.campaigns.values()):
            if entry.state in LIVE:
                done = control.picture(entry.id).final
                self.note(entry.id, now, done)
                self._speeds.setdefault(entry.id, Speed()).at(time.monotonic(), done)
        for known in (self._histories, self._speeds, self._providers, self._made):
            for campaign in [each for each in known if each not in control.campaigns]:
                del known[campaign]
        if now - self._forgot >= FORGET_SECONDS:
            self._forgot = now
            control.tail.live.forget(control.campaigns)
