"""Phones of contacts from before there were phone ids: each is looked at once, some thousands at a time.

It may stop anywhere and begin again: a row that is done has a phone_kind, and is not asked for any more. What it writes
is the same person with the same time, so an upsert that comes in between wins.
"""

import asyncio

import orjson

from app.clickhouse.client import ClickHouse
from app.clickhouse.people import UNREADABLE, Stored, StoredPhone, phone_in, store_contacts

AT_ONCE = 5_000

LEFT = """
SELECT account, hex(recipient_id), address, mx_group, attributes, toUnixTimestamp64Milli(updated_at)
FROM contacts FINAL
WHERE ({account:String} = '' OR account = {account:String}) AND phone_kind = '' AND facets['phone'] != ''
LIMIT {limit:UInt32}
"""


async def fill_phones(client: ClickHouse, secret: bytes, account: str = "", most: int = 0) -> int:
    """Give contacts of *account* ("": of all) their phone ids, at most *most* of them (0: all). How many it were.

    Raises ClickHouseError.
    """
    done = 0
    while not most or done < most:
        limit = min(AT_ONCE, most - done) if most else AT_ONCE
        rows = await client.rows(LEFT, {"account": account, "limit": limit})
        people = await asyncio.to_thread(_looked_at, secret, rows)
        for owner, part in people.items():
            await store_contacts(client, owner, part)
        done += len(rows)
        if len(rows) < limit:
            break
    return done


def _looked_at(secret: bytes, rows: list[list[str]]) -> dict[str, list[Stored]]:
    found: dict[str, list[Stored]] = {}
    for account, ident, address, group, attributes, moment in rows:
        phone = phone_in(secret, orjson.loads(attributes))
        if not phone.kind:  # two attributes phone, of which one is empty: it would be asked for again, without end
            phone = StoredPhone(b"", phone.id, b"", UNREADABLE)
        person = Stored(
            bytes.fromhex(ident), address.encode(), group.encode(), attributes.encode(), phone, int(moment) / 1000
        )
        found.setdefault(account, []).append(person)
    return found
