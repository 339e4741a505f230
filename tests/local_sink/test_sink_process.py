"""The sink as a process: its record, its control and its command line."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from app.delivery.outcomes import Kind
from app.local.ports import answers, free_ports, wait_until
from app.local.sink_read import load
from app.transport.smtp import SmtpPool

PORT, CONTROL = free_ports(), free_ports()
BODY = b"Subject: x\r\nX-Fanfare-Message: " + b"ab" * 16 + b"\r\n\r\nhello\r\n"


@asynccontextmanager
async def sink(record: Path, *options: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A sink that takes everything, with its control."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app.local.sink", "--port", str(PORT), "--record", str(record),
        "--behaviour", "accept", "--control-port", str(CONTROL), *options,
    )  # fmt: skip
    try:
        async with asyncio.timeout(20):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", CONTROL)
                except OSError:
                    await asyncio.sleep(0.02)
                    continue
                writer.close()
                break
        yield process
    finally:
        if process.returncode is None:
            os.kill(process.pid, signal.SIGTERM)
        await process.wait()


def pool(password: str = "") -> SmtpPool:
    """Connections to it."""
    return SmtpPool(
        "127.0.0.1", PORT, size=2, per_connection=100, timeout=2.0, user="me" if password else "", password=password
    )


async def test_what_was_acknowledged_is_in_the_record_after_kill_9(tmp_path: Path) -> None:
    """The record is the oracle of every test for lost mail: it may not lose any itself."""
    record = tmp_path / "sink.txt"
    async with sink(record) as process:
        mail = pool()
        for n in range(20):
            assert (await mail.send("a@b.c", f"p{n}@x.org", BODY, lambda: None)).kind == Kind.ACCEPTED
        process.kill()
        await process.wait()
        await mail.close()
    assert [each.address for each in load(record)] == [f"p{n}@x.org" for n in range(20)]


async def test_the_control_shows_messages_and_changes_behaviour(tmp_path: Path) -> None:
    """Tests make answers disappear; people look at their mail."""
    async with sink(tmp_path / "sink.txt", "--auth", "me:secret"), aiohttp.ClientSession() as http:
        control, mail = f"http://127.0.0.1:{CONTROL}", pool("secret")
        assert (await mail.send("a@b.c", "b@x.org", BODY, lambda: None)).kind == Kind.ACCEPTED
        async with http.get(f"{control}/messages", params={"address": "b@x.org"}) as answer:
            assert [each["message"] for each in await answer.json()] == [BODY.decode()]
        async with http.post(f"{control}/behaviour", json={"drop_replies": 1}) as answer:
            assert answer.status == 200
        assert (await mail.send("a@b.c", "c@x.org", BODY, lambda: None)).kind == Kind.UNCERTAIN
        async with http.get(f"{control}/counts") as answer:
            told = await answer.json()
        assert told["counts"]["accepted"] == 2 and sum(told["seconds"].values()) == 2
        async with http.post(f"{control}/behaviour", json={"nonsense": 1}) as answer:
            assert answer.status == 400
        await mail.close()


async def test_without_a_control_port_it_takes_mail_and_ends_when_asked(tmp_path: Path) -> None:
    """This is how an installation starts it: nobody from elsewhere may change how it behaves."""
    command = [sys.executable, "-m", "app.local.sink", "--port", str(PORT), "--record", str(tmp_path / "sink.txt")]
    process = await asyncio.create_subprocess_exec(*command)
    try:
        await asyncio.to_thread(wait_until, lambda: answers(PORT), 20, "the sink")
        mail = pool()
        sent = await mail.send("a@b.c", "somebody@gmail.com", BODY, lambda: None)
        assert sent.kind in (Kind.ACCEPTED, Kind.DEFERRED)
        await mail.close()
        assert not answers(CONTROL)
    finally:
        process.terminate()
    assert await process.wait() == 0


def test_a_taken_port_ends_it_with_the_setting_to_change(tmp_path: Path) -> None:
    """Port 2525 is a popular one."""
    with socket.create_server(("127.0.0.1", PORT)):
        command = [sys.executable, "-m", "app.local.sink", "--port", str(PORT), "--record", str(tmp_path / "sink.txt")]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert "FANFARE_SINK_PORT" in ended.stderr
    assert "Traceback" not in ended.stderr
