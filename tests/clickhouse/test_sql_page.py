"""docs/sql.md: what it shows runs, and its counts hold when a crash has doubled the rows."""

import re
from pathlib import Path

import pytest

from app.clickhouse.client import ClickHouse
from app.clickhouse.event_rows import SourcedPack, block_of
from app.records import EventPack

pytestmark = pytest.mark.integration

PAGE = (Path(__file__).parents[2] / "docs" / "sql.md").read_text(encoding="utf-8")
STATEMENTS = dict(re.findall(r"^## ([^\n]+)\n+```sql\n(.*?)```", PAGE, flags=re.MULTILINE | re.DOTALL))
MESSAGES = [bytes([number]) * 16 for number in range(10)]
ASKED: dict[str, str | int | float | list[str]] = {"campaign": "c1", "message": MESSAGES[0].hex()}


def pack(kind: str, attempt: int, at: float, numbers: range, **more: list[str]) -> SourcedPack:
    """One event of *kind* for some messages."""
    ids = b"".join(MESSAGES[number] for number in numbers)
    route = "smtp" if attempt else ""
    event = EventPack("default", "c1", "email", "bulk", kind, "gmail", route, attempt, at, ids, ids, **more)
    return SourcedPack(event, 0, 0)


@pytest.fixture
async def recorded(client: ClickHouse) -> ClickHouse:
    """Ten messages: one dropped, eight sent, one bounced; every insert came twice."""
    packs = [
        pack("queued", 0, 1_700_000_000.0, range(9)),
        pack("dropped", 0, 1_700_000_000.0, range(9, 10), classes=["suppressed"]),
        pack("sent", 1, 1_700_000_005.0, range(8)),
        pack("bounced", 1, 1_700_000_005.0, range(8, 9), classes=["mailbox"], details=["550 no such user"]),
    ]
    block = block_of(packs)
    for _ in range(2):
        await client.insert(f"INSERT INTO events ({block.names}) FORMAT Native", block.encode())
    return client


def test_every_statement_of_the_page_has_been_found() -> None:
    """A heading that this file cannot read would go untested."""
    assert len(STATEMENTS) == PAGE.count("```sql") == 7


@pytest.mark.parametrize("title", STATEMENTS)
async def test_a_statement_of_the_page_runs(recorded: ClickHouse, title: str) -> None:
    """People paste these into dashboards."""
    rows = await recorded.rows(STATEMENTS[title], ASKED)
    assert rows or title == "All campaigns"


async def test_doubled_rows_are_counted_once(recorded: ClickHouse) -> None:
    """A recorder that is killed after its insert inserts again."""
    status = dict(await recorded.rows(STATEMENTS["How a campaign stands"], ASKED))
    assert status == {"SENT": 8, "BOUNCED": 1, "DROPPED": 1}
    assert (await recorded.rows(STATEMENTS["Funnel"], ASKED))[0][:3] == [10, 9, 8]
    rate = await recorded.rows(STATEMENTS["Messages a second over time"], ASKED)
    assert [each[1] for each in rate] == [0.8]
    assert [row[1] for row in await recorded.rows(STATEMENTS["The life of one message"], ASKED)] == ["queued", "sent"]
