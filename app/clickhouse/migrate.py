"""Brings the ClickHouse database to the shape this version needs: numbered SQL files, each applied once."""

import asyncio
import re
from importlib.resources import files

from app.clickhouse.client import ClickHouse
from app.settings import Settings

FILE_NAME = re.compile(r"(\d{4})_\w+\.sql")
DATABASE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

LEDGER = """
CREATE TABLE IF NOT EXISTS migrations (number UInt32, name String, applied_at DateTime('UTC') DEFAULT now('UTC'))
ENGINE = ReplacingMergeTree ORDER BY number
"""


def migrate(settings: Settings) -> list[int]:
    """Apply what is missing; returns the numbers applied now. Repeating it does no harm. Raises ClickHouseError."""
    return asyncio.run(apply(settings))


async def apply(settings: Settings) -> list[int]:
    """`migrate` for callers that have an event loop."""
    name = settings.clickhouse_database
    if not DATABASE_NAME.fullmatch(name):
        raise ValueError(f"not a name for a database: {name!r}")
    async with ClickHouse(settings, database="default") as server:
        await server.execute(f"CREATE DATABASE IF NOT EXISTS {name}")
    async with ClickHouse(settings, timeout=120.0) as client:
        await client.execute(LEDGER)
        known = {int(number) for (number,) in await client.rows("SELECT DISTINCT number FROM migrations")}
        missing = [each for each in migrations() if each[0] not in known]
        for number, name, text in missing:
            # Every statement may be repeated: a crash before the last line applies the file again.
            for statement in statements(text):
                await client.execute(statement)
            await client.execute(
                "INSERT INTO migrations (number, name) SELECT {number:UInt32}, {name:String}",
                {"number": number, "name": name},
            )
    return [number for number, _, _ in missing]


def migrations() -> list[tuple[int, str, str]]:
    """(number, file name, text) of every migration, in order."""
    found = []
    for file in (files("app.clickhouse") / "migrations").iterdir():
        match = FILE_NAME.fullmatch(file.name)
        if match:
            found.append((int(match[1]), file.name, file.read_text(encoding="utf-8")))
    return sorted(found)


def statements(text: str) -> list[str]:
    """The statements of a migration: each ends with a semicolon at the end of a line; comments are whole lines."""
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("--"))
    return [each.strip() for each in re.split(r";\s*$", code, flags=re.MULTILINE) if each.strip()]
