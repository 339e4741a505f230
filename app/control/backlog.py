"""How far each plane is behind: records in its topics that its group has not committed yet.

What waits for credit is no backlog of a plane: more workers would not send it sooner. It is counted apart.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError, KafkaError

from app import topics
from app.control.errors import UnreachableError

TRIES = 6

PLANES = {
    topics.RECIPIENTS_APP: "recipients",
    topics.PACING_APP: "pacing",
    topics.INTAKE_APP: "intake",
    topics.RECORD_GROUP: "record",
    **{topics.senders_app(channel): f"senders-{channel}" for channel in topics.CHANNELS},
}


@dataclass(frozen=True, slots=True)
class Backlog:
    """What one plane has not read yet of one topic."""

    plane: str
    topic: str
    records: int
    partitions: int  # of the topic, that have any


def read_by() -> list[tuple[str, str]]:
    """(group, topic) of everything that a plane has to work off, in the order of a message's way."""
    return [(group, topic.name) for topic in topics.TOPICS for group in topic.readers if group in PLANES]


def backlog_of(
    committed: Mapping[str, Mapping[TopicPartition, int]],
    first: Mapping[TopicPartition, int],
    ends: Mapping[TopicPartition, int],
) -> list[Backlog]:
    """The backlog of every plane and topic. A partition without a commit has been read up to its first record."""
    found = []
    for group, topic in read_by():
        places = [place for place in ends if place.topic == topic]
        left = [max(0, ends[place] - committed.get(group, {}).get(place, first.get(place, 0))) for place in places]
        found.append(Backlog(PLANES[group], topic, sum(left), sum(each > 0 for each in left)))
    return found


def by_plane(backlogs: Iterable[Backlog]) -> dict[str, int]:
    """Records that each plane has before it."""
    total = dict.fromkeys(PLANES.values(), 0)
    for each in backlogs:
        total[each.plane] += each.records
    return total


async def read_backlog(kafka: str) -> list[Backlog]:
    """Ask Kafka. Raises UnreachableError."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka, request_timeout_ms=5_000)
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, enable_auto_commit=False, request_timeout_ms=5_000)
    try:
        await admin.start()
        await consumer.start()
        existing = set(await admin.list_topics())
        names = sorted({topic for _, topic in read_by()} & existing)
        described = await admin.describe_topics(names) if names else []
        places = [TopicPartition(each["topic"], part["partition"]) for each in described for part in each["partitions"]]
        first, ends = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
        committed = {group: await _committed(admin, group) for group in {group for group, _ in read_by()}}
    except (KafkaError, OSError) as error:
        raise UnreachableError(f"Kafka does not answer at {kafka}: {error}", "is the installation up?") from error
    finally:
        await consumer.stop()
        await admin.close()
    return backlog_of(committed, first, ends)


async def _committed(admin: AIOKafkaAdminClient, group: str) -> dict[TopicPartition, int]:
    for _ in range(TRIES - 1):
        try:
            found = await admin.list_consumer_group_offsets(group)
            break
        except GroupCoordinatorNotAvailableError:  # a young broker makes its topic of offsets first
            await asyncio.sleep(0.5)
    else:
        found = await admin.list_consumer_group_offsets(group)
    return {place: int(at.offset) for place, at in found.items() if at.offset >= 0}
