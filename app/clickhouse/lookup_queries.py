"""Messages of a route without a report, in the order in which they were sent, and up to where they were asked about."""

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from app.clickhouse.client import ClickHouse
from app.delivery.reports.lookups import Place, Window

# The campaigns that were sent over the route in this stretch of time, by the index of time; then their messages by the
# key of the table. What comes last of a message decides whether it is still out.
MISSING = """
SELECT lower(hex(message_id)) AS message, lower(hex(any(recipient_id))) AS recipient, any(account) AS whose,
       argMaxIf(attempt, (time, attempt), kind IN ('sent', 'unknown')) AS tried,
       argMaxIf(ref, (time, attempt), kind IN ('sent', 'unknown')) AS named,
       toUnixTimestamp64Milli(maxIf(time, kind IN ('sent', 'unknown'))) AS sent_ms,
       argMaxIf(detail, (time, attempt), kind IN ('sent', 'unknown')) AS words
FROM events
WHERE time > fromUnixTimestamp64Milli({after:Int64}, 'UTC') - INTERVAL 1 HOUR AND campaign IN
(
    SELECT DISTINCT campaign FROM events
    WHERE route = {route:String} AND kind IN ('sent', 'unknown')
      AND time >= fromUnixTimestamp64Milli({after:Int64}, 'UTC')
      AND time <= fromUnixTimestamp64Milli({until:Int64}, 'UTC')
)
GROUP BY campaign, message_id
HAVING countIf(kind IN ('delivered', 'bounced', 'blocked', 'failed', 'expired', 'complained', 'opened', 'clicked',
                        'read', 'dropped')) = 0
   AND argMaxIf(route, (time, attempt), kind IN ('sent', 'unknown')) = {route:String}
   AND argMaxIf(class, (time, attempt), kind IN ('sent', 'unknown')) NOT IN ('not_sent', 'resent')
   AND (sent_ms, message) > ({after:Int64}, {message:String}) AND sent_ms < {until:Int64}
ORDER BY sent_ms, message LIMIT {most:UInt32}
SETTINGS max_threads = 2, max_execution_time = 60
"""

PLACES = """
SELECT step, toUnixTimestamp64Milli(argMax(sent_at, asked_at)), argMax(message, asked_at) FROM lookups
WHERE route = {route:String} GROUP BY step
"""


@dataclass(frozen=True, slots=True)
class Missing:
    """A message of which nobody told what became of it."""

    message: str  # hex
    recipient: str  # hex
    account: str
    attempt: int
    ref: str  # "" where the answer of the provider was lost
    sent_at: float
    detail: str = ""  # of the answer that took it


async def missing_of(client: ClickHouse, route: str, window: Window, most: int) -> list[Missing]:
    """Messages of *window* that are taken, or lost, and not reported on; *most* of them. Raises ClickHouseError."""
    rows = await client.rows(
        MISSING,
        {
            "route": route, "after": _ms(window.after.at), "message": window.after.message,
            "until": _ms(window.until), "most": most,
        },
        timeout=70,
    )  # fmt: skip
    return [Missing(row[0], row[1], row[2], row[3], row[4], row[5] / 1000, row[6]) for row in rows]


async def places_of(client: ClickHouse, route: str) -> dict[int, Place]:
    """Step -> up to where it has come. Raises ClickHouseError."""
    return {row[0]: Place(row[1] / 1000, row[2]) for row in await client.rows(PLACES, {"route": route})}


async def keep_places(client: ClickHouse, route: str, places: Mapping[int, Place], now: float) -> None:
    """Store where steps have come to. Raises ClickHouseError."""
    lines = [
        orjson.dumps({
            "route": route, "step": step, "sent_at": round(place.at, 3), "message": place.message,
            "asked_at": round(now, 3),
        })
        for step, place in places.items()
    ]  # fmt: skip
    if lines:
        await client.insert("INSERT INTO lookups FORMAT JSONEachRow", b"\n".join(lines))


def _ms(at: float) -> int:
    return round(at * 1000)
