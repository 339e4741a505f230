"""Which attributes the people of a list have: written by each import, read when a campaign is created."""

from collections.abc import Iterable

from app.clickhouse.client import ClickHouse
from app.clickhouse.native import Block, repeated, strings

MOST_COLUMNS = 1_000  # of one list; beyond it nobody knows its columns
LONGEST_NAME = 200  # characters; a longer one is no name that a template could use

NAMES = """
SELECT list, groupUniqArray(1002)(name) FROM list_columns
WHERE account = {account:String} AND list IN {lists:Array(String)} GROUP BY list
"""


async def add_columns(client: ClickHouse, account: str, list_name: str, names: Iterable[str]) -> None:
    """Note that people of *list_name* have attributes *names*. A repeat changes nothing."""
    rows = ["", *(name for name in names if 0 < len(name) <= LONGEST_NAME)]
    block = Block(len(rows))
    block.add("account", "String", repeated(account.encode(), len(rows)))
    block.add("list", "String", repeated(list_name.encode(), len(rows)))
    block.add("name", "String", strings([name.encode() for name in rows]))
    await client.insert(f"INSERT INTO list_columns ({block.names}) FORMAT Native", block.encode())


async def columns_of(client: ClickHouse, account: str, lists: list[str], *, timeout: float = 5.0) -> set[str] | None:
    """The attributes that people of *lists* may have; None when a list is not known (yet). Raises ClickHouseError."""
    found = {
        name: set(names)
        for name, names in await client.rows(NAMES, {"account": account, "lists": lists}, timeout=timeout)
    }
    if any(name not in found or "" not in found[name] or len(found[name]) > MOST_COLUMNS for name in lists):
        return None
    return set().union(*found.values()) - {""}
