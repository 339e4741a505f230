"""Campaigns of one account from their mirror: one by its id, and pages of them, newest first."""

from collections.abc import Sequence

from app.clickhouse.campaign_rows import Place
from app.clickhouse.client import ClickHouse
from app.commands import CampaignEntry

ONE = """
SELECT entry FROM campaigns WHERE account = {account:String} AND id = {id:String} ORDER BY version DESC LIMIT 1
"""

# The page first, by its few columns, in the order of the table; then the entries of the page alone.
PAGE = """
SELECT entry FROM campaigns FINAL
WHERE account = {account:String} AND (created_at, id) IN
(
    SELECT created_at, id FROM campaigns FINAL
    WHERE account = {account:String} AND deleted = 0 %s
    ORDER BY created_at DESC, id DESC LIMIT {limit:UInt32}
)
ORDER BY created_at DESC, id DESC
"""

BEFORE = """
    AND created_at <= fromUnixTimestamp64Milli({ms:Int64}, 'UTC')
    AND (created_at, id) < (fromUnixTimestamp64Milli({ms:Int64}, 'UTC'), {id:String})
"""


async def campaign_entry(client: ClickHouse, account: str, campaign: str) -> CampaignEntry | None:
    """The latest mirrored entry of *campaign*, None when *account* has none with that id. Raises ClickHouseError."""
    rows = await client.rows(ONE, {"account": account, "id": campaign})
    return CampaignEntry.model_validate_json(rows[0][0]) if rows else None


async def campaign_page(
    client: ClickHouse,
    account: str,
    *,
    states: Sequence[str] = (),
    project: str = "",
    name: str = "",
    before: Place | None = None,
    limit: int = 100,
) -> list[CampaignEntry]:
    """Up to *limit* campaigns of *account*, the newest first, those after the place *before*. Raises ClickHouseError.

    Only those in one of *states*, of *project*, and with *name* somewhere in their name; empty is any.
    """
    params: dict[str, str | int | float | list[str]] = {"account": account, "limit": limit}
    conditions = ""
    if before is not None:
        conditions += BEFORE
        params |= {"ms": before[0], "id": before[1]}
    if states:
        conditions += " AND state IN {states:Array(String)}"
        params["states"] = list(states)
    if project:
        conditions += " AND project = {project:String}"
        params["project"] = project
    if name:
        conditions += " AND positionCaseInsensitiveUTF8(name, {name:String}) > 0"
        params["name"] = name
    rows = await client.rows(PAGE % conditions, params)
    return [CampaignEntry.model_validate_json(entry) for (entry,) in rows]
