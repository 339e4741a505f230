"""What pages and endpoints read from ClickHouse: results by mailbox provider, and a client for everything else."""

import logging
from typing import Any

from app.clickhouse import queries
from app.clickhouse.client import ClickHouse, ClickHouseError
from app.settings import Settings

log = logging.getLogger("fanfare.edge")

PAGE_SECONDS = 5.0  # a page is better late by one picture than stuck


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
