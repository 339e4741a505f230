"""Directory entries as rows of the campaigns table: a mirror that SQL can join with."""

import asyncio
import logging
from collections.abc import Sequence

import orjson
from aiokafka import ConsumerRecord
from pydantic import ValidationError

from app.clickhouse.client import ClickHouse, ClickHouseError
from app.commands import CampaignEntry

log = logging.getLogger("fanfare.record")

LONGEST_PAUSE = 10.0  # seconds between two tries


async def insert_campaigns(client: ClickHouse, records: Sequence[ConsumerRecord]) -> list[tuple[ConsumerRecord, str]]:
    """Store the entries in *records*; returns those that are none, with the reason. Waits while ClickHouse is away."""
    rows, wrong = [], []
    for record in records:
        if not record.value:
            continue  # a tombstone: what was sent stays on record
        try:
            rows.append(orjson.dumps(row_of(CampaignEntry.model_validate_json(record.value), record.offset)))
        except ValidationError as error:
            wrong.append((record, f"not a campaign: {error.error_count()} errors"))
    pause = 0.2
    while rows:
        try:
            await client.insert("INSERT INTO campaigns FORMAT JSONEachRow", b"\n".join(rows))
            break
        except ClickHouseError as error:
            log.warning("cannot record %d campaigns, tries again in %.1f s: %s", len(rows), pause, error)
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)
    return wrong


def row_of(entry: CampaignEntry, offset: int) -> dict[str, object]:
    """A row of the campaigns table; of several with one id the highest *offset* stays."""
    return {
        "id": entry.id, "account": entry.account, "name": entry.spec.name, "state": entry.state,
        "channel": entry.spec.channel, "lists": entry.spec.lists,
        "audience": 0 if entry.seal is None else entry.seal.count, "counters": entry.counters, "reason": entry.reason,
        "created_at": _moment(entry.created_at), "started_at": _moment(entry.started_at),
        "finished_at": _moment(entry.finished_at), "version": offset,
    }  # fmt: skip


def _moment(at: float | None) -> str | None:
    return None if at is None else f"{at:.3f}"
