"""audience.sharded -> recipient.listed: read a range of a sealed audience and hand it to its partitions."""

import asyncio
import logging
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from faust.types import AgentT, EventT, StreamT

from app import ids, topics
from app.clickhouse.client import ClickHouse, ClickHouseError
from app.clickhouse.seal import SealError, read_range
from app.faults import reached
from app.records import Recipient, RecipientPack, Shard, Undecodable, decode, encode
from app.stream.app import StreamApp
from app.stream.dead_letters import DeadLetters
from app.stream.lanes import Lanes

if TYPE_CHECKING:
    from agents.phone_rows import PhoneRows

log = logging.getLogger("fanfare.expand")

PACK_ROWS = 500  # the most that the gate takes
PACK_BYTES = 200_000
LONGEST_PAUSE = 5.0  # seconds between two tries while ClickHouse is away
MOST_ROWS = 100_000  # of one shard
LAST_ROW = 0xFFFF_FFFF  # rows are numbered in 32 bits
LONGEST_SEAL = 500  # characters


def attach(
    app: StreamApp, lanes: Lanes, client: ClickHouse, dead: DeadLetters, phones: "PhoneRows | None" = None
) -> AgentT[bytes]:
    """Add the expanding agent to *app*. *phones* fills in what rows of messages to phones have besides people."""

    @app.agent(app.raw_topic(topics.AUDIENCE_SHARDED), name="expand")
    async def expand(shards: StreamT[bytes]) -> None:
        await lanes.run(shards, expand_shard)

    async def expand_shard(event: EventT[bytes]) -> None:
        shard = decode(Shard, event.value)
        if isinstance(shard, Undecodable):
            await dead.put(event, shard.reason)
            return
        wrong = mistakes_in(shard)
        if wrong:
            await dead.put(event, wrong)
            return
        try:
            rows = await read(event, shard)
        except SealError as error:
            await dead.put(event, str(error))
            return
        if phones is not None and shard.channel in topics.PHONES:
            await phones.fill(shard, rows)
        lanes.check(event)
        name = topics.LISTED_TRANSACTIONAL if shard.lane == topics.TRANSACTIONAL else topics.LISTED_BULK
        # A replay makes the same packs with the same ids, and the gate knows them again.
        await asyncio.gather(
            *[
                app.produce_soon(name, partition, None, encode(pack))
                for partition, pack in packs(shard, rows, app.partitions)
            ]
        )
        reached("expand.sent")

    async def read(event: EventT[bytes], shard: Shard) -> list[Recipient]:
        pause = 0.2
        while True:
            try:
                return await read_range(client, shard.seal, shard.first, shard.count)
            except ClickHouseError as error:
                log.warning("cannot read %s, tries again: %s", shard.seal, error)
            await asyncio.sleep(pause)
            lanes.check(event)
            pause = min(pause * 2, LONGEST_PAUSE)

    return expand


def mistakes_in(shard: Shard) -> str:
    """Why *shard* cannot be a range of an audience, or "": one that is wrong would be asked for without end."""
    if shard.lane not in topics.LANES:
        return f"a shard in lane {shard.lane[:50]!r}"
    if shard.first < 0 or not 0 < shard.count <= MOST_ROWS or shard.first + shard.count > LAST_ROW:
        return f"a shard of {shard.count} rows from {shard.first}"
    if shard.channel not in topics.CHANNELS:
        return f"a shard of channel {shard.channel[:50]!r}"
    if not 0 <= shard.day <= 0xFFFF or len(shard.seal) > LONGEST_SEAL:
        return "a day or a seal that cannot be"
    return ""


def packs(shard: Shard, rows: Iterable[Recipient], partitions: int) -> Iterator[tuple[int, RecipientPack]]:
    """(partition, pack) of *rows*: at most 500 rows and about 200 kB each. The same rows give the same packs."""
    apart: dict[int, list[Recipient]] = {}
    for row in rows:
        apart.setdefault(ids.partition_of(row.recipient_id, partitions), []).append(row)
    for partition in sorted(apart):
        for chunk, part in enumerate(_chunks(apart[partition])):
            ident = ids.pack_id(shard.seal, shard.first, partition, chunk, PACK_ROWS)
            yield partition, RecipientPack(ident, shard.account, shard.campaign, shard.run, shard.day, shard.lane, part)


def _chunks(rows: list[Recipient]) -> Iterator[list[Recipient]]:
    part: list[Recipient] = []
    size = 0
    for row in rows:
        weight = len(row.variables) + 4 * len(row.address) + 60
        if part and (len(part) == PACK_ROWS or size + weight > PACK_BYTES):
            yield part
            part, size = [], 0
        part.append(row)
        size += weight
    if part:
        yield part
