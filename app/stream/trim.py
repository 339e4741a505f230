"""Trimming: deletes from pipeline topics what every reader has done with, but keeps the last hour."""

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata, TopicPartition

from app.settings import Settings
from app.stream.ticks import every
from app.topics import TOPICS, Topic

if TYPE_CHECKING:
    from app.stream.app import StreamApp

logger = logging.getLogger(__name__)

KEEP_SECONDS = 3600.0
TRIM_SECONDS = 60.0


def attach(
    app: "StreamApp",
    topics: Sequence[Topic] = TOPICS,
    seconds: float = TRIM_SECONDS,
    keep_seconds: float = KEEP_SECONDS,
) -> None:
    """Trim *topics* every *seconds*, from the one worker of *app* that holds partition 0."""

    async def work() -> None:
        if not any(tp.partition == 0 for tp in app.consumer.assignment()):
            return
        try:
            await trim(app.settings, topics, keep_seconds)
        except (KafkaError, OSError) as error:
            logger.warning("topics were not trimmed, the next time is soon: %r", error)

    every(app, seconds, work)


def trim_offset(committed: Iterable[int | None], first: int, kept: int) -> int | None:
    """Offset below which to delete, None for nothing: *committed* by each reader, *kept* begins the last hour."""
    offsets = list(committed)
    if not offsets or any(offset is None or offset < 0 for offset in offsets):
        return None
    below = min(kept, *(offset for offset in offsets if offset is not None))
    return below if below > first else None


async def trim(
    settings: Settings, topics: Sequence[Topic] = TOPICS, keep_seconds: float = KEEP_SECONDS
) -> dict[str, int]:
    """Trim every topic that lists readers; returns how many records were deleted by topic."""
    readers = {topic.name: topic.readers for topic in topics if topic.readers}
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka)
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.kafka, enable_auto_commit=False)
    await admin.start()
    try:
        await consumer.start()
        existing = set(await admin.list_topics())
        names = [name for name in readers if name in existing]
        tps = [
            TopicPartition(d["topic"], p["partition"])
            for d in (await admin.describe_topics(names) if names else [])
            for p in d["partitions"]
        ]
        first, kept = await consumer.beginning_offsets(tps), await _first_kept(consumer, tps, keep_seconds)
        groups = {group for name in names for group in readers[name]}
        committed = {group: await admin.list_consumer_group_offsets(group) for group in sorted(groups)}
        below = {}
        for tp in tps:
            offset = trim_offset((_committed(committed[g], tp) for g in readers[tp.topic]), first[tp], kept[tp])
            if offset is not None:
                below[tp] = offset
        if below:
            await admin.delete_records({tp: RecordsToDelete(before_offset=offset) for tp, offset in below.items()})
        deleted: dict[str, int] = {}
        for tp, offset in below.items():
            deleted[tp.topic] = deleted.get(tp.topic, 0) + offset - first[tp]
        return deleted
    finally:
        await consumer.stop()
        await admin.close()


async def committed_offset(kafka: str, group: str, tp: TopicPartition) -> int:
    """Up to where *group* has read *tp*, -1 when nobody knows. Raises KafkaError."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        found = _committed(await admin.list_consumer_group_offsets(group), tp)
    finally:
        await admin.close()
    return -1 if found is None else found


def _committed(offsets: Mapping[TopicPartition, OffsetAndMetadata], tp: TopicPartition) -> int | None:
    found = offsets.get(tp)
    return None if found is None else int(found.offset)


async def _first_kept(
    consumer: AIOKafkaConsumer, tps: list[TopicPartition], keep_seconds: float
) -> dict[TopicPartition, int]:
    """The first offset to keep by age: the end of the log when nothing is young enough."""
    if not tps:
        return {}
    since = int((time.time() - keep_seconds) * 1000)
    young = await consumer.offsets_for_times(dict.fromkeys(tps, since))
    ends = await consumer.end_offsets(tps)
    return {tp: ends[tp] if young.get(tp) is None else young[tp].offset for tp in tps}
