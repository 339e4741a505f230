"""What lies in a topic and not in ClickHouse yet."""

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from app.control.unstored import Unstored
from app.settings import Settings
from app.topics import RECORD_GROUP, SUPPRESSION_COMMANDED


async def test_what_is_not_stored_is_read_in_its_order(settings: Settings) -> None:
    """Who adds a suppression and asks at once must see it, long before ClickHouse has it."""
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka)
    await producer.start()

    async def put(partition: int, *values: bytes) -> int:
        sent = [await producer.send_and_wait(SUPPRESSION_COMMANDED, each, partition=partition) for each in values]
        return int(sent[-1].offset)

    async with Unstored(settings, SUPPRESSION_COMMANDED) as unstored:
        already = await unstored.read([0, 1])
        last = await put(0, b"a", b"b")
        await put(1, b"c")
        assert (await unstored.read([0]))[-2:] == [(0, b"a"), (0, b"b")]
        assert (await unstored.read([0, 1])).count((1, b"c")) == already.count((1, b"c")) + 1

        await stored_up_to(settings, 0, last)
        assert await unstored.read([0]) == [(0, b"b")]
        await stored_up_to(settings, 0, last + 1)
        assert await unstored.read([0]) == []
    await producer.stop()


async def stored_up_to(settings: Settings, partition: int, offset: int) -> None:
    """Commit *offset* as `record` does."""
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.kafka, group_id=RECORD_GROUP, enable_auto_commit=False)
    await consumer.start()
    place = TopicPartition(SUPPRESSION_COMMANDED, partition)
    consumer.assign([place])
    await consumer.commit({place: offset})
    await consumer.stop()
