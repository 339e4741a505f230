"""Event packs into the events table."""

from collections.abc import Sequence

from app.clickhouse.client import ClickHouse
from app.clickhouse.event_rows import SourcedPack, block_of
from app.clickhouse.insert import Refused, insert


async def insert_events(client: ClickHouse, packs: Sequence[SourcedPack], refused: Refused[SourcedPack]) -> None:
    """Store *packs*; returns when every one is stored, or was given to *refused* because it never can be.

    A repeat stores rows with the same event_id, which collapse. Waits for as long as ClickHouse is away.
    """
    await insert(client, [pack for pack in packs if pack.rows], _encoded, refused)


def _encoded(packs: Sequence[SourcedPack]) -> tuple[str, bytes]:
    block = block_of(packs)
    # By default ClickHouse takes rows of at most 100 months at once, and a wrong clock must not stop the recording.
    sql = f"INSERT INTO events ({block.names}) SETTINGS max_partitions_per_insert_block = 0 FORMAT Native"
    return sql, block.encode()
