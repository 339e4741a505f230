"""What people have written to us, in ClickHouse: as rows, and pages of them, the newest first."""

from typing import Any

from pydantic import Field

from app.clickhouse.addresses import addresses_of
from app.clickhouse.client import ClickHouse
from app.clickhouse.moments import milliseconds, moment
from app.specs import Strict
from app.things import ThingRecord

# In place of the table, for rows of JSON: its ids are hex.
INTO = "inbound (account, at, id, channel, recipient, number, text, wish, route, known_by)"

Place = tuple[int, str, str]  # in the pages: at in ms, recipient, id

PAGE = """
SELECT id, toUnixTimestamp64Milli(at) AS at_ms, channel, lower(hex(recipient_id)) AS recipient, number, text, wish,
       route, known_by
FROM inbound FINAL
WHERE account = {account:String} AND at >= fromUnixTimestamp64Milli({since:Int64}, 'UTC') %s
ORDER BY at DESC, recipient_id DESC, id DESC LIMIT {limit:UInt32}
"""

BEFORE = """AND (at, recipient_id, id) < (fromUnixTimestamp64Milli({ms:Int64}, 'UTC'),
    toFixedString(unhex({recipient:String}), 16), {before_id:String})"""

CONDITIONS = {
    "channel": "AND channel = {channel:String}",
    "wish": "AND wish = {wish:String}",
    "number": "AND number = {number:String}",
    "of": "AND recipient_id = toFixedString(unhex({of:String}), 16)",
}


class InboundBody(Strict):
    """The body of a record of the kind inbound."""

    channel: str = Field(max_length=20)
    recipient_id: str = Field(pattern=r"^[0-9a-f]{32}$")
    number: str = Field(default="", max_length=50)
    text: str = Field(default="", max_length=500)
    wish: str = Field(default="", max_length=20)
    route: str = Field(default="", max_length=200)
    known_by: str = Field(default="", max_length=20)


def inbound_row(thing: ThingRecord) -> dict[str, object]:
    """The row of *thing*; one that is told twice collapses. Raises ValidationError."""
    body = InboundBody.model_validate(thing.body).model_dump()
    return {
        "account": thing.account,
        "id": thing.id,
        "at": moment(thing.at),
        "recipient": body.pop("recipient_id"),
    } | body


async def inbound_page(
    client: ClickHouse,
    account: str,
    *,
    since: float = 0.0,
    channel: str = "",
    wish: str = "",
    number: str = "",
    recipient: str = "",
    before: Place | None = None,
    limit: int = 100,
) -> tuple[list[dict[str, Any]], Place | None]:
    """What was written to *account*, the latest first, and where to go on, None at the end. Raises ClickHouseError.

    What is empty is any; *recipient* is an id in hex. The address is "" where the account has no such contact.
    """
    params: dict[str, str | int | float | list[str]] = {
        "account": account,
        "since": milliseconds(since),
        "limit": limit + 1,
    }
    wanted = {"channel": channel, "wish": wish, "number": number, "of": recipient}
    used = {name: value for name, value in wanted.items() if value}
    conditions = [CONDITIONS[name] for name in used]
    if before is not None:
        conditions.append(BEFORE)
        params |= {"ms": before[0], "recipient": before[1], "before_id": before[2]}
    rows = await client.named(PAGE % "\n  ".join(conditions), {**params, **used})
    rows, more = rows[:limit], len(rows) > limit
    place = (rows[-1]["at_ms"], rows[-1]["recipient"], rows[-1]["id"]) if more else None
    addresses = await addresses_of(client, account, list({row["recipient"] for row in rows}))
    return [_shown(row, addresses) for row in rows], place


def _shown(row: dict[str, Any], addresses: dict[str, str]) -> dict[str, Any]:
    return {
        "id": row["id"], "at": row["at_ms"] / 1000, "channel": row["channel"], "recipient_id": row["recipient"],
        "address": addresses.get(row["recipient"], ""), "number": row["number"], "text": row["text"],
        "wish": row["wish"], "route": row["route"], "known_by": row["known_by"],
    }  # fmt: skip
