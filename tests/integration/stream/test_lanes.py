"""Lanes against real fetching: what waits is bounded, what can flow flows, and one id runs once at a time."""

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil

from app.local.ports import free_ports
from tests.integration.stream.stand import PARTITIONS, Plane, eventually, until

NewPlane = Callable[[], Plane]


async def status(plane: Plane, path: Path) -> dict[str, Any]:
    """What the lanes of the inbox hold, asked for through the other topic."""
    clear(path)
    await plane.put(3, {"status": str(path)}, topic=plane.side)
    await until(path.exists, "an answer on the other topic")
    return read(path)


def clear(path: Path) -> None:
    """Remove a file if it is there."""
    path.unlink(missing_ok=True)


def read(path: Path) -> dict[str, Any]:
    """The JSON object in a file."""
    return dict(json.loads(path.read_text()))


async def test_a_full_lane_holds_its_own_topic_and_no_other(new_plane: NewPlane, tmp_path: Path) -> None:
    """
    A bulk campaign that cannot move must not stop commands, results or a single urgent message, nor fill the memory.
    """
    gate, answer = tmp_path / "go", tmp_path / "status"
    async with new_plane() as plane:
        ids = await plane.put_many(400, until=str(gate), filler="x" * 5000)  # 2 MB a partition
        worker = await plane.start("0", "--in-flight", "2")
        before = await status(plane, answer)
        sizes = [memory(worker.process.pid)]
        for _ in range(8):
            after = await status(plane, answer)
            sizes.append(memory(worker.process.pid))
        assert after["running"] == 2
        assert before["waiting"] <= after["waiting"] < PARTITIONS * 220  # one fetch (1 MiB) of each partition
        assert after == await status(plane, answer)
        assert sizes[-1] - sizes[0] < 20
        gate.touch()
        await plane.done(ids)
        assert await plane.tables() == await plane.logged()


def memory(pid: int) -> float:
    """Resident MiB."""
    return float(psutil.Process(pid).memory_info().rss) / (1 << 20)


async def test_two_packs_with_one_id_never_run_together(new_plane: NewPlane) -> None:
    """
    A replay upstream makes a pack twice. Of two at once, one takes the other's fresh intent for a crash.
    """
    async with new_plane() as plane:
        for partition in range(PARTITIONS):
            await plane.put(partition, *[{"id": f"same{n % 3}"} for n in range(60)])
        await plane.start("0")

        async def all_done() -> bool:
            return len(await plane.listen()) >= PARTITIONS * 60

        await eventually(all_done, "all copies")
        for name in ("same0", "same1", "same2"):
            spans = sorted((out["began"], out["ended"]) for out in plane.outs if out["id"] == name)
            assert len(spans) == 80
            assert all(ended <= began for (_, ended), (began, _) in pairwise(spans))


async def test_what_cannot_be_read_becomes_a_dead_letter(new_plane: NewPlane) -> None:
    """
    One bad record must neither stop its partition nor vanish.
    """
    async with new_plane() as plane:
        await plane.producer.send_and_wait(plane.inbox, b"{not json", key=b"k", partition=2)
        ids = await plane.put(2, {})
        worker = await plane.start("0", "--web-port", str(free_ports()))
        await plane.done(ids)
        found = [r.value for r in await plane.records("dead.lettered", 0) if plane.inbox.encode() in r.value]
        assert len(found) == 1
        assert b"{not json" in found[0]
        listening = [c.laddr.ip for c in psutil.Process(worker.process.pid).net_connections() if c.status == "LISTEN"]
        assert listening == ["127.0.0.1"], "web views are for this machine only unless somebody says otherwise"
