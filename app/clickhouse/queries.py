"""What people ask of ClickHouse about campaigns. docs/sql.md explains the same statements."""

from typing import Any

from app.clickhouse.addresses import addresses_of
from app.clickhouse.client import ClickHouse

MOST_ROWS = 100_000

# The page first, by its few columns: all columns of a million messages take 18 s, those of a page under one.
MESSAGES = """
WITH page AS
(
    SELECT message_id FROM messages
    WHERE campaign = {campaign:String} AND ({status:String} = '' OR status = {status:String})
    ORDER BY changed_at DESC, message_id LIMIT {limit:UInt32}
)
SELECT lower(hex(m.message_id)) AS message, lower(hex(m.recipient_id)) AS recipient, m.account AS account,
       m.status AS status, m.mx_group AS provider, m.route AS route, m.attempts AS attempts, m.code AS code,
       m.class AS class, m.detail AS detail,
       formatDateTime(m.changed_at, '%Y-%m-%dT%H:%i:%SZ', 'UTC') AS changed_at
FROM (SELECT * FROM messages WHERE campaign = {campaign:String} AND message_id IN page) AS m
ORDER BY m.changed_at DESC, m.message_id
"""

BY_PROVIDER = """
SELECT if(mx_group = '', 'other', mx_group) AS provider, count() AS messages,
       countIf(status = 'QUEUED') AS queued, countIf(status = 'SENT') AS sent,
       countIf(fate = 'delivered') AS delivered, countIf(status = 'DEFERRED') AS deferred,
       countIf(status = 'BOUNCED') AS bounced, countIf(status = 'BLOCKED') AS blocked,
       countIf(status IN ('FAILED', 'EXPIRED')) AS failed, countIf(status = 'COMPLAINED') AS complained,
       countIf(status = 'DROPPED') AS dropped, countIf(status = 'UNKNOWN') AS unknown
FROM messages WHERE campaign = {campaign:String}
GROUP BY provider ORDER BY messages DESC, provider
"""

BY_STATUS = "SELECT status, count() FROM messages WHERE campaign = {campaign:String} GROUP BY status ORDER BY status"


async def messages(client: ClickHouse, campaign: str, status: str = "", limit: int = 100) -> list[dict[str, Any]]:
    """Messages of *campaign*, the latest change first; *status* "" is all of them. Raises ClickHouseError.

    The address is "" when the contact is gone.
    """
    rows = await client.named(MESSAGES, {"campaign": campaign, "status": status, "limit": min(limit, MOST_ROWS)})
    account = rows[0]["account"] if rows else ""
    addresses = await addresses_of(client, account, [row["recipient"] for row in rows])
    return [
        {"message": row["message"], "address": addresses.get(row["recipient"], "")}
        | {name: value for name, value in row.items() if name not in ("message", "recipient", "account")}
        for row in rows
    ]


async def by_provider(client: ClickHouse, campaign: str) -> list[dict[str, Any]]:
    """Messages of *campaign* by MX group and status, the largest group first. Raises ClickHouseError."""
    return await client.named(BY_PROVIDER, {"campaign": campaign})


async def by_status(client: ClickHouse, campaign: str) -> dict[str, int]:
    """Status -> messages of *campaign*. Raises ClickHouseError."""
    return {status: int(count) for status, count in await client.rows(BY_STATUS, {"campaign": campaign})}
