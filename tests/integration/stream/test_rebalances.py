"""Workers that come, go, die and freeze while records keep coming."""

import asyncio
import signal
import time
from collections.abc import Callable

from app.local.ports import free_ports
from app.stream.directory import Directory
from tests.integration.stream.stand import Broker, Plane, Worker, until

NewPlane = Callable[..., Plane]


async def test_nothing_is_lost_when_workers_join_leave_and_die(new_plane: NewPlane) -> None:
    """
    Every rebalance is a chance to throw fetched records away, to forget acknowledgements, or to write somebody
    else's partition. A planned one must not even do work twice.
    """
    # A restart has to fit into a session, on a busy machine too.
    async with new_plane(session_timeout=20.0) as plane:
        first = await plane.start("0")
        async with plane.load() as ids:
            await plane.done(await plane.put_many(1))
            second = await plane.start("1")
            await until(lambda: first.text().count("READY") == 2, "the first to go on after the join")
            await plane.done(list(ids))
            assert max(plane.times().values()) == 1, "a join repeated work"
            first.kill()
            first = await plane.start("0")
            await plane.done(list(ids))
            assert second.text().count("READY") == 1, "a static member's restart disturbed the other"
            second.process.terminate()
            assert await second.ended() == 0
            await until(lambda: first.text().count("READY") == 4, "the first to take over", 60.0)
        await plane.done(ids)
        held, logged = await plane.tables(), await plane.logged()
        assert held == logged
        assert {key for partition in held for key in partition} >= {f"{each}/0" for each in ids}


async def test_a_planned_rebalance_repeats_no_work(new_plane: NewPlane) -> None:
    """
    What is in hand when a worker joins is finished, committed and not done again: a repeat is a mail in doubt.

    The inbox is quiet meanwhile: only then does a fetch end in the middle of the drain.
    """
    async with new_plane() as plane:
        first = await plane.start("0")
        second = plane.launch("1")
        ids = await plane.put_many(2, seconds=5.0)
        await until(second.ready, "the second to join")
        await until(lambda: first.text().count("READY") == 2, "the first to go on")
        assert await plane.committed() == dict.fromkeys(range(4), 2), "what the drain has finished comes again"
        await plane.done(ids)
        assert set(plane.times().values()) == {1}


async def test_a_killed_worker_goes_on_where_it_was(new_plane: NewPlane) -> None:
    """
    Local state must never be ahead of the changelog: what it decided and nobody heard of would be lost.
    """
    async with new_plane() as plane:
        async with plane.load(800) as ids:
            for _ in range(2):
                worker = await plane.start("0")
                count = len(ids)
                await until(lambda count=count: len(ids) > count + 100, "some load")
                worker.kill()
            await plane.start("0")
        await plane.done(ids)
        assert await plane.tables() == await plane.logged()


async def test_a_worker_that_is_back_at_another_address_works_on(new_plane: NewPlane) -> None:
    """
    It was given its former assignment, which names its former port: it stood still for good, and looked ready.
    """
    async with new_plane() as plane:
        port = free_ports(2)
        (await plane.start("0", "--web-port", str(port))).kill()
        await plane.start("0", "--web-port", str(port + 1))
        await plane.done(await plane.put_many(50))


async def test_a_worker_that_slept_through_its_session_produces_nothing(new_plane: NewPlane) -> None:
    """
    A machine that was suspended wakes up with decisions that are another worker's now. The guard sees the gap in
    time, and without it the fence sees the foreign offset; either way before anything leaves.
    """
    async with new_plane() as guarded, new_plane() as fenced:
        await asyncio.gather(zombie(guarded, "frozen for"), zombie(fenced, "fenced: ", "--no-guard"))


async def zombie(plane: Plane, last_words: str, *options: str) -> None:
    """Freeze a worker in the middle of its jobs, let another take over, wake it up: it must end at once."""
    gate = plane.settings.state_dir / f"{plane.app_id}-go"
    worker = await plane.start("0", *options)
    stuck = [each for p in range(4) for each in await plane.put(p, {"until": str(gate)})]
    probe = await plane.put(0, {})
    await plane.done(probe)  # so the stuck ones are in their handlers
    worker.signal(signal.SIGSTOP)
    gate.touch()
    supervisor = asyncio.create_task(supervise(plane, await plane.start("1")))
    await plane.done(stuck)
    taken_over = await plane.put_many(5)
    await plane.done(taken_over)
    awake = time.time()
    worker.signal(signal.SIGCONT)
    assert await worker.ended() == 70
    assert last_words in worker.text()
    await plane.done(await plane.put_many(2))
    supervisor.cancel()
    late = [out for out in plane.outs if out["pid"] == worker.process.pid and out["ended"] >= awake]
    assert late == []
    assert await plane.tables() == await plane.logged()


async def supervise(plane: Plane, worker: Worker) -> None:
    """Start *worker* again whenever it ends: an owner ends too when it finds what a zombie has written."""
    while True:
        assert await worker.ended(3600.0) == 70
        worker = plane.launch(worker.name.rpartition("-")[2])


async def test_workers_and_directories_wait_for_a_broker_that_was_killed(new_plane: NewPlane, broker: Broker) -> None:
    """
    An outage of Kafka is no fault of a worker: it waits, and goes on without losing anything. A directory has no
    group: what it has read is all it knows of its place.
    """
    async with new_plane() as plane:
        directory = Directory(plane.settings.kafka, plane.changelog)
        worker = await plane.start("0")
        async with plane.load() as ids:
            await plane.done(await plane.put(0, {"id": "before"}))
            await directory.start()
            await asyncio.to_thread(broker.kill)
            await asyncio.to_thread(broker.start)
            await plane.done(await plane.put(0, {"id": "after"}))
        await plane.done(ids)
        assert worker.process.poll() is None
        held, logged = await plane.tables(), await plane.logged()
        assert held == logged
        assert await directory.wait_for((await plane.records(plane.changelog, 0))[-1].offset, 30.0)
        await directory.stop()
        assert {key: value.decode() for key, value in directory.entries.items()} == held[0]
