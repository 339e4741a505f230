"""Events into ClickHouse until they are in: outages are waited out, what it will never take is set apart."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from app.clickhouse.client import ClickHouse, ClickHouseError
from app.clickhouse.event_rows import SourcedPack, block_of

log = logging.getLogger("fanfare.record")

LONGEST_PAUSE = 10.0  # seconds between two tries

# Codes that blame the data: trying again cannot help. https://github.com/ClickHouse/ClickHouse, ErrorCodes.cpp
# CANNOT_PARSE_TEXT, ARGUMENT_OUT_OF_BOUND.., CANNOT_READ_ALL_DATA, TYPE_MISMATCH, CANNOT_CONVERT_TYPE,
# INCORRECT_DATA, TOO_LARGE_STRING_SIZE, DECIMAL_OVERFLOW, VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE,
# VIOLATED_CONSTRAINT (one that the operator added)
DATA_ERRORS = frozenset({6, 33, 53, 69, 70, 117, 131, 321, 407, 469})

Refused = Callable[[SourcedPack, str], Awaitable[None]]


async def insert_events(client: ClickHouse, packs: Sequence[SourcedPack], refused: Refused) -> None:
    """Store *packs*; returns when every one is stored, or was given to *refused* because it never can be.

    A repeat stores rows with the same event_id, which collapse. Waits for as long as ClickHouse is away.
    """
    if not packs:
        return
    block = await asyncio.to_thread(block_of, packs)
    # By default ClickHouse takes rows of at most 100 months at once, and a wrong clock must not stop the recording.
    sql = f"INSERT INTO events ({block.names}) SETTINGS max_partitions_per_insert_block = 0 FORMAT Native"
    data = block.encode()
    pause = 0.2
    while block.rows:
        try:
            await client.insert(sql, data)
            return
        except ClickHouseError as error:
            if error.code in DATA_ERRORS:
                await _apart(client, packs, refused, error)
                return
            log.warning("cannot record %d events, tries again in %.1f s: %s", block.rows, pause, error)
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)


async def _apart(client: ClickHouse, packs: Sequence[SourcedPack], refused: Refused, error: ClickHouseError) -> None:
    """Halve until the pack that ClickHouse does not take is alone."""
    if len(packs) == 1:
        await refused(packs[0], f"ClickHouse: {error.message[:500]}")
        return
    half = len(packs) // 2
    await insert_events(client, packs[:half], refused)
    await insert_events(client, packs[half:], refused)
