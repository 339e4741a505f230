"""Old audiences go; one that is still needed never does."""

from app.clickhouse.audience_sweep import sweep_audiences
from app.clickhouse.client import ClickHouse


async def audience(
    client: ClickHouse, build: str, campaign: str = "", state: str = "", days_ago: int = 0, sealed_days_ago: int = 400
) -> None:
    """An audience of one; with a *campaign* it became its seal, with a *state* the mirror knows the campaign."""
    await client.execute(
        "INSERT INTO audience (build, row, recipient_id, address, mx_group, attributes, sealed_at) "
        "SELECT {build:String}, 0, toFixedString('r', 16), 'a@example.com', 'other', '{}', now() - INTERVAL 400 DAY",
        {"build": build},
    )
    if campaign:
        await client.execute(
            "INSERT INTO seals (seal_id, build, account, campaign, count, digest, day, groups, sealed_at) "
            "SELECT {build:String}, {build:String}, 'default', {campaign:String}, 1, 'd', 1, [], "
            "now64(6) - toIntervalDay({days:UInt32})",
            {"build": build, "campaign": campaign, "days": sealed_days_ago},
        )
    if state:
        ended = "now64(3) - toIntervalDay({days:UInt32})" if days_ago else "NULL"
        await client.execute(
            "INSERT INTO campaigns (id, account, name, state, created_at, finished_at, version) "
            f"SELECT {{campaign:String}}, 'default', 'n', {{state:String}}, now64(3), {ended}, 1",
            {"campaign": campaign, "state": state, "days": days_ago},
        )


async def left(client: ClickHouse) -> set[str]:
    """The builds that are still there."""
    return {build for (build,) in await client.rows("SELECT DISTINCT build FROM audience")}


async def test_only_what_ended_a_week_ago_is_dropped(client: ClickHouse) -> None:
    """
    Whoever is paused for a year goes on where they were: without their audience they would never end.
    """
    await audience(client, "ended.1", "c1", "COMPLETED", 8)
    await audience(client, "fresh.1", "c2", "COMPLETED", 6)
    await audience(client, "paused.1", "c3", "PAUSED")
    await audience(client, "cancelled.1", "c4", "CANCELLED", 30)
    await audience(client, "unknown.1", "c5")
    assert set(await sweep_audiences(client)) == {"ended.1", "cancelled.1"}
    assert await left(client) == {"fresh.1", "paused.1", "unknown.1"}
    assert await sweep_audiences(client) == []


async def test_a_campaign_that_comes_again_keeps_its_new_audience(client: ClickHouse) -> None:
    """
    A weekly newsletter that always sends the same Idempotency-Key: the mirror still tells of last week's end.
    """
    await audience(client, "again.1", "c1", "COMPLETED", 8, sealed_days_ago=9)
    await audience(client, "again.2", "c1", sealed_days_ago=1)
    assert await sweep_audiences(client) == ["again.1"]
    assert await left(client) == {"again.2"}


async def test_a_build_that_never_became_a_seal_goes_after_a_day(client: ClickHouse) -> None:
    """
    A crash in the middle of sealing leaves rows that nobody will read; one that is under way must stay.
    """
    await audience(client, "half.1")
    assert await sweep_audiences(client) == []
    assert await sweep_audiences(client, keep_unfinished=0) in ([], ["half.1"])  # a second has to pass
    while await left(client):
        await sweep_audiences(client, keep_unfinished=0)


async def test_audiences_have_no_time_to_live(client: ClickHouse) -> None:
    """
    A table that forgets by itself forgets people who still wait for their mail.
    """
    (row,) = await client.rows("SHOW CREATE TABLE audience")
    assert "TTL" not in row[0]
