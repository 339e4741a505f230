"""What providers reported of the messages of one campaign: by route, mailbox provider or destination, and why not."""

from typing import Any

from app.clickhouse.client import ClickHouse

MOST_ROWS = 1_000
BY = {"route": "route", "provider": "mx_group", "": "''"}  # what to group by -> column

FATES = """
SELECT %s AS name, count() AS sent, countIf(fate = 'delivered') AS delivered, countIf(fate = 'bounced') AS bounced,
       countIf(fate = 'blocked') AS blocked, countIf(fate IN ('failed', 'expired')) AS failed,
       countIf(status = 'SENT') AS not_reported, countIf(bounce_class = 'hard') AS hard,
       countIf(complained) AS complained,
       countIf(human_opens > 0) AS opened, countIf(human_clicks > 0) AS clicked, countIf(status = 'READ') AS was_read
FROM messages
WHERE campaign = {campaign:String} AND account = {account:String} AND (status = 'SENT' OR fate != '')
GROUP BY name ORDER BY sent DESC, name LIMIT {limit:UInt32}
"""

REASONS = """
SELECT bounce_class AS class, reason, fate, count() AS messages, any(detail) AS example
FROM messages
WHERE campaign = {campaign:String} AND account = {account:String}
  AND fate IN ('bounced', 'blocked', 'failed', 'expired')
GROUP BY class, reason, fate ORDER BY messages DESC, class, reason LIMIT {limit:UInt32}
"""


async def fates_by(client: ClickHouse, account: str, campaign: str, by: str = "") -> list[dict[str, Any]]:
    """Messages of *campaign* that went out by what became of them; the most first. *by*: a name of BY.

    Raises ClickHouseError.
    """
    return await client.named(FATES % BY[by], {"account": account, "campaign": campaign, "limit": MOST_ROWS})


async def reasons_of(client: ClickHouse, account: str, campaign: str) -> list[dict[str, Any]]:
    """Why messages of *campaign* did not arrive, the most frequent first. Raises ClickHouseError."""
    return await client.named(REASONS, {"account": account, "campaign": campaign, "limit": MOST_ROWS})


def sentence(row: dict[str, Any]) -> str:
    """A row of `fates_by` for people: "sent 1,000: 980 delivered (98.0 %), 12 bounced, 8 not reported yet"."""
    sent = int(row["sent"])
    parts = [f"{row['delivered']:,} delivered ({100 * row['delivered'] / sent:.1f} %)"] if sent else []
    parts += [f"{row[name]:,} {name}" for name in ("bounced", "blocked", "failed", "complained") if row[name]]
    if row["not_reported"]:
        parts.append(f"{row['not_reported']:,} not reported yet")
    return f"sent {sent:,}: {', '.join(parts)}" if parts else "nothing has been sent"
