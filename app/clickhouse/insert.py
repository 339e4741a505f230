"""Rows into ClickHouse until they are in: outages are waited out, what it will never take is set apart."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from app.clickhouse.client import ClickHouse, ClickHouseError

log = logging.getLogger("fanfare.record")

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0  # seconds between two tries

# Codes that blame the data: trying again cannot help. https://github.com/ClickHouse/ClickHouse, ErrorCodes.cpp
# CANNOT_PARSE_TEXT, .._INPUT_ASSERTION_FAILED, .._DATE, .._DATETIME, .._NUMBER, ARGUMENT_OUT_OF_BOUND..,
# CANNOT_READ_ALL_DATA, TYPE_MISMATCH, CANNOT_CONVERT_TYPE, INCORRECT_DATA, TOO_LARGE_STRING_SIZE,
# DECIMAL_OVERFLOW, VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE, VIOLATED_CONSTRAINT (one that the operator added)
DATA_ERRORS = frozenset({6, 27, 33, 38, 41, 53, 69, 70, 72, 117, 131, 321, 407, 469})

T = TypeVar("T")
Encode = Callable[[Sequence[T]], tuple[str, bytes]]  # the INSERT, and its data
Refused = Callable[[T, str], Awaitable[None]]


async def insert(client: ClickHouse, units: Sequence[T], encode: Encode[T], refused: Refused[T]) -> None:
    """Store *units*; returns when each is stored, or was given to *refused* because it never can be.

    Waits for as long as ClickHouse is away. After a lost answer the same rows are stored again.
    """
    if not units:
        return
    sql, data = await asyncio.to_thread(encode, units)
    pause = FIRST_PAUSE
    while True:
        try:
            await client.insert(sql, data)
            return
        except ClickHouseError as error:
            if error.code in DATA_ERRORS:
                await _apart(client, units, encode, refused, error)
                return
            log.warning("cannot store %d bytes, tries again in %.1f s: %s", len(data), pause, error)
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)


async def _apart(
    client: ClickHouse, units: Sequence[T], encode: Encode[T], refused: Refused[T], error: ClickHouseError
) -> None:
    """Halve until the one that ClickHouse does not take is alone."""
    if len(units) == 1:
        await refused(units[0], f"ClickHouse: {error.message[:500]}")
        return
    half = len(units) // 2
    await insert(client, units[:half], encode, refused)
    await insert(client, units[half:], encode, refused)
