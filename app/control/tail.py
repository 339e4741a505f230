"""Follows what an installation publishes: campaigns, keys, beats and demand, without a group."""

import asyncio
import contextlib
import time
from collections.abc import Callable, MutableMapping
from typing import TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from pydantic import BaseModel, ValidationError

from app import topics
from app.commands import Answer, CampaignEntry
from app.control.answers import ANSWERS, Answers
from app.control.committed import CommittedOffsets
from app.control.errors import UnreachableError
from app.control.live import LiveCounts
from app.control.overlay import Overlay
from app.records import Beat, Demand, Undecodable, decode
from app.routes import HeldStatus, LimitSet, LimitStatus, Notice, Route, RouteStatus
from app.settings import Settings
from app.things import Account, ApiKey, ThingRecord
from app.topics import (
    ACCOUNT_CHANGED,
    CAMPAIGN_CHANGED,
    DEMAND_REPORTED,
    KEY_CHANGED,
    LIMIT_CHANGED,
    PACING_STATUS,
    ROUTE_CHANGED,
    THING_RECORDED,
    WORKER_BEAT,
)

DEMAND_SECONDS = 25.0  # every partition publishes a full snapshot each 10 s
BEAT_SECONDS = 5.0
STATUS_SECONDS = 12.0  # all of it is told each 10 s
STATUS_LIFE = 35.0  # then what was not told again is gone: its teller may have died before it could say so
THING_SECONDS = 120.0  # where record has committed nothing yet
COMMITTED_SECONDS = 1.0  # between two looks at how far record has come

DIRECTORY = TopicPartition(CAMPAIGN_CHANGED, 0)
KEYS = TopicPartition(KEY_CHANGED, 0)
ACCOUNTS = TopicPartition(ACCOUNT_CHANGED, 0)
LIMITS = TopicPartition(LIMIT_CHANGED, 0)
ROUTES = TopicPartition(ROUTE_CHANGED, 0)
DIRECTORIES = [DIRECTORY, KEYS, ACCOUNTS, LIMITS, ROUTES]  # compacted: read whole
BEATS = TopicPartition(WORKER_BEAT, 0)
STATUS = TopicPartition(PACING_STATUS, 0)

M = TypeVar("M", bound=BaseModel)


class Tail:
    """The newest of everything. Start it, then read the attributes; `heard` is notified of each change.

    *things*: follow thing.recorded as well, for whoever reads templates, segments and campaigns from ClickHouse.
    """

    def __init__(self, settings: Settings, on_answer: Callable[[Answer], None], *, things: bool = False) -> None:
        self.settings = settings
        self.entries: dict[str, CampaignEntry] = {}
        self.keys: dict[str, ApiKey] = {}
        self.accounts: dict[str, Account] = {}
        self.limits: dict[str, LimitSet] = {}
        self.routes: dict[str, Route] = {}
        # How it stands by pacing.status: routes and limits by name, what holds campaigns, notices that hold on by id.
        self.route_status: dict[str, RouteStatus] = {}
        self.limit_status: dict[str, LimitStatus] = {}
        self.held: dict[str, HeldStatus] = {}
        self.notices: dict[str, Notice] = {}
        self._status_heard: dict[str, float] = {}  # key of pacing.status -> when it was told last
        self.overlay = Overlay()
        self.beats: dict[str, Beat] = {}
        self.live = LiveCounts(settings.partitions)
        self.heard = asyncio.Condition()
        self._answers = Answers(settings, on_answer)
        self._things = [TopicPartition(THING_RECORDED, each) for each in range(settings.partitions)] if things else []
        self._positions: dict[TopicPartition, int] = {}  # next offset to read
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=settings.kafka,
            enable_auto_commit=False,
            auto_offset_reset="latest",
            isolation_level="read_uncommitted",
            # News is taken in lots: pictures are drawn a few times a second.
            fetch_min_bytes=65_536,
            fetch_max_wait_ms=100,
            request_timeout_ms=10_000,
        )
        self._tasks: list[asyncio.Task[None]] = []
        self._hearing: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connect, go to the right places and read up to the present. Raises UnreachableError."""
        try:
            await self._consumer.start()
            ends = await self._seek()
            await self._answers.start()
        except (KafkaError, OSError, UnreachableError) as error:
            await self.stop()
            raise _unreachable(self.settings, error) from error
        self._tasks = [asyncio.create_task(self._follow(), name="control-tail")]
        if self._things:
            self._tasks.append(asyncio.create_task(self._clear_overlay(), name="control-overlay"))
        try:
            async with asyncio.timeout(15):
                await self._reached(ends)
        except TimeoutError as error:
            await self.stop()
            raise _unreachable(self.settings, error) from error

    async def stop(self) -> None:
        """Disconnect."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._answers.stop()
        await self._consumer.stop()

    async def catch_up(self, *partitions: TopicPartition) -> None:
        """Return once everything is read that is in *partitions* now."""
        ends = await self._consumer.end_offsets(list(partitions))
        await self._reached(ends)

    async def read_past(self, place: TopicPartition, offset: int, seconds: float) -> bool:
        """Wait until the record at *offset* has been read; False when there is none, or it takes longer."""
        if self._positions.get(place, 0) > offset:
            return True
        if place not in self._positions:
            return False
        try:
            async with asyncio.timeout(seconds):
                if offset >= (await self._consumer.end_offsets([place]))[place]:
                    return False
                await self._reached({place: offset + 1})
        except (TimeoutError, KafkaError):
            return False
        return True

    async def hear_keys(self) -> None:
        """Return once the API keys that there are now are known, or after two seconds. Many wait together."""
        if self._hearing is not None and not self._hearing.done():
            await asyncio.wait([self._hearing])  # it may have begun before the key was made: look once more
        if self._hearing is None or self._hearing.done():
            self._hearing = asyncio.create_task(self._hear(KEYS), name="control-keys")
        await asyncio.wait([self._hearing])

    async def _hear(self, place: TopicPartition) -> None:
        with contextlib.suppress(TimeoutError, KafkaError):
            async with asyncio.timeout(2):
                await self.catch_up(place)

    async def changed(self, seconds: float) -> None:
        """Return at the next change, or after *seconds*."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds), self.heard:
                await self.heard.wait()

    async def _seek(self) -> dict[TopicPartition, int]:
        demand = [TopicPartition(DEMAND_REPORTED, each) for each in range(self.settings.partitions)]
        everything = [*DIRECTORIES, BEATS, STATUS, *demand, *self._things]
        await self._check_topics([*everything, ANSWERS])
        self._consumer.assign(everything)
        ends: dict[TopicPartition, int] = await self._consumer.end_offsets(everything)
        starts = await self._consumer.beginning_offsets([*DIRECTORIES, *self._things])
        since = dict.fromkeys(demand, _ago(DEMAND_SECONDS)) | {BEATS: _ago(BEAT_SECONDS), STATUS: _ago(STATUS_SECONDS)}
        since |= dict.fromkeys(self._things, _ago(THING_SECONDS))
        found = await self._consumer.offsets_for_times(since)
        committed = await self._committed() if self._things else {}
        for partition in everything:
            position = ends[partition]
            if partition in DIRECTORIES:
                position = starts[partition]
            elif partition in self._things and partition.partition in committed:
                position = min(position, max(starts[partition], committed[partition.partition]))
            elif (at := found.get(partition)) is not None:
                position = at.offset
            self._consumer.seek(partition, position)
            self._positions[partition] = position
        return ends

    async def _committed(self) -> dict[int, int]:
        try:
            async with CommittedOffsets(self.settings.kafka) as offsets:
                return await offsets.read()
        except KafkaError:  # record has not said anything yet, and its coordinator has no place
            return {}

    async def _check_topics(self, partitions: list[TopicPartition]) -> None:
        # All topics are listed: asking for a topic by name would create it on a broker that allows it.
        cluster = await self._consumer._client.fetch_all_metadata()
        for topic in {each.topic for each in partitions}:
            wanted = {each.partition for each in partitions if each.topic == topic}
            known = cluster.partitions_for_topic(topic) or set()
            if not wanted <= known:
                raise UnreachableError(
                    f"the topic {topic} has {len(known)} partitions, not {len(wanted)}",
                    "run `fanfare topics apply` (FANFARE_PARTITIONS must be what it was then)",
                )

    async def _reached(self, ends: dict[TopicPartition, int]) -> None:
        def behind() -> bool:
            return any(self._positions.get(each, 0) < end for each, end in ends.items())

        async with self.heard:
            await self.heard.wait_for(lambda: not behind())

    async def _follow(self) -> None:
        while True:
            try:
                batches = await self._consumer.getmany(timeout_ms=250)
            except KafkaError:
                await asyncio.sleep(0.5)  # the broker restarts: go on where we were
                continue
            for partition, records in batches.items():
                for record in records:
                    self._take(partition, record.offset, record.key, record.value)
                self._positions[partition] = records[-1].offset + 1
            await self._skip_empty()
            async with self.heard:
                self.heard.notify_all()

    async def _clear_overlay(self) -> None:
        """Forget what ClickHouse has by now."""
        while True:
            with contextlib.suppress(KafkaError, OSError):
                async with CommittedOffsets(self.settings.kafka) as offsets:
                    while True:
                        if len(self.overlay):
                            self.overlay.passed(await offsets.read())
                        await asyncio.sleep(COMMITTED_SECONDS)
            await asyncio.sleep(COMMITTED_SECONDS)

    async def _skip_empty(self) -> None:
        # A compacted log may end in offsets that hold no record: the fetcher's position tells.
        for partition in self._consumer.assignment():
            position = await self._consumer.position(partition)
            self._positions[partition] = max(self._positions.get(partition, 0), position)

    def _take(self, place: TopicPartition, offset: int, key: bytes | None, value: bytes | None) -> None:
        if place in DIRECTORIES:
            self._take_entry(place, key, value)
        elif place.topic == THING_RECORDED:
            with contextlib.suppress(ValidationError):
                record = ThingRecord.model_validate_json(value or b"")
                if record.kind != "inbound":  # nobody asks for one of them, and there may be many
                    self.overlay.take(place.partition, offset, record)
        elif place == STATUS:
            self._take_status((key or b"").decode(errors="replace"), value)
        elif place == BEATS:
            beat = decode(Beat, value or b"")
            if not isinstance(beat, Undecodable):
                self.beats[beat.worker] = beat
        else:
            demand = decode(Demand, value or b"")
            if not isinstance(demand, Undecodable):
                self.live.hear(demand)

    def _take_entry(self, place: TopicPartition, key: bytes | None, value: bytes | None) -> None:
        match place.topic:
            case topics.CAMPAIGN_CHANGED:
                _keep(self.entries, CampaignEntry, key, value)
            case topics.KEY_CHANGED:
                _keep(self.keys, ApiKey, key, value)
            case topics.ACCOUNT_CHANGED:
                _keep(self.accounts, Account, key, value)
            case topics.LIMIT_CHANGED:
                _keep(self.limits, LimitSet, key, value)
            case topics.ROUTE_CHANGED:
                _keep(self.routes, Route, key, value)

    def _take_status(self, key: str, value: bytes | None) -> None:
        now = time.monotonic()
        if value:
            self._status_heard[key] = now
            for old in [old for old, at in self._status_heard.items() if now - at > STATUS_LIFE]:
                self._take_status(old, None)
        else:
            self._status_heard.pop(key, None)
        kind, _, name = key.partition("|")
        match kind:
            case "route":
                _keep(self.route_status, RouteStatus, name.encode(), value)
            case "limit":
                _keep(self.limit_status, LimitStatus, name.encode(), value)
            case "campaign":
                _keep(self.held, HeldStatus, name.encode(), value)
            case "notice":
                _keep(self.notices, Notice, name.encode(), value)


def _keep(known: MutableMapping[str, M], model: type[M], key: bytes | None, value: bytes | None) -> None:
    """Take one record of a compacted topic: without a value the thing is gone."""
    name = (key or b"").decode(errors="replace")
    if not value:
        known.pop(name, None)
        return
    with contextlib.suppress(ValidationError):
        known[name] = model.model_validate_json(value)


def _ago(seconds: float) -> int:
    return int((time.time() - seconds) * 1000)


def _unreachable(settings: Settings, error: BaseException) -> UnreachableError:
    if isinstance(error, UnreachableError):
        return error
    return UnreachableError(
        f"Kafka does not answer at {settings.kafka}", "is Fanfare running? start it with `fanfare up`"
    )
