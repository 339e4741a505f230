"""Records as the mirror reads them, without a broker."""

import time
from typing import Any

from aiokafka import ConsumerRecord

from app import topics
from app.clickhouse.client import ClickHouse
from app.clickhouse.mirror import mirror
from app.commands import CampaignEntry
from app.specs import CampaignSpec
from app.suppressions import SuppressionCommand
from app.things import ThingRecord

NOW = float(int(time.time())) - 3_600  # older events expire
PARTITIONS = 4


def record(topic: str, value: bytes, partition: int = 0, offset: int = 0, at: float = NOW) -> ConsumerRecord:
    """A record as the consumer hands it out."""
    return ConsumerRecord(topic, partition, offset, int(at * 1000), 1, b"k", value, None, 1, len(value), ())


def changed(entry: CampaignEntry) -> ConsumerRecord:
    """An entry in campaign.changed."""
    return record(topics.CAMPAIGN_CHANGED, entry.model_dump_json().encode())


def recorded(thing: ThingRecord) -> ConsumerRecord:
    """A version in thing.recorded."""
    return record(topics.THING_RECORDED, thing.model_dump_json().encode())


def suppression(offset: int, partition: int, **fields: Any) -> ConsumerRecord:
    """A command in suppression.commanded."""
    return record(topics.SUPPRESSION_COMMANDED, SuppressionCommand(**fields).encoded(), partition, offset)


def entry(campaign: str, revision: int = 1, **more: Any) -> CampaignEntry:
    """A campaign as its owner publishes it."""
    name, project = more.pop("name", "Spring news"), more.pop("project", "")
    spec = CampaignSpec(name=name, project=project, from_email="news@acme.example", lists=["all"])
    fields = {"account": "acme", "state": "DRAFT", "created_at": NOW} | more
    return CampaignEntry(id=campaign, revision=revision, spec=spec, **fields)


async def store(client: ClickHouse, *records: ConsumerRecord) -> list[str]:
    """Mirror *records*; the reasons of those that went to the dead letters."""
    reasons: list[str] = []

    async def dead(_: ConsumerRecord, reason: str) -> None:
        reasons.append(reason)

    await mirror(client, records, PARTITIONS, dead)
    return reasons
