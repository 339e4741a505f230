"""Which attributes the people of a list have: written by each import, read when a campaign is created."""

from collections.abc import Mapping

from app.clickhouse.client import ClickHouse
from app.clickhouse.native import Block, repeated, strings

MOST_COLUMNS = 1_000  # of one list; beyond it nobody knows its columns
LONGEST_NAME = 200  # characters; a longer one is no name that a template could use

NAMES = """
SELECT list, groupUniqArray(1002)(name) FROM list_columns
WHERE account = {account:String} AND list IN {lists:Array(String)} GROUP BY list
"""

# Types are those of JSON, and date for text that is one. Which type a column from before had is not known.
TYPES = """
SELECT name, groupUniqArrayIf(10)(type, type != '') FROM list_columns FINAL
WHERE account = {account:String} AND name != '' GROUP BY name ORDER BY name LIMIT 10000
"""


async def add_columns(client: ClickHouse, account: str, list_name: str, types: Mapping[str, str]) -> None:
    """Note that people of *list_name* have attributes of these *types* (name -> type). A repeat changes nothing."""
    rows = {"": ""} | {name: kind for name, kind in types.items() if 0 < len(name) <= LONGEST_NAME}
    block = Block(len(rows))
    block.add("account", "String", repeated(account.encode(), len(rows)))
    block.add("list", "String", repeated(list_name.encode(), len(rows)))
    block.add("name", "String", strings([name.encode() for name in rows]))
    block.add("type", "String", strings([kind.encode() for kind in rows.values()]))
    await client.insert(f"INSERT INTO list_columns ({block.names}) FORMAT Native", block.encode())


async def attributes_of(client: ClickHouse, account: str) -> dict[str, list[str]]:
    """The attributes that people of *account* may have, each with the types seen. Raises ClickHouseError."""
    return {name: sorted(types) for name, types in await client.rows(TYPES, {"account": account})}


async def types_of(client: ClickHouse, account: str, list_name: str) -> dict[str, list[str]]:
    """The attributes that people of a list may have, each with the types seen. Raises ClickHouseError."""
    sql = TYPES.replace("name != ''", "list = {list:String} AND name != ''")
    return {name: sorted(types) for name, types in await client.rows(sql, {"account": account, "list": list_name})}


async def columns_of(client: ClickHouse, account: str, lists: list[str], *, timeout: float = 5.0) -> set[str] | None:
    """The attributes that people of *lists* may have; None when a list is not known (yet). Raises ClickHouseError."""
    found = {
        name: set(names)
        for name, names in await client.rows(NAMES, {"account": account, "lists": lists}, timeout=timeout)
    }
    if any(name not in found or "" not in found[name] or len(found[name]) > MOST_COLUMNS for name in lists):
        return None
    return set().union(*found.values()) - {""}
