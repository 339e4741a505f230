"""Gaps: whether a range of offsets holds any record, found out apart from the worker's own consumer."""

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition


async def holds_records(kafka: str, topic: str, partition: int, start: int, end: int) -> bool:
    """Whether a committed record lies in [*start*, *end*). Compaction, deletion and transactions leave offsets empty.

    Raises KafkaError when the broker cannot tell.
    """
    tp = TopicPartition(topic, partition)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=kafka,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    )
    await consumer.start()
    try:
        consumer.assign([tp])
        consumer.seek(tp, start)
        while await consumer.position(tp) < end:
            found = await consumer.getmany(tp, timeout_ms=200)
            if any(record.offset < end for record in found.get(tp, [])):
                return True
        return False
    finally:
        await consumer.stop()
