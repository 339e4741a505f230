"""How far the record plane has come: the offsets of thing.recorded that it has committed."""

from types import TracebackType
from typing import Self

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from app.topics import RECORD_GROUP, THING_RECORDED


class CommittedOffsets:
    """Asks Kafka for them. Use it as an async context manager; raises KafkaError."""

    def __init__(self, kafka: str) -> None:
        self._admin = AIOKafkaAdminClient(bootstrap_servers=kafka, request_timeout_ms=5_000)

    async def __aenter__(self) -> Self:
        await self._admin.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._admin.close()

    async def read(self) -> dict[int, int]:
        """Partition -> the next offset that is not committed; a partition without a commit is missing."""
        found: dict[TopicPartition, object] = await self._admin.list_consumer_group_offsets(RECORD_GROUP)
        return {
            place.partition: int(getattr(at, "offset", -1))
            for place, at in found.items()
            if place.topic == THING_RECORDED and getattr(at, "offset", -1) >= 0
        }
