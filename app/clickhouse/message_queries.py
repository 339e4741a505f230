"""Messages of one account: pages of a campaign's, by status, and what happened to one message."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.clickhouse.addresses import addresses_of
from app.clickhouse.client import ClickHouse, Params

Place = tuple[int, str]  # of a message in the pages: changed_at in ms, message id in hex

# The page first, by nothing but ids, times and kinds: the view would work out every column of a million messages.
# What makes the status is the same as there.
PAGE = """
WITH page AS
(
    SELECT message_id FROM
    (
        SELECT message_id, maxIf(time, rank > 0) AS changed_at,
               max(rank) AS top, max(kind = 'bounced') AS has_bounced, max(kind = 'delivered') AS has_delivered,
               maxIf(time, kind = 'bounced') AS bounced_at, maxIf(time, kind = 'delivered') AS delivered_at,
               uniqExactIf(event_id, kind = 'opened') > uniqExactIf(event_id, kind = 'opened' AND automated) AS opened,
               uniqExactIf(event_id, kind = 'clicked') > uniqExactIf(event_id, kind = 'clicked' AND automated)
                   AS clicked,
               multiIf(max(kind = 'complained'), 'COMPLAINED', clicked, 'CLICKED', max(kind = 'read'), 'READ',
                       opened, 'OPENED',
                       top = 10 AND has_bounced AND (NOT has_delivered OR bounced_at >= delivered_at), 'BOUNCED',
                       top = 10, 'DELIVERED', top = 9, 'BLOCKED', top = 8, 'FAILED', top = 7, 'EXPIRED',
                       top = 6, 'SENT', top = 5, 'DROPPED', top = 4, 'UNKNOWN', top = 3, 'DEFERRED', 'QUEUED') AS status
        FROM
        (
            SELECT message_id, time, kind, event_id, startsWith(class, 'automated') AS automated, transform(kind,
                ['complained', 'read', 'bounced', 'delivered', 'blocked', 'failed', 'expired', 'sent', 'dropped',
                 'unknown', 'deferred', 'queued'],
                [12, 11, 10, 10, 9, 8, 7, 6, 5, 4, 3, 2], 0) AS rank
            FROM events
            WHERE campaign = {campaign:String} AND account = {account:String}
        )
        GROUP BY message_id
    )
    WHERE top > 0 %s
    ORDER BY changed_at DESC, message_id DESC LIMIT {limit:UInt32}
)
SELECT lower(hex(m.message_id)) AS message, lower(hex(m.recipient_id)) AS recipient, m.status AS status,
       m.mx_group AS provider, m.route AS route, m.attempts AS attempts, m.code AS code, m.class AS class,
       m.reason AS reason, m.detail AS detail, toUnixTimestamp64Milli(m.changed_at) AS changed_ms
FROM
(
    SELECT * FROM messages
    WHERE campaign = {campaign:String} AND account = {account:String} AND message_id IN page
) AS m
ORDER BY m.changed_at DESC, m.message_id DESC
"""

BEFORE = """
    AND (changed_at, message_id) <
        (fromUnixTimestamp64Milli({ms:Int64}, 'UTC'), toFixedString(unhex({message:String}), 16))
"""

BY_STATUS = " AND has({wanted:Array(String)}, status)"

# A message id begins with the day on which its audience was fixed: nothing happened to it before.
SINCE = "toDateTime64({day:UInt32} * 86400, 3, 'UTC') - INTERVAL 1 DAY"

EVENTS = f"""
SELECT campaign, lower(hex(any(recipient_id))) AS recipient, any(channel) AS channel, any(lane) AS lane, kind,
       attempt, any(mx_group) AS provider, any(route) AS route, any(code) AS code, min(class) AS class,
       any(detail) AS detail, any(reason) AS reason, any(action) AS action, any(ref) AS ref,
       any(why) AS why, toUnixTimestamp64Milli(any(time)) AS ms
FROM events
WHERE message_id = toFixedString(unhex({{message:String}}), 16) AND account = {{account:String}} AND time >= {SINCE}
GROUP BY campaign, kind, attempt, event_id
ORDER BY ms, attempt, kind LIMIT 1000
"""

STATE = """
SELECT status, attempts, code, class, reason, detail, ref, route, mx_group AS provider,
       toUnixTimestamp64Milli(changed_at) AS changed_ms
FROM messages
WHERE campaign = {campaign:String} AND message_id = toFixedString(unhex({message:String}), 16)
  AND account = {account:String}
"""

TOLD = (
    "kind",
    "channel",
    "attempt",
    "provider",
    "route",
    "code",
    "class",
    "reason",
    "action",
    "detail",
    "ref",
    "why",
)  # of each event


DROPPED_FOR = """
    AND status = 'DROPPED' AND message_id IN
    (
        SELECT message_id FROM events
        WHERE campaign = {campaign:String} AND account = {account:String} AND kind = 'dropped'
          AND class = {reason:String}
    )
"""


@dataclass(frozen=True, slots=True)
class DroppedPerson:
    """Somebody whose message was dropped; *address* is "" when the contact is gone."""

    id: str
    address: str
    group: str


async def message_page(
    client: ClickHouse,
    account: str,
    campaign: str,
    *,
    statuses: Sequence[str] = (),
    before: Place | None = None,
    limit: int = 100,
) -> tuple[list[dict[str, Any]], Place | None]:
    """Messages of *campaign*, if it is of *account*, the latest change first, and where to go on.

    Only those with one of *statuses*, empty is all of them. The place is None on the last page.
    The address is "" when the contact is gone.
    A message that changes meanwhile moves to the front: it may come again, and none is left out that did not change.
    Raises ClickHouseError.
    """
    rows, place = await _page(
        client, {"account": account, "campaign": campaign, "wanted": list(statuses)},
        BY_STATUS if statuses else "", before, limit,
    )  # fmt: skip
    addresses = await addresses_of(client, account, [row["recipient"] for row in rows])
    shown = [_shown(row) for row in rows]
    return [
        {"message": row["message"], "address": addresses.get(row.pop("recipient"), ""), **row} for row in shown
    ], place


async def dropped_page(
    client: ClickHouse, account: str, campaign: str, *, reason: str, before: Place | None = None, limit: int = 100
) -> tuple[list[DroppedPerson], Place | None]:
    """Whose messages of *campaign* were dropped for *reason*, the latest first, and where to go on.

    As `message_page`. Raises ClickHouseError.
    """
    rows, place = await _page(
        client, {"account": account, "campaign": campaign, "reason": reason}, DROPPED_FOR, before, limit
    )
    addresses = await addresses_of(client, account, [row["recipient"] for row in rows])
    return [
        DroppedPerson(row["recipient"], addresses.get(row["recipient"], ""), row["provider"]) for row in rows
    ], place


async def _page(
    client: ClickHouse, which: Params, conditions: str, before: Place | None, limit: int
) -> tuple[list[dict[str, Any]], Place | None]:
    params: dict[str, str | int | float | list[str]] = {**which, "limit": limit + 1}
    if before is not None:
        conditions += BEFORE
        params |= {"ms": before[0], "message": before[1]}
    rows = await client.named(PAGE % conditions, params)
    rows, more = rows[:limit], len(rows) > limit
    return rows, (rows[-1]["changed_ms"], rows[-1]["message"]) if more else None


async def message(client: ClickHouse, account: str, message_id: bytes) -> dict[str, Any] | None:
    """One message of *account* with what happened to it, oldest first; None when the account has none with that id.

    Events are kept for 90 days, and a message as long as they are. Raises ClickHouseError.
    """
    day = int.from_bytes(message_id[:2], "big")
    who: dict[str, str | int | float | list[str]] = {"account": account, "message": message_id.hex()}
    events = await client.named(EVENTS, {**who, "day": day})
    if not events:
        return None
    first = events[0]
    state = await client.named(STATE, {**who, "campaign": first["campaign"]})
    if not state:
        return None
    if state[0]["changed_ms"] > max(each["ms"] for each in events):  # something came between the two
        events = await client.named(EVENTS, {**who, "day": day})
    addresses = await addresses_of(client, account, [first["recipient"]])
    return {
        "message": message_id.hex(), "recipient": first["recipient"], "campaign": first["campaign"],
        "address": addresses.get(first["recipient"], ""),
        "channel": max(events, key=lambda each: each["attempt"])["channel"], "lane": first["lane"],
        **_shown(state[0]),
        "events": [{"at": each["ms"] / 1000} | {name: each[name] for name in TOLD} for each in events],
    }  # fmt: skip


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    changed_at = row.pop("changed_ms") / 1000
    return {**row, "changed_at": changed_at}
