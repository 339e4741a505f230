"""What may be committed, and what a restart reads again."""

from collections.abc import Callable
from pathlib import Path

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin.records_to_delete import RecordsToDelete

from tests.integration.stream.stand import Plane, admin, eventually, until

NewPlane = Callable[[], Plane]


async def test_a_record_in_flight_is_not_lost_when_later_ones_are_done(new_plane: NewPlane, tmp_path: Path) -> None:
    """
    Faust commits past a record that is still worked on: after kill -9 its people would get nothing.
    """
    gate = tmp_path / "go"
    async with new_plane() as plane:
        worker = await plane.start("0")
        first = await plane.put(0, {"until": str(gate)})
        later = await plane.put(0, *[{} for _ in range(10)])
        await plane.done(later)
        other = await plane.put(1, {})
        await plane.done(other)
        # a commit that came after all of those acknowledgements
        await eventually(lambda: plane.has_committed(1, 1), "a commit of the other partition")
        assert (await plane.committed()).get(0, 0) == 0
        worker.kill()
        gate.touch()
        await plane.start("0")
        await plane.done(first)
        assert await plane.tables() == await plane.logged()


async def test_a_worker_that_stops_in_good_order_commits_everything(new_plane: NewPlane) -> None:
    """
    A planned restart must not do work twice.
    """
    async with new_plane() as plane:
        worker = await plane.start("0")
        ids = await plane.put_many(20)
        await plane.done(ids)
        worker.process.terminate()
        assert await worker.ended() == 0
        assert await plane.committed() == dict.fromkeys(range(4), 20)


async def test_offsets_without_records_are_stepped_over(new_plane: NewPlane) -> None:
    """
    Deleted records and transactions leave holes, also at the end, where nothing ever is acknowledged: nothing is
    lost, nothing that was aborted is done, and no watchdog mistakes a hole for a stall.
    """
    async with new_plane() as plane:
        old = await plane.put(0, *[{} for _ in range(5)])
        async with admin(plane.settings) as client:
            await client.delete_records({TopicPartition(plane.inbox, 0): RecordsToDelete(before_offset=3)})
        kept = old[3:] + await transact(plane, "kept", True) + await plane.put(0, {})
        dropped = await transact(plane, "dropped", False)
        worker = await plane.start("0", "--stall", "1")
        await plane.done(kept)
        looked = worker.text().count("holds no record")
        await until(lambda: worker.ready() and worker.text().count("holds no record") > looked, "the watchdog to look")
        late = await plane.put(0, {})
        await plane.done(late)
        worker.ready()
        assert not set(plane.times()) & set(dropped + old[:3])
        end = 5 + 4 + 1 + 4 + 1  # each transaction is three records and its mark
        await eventually(lambda: plane.has_committed(0, end), "the commit behind all holes")


async def transact(plane: Plane, name: str, commit: bool) -> list[str]:
    """Three jobs in a transaction that is committed or aborted."""
    normal, plane.producer = (
        plane.producer,
        AIOKafkaProducer(bootstrap_servers=plane.settings.kafka, transactional_id=f"{plane.app_id}-{name}"),
    )
    try:
        await plane.producer.start()
        await plane.producer.begin_transaction()
        ids = await plane.put(0, {}, {}, {})
        await (plane.producer.commit_transaction() if commit else plane.producer.abort_transaction())
        await plane.producer.stop()
    finally:
        plane.producer = normal
    return ids


async def test_a_fresh_group_reads_everything_there_is(new_plane: NewPlane) -> None:
    """
    Faust throws away what it fetched before the end of a recovery, and never rewinds partitions without a commit.
    """
    async with new_plane() as plane:
        for partition in range(4):
            for start in range(0, 20_000, 500):
                await plane.producer.send(
                    plane.changelog, b"0" * 500, key=f"old{start}/{partition}".encode(), partition=partition
                )
        ids = await plane.put_many(300)
        await plane.start("0")
        await plane.done(ids)
        assert max(plane.times().values()) == 1
        assert await plane.tables() == await plane.logged()


async def test_a_commit_below_the_start_of_the_log_is_fatal(new_plane: NewPlane) -> None:
    """
    Records that were deleted unread are people without their mail: a silent jump would hide it.
    """
    async with new_plane() as plane:
        await plane.put(2, *[{} for _ in range(6)])
        await plane.commit({2: 2})
        async with admin(plane.settings) as client:
            await client.delete_records({TopicPartition(plane.inbox, 2): RecordsToDelete(before_offset=5)})
        worker = plane.launch("0")
        assert await worker.ended() == 70
        said = worker.text()
        assert f"{plane.inbox}[2]" in said
        assert "had read up to offset 2, but the log starts at 5: records were deleted unread" in said


async def test_a_commit_beyond_the_end_of_the_log_is_fatal(new_plane: NewPlane) -> None:
    """
    A topic that was made anew has lost what was in it, and its first records would be skipped as read.
    """
    async with new_plane() as plane:
        await plane.put(1, {})
        await plane.commit({1: 40})
        worker = plane.launch("0")
        assert await worker.ended() == 70
        assert "had read up to offset 40, but the log ends at 1" in worker.text()
