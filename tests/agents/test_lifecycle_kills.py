"""The owner of campaigns is killed right after each of its steps, on real Kafka: every transition once, nobody lost."""

import asyncio
import io
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from aiokafka.structs import ConsumerRecord

from agents.pacing import GROUP_KEY
from app import topics
from app.clickhouse.contacts import import_people
from app.commands import CampaignEntry
from app.control import new_command_id
from app.records import Demand, Shard, decode, encode
from tests.agents.conftest import PARTITIONS, Wire, Workers

pytestmark = pytest.mark.integration

STEPS = "command.written,course.written,course.placed,seal.written,shards.written,end.written"
CONTENT = {"subject": "Hello", "text": "Hello"}


@asynccontextmanager
async def dying(workers: Workers) -> AsyncIterator[None]:
    """The pacing worker dies once after each step, and is started again as its supervisor would."""

    async def watch() -> None:
        while True:
            if "pacing" not in workers.alive():
                workers.start("pacing", crash_after=STEPS)
            await asyncio.sleep(0.1)

    workers.kill("pacing")
    watching = asyncio.create_task(watch())
    try:
        yield
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
        workers.kill("pacing")
        workers.start("pacing")


async def reported(wire: Wire, campaign: str, counts: dict[str, int]) -> None:
    """Every partition says what it has counted."""
    version = int(time.time() * 1000)
    for partition in range(PARTITIONS):
        told = {campaign: counts} if partition == 0 else {}
        demand = Demand(partition, version, version, time.time(), True, -1, [], told)
        await wire.put(topics.DEMAND_REPORTED, encode(demand), key=GROUP_KEY)


async def until(wire: Wire, campaign: str, counts: dict[str, int], *states: str) -> CampaignEntry:
    """Report *counts* until the campaign is in one of *states*."""
    end = time.monotonic() + 60
    while (entry := wire.control.campaigns.get(campaign)) is None or entry.state not in states:
        assert time.monotonic() < end, entry
        await reported(wire, campaign, counts)
        await wire.control.changed(0.5)
    return entry


async def expanded(wire: Wire, campaign: str) -> int:
    """Rows of the campaign that were asked for, as soon as there are some; a range that was asked for twice is one."""

    async def report() -> None:
        while True:
            await reported(wire, campaign, {})
            await asyncio.sleep(0.3)

    def ranges(records: list[ConsumerRecord]) -> set[tuple[int, int]]:
        found = [decode(Shard, each.value) for each in records]
        return {(x.first, x.count) for x in found if isinstance(x, Shard) and x.campaign == campaign}

    reporting = asyncio.create_task(report())
    records = await wire.until(topics.AUDIENCE_SHARDED, lambda found: bool(ranges(found)))
    reporting.cancel()
    return sum(count for _, count in ranges(records))


async def test_a_campaign_lives_its_life_through_a_death_after_every_step(workers: Workers, wire: Wire) -> None:
    """
    Scheduled, sealed, expanded, paused, resumed, cancelled: each told once to those who ask and once to the directory.
    """
    await import_people(workers.settings, io.BytesIO(b"email\nann@example.com\nbob@example.com\n"), "kills")
    spec = {"from_email": "news@acme.example", "lists": ["kills"]}
    create = {"kind": "campaign.create", "start": True, "content": CONTENT}
    assert (await wire.ask(id=new_command_id(), kind="answer.find")).status == 404  # the workers are up from here on
    soon = spec | {"schedule": {"at": time.time() + 8}}
    made = await wire.ask(id=new_command_id(), spec=soon, **create)
    assert (made.status, made.state) == (201, "SCHEDULED")
    async with dying(workers):
        tomorrow = spec | {"schedule": {"at": time.time() + 86_400 + 25}}
        sleeper = await wire.ask(id=new_command_id(), spec=tomorrow, **create)
        assert sleeper.topic == topics.THING_RECORDED
        running = await until(wire, made.campaign, {}, "RUNNING")
        assert running.seal is not None and running.seal.count == 2 == await expanded(wire, made.campaign)
        for kind, state in (("pause", "PAUSED"), ("resume", "RUNNING"), ("pause", "PAUSED"), ("cancel", "CANCELLING")):
            answer = await wire.ask(id=new_command_id(), kind=f"campaign.{kind}", campaign=made.campaign)
            assert (answer.status, answer.state) == (200, state)
        ended = await until(wire, made.campaign, {"listed": 2, "sent": 2}, "CANCELLED")
        assert ended.counters["sent"] == 2
        awake = await until(wire, sleeper.campaign, {}, "SCHEDULED")
        assert awake.due_at is not None
        assert (await wire.ask(id=new_command_id(), kind="campaign.cancel", campaign=sleeper.campaign)).status == 200
        died = {path.name for path in (workers.settings.state_dir / "crashed").iterdir()}
        assert died >= set(STEPS.split(","))

    def entries(records: list[ConsumerRecord]) -> list[CampaignEntry]:
        mine = [each.value for each in records if each.key == made.campaign.encode() and each.value]
        return [CampaignEntry.model_validate_json(value) for value in mine]

    records = await wire.until(
        topics.CAMPAIGN_CHANGED, lambda found: any(each.state == "CANCELLED" for each in entries(found))
    )
    told = entries(records)
    versions = {each.revision: each for each in told}
    assert all(each == versions[each.revision] for each in told)
    states = [versions[revision].state for revision in sorted(versions)]
    assert states == ["SCHEDULED", "SEALING", "RUNNING", "PAUSED", "RUNNING", "PAUSED", "CANCELLING", "CANCELLED"]
