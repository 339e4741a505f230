"""Results of an experiment: people by variant, once everything that happened is recorded."""

import time
from contextlib import suppress
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka.structs import TopicPartition
from pydantic import ValidationError

from app import ids, topics
from app.clickhouse.client import ClickHouse
from app.clickhouse.event_insert import insert_events
from app.clickhouse.event_rows import SourcedPack
from app.commands import Accepted, CampaignEntry, Seal, Section
from app.records import EventPack, WinnerTask, encode
from app.settings import Settings
from app.specs import CampaignSpec
from app.stream.caught_up import Progress
from tests.agents.conftest import Wire, Workers
from tests.clickhouse.mirrored import changed, store

pytestmark = pytest.mark.integration

NOW = float(int(time.time())) - 600


def person(number: int) -> bytes:
    """A recipient."""
    return ids.recipient_id(b"test", "email", f"{number}@gmail.com")


def happened(campaign: str, kind: str, *numbers: int, klass: str = "") -> EventPack:
    """The same for each of *numbers*."""
    people = [person(number) for number in numbers]
    messages = [ids.message_id(int(NOW // 86_400), campaign, 1, each, "email") for each in people]
    return EventPack(
        "acme", campaign, "email", "bulk", kind, "gmail", "smtp", 1, NOW, b"".join(messages), b"".join(people),
        classes=[klass] * len(people),
    )  # fmt: skip


async def sealed(client: ClickHouse, campaign: str) -> None:
    """Its mirror, and an audience of 20: eight in the test, four of each variant."""
    spec = CampaignSpec(from_email="news@acme.example", lists=["all"])
    seal = Seal(id=f"{campaign}-1.b", count=20, digest="d", day=1, groups=[Section("gmail", 8, 0.0, True)])
    entry = CampaignEntry(id=campaign, account="acme", state="RUNNING", spec=spec, seal=seal, created_at=NOW)

    async def never(_: object, reason: str) -> None:
        raise AssertionError(reason)

    assert await store(client, changed(entry)) == []
    for number in range(20):
        await client.execute(
            "INSERT INTO audience (build, row, recipient_id, address, variant) "
            "SELECT {build:String}, {row:UInt32}, unhex({person:String}), 'x', {variant:UInt8}",
            {
                "build": seal.id,
                "row": number,
                "person": person(number).hex(),
                "variant": 0 if number > 7 else 1 + number % 2,
            },
        )
    packs = [
        happened(campaign, "sent", *range(9)),
        happened(campaign, "opened", 0, 2, 1, klass="human"),
        happened(campaign, "opened", 2, klass="human.proxy"),
        happened(campaign, "opened", 3, 5, klass="automated.prefetch"),
        happened(campaign, "clicked", 1, 8, klass="human"),
        happened(campaign, "unsubscribed", 2),
    ]
    await insert_events(client, [SourcedPack(pack, 0, 0) for pack in packs], never)


async def test_people_are_counted_by_variant_after_everything_is_recorded(workers: Workers, wire: Wire) -> None:
    """
    A winner that is chosen while events still wait in Kafka may be the wrong one; machines must not choose it.
    """
    campaign = f"c_{uuid4().hex[:8]}"
    async with ClickHouse(workers.settings) as client:
        await sealed(client, campaign)
    late = happened(campaign, "opened", 1)
    place = TopicPartition(topics.EVENT_RECORDED, 1)
    await wire.producer.send_and_wait(place.topic, encode(late), partition=place.partition)
    task = encode(WinnerTask("acme", campaign, 1, ["short", "long"], "opens"))
    await wire.put(topics.WINNER_REQUESTED, task)
    await wire.put(topics.WINNER_REQUESTED, b"nonsense")
    await wire.dead(topics.WINNER_REQUESTED, lambda letter: letter.reason.startswith("not a WinnerTask"))
    assert not await answered(wire, campaign)
    await record_catches_up(wire.settings)
    records = await wire.until(topics.COMMAND_ACCEPTED, lambda found: bool(trials(found, campaign)))
    assert trials(records, campaign)[0] == {
        "short": {"sent": 4, "opens": 2, "clicks": 0, "unsubscribes": 1},
        "long": {"sent": 4, "opens": 1, "clicks": 1, "unsubscribes": 0},
    }


async def test_a_campaign_that_nobody_knows_is_told(wire: Wire) -> None:
    """
    A task that can never be answered must not be tried for ever.
    """
    await record_catches_up(wire.settings)
    await wire.put(topics.WINNER_REQUESTED, encode(WinnerTask("acme", "c_none", 1, ["a", "b"], "opens")))
    letter = await wire.dead(topics.WINNER_REQUESTED, lambda letter: "c_none" in letter.reason)
    assert "no sealed campaign" in letter.reason


def trials(records: list[ConsumerRecord], campaign: str) -> list[dict[str, dict[str, int]]]:
    """The results that came for *campaign*; other tests put into this topic what is no record."""
    found = []
    for record in records:
        with suppress(ValidationError):
            found.append(Accepted.model_validate_json(record.value))
    return [each.trial.results for each in found if each.campaign == campaign and each.trial is not None]


async def answered(wire: Wire, campaign: str) -> bool:
    """Whether there are results by now."""
    settings = wire.settings
    async with Progress(settings.kafka, topics.RECORD_GROUP, topics.COMMAND_ACCEPTED, settings.partitions) as accepted:
        count = sum((await accepted.ends()).values())
    return bool(
        count and trials(await wire.until(topics.COMMAND_ACCEPTED, lambda found: len(found) >= count), campaign)
    )


async def record_catches_up(settings: Settings) -> None:
    """Commit, as the record does, that everything is in ClickHouse."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka, group_id=topics.RECORD_GROUP, enable_auto_commit=False
    )
    await consumer.start()
    try:
        places = [TopicPartition(topics.EVENT_RECORDED, number) for number in range(settings.partitions)]
        consumer.assign(places)
        await consumer.commit(await consumer.end_offsets(places))
    finally:
        await consumer.stop()
