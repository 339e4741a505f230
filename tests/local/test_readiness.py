"""When a part is taken for ready, and when one that starts again and again is told of."""

import asyncio
import socket
import sys
from pathlib import Path

from app.cli.local import noted
from app.local.parts import parts_of
from app.local.ports import free_ports
from app.local.slot import Part, Slot
from app.local.state import ready_path
from app.settings import Settings


def test_an_edge_is_ready_when_it_listens_itself_not_when_somebody_does(tmp_path: Path) -> None:
    """One that finds its port taken ends, is started again, and must not look well meanwhile."""
    settings = Settings(state_dir=tmp_path, edge_port=free_ports())
    edge = next(part for part in parts_of(settings) if part.name == "edge")
    told = ready_path(tmp_path, "edge")
    told.parent.mkdir(parents=True)
    with socket.create_server(("127.0.0.1", settings.edge_port)):
        assert not edge.is_ready(60.0)
        told.touch()
        assert edge.is_ready(60.0)
        assert not edge.is_ready(-60.0), "the file is of a process before this one"
    assert not edge.is_ready(60.0)


async def test_a_part_that_ends_again_and_again_is_told_of(tmp_path: Path) -> None:
    """Its state is "ready" for a moment each time: only the number of its lives tells."""
    part = Part("one", lambda: [sys.executable, "-S", "-c", ""], lambda _: True)
    twice = asyncio.Event()
    slot = Slot(part, tmp_path / "log", {}, lambda: twice.set() if slot.restarts == 2 else None)
    task = asyncio.create_task(slot.run())
    async with asyncio.timeout(20):
        await twice.wait()
    assert slot.status().restarts_lately == slot.restarts
    await slot.stop()
    await task


def test_a_status_notes_more_than_three_restarts_in_five_minutes() -> None:
    """A killed process or two are an everyday event; a row of them is not."""
    assert noted({"restarts_lately": 3, "note": ""}) == ""
    assert noted({"restarts_lately": 4, "note": ""}) == "restarted 4 times in 5 minutes: its log tells why"
    assert noted({"restarts_lately": 4, "note": "x"}).endswith("why (x)")
