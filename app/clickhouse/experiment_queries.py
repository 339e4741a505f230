"""What the variants of an experiment came to, in people: from the sealed audience and what happened to them."""

from collections.abc import Sequence

from app.clickhouse.client import ClickHouse

# The audience tells who had which variant: a person is in it once.
RESULTS = """
SELECT a.variant, countIf(m.status = 'SENT' OR m.fate = 'delivered'),
       countIf(m.human_opens > 0), countIf(m.human_clicks > 0), countIf(m.unsubscribed)
FROM (SELECT recipient_id, variant FROM audience WHERE build = {build:String} AND variant > 0) AS a
INNER JOIN
(
    SELECT recipient_id, status, fate, human_opens, human_clicks, unsubscribed FROM messages
    WHERE campaign = {campaign:String} AND account = {account:String}
) AS m ON m.recipient_id = a.recipient_id
GROUP BY a.variant
"""


async def experiment_results(
    client: ClickHouse, account: str, campaign: str, build: str, variants: Sequence[str]
) -> dict[str, dict[str, int]]:
    """Variant -> people it was sent to, and how many of them opened, clicked and unsubscribed; machines do not count.

    *build* is the id of the campaign's seal; variants are numbered from 1. Raises ClickHouseError.
    """
    rows = await client.rows(RESULTS, {"account": account, "campaign": campaign, "build": build}, timeout=120.0)
    found = {number: counts for number, *counts in rows}
    names = ("sent", "opens", "clicks", "unsubscribes")
    return {
        variant: dict(zip(names, map(int, found.get(number, (0, 0, 0, 0))), strict=True))
        for number, variant in enumerate(variants, 1)
    }
