"""The embedded ClickHouse answers plain HTTP as a server does: curl, Grafana, scripts."""

import json
import os
import signal
import subprocess
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from app.local import clickhouse
from app.local.clickhouse import ClickHouseServer
from app.local.clickhouse_sql import first_word, insert_in, output_format
from app.local.ports import free_ports

pytestmark = pytest.mark.integration


@pytest.fixture
async def http(clickhouse_server: ClickHouseServer) -> AsyncIterator[aiohttp.ClientSession]:
    """A browser for the server."""
    async with aiohttp.ClientSession(clickhouse_server.url) as session:
        yield session


async def say(http: aiohttp.ClientSession, body: str | bytes, **params: str) -> tuple[int, str]:
    """Post a statement; status and text of the answer."""
    async with http.post("/", data=body, params=params) as response:
        return response.status, await response.text()


async def test_a_statement_may_be_the_body_or_the_address(http: aiohttp.ClientSession) -> None:
    """Both are documented, and clients use both."""
    assert await say(http, "SELECT 1, 'a'") == (200, "1\ta\n")
    async with http.get("/", params={"query": "SELECT 2 FORMAT JSONEachRow"}) as response:
        assert (response.status, await response.text()) == (200, '{"2":2}\n')
        assert response.headers["X-ClickHouse-Format"] == "JSONEachRow"
        assert response.headers["X-ClickHouse-Timezone"] == "UTC"


async def test_the_default_format_and_parameters_are_heard(http: aiohttp.ClientSession) -> None:
    """Grafana asks for JSON this way."""
    status, text = await say(http, "SELECT {n:UInt8} + 1 AS n", param_n="41", default_format="JSON")
    assert (status, json.loads(text)["data"]) == (200, [{"n": 42}])


@pytest.mark.parametrize(
    ("statement", "status", "code"), [("SELEC", 400, 62), ("SELECT * FROM gone", 404, 60), ("", 400, 62)]
)
async def test_errors_have_a_status_and_a_code(
    http: aiohttp.ClientSession, statement: str, status: int, code: int
) -> None:
    """Scripts look at the status, clients at the header, people at the text."""
    async with http.post("/", data=statement) as response:
        assert (response.status, response.headers["X-ClickHouse-Exception-Code"]) == (status, str(code))
        assert (await response.text()).startswith(f"Code: {code}. DB::Exception: ")


async def test_rows_may_follow_the_insert_or_be_the_whole_body(http: aiohttp.ClientSession) -> None:
    """Every way to insert that ClickHouse documents for HTTP."""
    await say(http, "CREATE OR REPLACE TABLE two (a UInt8, b String) ENGINE = MergeTree ORDER BY a")
    for body, params in [
        ('INSERT INTO two FORMAT JSONEachRow\n{"a":1,"b":"x"}\n', {}),
        ('{"a":2,"b":"FORMAT"}\n', {"query": "INSERT INTO two FORMAT JSONEachRow"}),
        ("INSERT INTO two VALUES (3, 'FORMAT CSV')", {}),
        ("(4, 'v')", {"query": "INSERT INTO two VALUES"}),
        ("INSERT INTO two (b, a) FORMAT CSV c,5", {}),
        ("/* FORMAT */ INSERT INTO `two` SELECT 6, 's'", {}),
    ]:
        assert await say(http, body, **params) == (200, "")
    rows = "1\tx\n2\tFORMAT\n3\tFORMAT CSV\n4\tv\n5\tc\n6\ts\n"
    assert await say(http, "SELECT * FROM two ORDER BY a") == (200, rows)


async def test_a_damaged_body_inserts_nothing_and_says_so(http: aiohttp.ClientSession) -> None:
    """Half an insert must not count as one."""
    await say(http, "CREATE OR REPLACE TABLE none (a UInt8) ENGINE = MergeTree ORDER BY a")
    statement = {"query": "INSERT INTO none FORMAT CSV"}
    async with http.post("/", data=b"1\n2\n", params=statement, headers={"Content-Encoding": "lz4"}) as response:
        assert response.headers["X-ClickHouse-Exception-Code"] == "271"
    assert (await say(http, "1\nx\n", **statement))[0] == 400
    assert await say(http, "SELECT count() FROM none") == (200, "0\n")


async def test_reading_over_get_cannot_change_anything(http: aiohttp.ClientSession) -> None:
    """A link that somebody clicks must not drop a table."""
    async with http.get("/", params={"query": "DROP TABLE IF EXISTS two"}) as response:
        assert response.headers["X-ClickHouse-Exception-Code"] == "164"


async def test_a_session_is_kept_and_checked(http: aiohttp.ClientSession) -> None:
    """As documented for session_id and session_check."""
    assert (await say(http, "SELECT 1", session_id="nobody", session_check="1"))[0] == 404
    await say(http, "SET max_threads = 1", session_id="s")
    own = await say(http, "SELECT getSetting('max_threads')", session_id="s")
    once = await say(http, "SELECT getSetting('max_threads')", session_id="s", max_threads="7")
    again = await say(http, "SELECT getSetting('max_threads')", session_id="s")
    assert (own[1], once[1], again[1]) == ("1\n", "7\n", "1\n")


async def test_a_database_named_in_one_request_is_not_the_next_ones(http: aiohttp.ClientSession) -> None:
    """Requests share connections to the engine."""
    assert await say(http, "SELECT currentDatabase()", database="system") == (200, "system\n")
    assert await say(http, "SELECT currentDatabase()") == (200, "default\n")
    assert (await say(http, "SELECT 1", database="nowhere"))[0] == 404


def test_what_was_written_survives_a_kill_and_the_password_is_asked_for(tmp_path: Path) -> None:
    """An acknowledged insert is on disk; a ClickHouse with a password is closed to others."""
    port = free_ports()
    with clickhouse.running(tmp_path, port, password="secret") as server:
        statements = [
            "CREATE TABLE kept (a UInt32) ENGINE = MergeTree ORDER BY a",
            "INSERT INTO kept SELECT * FROM numbers(9)",
        ]
        assert [post(server, each) for each in statements] == ["", ""]
        with pytest.raises(urllib.error.HTTPError) as refused:
            post(server, "SELECT 1", password="wrong")
        assert refused.value.code == 403
        refused.value.close()
        kill_listener(port)
    with clickhouse.running(tmp_path, port, password="secret") as server:
        assert post(server, "SELECT count() FROM kept") == "9\n"


def post(server: ClickHouseServer, statement: str, password: str = "secret") -> str:
    """The answer to one statement, as curl would get it."""
    request = urllib.request.Request(
        f"{server.url}/?password={password}",
        data=statement.encode(),
        headers={"X-ClickHouse-User": "default", "X-ClickHouse-Key": password},
    )
    with urllib.request.urlopen(request, timeout=10) as response:
        return str(response.read().decode())


def kill_listener(port: int) -> None:
    """kill -9 of the server that listens on *port*."""
    pids = subprocess.run(
        ["pgrep", "-f", f"app.local.clickhouse --port {port} "], capture_output=True, text=True, check=True
    )
    for pid in pids.stdout.split():
        os.kill(int(pid), signal.SIGKILL)


@pytest.mark.parametrize(
    ("text", "head", "name", "data"),
    [
        (b"INSERT INTO t FORMAT Native\n\x01\x02", "INSERT INTO t", "Native", b"\x01\x02"),
        (b"insert into `a FORMAT b` (c) format CSV \r\n1", "insert into `a FORMAT b` (c)", "CSV", b"1"),
        (b"-- FORMAT x\nINSERT INTO t FORMAT JSONEachRow {}", "-- FORMAT x\nINSERT INTO t", "JSONEachRow", b"{}"),
    ],
)
def test_the_data_of_an_insert_is_cut_off_where_the_server_cuts(text: bytes, head: str, name: str, data: bytes) -> None:
    """A byte too many or too few, and Native data is garbage."""
    found = insert_in(text)
    assert found
    assert (found.head, found.format, text[found.data_at :]) == (head, name, data)


def test_statements_without_data_behind_them_stay_whole() -> None:
    """Only INSERT ... FORMAT is cut."""
    for text in (
        b"SELECT 1 FORMAT CSV",
        b"INSERT INTO t VALUES (1)",
        b"INSERT INTO t SELECT 1 FORMAT CSV",
        b"INSERT INTO t",
    ):
        assert insert_in(text) is None
    assert first_word(b" /* a */ ( -- b\n select 1)") == b"SELECT"
    assert output_format(b"SELECT 1 format JSON ; ") == "JSON"
