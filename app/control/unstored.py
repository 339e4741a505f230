"""What lies in a topic and not in ClickHouse yet: read on the spot, so that an answer misses nothing.

`record` commits an offset once all before it is stored. Who reads from there to the end, *then* asks ClickHouse, and
applies what was read on top in its order, has the state of this moment: what is in both is applied twice, to no effect.
"""

import asyncio
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    GroupCoordinatorNotAvailableError,
    GroupLoadInProgressError,
    KafkaError,
    NotCoordinatorForGroupError,
)

from app.control.errors import UnreachableError
from app.settings import Settings
from app.topics import RECORD_GROUP

MOST_RECORDS = 100_000  # of one read; more means that `record` does not run
READ_SECONDS = 10.0
COORDINATOR_MOVES = (GroupCoordinatorNotAvailableError, GroupLoadInProgressError, NotCoordinatorForGroupError)


class Unstored:
    """Reads the end of *topic*; it connects when it is first asked. One read at a time: others wait."""

    def __init__(self, settings: Settings, topic: str) -> None:
        self._topic = topic
        self._kafka = settings.kafka
        self._admin: AIOKafkaAdminClient | None = None
        self._consumer: AIOKafkaConsumer | None = None
        self._turn = asyncio.Lock()

    async def stop(self) -> None:
        """Disconnect."""
        consumer, admin = self._consumer, self._admin
        self._consumer = self._admin = None
        if consumer is not None:
            await consumer.stop()
        if admin is not None:
            await admin.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def read(self, partitions: Iterable[int]) -> list[tuple[int, bytes]]:
        """(partition, value) of the records of *partitions* that are not stored, those of one partition in their order.

        Raises UnreachableError, also when there are too many of them.
        """
        places = [TopicPartition(self._topic, number) for number in sorted(set(partitions))]
        async with self._turn:
            try:
                async with asyncio.timeout(READ_SECONDS):
                    return await self._read(places, *await self._connected())
            except (KafkaError, OSError, TimeoutError) as error:
                await self.stop()
                raise UnreachableError(
                    f"Kafka does not answer at {self._kafka}", "is it running? `fanfare status` tells"
                ) from error

    async def _connected(self) -> tuple[AIOKafkaConsumer, AIOKafkaAdminClient]:
        if self._consumer is None or self._admin is None:
            self._admin = AIOKafkaAdminClient(bootstrap_servers=self._kafka, request_timeout_ms=10_000)
            self._consumer = AIOKafkaConsumer(
                bootstrap_servers=self._kafka, enable_auto_commit=False, auto_offset_reset="earliest",
                fetch_max_wait_ms=50,
            )  # fmt: skip
            await self._admin.start()
            await self._consumer.start()
        return self._consumer, self._admin

    async def _read(
        self, places: list[TopicPartition], consumer: AIOKafkaConsumer, admin: AIOKafkaAdminClient
    ) -> list[tuple[int, bytes]]:
        stored = await _stored(admin, places)
        ends = await consumer.end_offsets(places)
        first = await consumer.beginning_offsets(places)
        next_ones = {each: max(stored.get(each, -1), first[each]) for each in places}
        ahead = {each: at for each, at in next_ones.items() if at < ends[each]}
        waiting = sum(ends[each] - at for each, at in ahead.items())
        if waiting > MOST_RECORDS:
            raise UnreachableError(
                f"{waiting:,} records of {self._topic} are not in ClickHouse yet",
                "does `fanfare record` run? `fanfare status` tells",
            )
        return await _from_to(consumer, ahead, ends) if ahead else []


async def _stored(admin: AIOKafkaAdminClient, places: list[TopicPartition]) -> dict[TopicPartition, int]:
    """The next offset to store, -1 where nothing ever was."""
    while True:
        try:
            found = await admin.list_consumer_group_offsets(RECORD_GROUP, partitions=places)
        except COORDINATOR_MOVES:
            await asyncio.sleep(0.1)
        else:
            return {place: int(known.offset) for place, known in found.items()}


async def _from_to(
    consumer: AIOKafkaConsumer, starts: dict[TopicPartition, int], ends: dict[TopicPartition, int]
) -> list[tuple[int, bytes]]:
    consumer.assign(list(starts))
    for place, offset in starts.items():
        consumer.seek(place, offset)
    found: list[tuple[int, bytes]] = []
    try:
        # The position, not the last record, tells: a log may end in offsets that hold none.
        while any([await consumer.position(each) < ends[each] for each in starts]):
            for place, records in (await consumer.getmany(timeout_ms=100)).items():
                found += [(place.partition, record.value) for record in records if record.value]
    finally:
        consumer.unsubscribe()
    return found
