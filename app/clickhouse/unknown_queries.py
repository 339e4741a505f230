"""Messages of a campaign whose outcome was lost, page by page, and whether that is decided."""

from typing import Any, Literal

from app.clickhouse.addresses import addresses_of
from app.clickhouse.client import ClickHouse
from app.clickhouse.message_queries import Place

Standing = Literal["open", "waiting", "decided"]

# The class of the latest "unknown" tells which way a message went (app/delivery/events.py).
STANDING = "multiIf(class IN ('not_sent', 'resent'), 'waiting', class = 'decided', 'decided', 'open')"

# Few messages are unknown: those first, by kind alone, and then what the view knows of them.
PAGE = """
SELECT lower(hex(message_id)) AS message, lower(hex(recipient_id)) AS recipient, mx_group AS provider, route, attempts,
       class, detail, {standing} AS standing, toUnixTimestamp64Milli(changed_at) AS changed_ms
FROM
(
    SELECT * FROM messages
    WHERE campaign = {{campaign:String}} AND account = {{account:String}} AND message_id IN
    (
        SELECT message_id FROM events
        WHERE campaign = {{campaign:String}} AND account = {{account:String}} AND kind = 'unknown'
    )
)
WHERE status = 'UNKNOWN' AND ({{wanted:String}} = '' OR standing = {{wanted:String}}) {before}
ORDER BY changed_at DESC, message_id DESC LIMIT {{limit:UInt32}}
"""

BEFORE = """
    AND (changed_at, message_id) <
        (fromUnixTimestamp64Milli({ms:Int64}, 'UTC'), toFixedString(unhex({message:String}), 16))
"""


async def unknown_page(
    client: ClickHouse, account: str, campaign: str, *, wanted: Standing | Literal[""] = "",
    before: Place | None = None, limit: int = 100,
) -> tuple[list[dict[str, Any]], Place | None]:  # fmt: skip
    """Messages of *campaign* with status UNKNOWN, the latest change first, and where to go on.

    *standing* is open, waiting (for another try) or decided; *wanted* "" is all of them. The place is None on the last
    page; the address is "" when the contact is gone. Raises ClickHouseError.
    """
    params: dict[str, str | int | float | list[str]] = {
        "account": account, "campaign": campaign, "wanted": wanted, "limit": limit + 1
    }  # fmt: skip
    if before is not None:
        params |= {"ms": before[0], "message": before[1]}
    sql = PAGE.format(standing=STANDING, before=BEFORE if before is not None else "")
    rows = await client.named(sql, params)
    rows, more = rows[:limit], len(rows) > limit
    place = (int(rows[-1]["changed_ms"]), str(rows[-1]["message"])) if more else None
    addresses = await addresses_of(client, account, [row["recipient"] for row in rows])
    return [
        {"message": row["message"], "address": addresses.get(row["recipient"], "")}
        | {name: row[name] for name in ("standing", "provider", "route", "attempts", "class", "detail")}
        | {"changed_at": row["changed_ms"] / 1000}
        for row in rows
    ], place
