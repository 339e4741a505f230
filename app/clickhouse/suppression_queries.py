"""Suppressions of one account from their mirror: pages, newest first, and a check of many recipients at once."""

import asyncio
from collections.abc import Sequence
from typing import Any

from app.clickhouse.addresses import addresses_of
from app.clickhouse.client import ClickHouse, Params

IDS_AT_ONCE = 5_000  # recipients of one statement: they travel in its address
MOST_CHECKED = 10_000

Place = tuple[int, str, str, str, str]  # in the pages: since in ms, recipient, scope, scope_id, channel

HOLDS = "removed = 0 AND (until IS NULL OR until > now64(3, 'UTC'))"

PAGE = f"""
SELECT lower(hex(recipient_id)) AS recipient, scope, scope_id, channel, reason, source,
       toUnixTimestamp64Milli(since) AS since_ms, toUnixTimestamp64Milli(until) AS until_ms
FROM suppressions FINAL
WHERE account = {{account:String}} AND {HOLDS} %s
ORDER BY since DESC, recipient_id DESC, scope DESC, scope_id DESC, channel DESC LIMIT {{limit:UInt32}}
"""

BEFORE = """
    AND (since, recipient_id, scope, scope_id, channel) < (fromUnixTimestamp64Milli({ms:Int64}, 'UTC'),
        toFixedString(unhex({recipient:String}), 16), {before_scope:String}, {before_id:String},
        {before_channel:String})
"""

# What nobody owns is the operator's: of that an account is told what holds for everybody.
CHECK = f"""
SELECT lower(hex(recipient_id)) AS recipient, scope, scope_id, channel, reason, source,
       toUnixTimestamp64Milli(since) AS since_ms, toUnixTimestamp64Milli(until) AS until_ms
FROM suppressions FINAL
WHERE (account = {{account:String}} OR (account = '' AND scope = 'global')) AND {HOLDS}
  AND recipient_id IN (SELECT toFixedString(unhex(arrayJoin({{recipients:Array(String)}})), 16))
"""


async def suppression_page(
    client: ClickHouse,
    account: str,
    *,
    scope: str = "",
    scope_id: str = "",
    reason: str = "",
    channel: str = "",
    before: Place | None = None,
    limit: int = 100,
) -> tuple[list[dict[str, Any]], Place | None]:
    """Suppressions of *account* that hold now, the latest first, and where to go on. Raises ClickHouseError.

    The place is None on the last page. The address is "" when the account has no such contact; `until` 0 is for good.
    """
    params: dict[str, str | int | float | list[str]] = {"account": account, "limit": limit + 1}
    conditions = ""
    for name, value in (("scope", scope), ("scope_id", scope_id), ("reason", reason), ("channel", channel)):
        if value:
            conditions += f" AND {name} = {{{name}:String}}"
            params[name] = value
    if before is not None:
        conditions += BEFORE
        params |= {"ms": before[0], "recipient": before[1], "before_scope": before[2], "before_id": before[3]}
        params["before_channel"] = before[4]
    rows = await client.named(PAGE % conditions, params)
    rows, more = rows[:limit], len(rows) > limit
    last = rows[-1] if more else None
    place = None
    if last is not None:
        place = (last["since_ms"], last["recipient"], last["scope"], last["scope_id"], last["channel"])
    addresses = await addresses_of(client, account, [row["recipient"] for row in rows])
    return [{"address": addresses.get(row["recipient"], ""), **_shown(row)} for row in rows], place


async def suppressed(
    client: ClickHouse, account: str, recipients: Sequence[bytes]
) -> dict[bytes, list[dict[str, Any]]]:
    """Who of *recipients* (up to 10,000) must not be written to: by *account*, or by anybody; each with its scopes.

    Raises ClickHouseError.
    """
    if len(recipients) > MOST_CHECKED:
        raise ValueError(f"{len(recipients)} recipients: the most is {MOST_CHECKED}")
    parts = [recipients[start : start + IDS_AT_ONCE] for start in range(0, len(recipients), IDS_AT_ONCE)]
    queries: list[Params] = [{"account": account, "recipients": [each.hex() for each in part]} for part in parts]
    found: dict[bytes, list[dict[str, Any]]] = {}
    for rows in await asyncio.gather(*(client.named(CHECK, query) for query in queries)):
        for row in rows:
            shown = _shown(row)
            found.setdefault(bytes.fromhex(shown.pop("recipient")), []).append(shown)
    return found


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    since, until = row.pop("since_ms"), row.pop("until_ms")
    return {**row, "since": since / 1000, "until": (until or 0) / 1000}
