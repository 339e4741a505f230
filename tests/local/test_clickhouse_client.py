"""The embedded ClickHouse answers clickhouse-connect as a server does."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import clickhouse_connect
import pytest
from clickhouse_connect.driver.asyncclient import AsyncClient
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from app.local.clickhouse import ClickHouseServer

pytestmark = pytest.mark.integration


@pytest.fixture
def client(clickhouse_server: ClickHouseServer) -> Iterator[Client]:
    """A synchronous client in a database of its own."""
    with clickhouse_connect.get_client(host="127.0.0.1", port=clickhouse_server.port) as client:
        client.command("CREATE DATABASE trial")
        client.database = "trial"
        yield client
        client.command("DROP DATABASE trial")


@pytest.fixture
async def async_client(clickhouse_server: ClickHouseServer, client: Client) -> AsyncIterator[AsyncClient]:
    """An asynchronous client in the same database."""
    async_client = await clickhouse_connect.get_async_client(
        host="127.0.0.1", port=clickhouse_server.port, database="trial"
    )
    yield async_client
    await async_client.close()


def make_table(client: Client) -> None:
    """A table with what our own tables hold."""
    client.command(
        "CREATE TABLE rows (id UInt64, name String, kind LowCardinality(String), at DateTime64(3, 'UTC'), "
        "tags Array(String), note Nullable(String), key FixedString(16)) ENGINE = MergeTree ORDER BY id"
    )


def row(number: int) -> list[object]:
    """One row of that table."""
    at = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
    return [number, f"näme {number}", "kind", at, ["a", "b'c"], None if number % 2 else "\t\\", number.to_bytes(16)]


@pytest.mark.parametrize("compress", [False, "lz4", "zstd", "gzip"])
def test_rows_come_back_as_they_were_inserted_with_every_compression(
    clickhouse_server: ClickHouseServer, client: Client, compress: str | bool
) -> None:
    """Clients choose how to compress; the record process may use any."""
    make_table(client)
    with clickhouse_connect.get_client(
        host="127.0.0.1", port=clickhouse_server.port, database="trial", compress=compress, tz_mode="aware"
    ) as compressing:
        compressing.insert("rows", [row(number) for number in range(1000)])
        back = compressing.query("SELECT * FROM rows ORDER BY id").result_rows
    assert [list(each) for each in back] == [row(number) for number in range(1000)]


@examples(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_any_text_is_bound_as_a_parameter_unchanged(client: Client, text: str) -> None:
    """Names and addresses are bound, never pasted: whatever is in them must neither break nor change a query."""
    found = client.query("SELECT {text:String}, {many:Array(String)}", parameters={"text": text, "many": [text]})
    assert found.result_rows == [(text, [text])]


def test_long_parameters_travel_in_a_form(client: Client) -> None:
    """A list of a thousand ids does not fit into an address; the client then posts a form."""
    many = list(range(20_000))
    assert client.query("SELECT length({ids:Array(UInt32)})", parameters={"ids": many}).result_rows == [(20_000,)]


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("SELEC 1", 62),
        ("SELECT * FROM nowhere", 60),
        ("SELECT nothing FROM system.one", 47),
        ("SELECT throwIf(1)", 395),
    ],
)
def test_an_error_has_the_code_that_the_server_gives(client: Client, statement: str, code: int) -> None:
    """What we retry, and what we tell the user, is decided by the code."""
    with pytest.raises(DatabaseError) as caught:
        client.query(statement)
    assert caught.value.code == code


def test_a_refused_setting_does_not_haunt_the_next_statement(client: Client) -> None:
    """Statements share connections to the engine: one client's mistake is not another's."""
    with pytest.raises(DatabaseError):
        client.raw_query("SELECT 1", settings={"max_threads": "many"})
    assert client.query("SELECT getSetting('max_threads')").result_rows == [(2,)]


def test_settings_of_one_statement_do_not_reach_the_next(client: Client) -> None:
    """A limit that a dashboard sets must not bind the record process."""
    bound = client.query("SELECT getSetting('max_threads')", settings={"max_threads": 1}).result_rows
    free = client.query("SELECT getSetting('max_threads')").result_rows
    assert (bound, free) == ([(1,)], [(2,)])


def test_a_statement_that_takes_too_long_is_ended(client: Client) -> None:
    """One bad query must not hold a thread for ever."""
    with pytest.raises(DatabaseError) as caught:
        client.query("SELECT sum(sipHash64(number)) FROM numbers(1e12)", settings={"max_execution_time": 0.2})
    assert caught.value.code == 159


def test_a_statement_that_takes_too_much_memory_is_ended(client: Client) -> None:
    """The engine lives on a machine that does other work."""
    with pytest.raises(DatabaseError) as caught:
        client.query("SELECT groupArray(number) FROM numbers(1e9)", settings={"max_memory_usage": 50_000_000})
    assert caught.value.code == 241


def test_a_session_keeps_its_temporary_table_and_others_do_not_see_it(
    clickhouse_server: ClickHouseServer, client: Client
) -> None:
    """A session belongs to one client."""
    client.command("CREATE TEMPORARY TABLE mine (n UInt8)")
    client.insert("mine", [[1]], column_names=["n"], column_type_names=["UInt8"])
    assert client.query("SELECT * FROM mine").result_rows == [(1,)]
    with (
        clickhouse_connect.get_client(host="127.0.0.1", port=clickhouse_server.port) as other,
        pytest.raises(DatabaseError) as caught,
    ):
        other.query("SELECT * FROM mine")
    assert caught.value.code == 60


def test_two_writers_at_once_lose_nothing(clickhouse_server: ClickHouseServer, client: Client) -> None:
    """Record processes write side by side."""
    make_table(client)

    def write(first: int) -> None:
        with clickhouse_connect.get_client(host="127.0.0.1", port=clickhouse_server.port, database="trial") as writer:
            for start in range(first, first + 5_000, 1_000):
                writer.insert("rows", [row(number) for number in range(start, start + 1_000)])

    with ThreadPoolExecutor() as pool:
        list(pool.map(write, [0, 5_000, 10_000]))
    assert client.query("SELECT count(), uniqExact(id), max(id) FROM rows").result_rows == [(15_000, 15_000, 14_999)]


def test_the_summary_counts_what_was_written(client: Client) -> None:
    """The record process checks it."""
    make_table(client)
    assert client.insert("rows", [row(1), row(2)]).written_rows == 2


def test_results_come_as_a_stream_of_blocks_and_as_arrow(client: Client) -> None:
    """The seal reads audiences in blocks."""
    with client.query_row_block_stream("SELECT number FROM numbers(200000)") as blocks:
        assert sum(len(block) for block in blocks) == 200_000
    assert client.query("SELECT 1 AS a LIMIT 0").column_names == ("a",)


async def test_the_asynchronous_client_reads_and_writes_side_by_side(client: Client, async_client: AsyncClient) -> None:
    """The edge and the workers use it."""
    make_table(client)
    await asyncio.gather(*(async_client.insert("rows", [row(number)]) for number in range(20)))
    counts = await asyncio.gather(*(async_client.query("SELECT count() FROM rows") for _ in range(20)))
    assert {tuple(found.result_rows) for found in counts} == {((20,),)}
