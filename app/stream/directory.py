"""Directory: a compacted topic of one partition, read whole and followed, without a consumer group."""

import asyncio
import logging
from collections.abc import Callable

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

logger = logging.getLogger(__name__)

POLL_MS = 200
RETRY_SECONDS = 1.0

Listener = Callable[[str, bytes | None], None]


class Directory:
    """The live entries of *topic*: key -> value. A tombstone removes an entry."""

    def __init__(self, kafka: str, topic: str) -> None:
        self._kafka = kafka
        self._tp = TopicPartition(topic, 0)
        self.entries: dict[str, bytes] = {}
        self.position = -1  # every record up to this offset has been read
        self._listeners: list[Listener] = []
        self._moved = asyncio.Event()
        self._caught_up = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def on_change(self, listener: Listener) -> None:
        """Call *listener* with key and value (None: removed) for each record read from now on."""
        self._listeners.append(listener)

    async def start(self) -> None:
        """Begin to follow; returns once everything that was there at the start has been read."""
        self._task = asyncio.get_running_loop().create_task(self._follow())
        caught_up = asyncio.get_running_loop().create_task(self._caught_up.wait())
        await asyncio.wait([self._task, caught_up], return_when=asyncio.FIRST_COMPLETED)
        if self._task.done():
            caught_up.cancel()
            self._task.result()

    async def stop(self) -> None:
        """Stop following."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def wait_for(self, position: int, timeout: float) -> bool:
        """Wait until the record at offset *position* has been read; False after *timeout* seconds."""
        try:
            async with asyncio.timeout(timeout):
                while self.position < position:
                    self._moved.clear()
                    await self._moved.wait()
        except TimeoutError:
            return False
        return True

    async def _follow(self) -> None:
        while True:
            # "earliest": the default look-up of the end may answer after our seek, and would then undo it.
            consumer = AIOKafkaConsumer(
                bootstrap_servers=self._kafka,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                fetch_max_wait_ms=POLL_MS,
            )
            try:
                await consumer.start()
                await self._read(consumer)
            except (KafkaError, OSError) as exc:
                logger.warning("%s cannot be read, trying again: %r", self._tp.topic, exc)
                await asyncio.sleep(RETRY_SECONDS)
            finally:
                await consumer.stop()

    async def _read(self, consumer: AIOKafkaConsumer) -> None:
        consumer.assign([self._tp])
        end = (await consumer.end_offsets([self._tp]))[self._tp]
        if self.position < 0:
            await consumer.seek_to_beginning(self._tp)
        else:
            consumer.seek(self._tp, self.position + 1)
        while True:
            if not self._caught_up.is_set() and await consumer.position(self._tp) >= end:
                self._caught_up.set()
            for records in (await consumer.getmany(timeout_ms=POLL_MS)).values():
                for record in records:
                    self._take(record.key, record.value)
            self._move(await consumer.position(self._tp) - 1)

    def _take(self, raw_key: bytes | None, value: bytes | None) -> None:
        key = (raw_key or b"").decode(errors="replace")
        if value is None:
            self.entries.pop(key, None)
        else:
            self.entries[key] = value
        for listener in self._listeners:
            listener(key, value)

    def _move(self, position: int) -> None:
        if position > self.position:
            self.position = position
            self._moved.set()
