"""Records of campaigns, things and suppressions as rows of their mirrors in ClickHouse."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass

import orjson
from aiokafka import ConsumerRecord
from pydantic import ValidationError

from app import topics
from app.clickhouse import inbound
from app.clickhouse.campaign_rows import campaign_row, state_row
from app.clickhouse.client import ClickHouse
from app.clickhouse.insert import insert
from app.clickhouse.notices import notice_row
from app.clickhouse.suppression_rows import SourcedSuppression, owned, suppressions_block
from app.clickhouse.thing_rows import thing_row
from app.commands import CampaignEntry
from app.records import Undecodable
from app.routes import Notice
from app.suppressions import decode_suppression
from app.things import ThingRecord

TOPICS = (topics.CAMPAIGN_CHANGED, topics.THING_RECORDED, topics.SUPPRESSION_COMMANDED)

Dead = Callable[[ConsumerRecord, str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Row:
    """One row of *table*, and the record that it came in."""

    table: str
    values: dict[str, object]
    record: ConsumerRecord
    entry: CampaignEntry | None = None


async def mirror(client: ClickHouse, records: Sequence[ConsumerRecord], partitions: int, dead: Dead) -> None:
    """Store what *records* say; returns when each is stored, or was given to *dead* because it never can be.

    A repeat stores the same versions again, which collapse. Waits for as long as ClickHouse is away.
    """
    rows: list[Row] = []
    states: list[Row] = []
    suppressions: list[tuple[SourcedSuppression, ConsumerRecord]] = []
    for record in records:
        if record.topic == topics.SUPPRESSION_COMMANDED:
            suppressions += ((each, record) for each in _suppression_in(record, partitions))
            continue
        row = row_of(record)
        if isinstance(row, str):
            await dead(record, row)
        elif row is not None:
            rows.append(row)
            if row.entry is not None:
                states.append(Row("campaign_states", state_row(row.entry, record.timestamp / 1000), record))

    async def refused(row: Row, reason: str) -> None:
        await dead(row.record, reason)

    async def refused_suppression(unit: tuple[SourcedSuppression, ConsumerRecord], reason: str) -> None:
        await dead(unit[1], reason)

    for table in ("campaigns", "things", "notices", inbound.INTO):
        await insert(client, [row for row in rows if row.table == table], _json, refused)
    await insert(client, states, _json, refused)
    await insert(client, suppressions, _native, refused_suppression)


def row_of(record: ConsumerRecord) -> Row | str | None:
    """The row of a record of campaign.changed or thing.recorded, why it has none, or None for a tombstone."""
    if record.value is None:
        return None  # no longer live: what was mirrored stays
    try:
        if record.topic == topics.CAMPAIGN_CHANGED:
            entry = CampaignEntry.model_validate_json(record.value)
            return Row("campaigns", campaign_row(entry, record.value.decode()), record, entry)
        thing = ThingRecord.model_validate_json(record.value)
        if thing.kind == "notice":
            return Row("notices", notice_row(Notice.model_validate(thing.body)), record)
        if thing.kind == "inbound":
            return Row(inbound.INTO, inbound.inbound_row(thing), record)
        if thing.kind != "campaign":
            return Row("things", thing_row(thing), record)
        entry = CampaignEntry.model_validate(thing.body)
        values = campaign_row(entry, orjson.dumps(thing.body).decode(), thing.deleted)
        return Row("campaigns", values, record, entry)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        return f"not a {error.title}: {'.'.join(map(str, first['loc']))}: {first['msg']}"


def _suppression_in(record: ConsumerRecord, partitions: int) -> Iterator[SourcedSuppression]:
    """Its command, if this partition owns anybody of it. What is none, the recipients plane sets apart."""
    command = decode_suppression(record.value or b"")
    if not isinstance(command, Undecodable):
        found = owned(command, record.partition, record.offset, record.timestamp / 1000, partitions)
        if found is not None:
            yield found


def _json(rows: Sequence[Row]) -> tuple[str, bytes]:
    return f"INSERT INTO {rows[0].table} FORMAT JSONEachRow", b"\n".join([orjson.dumps(row.values) for row in rows])


def _native(commands: Sequence[tuple[SourcedSuppression, ConsumerRecord]]) -> tuple[str, bytes]:
    block = suppressions_block([command for command, _ in commands])
    return f"INSERT INTO suppressions ({block.names}) FORMAT Native", block.encode()
