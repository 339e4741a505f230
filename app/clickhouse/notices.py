"""Notices in ClickHouse: as rows, and pages of them, the newest first."""

from collections.abc import Sequence

from app.clickhouse.client import ClickHouse, Params
from app.clickhouse.moments import milliseconds, moment
from app.routes import Notice

PAGE = """
SELECT id, toUnixTimestamp64Milli(at), kind, level, route, pool, mx_group, reason, campaigns, accounts, figures
FROM notices FINAL
WHERE id < {before:String} %s
ORDER BY id DESC LIMIT {limit:UInt32}
"""

AFTER_ALL = "~"  # no id is higher

CONDITIONS = {
    "since": "AND at >= fromUnixTimestamp64Milli({since:Int64}, 'UTC')",
    "levels": "AND level IN {levels:Array(String)}",
    "route": "AND (route = {route:String} OR pool = {route:String})",
    "campaign": "AND has(campaigns, {campaign:String})",
    "account": "AND has(accounts, {account:String})",
}


def notice_row(notice: Notice) -> dict[str, object]:
    """The row of *notice*; one that is told twice collapses."""
    return {
        "id": notice.id, "at": moment(notice.at), "kind": notice.kind, "level": notice.level,
        "route": notice.route, "pool": notice.pool, "mx_group": notice.group, "reason": notice.reason,
        "campaigns": notice.campaigns, "accounts": notice.accounts, "figures": notice.figures,
    }  # fmt: skip


async def notice_page(
    client: ClickHouse,
    *,
    since: float = 0.0,
    levels: Sequence[str] = (),
    route: str = "",
    campaign: str = "",
    account: str = "",
    before: str = "",
    limit: int = 100,
) -> list[Notice]:
    """Up to *limit* notices, the newest first; what is empty is any. Raises ClickHouseError.

    *before* is the id of the last one of the page before; *route* is a route or a pool.
    """
    params: Params = {"before": before or AFTER_ALL, "limit": limit}
    wanted: dict[str, str | int | float | list[str]] = {
        "since": milliseconds(since), "levels": list(levels), "route": route, "campaign": campaign, "account": account,
    }  # fmt: skip
    used = {name: value for name, value in wanted.items() if value}
    where = "\n  ".join(CONDITIONS[name] for name in used)
    rows = await client.rows(PAGE % where, {**params, **used})
    return [_notice(*row) for row in rows]


def _notice(
    ident: str, at: int, kind: str, level: str, route: str, pool: str, group: str, reason: str,
    campaigns: list[str], accounts: list[str], figures: dict[str, float],
) -> Notice:  # fmt: skip
    return Notice.model_validate({
        "id": ident, "at": at / 1000, "kind": kind, "level": level, "route": route, "pool": pool, "group": group,
        "reason": reason, "campaigns": campaigns, "accounts": accounts, "figures": figures,
    })  # fmt: skip
