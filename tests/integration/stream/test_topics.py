"""Topics on a real broker: declared, compared, trimmed, read whole."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin.records_to_delete import RecordsToDelete

from app.settings import Settings
from app.stream.directory import Directory
from app.stream.gaps import holds_records
from app.stream.topics_apply import TopicsMismatch, apply, check
from app.stream.trim import trim
from app.topics import COMPACTED, PIPELINE, Topic
from tests.integration.stream.stand import PARTITIONS, Plane, admin, eventually, until

NewPlane = Callable[[], Plane]


@pytest.fixture
def name(tmp_path: Path) -> str:
    """A topic name of this test's own."""
    return f"topic-{tmp_path.name}-{time.time_ns()}"


async def produce(settings: Settings, topic: str, *records: tuple[str, str | None]) -> None:
    """Store key and value, in order, in partition 0."""
    async with AIOKafkaProducer(bootstrap_servers=settings.kafka, acks="all") as producer:
        for key, value in records:
            raw = None if value is None else value.encode()
            await producer.send_and_wait(topic, raw, key=key.encode(), partition=0)


async def commit(settings: Settings, group: str, topic: str, offset: int) -> None:
    """Commit for *group*, in partition 0."""
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.kafka, group_id=group, enable_auto_commit=False)
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic, 0)])
        await consumer.commit({TopicPartition(topic, 0): offset})
    finally:
        await consumer.stop()


async def first_offset(settings: Settings, topic: str) -> int:
    """Where partition 0 begins."""
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.kafka)
    await consumer.start()
    try:
        place = TopicPartition(topic, 0)
        return int((await consumer.beginning_offsets([place]))[place])
    finally:
        await consumer.stop()


async def test_applying_twice_changes_nothing_and_another_count_is_refused(settings: Settings, name: str) -> None:
    """
    The number of partitions is frozen: it says who owns which person.
    """
    topic = Topic(name, config=dict(PIPELINE))
    with pytest.raises(TopicsMismatch, match=f"topic {name} is missing"):
        await check(settings, [topic])
    await apply(settings, [topic])
    await apply(settings, [topic])
    await check(settings, [topic])
    wider = settings.model_copy(update={"partitions": PARTITIONS + 1})
    with pytest.raises(TopicsMismatch, match=f"topic {name} has {PARTITIONS} partitions instead of {PARTITIONS + 1}"):
        await apply(wider, [topic])


async def test_trimming_deletes_only_what_every_group_has_done(settings: Settings, name: str) -> None:
    """
    Pipeline topics never expire; without trimming they fill the disk, with too much of it people lose their mail.
    """
    slow, fast = f"{name}-slow", f"{name}-fast"
    topic = Topic(name, config=dict(PIPELINE), readers=(slow, fast))
    await apply(settings, [topic])
    await produce(settings, name, *[("k", str(n)) for n in range(10)])
    await commit(settings, fast, name, 9)
    assert await trim(settings, [topic], keep_seconds=0.0) == {}, "a group that never committed still needs everything"
    await commit(settings, slow, name, 4)
    assert await trim(settings, [topic]) == {}, "the last hour stays"
    assert await trim(settings, [topic], keep_seconds=0.0) == {name: 4}
    assert await first_offset(settings, name) == 4
    assert await trim(settings, [topic], keep_seconds=0.0) == {}


async def test_a_worker_trims_by_itself(new_plane: NewPlane) -> None:
    """
    A decision that nobody carries out deletes nothing.
    """
    async with new_plane() as plane:
        await plane.start("0", "--trim", "0.3")
        ids = await plane.put_many(5)
        await plane.done(ids)

        async def trimmed() -> bool:
            return await first_offset(plane.settings, plane.inbox) == 5

        await eventually(trimmed, "trimming")


async def test_a_directory_knows_everything_when_it_has_started(settings: Settings, name: str) -> None:
    """
    A worker that does not know a campaign yet would send its people back.
    """
    await apply(settings, [Topic(name, 1, dict(COMPACTED))])
    await produce(settings, name, ("a", "1"), ("b", "1"), ("a", "2"), ("b", None))
    directory = Directory(settings.kafka, name)
    await directory.start()
    try:
        assert directory.entries == {"a": b"2"}
        assert directory.position == 3
        heard: list[tuple[str, bytes | None]] = []
        directory.on_change(lambda key, value: heard.append((key, value)))
        await produce(settings, name, ("c", "1"), ("a", None))
        assert await directory.wait_for(5, 10.0)
        assert heard == [("c", b"1"), ("a", None)]
        assert directory.entries == {"c": b"1"}
        assert not await directory.wait_for(6, 0.05)
    finally:
        await directory.stop()


async def test_a_hole_is_told_from_records(settings: Settings, name: str) -> None:
    """
    The watchdog ends a worker that has something to do and does nothing, and no other.
    """
    await apply(settings, [Topic(name, 1, dict(PIPELINE))])
    await produce(settings, name, *[("k", str(n)) for n in range(4)])
    async with admin(settings) as client:
        await client.delete_records({TopicPartition(name, 0): RecordsToDelete(before_offset=3)})
    assert not await holds_records(settings.kafka, name, 0, 0, 3)
    assert await holds_records(settings.kafka, name, 0, 0, 4)
    assert await holds_records(settings.kafka, name, 0, 3, 4)


async def test_readiness_is_told_by_a_file_of_this_start(new_plane: NewPlane) -> None:
    """
    The supervisor starts what needs a worker when it works, not when its process exists.
    """
    async with new_plane() as plane:
        worker = plane.launch("0")
        assert not worker.ready_file.exists()
        await until(worker.ready, "readiness")
        before = worker.ready_file.stat().st_mtime
        worker.kill()
        shutil.rmtree(plane.settings.state_dir / "workers")
        await plane.start("0")
        assert worker.ready_file.stat().st_mtime > before
