"""Campaigns from their mirror: the latest state counts, pages are complete, accounts are strictly apart."""

import random

from app.clickhouse.campaign_queries import campaign_entry, campaign_page
from app.clickhouse.campaign_rows import place_of
from app.clickhouse.client import ClickHouse
from app.clickhouse.migrate import migrations, statements
from app.things import ThingRecord
from tests.clickhouse.mirrored import NOW, changed, entry, record, recorded, store


async def test_the_highest_revision_is_read_whichever_came_last_and_whence(client: ClickHouse) -> None:
    """
    A campaign moves between the live ones and those that wait: two topics tell of it, in no common order.
    """
    draft = entry("c_1", 1)
    waits = entry("c_1", 3, state="SCHEDULED", due_at=NOW + 1e6)
    body = waits.model_dump(mode="json")
    scheduled = ThingRecord(kind="campaign", account="acme", id="c_1", version=3, at=NOW, body=body)
    assert await store(client, recorded(scheduled)) == []
    assert await store(client, changed(entry("c_1", 2, state="APPROVAL")), changed(draft)) == []
    assert await campaign_entry(client, "acme", "c_1") == waits
    assert await campaign_page(client, "acme") == [waits]


async def test_pages_hold_every_campaign_once_newest_first(client: ClickHouse) -> None:
    """
    A page that skips or repeats is worse than a slow one; many are created in the same moment.
    """
    entries = [
        entry(f"c_{n:03}", revision, created_at=NOW + n // 7 + 0.0625) for n in range(100) for revision in (1, 2)
    ]
    random.Random(1).shuffle(entries)
    await store(client, *map(changed, entries[:90]))
    await store(client, *map(changed, entries[90:]))
    seen, before = [], None
    while page := await campaign_page(client, "acme", before=before, limit=9):
        assert len(page) <= 9
        seen += page
        before = place_of(page[-1])
    assert [each.id for each in seen] == [f"c_{n:03}" for n in sorted(range(100), key=lambda n: (-(n // 7), -n))]
    assert {each.revision for each in seen} == {2}


async def test_filters_look_at_the_latest_state_only(client: ClickHouse) -> None:
    """
    Who asks for RUNNING must not get what has ended, however often it ran.
    """
    await store(client, changed(entry("c_1", 1, state="RUNNING")), changed(entry("c_2", 1, state="RUNNING")))
    await store(client, changed(entry("c_1", 2, state="COMPLETED", name="ÉTÉ sale", project="p")))
    assert [each.id for each in await campaign_page(client, "acme", states=["RUNNING"])] == ["c_2"]
    assert [each.id for each in await campaign_page(client, "acme", states=["COMPLETED", "FAILED"])] == ["c_1"]
    assert [each.id for each in await campaign_page(client, "acme", project="p", name="été s")] == ["c_1"]
    assert await campaign_page(client, "acme", project="' OR 1 = 1 --") == []


async def test_an_account_sees_its_own_campaigns_only(client: ClickHouse) -> None:
    """
    Accounts are strictly apart.
    """
    await store(client, changed(entry("c_1")), changed(entry("c_2", account="other")))
    assert await campaign_entry(client, "acme", "c_2") is None
    assert [each.id for each in await campaign_page(client, "other")] == ["c_2"]


async def test_what_is_no_campaign_is_set_apart_and_the_rest_is_stored(client: ClickHouse) -> None:
    """
    One wrong record must not stop the mirror of all others.
    """
    strange = ThingRecord(kind="campaign", account="acme", id="c_9", version=1, at=NOW, body={"id": "c_9"})
    reasons = await store(
        client, record("campaign.changed", b"nonsense"), recorded(strange), changed(entry("c_1", created_at=1e30))
    )
    assert [reason.split(":")[0] for reason in reasons] == ["not a CampaignEntry"] * 2
    assert await campaign_entry(client, "acme", "c_1") is not None


async def test_campaigns_that_were_mirrored_before_are_listed_too(client: ClickHouse) -> None:
    """
    An update of Fanfare must not forget years of campaigns; and one that was cut short is begun again.
    """
    (text,) = [text for number, _, text in migrations() if number == 13]
    await client.execute("DROP TABLE campaigns")
    first = statements(text)[0]
    await client.execute(first)
    await client.execute(
        "INSERT INTO campaigns (id, account, name, state, lists, counters, created_at, finished_at, version) SELECT "
        "'c_old', 'acme', 'It''s \"old\"', 'COMPLETED', ['all'], map('sent', 7), toDateTime64(1700000000.5, 3), "
        "toDateTime64(1700000009, 3), 812"
    )
    for cut in range(1, len(statements(text)) + 1):
        for statement in statements(text)[:cut]:
            await client.execute(statement)
    old = await campaign_entry(client, "acme", "c_old")
    assert old is not None
    assert (old.spec.name, old.state, old.counters, old.created_at, old.finished_at, old.started_at) == (
        'It\'s "old"', "COMPLETED", {"sent": 7}, 1_700_000_000.5, 1_700_000_009.0, None,
    )  # fmt: skip
    await store(client, changed(entry("c_old", 1, created_at=1_700_000_000.5, state="COMPLETED")))
    assert [each.spec.name for each in await campaign_page(client, "acme")] == ["Spring news"]


async def test_every_state_of_a_campaign_is_kept(client: ClickHouse) -> None:
    """
    "It waited an hour because somebody had paused it" must be told when it is long over.
    """
    states = ["RUNNING", "PAUSED", "RUNNING", "COMPLETED"]
    for revision, state in enumerate(states, 1):
        await store(client, changed(entry("c_1", revision, state=state, reason=f"r{revision}")))
    await store(client, changed(entry("c_1", 2, state="PAUSED", reason="r2")))  # once more: a replay
    await client.execute("OPTIMIZE TABLE campaign_states FINAL")
    kept = await client.rows("SELECT state, reason, toUnixTimestamp(at) FROM campaign_states ORDER BY revision")
    assert kept == [[state, f"r{number}", int(NOW)] for number, state in enumerate(states, 1)]
