"""What the edge and the CLI read from ClickHouse: messages, and results by mailbox provider."""

import asyncio
import logging
from typing import Any

from app.clickhouse import queries
from app.clickhouse.client import ClickHouse, ClickHouseError
from app.settings import Settings

log = logging.getLogger("fanfare.edge")

PAGE_SECONDS = 5.0  # a page is better late by one picture than stuck
LIST_SECONDS = 60.0


class Views:
    """Reads with a short timeout. Pages live on without ClickHouse; the API says that it is away."""

    def __init__(self, settings: Settings) -> None:
        self._client = ClickHouse(settings, timeout=PAGE_SECONDS)

    async def close(self) -> None:
        """Disconnect."""
        await self._client.close()

    @property
    def client(self) -> ClickHouse:
        """For the statements of app/clickhouse, which raise ClickHouseError."""
        return self._client

    async def by_provider(self, campaign: str) -> list[dict[str, Any]] | None:
        """Messages of *campaign* by MX group and status; None when ClickHouse does not answer."""
        try:
            return await queries.by_provider(self._client, campaign)
        except ClickHouseError as error:
            log.warning("results by provider cannot be read: %s", error.message)
            return None

    async def messages(self, campaign: str, status: str, limit: int) -> list[dict[str, Any]]:
        """Messages of *campaign*, the latest change first. Raises ClickHouseError."""
        return await queries.messages(self._client, campaign, status, limit)


def message_rows(settings: Settings, campaign: str, status: str, limit: int) -> list[dict[str, Any]]:
    """`Views.messages` for callers without an event loop. Raises ClickHouseError."""

    async def read() -> list[dict[str, Any]]:
        async with ClickHouse(settings, timeout=LIST_SECONDS) as client:
            return await queries.messages(client, campaign, status, limit)

    return asyncio.run(read())
