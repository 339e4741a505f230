"""Events go after 90 days; what a campaign came to does not."""

import time

from app.clickhouse.client import ClickHouse
from app.clickhouse.event_insert import insert_events
from app.clickhouse.event_rows import SourcedPack
from app.records import EventPack

DAY = 86_400.0


async def never(pack: SourcedPack, reason: str) -> None:
    """Nothing here is refused."""
    raise AssertionError(reason)


def pack(kind: str, message: int, days_ago: float) -> SourcedPack:
    """One event of campaign c."""
    ident = message.to_bytes(16, "big")
    at = time.time() - days_ago * DAY
    return SourcedPack(
        EventPack("default", "c", "email", "bulk", kind, "gmail", "smtp", 1, at, ident, ident), 0, message
    )


async def test_events_expire_after_ninety_days_and_campaigns_stay(client: ClickHouse) -> None:
    """
    A table that only grows fills a disk in the end; the counts of a campaign are asked for years later.
    """
    await client.execute(
        "INSERT INTO campaigns (id, account, name, state, counters, created_at, version) "
        "SELECT 'c', 'default', 'Spring', 'COMPLETED', map('sent', 2), now64(3) - INTERVAL 1 YEAR, 1"
    )
    await insert_events(client, [pack("sent", 1, 400), pack("sent", 2, 1), pack("opened", 1, 2)], never)
    await client.execute("OPTIMIZE TABLE events FINAL")
    kinds = await client.rows("SELECT kind FROM events ORDER BY kind")
    assert kinds == [["opened"], ["sent"]]
    assert await client.rows("SELECT counters['sent'] FROM campaigns FINAL") == [[2]]


async def test_what_is_left_of_a_message_whose_sending_has_expired_is_no_message(client: ClickHouse) -> None:
    """
    Else a mail that was opened after three months would be shown as waiting to be sent.
    """
    await insert_events(client, [pack("opened", 1, 2), pack("sent", 2, 1), pack("opened", 2, 0.5)], never)
    assert await client.rows("SELECT status, opens FROM messages WHERE campaign = 'c'") == [["OPENED", 1]]
