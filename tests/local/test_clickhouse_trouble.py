"""The embedded ClickHouse when things end in the middle: broken connections, kill -9, a stop, too many clients."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import clickhouse_connect
import pytest

from app.local.clickhouse import ClickHouseServer
from app.local.clickhouse_engine import MOST_SESSIONS
from app.local.ports import free_ports
from app.local.supervisor import ROOT

pytestmark = pytest.mark.integration

PACK = 500


@contextmanager
def process_of(server: ClickHouseServer) -> Iterator["subprocess.Popen[bytes]"]:
    """The server as a process that a test may kill."""
    with subprocess.Popen(server.command(), env=os.environ | server.environment()) as process:
        try:
            server.wait_ready(process=process)
            yield process
        finally:
            process.kill()


def client_of(server: ClickHouseServer, **options: Any) -> Any:
    """A synchronous client."""
    return clickhouse_connect.get_client(host="127.0.0.1", port=server.port, **options)


def write(server: ClickHouseServer, first: int) -> list[int]:
    """Insert packs until the server is gone; the numbers of those that it acknowledged."""
    acknowledged: list[int] = []
    with client_of(server, query_retries=0) as client:
        for number in range(first, first + 100_000):
            try:
                client.insert("packs", [[number, place] for place in range(PACK)], column_names=["number", "place"])
            except Exception:
                break
            acknowledged.append(number)
    return acknowledged


def test_acknowledged_inserts_of_two_writers_survive_kill_9_whole(tmp_path: Path) -> None:
    """The record process commits what was acknowledged; half an insert would be counted wrong for ever."""
    server = ClickHouseServer(tmp_path, free_ports())
    with process_of(server) as process, ThreadPoolExecutor(2) as pool:
        with client_of(server) as client:
            client.command("CREATE TABLE packs (number UInt64, place UInt32) ENGINE = MergeTree ORDER BY number")
        writers = [pool.submit(write, server, first) for first in (0, 1_000_000)]
        with client_of(server) as client:
            while client.query("SELECT uniqExact(number) FROM packs").result_rows[0][0] < 20:
                time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        acknowledged = {number for writer in writers for number in writer.result(60)}
    assert len(acknowledged) >= 20
    with process_of(server), client_of(server) as client:
        found = dict(client.query("SELECT number, count() FROM packs GROUP BY number").result_rows)
    assert acknowledged - found.keys() == set()
    assert set(found.values()) == {PACK}


async def test_an_insert_whose_client_vanishes_leaves_nothing(clickhouse_server: ClickHouseServer) -> None:
    """A record process that is killed sends its batch again: the first half must not be there."""
    async with aiohttp.ClientSession(clickhouse_server.url) as http:
        async with http.post("/", data="CREATE OR REPLACE TABLE half (a UInt32) ENGINE = MergeTree ORDER BY a") as done:
            assert done.status == 200
        with socket.create_connection(("127.0.0.1", clickhouse_server.port)) as wire:
            head = "POST /?query=INSERT+INTO+half+FORMAT+CSV HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"
            wire.sendall(head.encode() + b"1\n" * 1_000)
        for _ in range(2):
            async with http.post("/", data="SELECT count() FROM half") as answer:
                assert (answer.status, await answer.text()) == (200, "0\n")
            await asyncio.sleep(0)


async def test_a_stop_finishes_what_runs(tmp_path: Path) -> None:
    """`fanfare down` while the record process writes."""
    server = ClickHouseServer(tmp_path, free_ports())
    with process_of(server) as process:
        async with aiohttp.ClientSession(server.url) as http:
            asked = asyncio.create_task(http.post("/", data="SELECT sleep(2), 'done'"))
            await begun(http, asked)
            process.terminate()
            async with await asked as answer:
                assert (answer.status, await answer.text()) == (200, "0\tdone\n")
        assert await asyncio.to_thread(process.wait, 30) == 0


async def begun(http: aiohttp.ClientSession, asked: "asyncio.Task[Any]") -> None:
    """Wait until the engine executes the sleeping statement."""
    watch = "SELECT count() FROM system.processes WHERE query LIKE '%sleep(2)%' AND query NOT LIKE '%processes%'"
    while not asked.done():
        async with http.post("/", data=watch) as answer:
            if await answer.text() != "0\n":
                return


def test_more_sessions_than_are_kept_push_out_the_oldest(clickhouse_server: ClickHouseServer) -> None:
    """A dashboard that opens a session a click must not eat the memory; the newest still work."""
    for number in range(MOST_SESSIONS + 10):
        with client_of(clickhouse_server, session_id=f"many-{number}") as client:
            client.command("SET max_threads = 1")
    newest = f"many-{MOST_SESSIONS + 9}"
    for session, there in ((newest, True), ("many-0", False)):
        with client_of(clickhouse_server, session_id=session) as client:
            assert client.query("SELECT getSetting('max_threads')").result_rows == [(1 if there else 2,)]


def test_a_failed_insert_does_not_spoil_its_connection(clickhouse_server: ClickHouseServer) -> None:
    """Connections to the engine are shared: one bad batch must not fail the good one behind it."""
    with client_of(clickhouse_server) as client:
        client.command("CREATE OR REPLACE TABLE picky (a UInt8) ENGINE = MergeTree ORDER BY a")
        for number in range(20):
            with pytest.raises(clickhouse_connect.driver.exceptions.DatabaseError):
                client.raw_insert("picky", ["a"], b"not a number\n", fmt="CSV")
            client.raw_insert("picky", ["a"], f"{number}\n".encode(), fmt="CSV")
        assert client.query("SELECT count(), max(a) FROM picky").result_rows == [(20, 19)]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("UInt64", 2**64 - 1),
        ("Int64", -(2**63)),
        ("Float64", 0.1),
        ("Bool", True),
        ("Nullable(String)", None),
        ("LowCardinality(String)", "a'b\\c\n\t{x}"),
        ("Array(String)", ["", "a,b", "c'd"]),
        ("Array(UInt16)", []),
        ("DateTime64(3, 'UTC')", datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)),
    ],
)
def test_a_value_of_any_type_is_bound_as_it_is(clickhouse_server: ClickHouseServer, kind: str, value: object) -> None:
    """Queries are never pasted together, so every type that we have must go in as a parameter."""
    with client_of(clickhouse_server, tz_mode="aware") as client:
        ((back,),) = client.query(f"SELECT {{value:{kind}}}", parameters={"value": value}).result_rows
    assert back == value


def test_a_taken_port_ends_the_process_with_a_sentence(clickhouse_server: ClickHouseServer, tmp_path: Path) -> None:
    """And not with a traceback of the web server."""
    command = [sys.executable, "-m", "app.local.clickhouse", "--port", str(clickhouse_server.port), "--data", "x"]
    ended = subprocess.run(command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)},
                           capture_output=True, text=True, timeout=60, check=False)  # fmt: skip
    assert ended.returncode == 1
    assert "FANFARE_CLICKHOUSE_PORT" in ended.stderr
    assert "Traceback" not in ended.stderr
