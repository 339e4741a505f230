"""Segments asked: how many people are in one, and who some of them are."""

from app.clickhouse.client import ClickHouse
from app.clickhouse.people import Contact, contact_of
from app.clickhouse.segment_sql import Parameters, condition
from app.things import Filter

MOST_SAMPLE = 1_000


async def count(client: ClickHouse, account: str, tree: Filter, now: float) -> int:
    """People of *account* who pass *tree*. Raises ClickHouseError."""
    params = Parameters({"account": account})
    where = condition(tree, params, now)
    sql = f"SELECT count() FROM contacts FINAL WHERE account = {{account:String}} AND {where}"
    return int((await client.rows(sql, params.values))[0][0])


async def sample(client: ClickHouse, account: str, tree: Filter, n: int, now: float) -> list[Contact]:
    """Up to *n* people who pass *tree*: the same ones at every look, in an order that says nothing."""
    params = Parameters({"account": account, "most": min(n, MOST_SAMPLE)})
    where = condition(tree, params, now)
    sql = f"""
        SELECT lower(hex(recipient_id)), address, mx_group, attributes, toUnixTimestamp64Milli(updated_at) / 1000
        FROM contacts FINAL WHERE account = {{account:String}} AND {where}
        ORDER BY recipient_id LIMIT {{most:UInt32}}
    """
    return [contact_of(row) for row in await client.rows(sql, params.values)]
