"""What explain asks of ClickHouse besides the events of a message: its campaign's states, its person."""

from collections.abc import Sequence

from app.clickhouse.client import ClickHouse
from app.delivery.explain.absence import Membership
from app.delivery.explain.story import Seat, StateAt, Suppressed
from app.topics import PHONES

MOST_ROWS = 1_000

# A message id begins with the day on which its audience was fixed: nothing happened to it before.
OWNER = """
SELECT account FROM events
WHERE message_id = toFixedString(unhex({message:String}), 16)
  AND time >= toDateTime64({day:UInt32} * 86400, 3, 'UTC') - INTERVAL 1 DAY
LIMIT 1
"""

FIRST = """
SELECT campaign, toUnixTimestamp64Milli(min(time)) FROM events
WHERE message_id = toFixedString(unhex({message:String}), 16) AND account = {account:String}
  AND time >= toDateTime64({day:UInt32} * 86400, 3, 'UTC') - INTERVAL 1 DAY
GROUP BY campaign LIMIT 1
"""

STATES = """
SELECT state, toUnixTimestamp64Milli(at), reason FROM campaign_states FINAL
WHERE account = {account:String} AND campaign = {campaign:String} ORDER BY revision DESC LIMIT {limit:UInt32}
"""

# Without FINAL: one that was taken back since may have held when it was decided, and is there until parts are merged.
# '' is the operator's account.
SUPPRESSIONS = """
SELECT DISTINCT scope, scope_id, reason, source, toUnixTimestamp64Milli(since) AS since_ms, channel FROM suppressions
WHERE removed = 0 AND account IN ({account:String}, '')
  AND recipient_id = toFixedString(unhex({recipient:String}), 16)
ORDER BY since_ms LIMIT {limit:UInt32}
"""

# The build that counts is the first complete one of the latest run.
SEAT = """
SELECT row, reason, due, toUnixTimestamp(sealed_at) FROM audience
WHERE build IN
(
    SELECT argMin(build, (sealed_at, build)) FROM seals
    WHERE account = {account:String} AND campaign = {campaign:String}
      AND seal_id IN
      (
          SELECT argMax(seal_id, sealed_at) FROM seals WHERE account = {account:String} AND campaign = {campaign:String}
      )
)
  AND (recipient_id = toFixedString(unhex({recipient:String}), 16)
       OR contact = toFixedString(unhex({contact:String}), 16))
ORDER BY reason LIMIT 1
"""

# Somebody by any of their ids: that of the contact, or that of the phone, which several contacts may share.
IDS = """
SELECT lower(hex(recipient_id)), if(phone = '', '', lower(hex(phone_id))), address != '' FROM contacts FINAL
WHERE account = {account:String}
  AND (recipient_id = toFixedString(unhex({recipient:String}), 16)
       OR (phone != '' AND phone_id = toFixedString(unhex({recipient:String}), 16)))
ORDER BY hex(recipient_id) != upper({recipient:String}), recipient_id LIMIT {limit:UInt32}
"""

MEMBERSHIPS = """
SELECT list, toUnixTimestamp64Milli(added_at), toUnixTimestamp64Milli(removed_at) FROM members FINAL
WHERE account = {account:String} AND list IN {lists:Array(String)}
  AND recipient_id = toFixedString(unhex({recipient:String}), 16)
ORDER BY list LIMIT {limit:UInt32}
"""

IS_CONTACT = """
SELECT 1 FROM contacts FINAL
WHERE account = {account:String} AND recipient_id = toFixedString(unhex({recipient:String}), 16) LIMIT 1
"""

# Messages of a campaign to one person: several only where each is a request of its own.
LATEST = """
SELECT lower(hex(argMax(message_id, time))) FROM events
WHERE campaign = {campaign:String} AND account = {account:String}
  AND recipient_id = toFixedString(unhex({recipient:String}), 16)
HAVING count() > 0
"""


async def owner_of(client: ClickHouse, message: bytes) -> str | None:
    """The account of a message; None when nothing of it is recorded. Raises ClickHouseError."""
    rows = await client.rows(OWNER, {"message": message.hex(), "day": _day(message)})
    return str(rows[0][0]) if rows else None


async def first_of(client: ClickHouse, account: str, message: bytes) -> tuple[str, float] | None:
    """(campaign, time of its first event) of a message of *account*. Raises ClickHouseError."""
    rows = await client.rows(FIRST, {"message": message.hex(), "account": account, "day": _day(message)})
    return (str(rows[0][0]), rows[0][1] / 1000) if rows else None


async def latest_message(client: ClickHouse, account: str, campaign: str, recipient: str) -> bytes | None:
    """The message of *campaign* to *recipient* to which something happened last. Raises ClickHouseError."""
    rows = await client.rows(LATEST, {"account": account, "campaign": campaign, "recipient": recipient})
    return bytes.fromhex(rows[0][0]) if rows else None


async def states_of(client: ClickHouse, account: str, campaign: str) -> list[StateAt]:
    """What *campaign* went through, the oldest first. Raises ClickHouseError."""
    rows = await client.rows(STATES, {"account": account, "campaign": campaign, "limit": MOST_ROWS})
    return [StateAt(state, ms / 1000, reason) for state, ms, reason in reversed(rows)]


async def suppressions_of(client: ClickHouse, account: str, recipient: str) -> list[Suppressed]:
    """Suppressions of *recipient*, some that were taken back among them, the oldest first. Raises ClickHouseError."""
    rows = await client.rows(SUPPRESSIONS, {"account": account, "recipient": recipient, "limit": MOST_ROWS})
    return [
        Suppressed(scope, of, reason, source, ms / 1000, channel) for scope, of, reason, source, ms, channel in rows
    ]


async def ids_of(client: ClickHouse, account: str, recipient: str, channel: str) -> tuple[str, str]:
    """(id of the contact, recipient id of their messages on *channel*) of who has the id *recipient*, all in hex.

    Who is no contact, or has no address there, has the id as it is. Raises ClickHouseError.
    """
    rows = await client.rows(IDS, {"account": account, "recipient": recipient, "limit": MOST_ROWS})
    for contact, phone, has_email in rows:
        if channel in PHONES and phone:
            return contact, phone
        if channel not in PHONES and has_email:
            return contact, contact
    return (rows[0][0] if rows else recipient), recipient


async def seat_of(
    client: ClickHouse, account: str, campaign: str, recipient: str, lists: Sequence[str] = (), contact: str = ""
) -> Seat | None:
    """The row of *recipient* in the audience of *campaign*, while there is one; with those of *lists* they were on.

    *contact* is the id of the contact, where it is another one: that of messages to phones is the number's.

    Raises ClickHouseError.
    """
    contact = contact or recipient
    rows = await client.rows(
        SEAT, {"account": account, "campaign": campaign, "recipient": recipient, "contact": contact}
    )
    if not rows:
        return None
    row, reason, due, sealed_at = rows[0]
    on = await memberships_of(client, account, lists, contact)
    were = tuple(each.name for each in on if each.since and each.since <= sealed_at + 1)
    return Seat(float(sealed_at), int(row), reason, float(due), were)


async def memberships_of(client: ClickHouse, account: str, lists: Sequence[str], recipient: str) -> list[Membership]:
    """On which of *lists* somebody is or was. Raises ClickHouseError."""
    if not lists:
        return []
    rows = await client.rows(
        MEMBERSHIPS, {"account": account, "lists": list(lists), "recipient": recipient, "limit": MOST_ROWS}
    )
    return [
        Membership(name, added / 1000 if added > removed else 0.0, removed / 1000 if removed >= added else 0.0)
        for name, added, removed in rows
    ]


async def is_contact(client: ClickHouse, account: str, recipient: str) -> bool:
    """Whether *account* has such a contact. Raises ClickHouseError."""
    return bool(await client.rows(IS_CONTACT, {"account": account, "recipient": recipient}))


def _day(message: bytes) -> int:
    return int.from_bytes(message[:2], "big")
