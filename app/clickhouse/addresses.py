"""The addresses and phone numbers of recipients, who are otherwise known by their ids alone."""

from collections.abc import Sequence

from app.clickhouse.client import ClickHouse

AT_ONCE = 5_000  # recipients of one statement: they travel in its address

ADDRESSES = """
SELECT lower(hex(recipient_id)), if(address = '', phone, address) FROM contacts FINAL
WHERE account = {account:String} AND recipient_id IN
(
    SELECT toFixedString(unhex(arrayJoin({recipients:Array(String)})), 16)
)
"""

# Of messages to phones. Several contacts may have one number.
PHONES = """
SELECT DISTINCT lower(hex(phone_id)), phone FROM contacts FINAL
WHERE account = {account:String} AND phone != '' AND phone_id IN
(
    SELECT toFixedString(unhex(arrayJoin({recipients:Array(String)})), 16)
)
"""


async def addresses_of(client: ClickHouse, account: str, recipients: Sequence[str]) -> dict[str, str]:
    """Recipient (in hex) -> address or phone number, of those who are contacts of *account*. Raises ClickHouseError."""
    found: dict[str, str] = {}
    for start in range(0, len(recipients), AT_ONCE):
        part = list(recipients[start : start + AT_ONCE])
        found |= dict(await client.rows(ADDRESSES, {"account": account, "recipients": part}))
        left = [each for each in part if each not in found]
        if left:
            found |= dict(await client.rows(PHONES, {"account": account, "recipients": left}))
    return found
