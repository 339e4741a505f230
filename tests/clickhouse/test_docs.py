"""docs/sql.md: what is written there can be run, and every table is described."""

import re
import time
from pathlib import Path

import pytest

from app.clickhouse.client import ClickHouse
from app.clickhouse.event_insert import insert_events
from app.clickhouse.event_rows import SourcedPack
from app.records import EventPack

PAGE = (Path(__file__).parents[2] / "docs" / "sql.md").read_text(encoding="utf-8")
STATEMENTS = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)


NOW = time.time() - 3_600  # older events expire


async def never(pack: SourcedPack, reason: str) -> None:
    """Nothing here is refused."""
    raise AssertionError(reason)


def pack(kind: str, numbers: range, attempt: int = 1) -> EventPack:
    """Events for the messages *numbers* of cmp_1."""
    ids = b"".join(number.to_bytes(16, "big") for number in numbers)
    return EventPack("default", "cmp_1", "email", "bulk", kind, "gmail", "smtp", attempt, NOW, ids, ids)


@pytest.mark.parametrize("statement", STATEMENTS, ids=range(len(STATEMENTS)))
async def test_every_statement_of_the_page_runs(client: ClickHouse, statement: str) -> None:
    """
    A page whose statements fail is worse than none.
    """
    packs = [SourcedPack(pack("queued", range(10), 0), 0, 1), SourcedPack(pack("sent", range(8)), 0, 2)]
    await insert_events(client, packs, never)
    await client.rows(statement)


async def test_the_first_statement_tells_how_a_campaign_went(client: ClickHouse) -> None:
    """
    The first thing people copy must not only run but be right.
    """
    packs = [SourcedPack(pack("queued", range(10), 0), 0, 1), SourcedPack(pack("sent", range(8)), 0, 2)]
    await insert_events(client, packs * 2, never)
    assert await client.rows(STATEMENTS[0]) == [["SENT", 8, 80], ["QUEUED", 2, 20]]


async def test_a_second_send_would_be_seen(client: ClickHouse) -> None:
    """
    The statement that must come back empty does come back with something when there is something.
    """
    twice = next(each for each in STATEMENTS if "HAVING attempts > 1" in each)
    await insert_events(client, [SourcedPack(pack("sent", range(8)), 0, 2)] * 2, never)
    assert await client.rows(twice) == []
    await insert_events(client, [SourcedPack(pack("sent", range(1), 2), 0, 3)], never)
    assert await client.rows(twice) == [["0" * 32, 2]]


async def test_every_table_is_described(client: ClickHouse) -> None:
    """
    A table nobody can read about is a table nobody uses.
    """
    for (name,) in await client.rows("SELECT name FROM system.tables WHERE database = currentDatabase()"):
        assert f"`{name}`" in PAGE
