"""Whether a consumer group has read a topic up to where it ended at a moment."""

from types import TracebackType
from typing import Self

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition


class Progress:
    """How far *group* is in *topic*. An async context manager; joins no group, raises KafkaError."""

    def __init__(self, kafka: str, group: str, topic: str, partitions: int) -> None:
        self._consumer = AIOKafkaConsumer(bootstrap_servers=kafka, group_id=group, enable_auto_commit=False)
        self._places = [TopicPartition(topic, number) for number in range(partitions)]

    async def __aenter__(self) -> Self:
        await self._consumer.start()
        self._consumer.assign(self._places)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._consumer.stop()

    async def ends(self) -> dict[TopicPartition, int]:
        """Where each partition ends now; empty ones are left out."""
        first = await self._consumer.beginning_offsets(self._places)
        ends = await self._consumer.end_offsets(self._places)
        return {place: end for place, end in ends.items() if end > first[place]}

    async def is_past(self, ends: dict[TopicPartition, int]) -> bool:
        """Whether the group has committed all that lies before *ends*."""
        for place, end in ends.items():
            if (await self._consumer.committed(place) or 0) < end:
                return False
        return True

    async def left(self, ends: dict[TopicPartition, int]) -> int:
        """How many offsets before *ends* the group has not committed."""
        committed = [await self._consumer.committed(place) or 0 for place in ends]
        return sum(max(0, end - done) for end, done in zip(ends.values(), committed, strict=True))
