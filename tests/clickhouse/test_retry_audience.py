"""The audience of "retry only the failed": those people of the old one, and nobody else."""

from pathlib import Path

import pytest

from app.clickhouse.client import ClickHouse
from app.clickhouse.retry_audience import NobodyAgainError, checked_before
from app.clickhouse.seal import SealError, read_range, seal
from app.commands import CampaignEntry, Seal
from app.records import EventPack, Recipient, SealTask
from app.settings import Settings
from app.things import AudiencePlan
from tests.clickhouse.mirrored import NOW, changed, entry
from tests.clickhouse.mirrored import store as mirror
from tests.clickhouse.test_message_queries import insert
from tests.clickhouse.test_seal import people

DAY = 20_000
OLD, NEW = "c_old", "c_new"


def retry(*outcomes: str) -> SealTask:
    plan = AudiencePlan(lists=["all"], retry_of=OLD, retry_outcomes=list(outcomes))
    return SealTask("acme", NEW, f"{NEW}-{'-'.join(outcomes)}", "email", [], plan.model_dump_json().encode())


async def became(client: ClickHouse, kind: str, rows: list[Recipient], klass: str, at: float, attempt: int = 1) -> None:
    """Events of messages of the old campaign."""
    who = b"".join(row.recipient_id for row in rows)
    pack = EventPack(
        "acme", OLD, "email", "bulk", kind, "gmail", "smtp", attempt, at, who, who, classes=[klass] * len(rows)
    )
    await insert(client, pack)


async def old(settings: Settings, client: ClickHouse, tmp_path: Path) -> tuple[Seal, list[Recipient]]:
    """An audience of 400; of the first 200 all kinds of things became."""
    await people(settings, tmp_path, 400, account="acme")
    made = await seal(client, SealTask("acme", OLD, f"{OLD}-1", "email", ["all"]), DAY)
    rows = await read_range(client, made.id, 0, 400)
    await became(client, "queued", rows, "", NOW, attempt=0)
    await became(client, "sent", rows[:100], "", NOW + 1)
    await became(client, "bounced", rows[100:130], "gave_up", NOW + 1, 5)
    await became(client, "bounced", rows[130:140], "expired", NOW + 1, 2)
    await became(client, "bounced", rows[140:160], "unknown_user", NOW + 1)
    await became(client, "blocked", rows[160:180], "content", NOW + 1)
    await became(client, "unknown", rows[180:200], "decided", NOW + 1)
    await became(client, "unknown", rows[:5], "lost_reply", NOW)  # it was sent again, and taken
    return made, rows


def over(state: str = "COMPLETED", **counters: int) -> CampaignEntry:
    given = {"given_up": 40, "blocked": 20, "unknown.decided": 20} | counters
    return entry(OLD, 3, state=state, counters=given, seal=Seal(id="x", count=400, digest="", day=1, groups=[]))


async def test_exactly_those_who_were_failed_in_the_ways_asked_for(
    settings: Settings, client: ClickHouse, tmp_path: Path
) -> None:
    """
    One who was reached gets it twice, one who is left out never; a bounce that is tried again ruins the sender.
    """
    _, rows = await old(settings, client, tmp_path)
    await mirror(client, changed(over()))
    for outcomes, expected in (
        (["given_up"], rows[100:140]),
        (["blocked"], rows[160:180]),
        (["unknown"], rows[180:200]),
        (["given_up", "blocked", "unknown"], [*rows[100:140], *rows[160:200]]),
    ):
        made = await seal(client, retry(*outcomes), DAY + 1)
        again = await read_range(client, made.id, 0, made.count)
        assert made.count == len(expected) and made.left_out == {}
        assert {row.recipient_id for row in again} == {row.recipient_id for row in expected}
        known = {row.recipient_id: row for row in rows}
        for row in again:
            first = known[row.recipient_id]
            assert (row.address, row.group, row.variables) == (first.address, first.group, first.variables)
            assert (row.due, row.variant) == (0.0, 0)
        assert [row.group for row in again] == [group for group, size, *_ in made.groups for _ in range(size)]
        assert await seal(client, retry(*outcomes), DAY + 1) == made


async def test_why_nobody_can_be_tried_again_is_told(settings: Settings, client: ClickHouse, tmp_path: Path) -> None:
    """
    "FAILED" alone sends people to the logs.
    """
    made, _ = await old(settings, client, tmp_path)

    async def told(**plan: object) -> str:
        with pytest.raises(NobodyAgainError) as caught:
            said = {"retry_of": OLD, "retry_outcomes": ["given_up"]} | plan
            await checked_before(client, "acme", AudiencePlan.model_validate(said), wait=0.0)
        return str(caught.value)

    assert "no campaign 'c_old'" in await told()
    await mirror(client, changed(over("RUNNING")))
    assert "RUNNING" in await told() and "until it has ended" in await told()
    await mirror(client, changed(over(given_up=41).model_copy(update={"revision": 4})))
    assert "has 40 of the 41" in await told()
    assert await checked_before(client, "acme", AudiencePlan(retry_of=OLD, retry_outcomes=["blocked"]), 0.0) == made.id
    await client.execute(f"ALTER TABLE audience DROP PARTITION '{made.id}'")
    with pytest.raises(SealError, match="audience of campaign c_old is gone: it stays for 7 days"):
        await seal(client, retry("blocked"), DAY)
