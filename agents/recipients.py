"""What the agents of the recipients plane share: each partition's state and the one way to change it."""

import asyncio
from collections.abc import Awaitable, Sequence

from app import topics
from app.delivery.partition import Partition
from app.faults import reached
from app.records import EventPack, encode
from app.stream.app import StreamApp
from app.stream.exits import Abandoned
from app.stream.pack_table import PackTable
from app.stream.ticks import every
from tables.recipients import Batch, outbox, restore


class Recipients:
    """The partitions this worker owns, in memory, always in step with the table."""

    def __init__(self, app: StreamApp, table: PackTable) -> None:
        self.app = app
        self.table = table
        self.partitions: dict[int, Partition] = {}
        self._last_write: dict[int, Awaitable[int]] = {}
        self._told: dict[int, list[int]] = {}  # partition -> outbox numbers that the next batch removes
        self._left: list[tuple[int, int, bytes]] = []  # what a former process left in its outboxes
        self.generation = 0  # counts recoveries: what began under an older one is void
        table.on_ready(self._recovered)
        every(app, 0.5, self._tell_what_was_left)

    def _recovered(self, active: set[int]) -> None:
        self.generation += 1
        self.partitions = {number: restore(self.table, number) for number in active}
        self._last_write.clear()
        self._told.clear()
        self._left = [(p, number, event) for p in active for number, event in outbox(self.table, p)]

    async def commit(
        self,
        partition: int,
        batch: Batch,
        events: Sequence[EventPack] = (),
        records: Sequence[tuple[str, bytes]] = (),
    ) -> None:
        """Write *batch* with *events* in its outbox, wait for Kafka, then produce those and *records* (topic, value).

        Call it in the same synchronous step that read and decided. A kill after the write leaves the
        events in the outbox, from where the next owner produces them. A batch that Kafka would not
        take as one is a bug of the step's bounds: it must not be half written, so the process ends.
        """
        numbers = self.partitions[partition].tell(batch, events)
        for number in self._told.pop(partition, ()):
            batch.event(number, None)
        generation = self.generation
        try:
            before = [asyncio.ensure_future(self.table.write(partition, part)) for part in batch.ahead]
            written = asyncio.ensure_future(self.table.write(partition, batch.items))
        except ValueError as error:
            self.app.die("a step is too large for one batch", error)
            raise
        self._last_write[partition] = written
        await (asyncio.gather(*before, written) if before else written)
        reached("commit.written")
        outputs = [*records, *((topics.EVENT_RECORDED, encode(event)) for event in events)]
        await asyncio.gather(*(self.app.produce_soon(topic, partition, None, value) for topic, value in outputs))
        if generation == self.generation and numbers:
            self._told.setdefault(partition, []).extend(numbers)

    async def settled(self, partition: int) -> int:
        """The version of *partition*, once everything decided so far is acknowledged."""
        written = self._last_write.get(partition)
        if written is not None:
            await written
        if not self.table.owns(partition):
            raise Abandoned
        return self.table.version(partition)

    async def _tell_what_was_left(self) -> None:
        while self._left:
            partition, number, event = self._left[0]
            generation = self.generation
            await self.app.produce(topics.EVENT_RECORDED, partition, None, event)
            if generation != self.generation:
                return
            self._left.pop(0)
            self._told.setdefault(partition, []).append(number)
