"""Follows what an installation publishes: campaigns, answers, beats and demand, without a group."""

import asyncio
import contextlib
import time
from collections.abc import Callable

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from pydantic import ValidationError

from app.commands import Answer, CampaignEntry
from app.control.errors import UnreachableError
from app.control.live import LiveCounts
from app.records import Beat, Demand, Undecodable, decode
from app.settings import Settings
from app.topics import CAMPAIGN_CHANGED, COMMAND_ANSWERED, DEMAND_REPORTED, WORKER_BEAT

DEMAND_SECONDS = 25.0  # every partition publishes a full snapshot each 10 s
BEAT_SECONDS = 5.0

DIRECTORY = TopicPartition(CAMPAIGN_CHANGED, 0)
ANSWERS = TopicPartition(COMMAND_ANSWERED, 0)
BEATS = TopicPartition(WORKER_BEAT, 0)


class Tail:
    """The newest of everything. Start it, then read the attributes; `heard` is notified of each change."""

    def __init__(self, settings: Settings, on_answer: Callable[[Answer], None]) -> None:
        self.settings = settings
        self.entries: dict[str, CampaignEntry] = {}
        self.beats: dict[str, Beat] = {}
        self.live = LiveCounts(settings.partitions)
        self.heard = asyncio.Condition()
        self._on_answer = on_answer
        self._positions: dict[TopicPartition, int] = {}  # next offset to read
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=settings.kafka,
            enable_auto_commit=False,
            auto_offset_reset="latest",
            isolation_level="read_uncommitted",
            # News is taken in lots: pictures are drawn a few times a second, and an answer may take a tenth.
            fetch_min_bytes=65_536,
            fetch_max_wait_ms=100,
            request_timeout_ms=10_000,
        )
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connect, go to the right places and read up to the present. Raises UnreachableError."""
        try:
            await self._consumer.start()
            ends = await self._seek()
        except (KafkaError, OSError, UnreachableError) as error:
            await self.stop()
            raise _unreachable(self.settings, error) from error
        self._task = asyncio.create_task(self._follow(), name="control-tail")
        try:
            async with asyncio.timeout(15):
                await self._reached(ends)
        except TimeoutError as error:
            await self.stop()
            raise _unreachable(self.settings, error) from error

    async def stop(self) -> None:
        """Disconnect."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self._consumer.stop()

    async def catch_up(self, *partitions: TopicPartition) -> None:
        """Return once everything is read that is in *partitions* now."""
        ends = await self._consumer.end_offsets(list(partitions))
        await self._reached(ends)

    async def changed(self, seconds: float) -> None:
        """Return at the next change, or after *seconds*."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds), self.heard:
                await self.heard.wait()

    async def _seek(self) -> dict[TopicPartition, int]:
        demand = [TopicPartition(DEMAND_REPORTED, each) for each in range(self.settings.partitions)]
        everything = [DIRECTORY, ANSWERS, BEATS, *demand]
        await self._check_topics(everything)
        self._consumer.assign(everything)
        ends: dict[TopicPartition, int] = await self._consumer.end_offsets(everything)
        starts = await self._consumer.beginning_offsets([DIRECTORY])
        since = dict.fromkeys(demand, _ago(DEMAND_SECONDS)) | {BEATS: _ago(BEAT_SECONDS)}
        found = await self._consumer.offsets_for_times(since)
        for partition in everything:
            position = ends[partition]
            if partition == DIRECTORY:
                position = starts[partition]
            elif (at := found.get(partition)) is not None:
                position = at.offset
            self._consumer.seek(partition, position)
            self._positions[partition] = position
        return ends

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
                    self._take(partition, record.key, record.value)
                self._positions[partition] = records[-1].offset + 1
            await self._skip_empty()
            async with self.heard:
                self.heard.notify_all()

    async def _skip_empty(self) -> None:
        # A compacted log may end in offsets that hold no record: the fetcher's position tells.
        for partition in self._consumer.assignment():
            position = await self._consumer.position(partition)
            self._positions[partition] = max(self._positions.get(partition, 0), position)

    def _take(self, partition: TopicPartition, key: bytes | None, value: bytes | None) -> None:
        if partition == DIRECTORY:
            self._take_entry((key or b"").decode(), value)
        elif partition == ANSWERS:
            with contextlib.suppress(ValidationError):
                self._on_answer(Answer.model_validate_json(value or b""))
        elif partition == BEATS:
            beat = decode(Beat, value or b"")
            if not isinstance(beat, Undecodable):
                self.beats[beat.worker] = beat
        else:
            demand = decode(Demand, value or b"")
            if not isinstance(demand, Undecodable):
                self.live.hear(demand)

    def _take_entry(self, campaign: str, value: bytes | None) -> None:
        if not value:
            self.entries.pop(campaign, None)
            return
        with contextlib.suppress(ValidationError):
            self.entries[campaign] = CampaignEntry.model_validate_json(value)


def _ago(seconds: float) -> int:
    return int((time.time() - seconds) * 1000)


def _unreachable(settings: Settings, error: BaseException) -> UnreachableError:
    if isinstance(error, UnreachableError):
        return error
    return UnreachableError(
        f"Kafka does not answer at {settings.kafka}", "is Fanfare running? start it with `fanfare up`"
    )
