"""The addresses of recipients, who are otherwise known by their ids alone."""

from collections.abc import Sequence

from app.clickhouse.client import ClickHouse

AT_ONCE = 5_000  # recipients of one statement: they travel in its address

ADDRESSES = """
SELECT lower(hex(recipient_id)), address FROM contacts FINAL
WHERE account = {account:String} AND recipient_id IN
(
    SELECT toFixedString(unhex(arrayJoin({recipients:Array(String)})), 16)
)
"""


async def addresses_of(client: ClickHouse, account: str, recipients: Sequence[str]) -> dict[str, str]:
    """Recipient (in hex) -> address, of those who are contacts of *account*. Raises ClickHouseError."""
    found: dict[str, str] = {}
    for start in range(0, len(recipients), AT_ONCE):
        part = list(recipients[start : start + AT_ONCE])
        found |= dict(await client.rows(ADDRESSES, {"account": account, "recipients": part}))
    return found
