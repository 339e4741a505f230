"""PackTable against a real changelog: recovery, the fence, the bounds of a write."""

import shutil
from collections.abc import Callable

from aiokafka import AIOKafkaProducer

from app.stream.changelog import batch_header
from app.topics import COMPACTED
from tests.integration.stream.stand import PARTITIONS, Plane, Worker, eventually

NewPlane = Callable[[], Plane]


async def lose_disk(plane: Plane, worker: Worker) -> None:
    """Stop in good order and delete the data: with all work committed no replay can write what recovery has missed."""
    worker.process.terminate()
    assert await worker.ended() == 0
    shutil.rmtree(plane.settings.state_dir / "workers" / worker.name)


async def test_a_deleted_data_folder_comes_back_with_the_same_keys_and_values(new_plane: NewPlane) -> None:
    """
    The changelog is the truth and the disk a copy: a lost disk costs seconds, not people.
    """
    async with new_plane() as plane:
        worker = await plane.start("0")
        await plane.done(await plane.put_many(10, keys=1000))
        await plane.done(await plane.put(0, *[{"id": f"twice{n}", "keys": 50} for n in [*range(20), *range(20)]]))
        before = await plane.tables()
        await lose_disk(plane, worker)
        await plane.start("0")
        after = await plane.tables()
        assert after == before == await plane.logged()
        assert sum(map(len, after)) == 4 * 10 * 1000 + 20 * 50


async def test_a_compacted_changelog_comes_back_whole(new_plane: NewPlane) -> None:
    """
    Compaction removes records from inside batches, also the one that carries the batch's header.
    """
    quick = {"min.compaction.lag.ms": "0", "segment.ms": "200", "min.cleanable.dirty.ratio": "0.01"}
    plane_of = new_plane()
    plane_of.table_config = COMPACTED | quick
    async with plane_of as plane:
        worker = await plane.start("0")
        for _ in range(3):
            await plane.done(await plane.put(0, *[{"id": f"again{n}", "keys": 20} for n in range(5)]))
            plane.outs.clear()

        async def compacted() -> bool:
            await plane.done(await plane.put(0, {"id": "again0", "keys": 3}))  # a new segment lets the old be cleaned
            plane.outs.clear()
            return bool((await plane.records(plane.changelog, 0))[0].offset > 0)

        await eventually(compacted, "compaction")
        before = await plane.tables()
        await lose_disk(plane, worker)
        await plane.start("0")
        assert await plane.tables() == before == await plane.logged()


async def test_a_changelog_that_ends_in_a_hole_is_recovered(new_plane: NewPlane) -> None:
    """
    Faust waits for the record at the end of the log. Where nothing is left of it, it would wait for ever.
    """
    async with new_plane() as plane:
        for partition in range(PARTITIONS):
            await plane.producer.send_and_wait(plane.changelog, b"1", key=b"kept", partition=partition)
        async with AIOKafkaProducer(
            bootstrap_servers=plane.settings.kafka, transactional_id=f"{plane.app_id}-hole"
        ) as producer:
            await producer.begin_transaction()
            await producer.send_and_wait(plane.changelog, b"2", key=b"kept", partition=0)
            await producer.abort_transaction()
        worker = await plane.start("0")
        await plane.done(await plane.put(0, {"id": "new"}))
        assert (await plane.tables())[0] == {"kept": "1", "new/0": "0"}
        assert worker.process.poll() is None


async def test_a_foreign_batch_ends_the_owner_and_counts_for_nobody(new_plane: NewPlane) -> None:
    """
    Two owners of one partition would mail everybody twice. The changelog lets only one go on, and what the other
    wrote at an offset it did not expect is taken back.
    """
    async with new_plane() as plane:
        worker = await plane.start("0")
        await plane.done(await plane.put(1, {"id": "mine"}))
        (true,) = [record.value for record in await plane.records(plane.changelog, 1)]
        await intrude(plane, 1, 900, {b"mine/0": b"stolen", b"never/0": b"stolen"})
        await plane.put(1, {"id": "next"})
        assert await worker.ended() == 70
        assert "fenced: state[1] expected changelog offset 1 and got 3" in worker.text()
        assert "next" not in {out["id"] for out in await plane.listen()}
        await plane.start("0")
        await plane.done(["next"])
        held = await plane.tables()
        assert held == await plane.logged()
        assert held[1]["mine/0"] == true.decode()
        assert "never/0" not in held[1]


async def intrude(plane: Plane, partition: int, expected: int, items: dict[bytes, bytes]) -> None:
    """Write a batch as an owner would that believed the changelog to be at *expected*."""
    async with AIOKafkaProducer(bootstrap_servers=plane.settings.kafka, acks="all") as producer:
        batch = producer.create_batch()
        headers = batch_header(expected, len(items))
        for key, value in items.items():
            batch.append(timestamp=None, key=key, value=value, headers=headers)
            headers = []
        batch.close()
        await (await producer.send_batch(batch, plane.changelog, partition=partition))


async def test_a_write_that_is_too_large_is_refused_and_leaves_no_trace(new_plane: NewPlane) -> None:
    """
    Kafka would refuse it later, with half a pack already decided: the caller has to know before.
    """
    async with new_plane() as plane:
        await plane.start("0")
        await plane.done(await plane.put(0, {"id": "fits", "size": 500_000}, {"id": "large", "size": 525_000}))
        await plane.done(await plane.put(0, {"id": "after"}))
        refused = {out["id"]: out["refused"] for out in plane.outs}
        assert refused["large"] == "a write of 525039 bytes to state: the most is 524288; cut the step"
        assert refused["fits"] == refused["after"] == ""
        held = await plane.tables()
        assert held == await plane.logged()
        assert held[0].keys() == {"fits/0", "after/0"}
        assert len(held) == PARTITIONS
