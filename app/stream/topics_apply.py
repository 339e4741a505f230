"""Topics as app/topics.py declares them: created, corrected and compared with what the broker has."""

import asyncio
from collections.abc import Sequence

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError, for_code

from app.settings import Settings
from app.topics import TOPICS, Topic

WAIT_SECONDS = 30.0
UNKNOWN_TOPIC = 3  # Kafka's error code


class TopicsMismatch(Exception):  # noqa: N818 - says what it is
    """The broker's topics are not those of app/topics.py; *problems* has one line each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems) + " (run `fanfare topics apply`)")
        self.problems = problems


async def apply(settings: Settings, topics: Sequence[Topic] = TOPICS) -> None:
    """Create what is missing and set the configuration of what is there.

    Raises TopicsMismatch when a topic exists with another number of partitions: that number is frozen,
    because it decides who owns which key.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka)
    await admin.start()
    try:
        there = await _partitions(admin, topics)
        await _create(admin, settings, [t for t in topics if t.name not in there])
        await _configure(admin, [t for t in topics if t.name in there])
        async with asyncio.timeout(WAIT_SECONDS):
            while len(there := await _partitions(admin, topics)) < len(topics):  # noqa: ASYNC110 - only asking tells
                await asyncio.sleep(0.05)
    finally:
        await admin.close()
    _compare(settings, topics, there)


async def check(settings: Settings, topics: Sequence[Topic] = TOPICS) -> None:
    """Raise TopicsMismatch when a topic is missing or has another number of partitions."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka)
    await admin.start()
    try:
        there = await _partitions(admin, topics)
    finally:
        await admin.close()
    _compare(settings, topics, there)


async def _partitions(admin: AIOKafkaAdminClient, topics: Sequence[Topic]) -> dict[str, int]:
    """Number of partitions of those *topics* that exist."""
    there = set(await admin.list_topics())
    names = [topic.name for topic in topics if topic.name in there]
    found = await admin.describe_topics(names) if names else []
    return {t["topic"]: len(t["partitions"]) for t in found if t["error_code"] != UNKNOWN_TOPIC}


async def _create(admin: AIOKafkaAdminClient, settings: Settings, topics: Sequence[Topic]) -> None:
    if not topics:
        return
    new = [
        NewTopic(t.name, t.partitions or settings.partitions, settings.replication, topic_configs=t.config)
        for t in topics
    ]
    response = await admin.create_topics(new)
    for name, code, *message in response.topic_errors:
        if code and code != TopicAlreadyExistsError.errno:
            raise for_code(code)(f"{name}: {message}")


async def _configure(admin: AIOKafkaAdminClient, topics: Sequence[Topic]) -> None:
    if topics:
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, t.name, configs=t.config) for t in topics])


def _compare(settings: Settings, topics: Sequence[Topic], there: dict[str, int]) -> None:
    problems = []
    for topic in topics:
        wanted, found = topic.partitions or settings.partitions, there.get(topic.name)
        if found is None:
            problems.append(f"topic {topic.name} is missing")
        elif found != wanted:
            problems.append(f"topic {topic.name} has {found} partitions instead of {wanted}")
    if problems:
        raise TopicsMismatch(problems)
