"""The Faust producer as we need it: acks=all, idempotent, synchronous enqueueing, and a flush that means it.

Records are put into aiokafka's accumulator at once and in the order of the calls; the future is the
broker's acknowledgement. Any failure ends the process: going on would commit an offset over a hole.
"""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from aiokafka.codec import lz4_encode
from aiokafka.structs import RecordMetadata, TopicPartition
from faust.transport.drivers import aiokafka as driver
from faust.types import FutureMessage

from app.stream.exits import leave

if TYPE_CHECKING:
    from app.stream.app import StreamApp

# aiokafka compresses at level 9, without asking: six times the time of level 1, for half a percent fewer bytes.
lz4_encode.__defaults__ = (1,)

BUFFERED_MESSAGES = 10_000  # of Faust's own send_soon, before it slows down the streams


class SafeProducer(driver.Producer):
    """Kafka producer of one worker."""

    app: "StreamApp"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._accepted = self._handed_over = 0  # records of Faust's send_soon
        self._unknown: dict[str, list[Callable[[], None]]] = {}  # topic -> what waits for its metadata
        self._count_buffer()

    def _settings_extra(self) -> Mapping[str, Any]:
        return {"acks": "all", "enable_idempotence": True}

    async def create_topic(self, *_: Any, **__: Any) -> None:
        """Nothing: topics are created by `fanfare topics apply`."""

    def _count_buffer(self) -> None:
        buffer = cast(Any, self.buffer)
        buffer.max_messages = BUFFERED_MESSAGES
        accept, hand_over = buffer.put, buffer._send_pending

        def put(future: FutureMessage) -> None:
            self._accepted += 1
            accept(future)

        async def send_pending(future: FutureMessage) -> None:
            try:
                await hand_over(future)
            except Exception as exc:
                # Faust would drop the record and go on.
                leave("a record could not be sent", exc)
            finally:
                self._handed_over += 1

        buffer.put, buffer._send_pending = put, send_pending

    async def flush(self) -> None:
        """Wait until what was enqueued before this call is acknowledged (not "until empty": that may never be)."""
        target = self._accepted
        while (self._handed_over < target and self.buffer.state == "running") or self._unknown:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        if self._producer is not None:
            await self._producer.flush()

    # -- enqueueing

    def enqueue(
        self, topic: str, partition: int | None, key: bytes | None, value: bytes | None
    ) -> "asyncio.Future[RecordMetadata]":
        """Put one record into the queue; the result is the broker's acknowledgement, with the offset."""
        done: asyncio.Future[RecordMetadata] = asyncio.get_running_loop().create_future()
        self._when_known(topic, partial(self._append, topic, partition, key, value, done))
        return done

    def enqueue_batch(self, topic: str, partition: int, builder: Any, on_ack: Callable[[RecordMetadata], None]) -> None:
        """Put a closed batch into the queue; *on_ack* is called in the order of offsets."""
        self._when_known(topic, partial(self._append_batch, topic, partition, builder, on_ack))

    def new_batch(self) -> Any:
        """An empty batch, to be filled, closed and enqueued."""
        return self._ensure_producer().create_batch()

    def _append(
        self,
        topic: str,
        partition: int | None,
        key: bytes | None,
        value: bytes | None,
        done: "asyncio.Future[RecordMetadata]",
    ) -> None:
        producer = self._ensure_producer()
        if partition is None:
            partition = producer._partition(topic, None, key, value, key, value)
        tp = TopicPartition(topic, partition)
        accumulator = producer._message_accumulator
        batches = accumulator._batches.get(tp)
        future = batches[-1].append(key, value, None) if batches else None
        if future is None:
            future = accumulator._append_batch(accumulator.create_builder(), tp).append(key, value, None)
        if future is None:
            leave(f"a record for {topic} does not fit into a batch: {len(value or b'')} bytes")
        future.add_done_callback(partial(_resolve, topic, done))

    def _append_batch(self, topic: str, partition: int, builder: Any, on_ack: Callable[[RecordMetadata], None]) -> None:
        accumulator = self._ensure_producer()._message_accumulator
        batch = accumulator._append_batch(builder, TopicPartition(topic, partition))

        def acked(future: "asyncio.Future[RecordMetadata]") -> None:
            failure = future.exception()
            if failure is not None:
                leave(f"a batch for {topic}[{partition}] was not stored", failure)
            try:
                on_ack(future.result())
            except Exception as exc:
                # An exception in a callback would only be logged.
                leave(f"a stored batch of {topic}[{partition}] could not be applied", exc)

        batch.future.add_done_callback(acked)

    def _when_known(self, topic: str, append: Callable[[], None]) -> None:
        """Run *append* now, or in the order of the calls as soon as the topic's metadata is there."""
        waiting = self._unknown.get(topic)
        if waiting is not None:
            waiting.append(append)
            return
        producer = self._ensure_producer()
        if producer._message_accumulator._exception is not None:
            leave("the producer has failed", producer._message_accumulator._exception)
        if producer.client.cluster.partitions_for_topic(topic):
            append()
            return
        self._unknown[topic] = [append]
        self.app.add_future(self._learn(topic))

    async def _learn(self, topic: str) -> None:
        try:
            await self._ensure_producer().client._wait_on_metadata(topic)
        except Exception as exc:
            # Without the topic nothing that waits can ever be sent.
            leave(f"topic {topic} is unknown to the broker: run `fanfare topics apply`", exc)
        for append in self._unknown.pop(topic):
            append()


def _resolve(topic: str, done: "asyncio.Future[RecordMetadata]", future: "asyncio.Future[RecordMetadata]") -> None:
    failure = future.exception()
    if failure is not None:
        leave(f"a record for {topic} was not stored", failure)
    if not done.cancelled():
        done.set_result(future.result())
