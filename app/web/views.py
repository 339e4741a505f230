"""What the edge and the CLI read from ClickHouse: messages, and results by mailbox provider."""

import logging
from typing import Any

from app.settings import Settings

log = logging.getLogger("fanfare.edge")


class Views:
    """Reads with a short timeout. Pages live on without ClickHouse; the API says that it is away."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def close(self) -> None:
        """Disconnect."""

    async def by_provider(self, campaign: str) -> list[dict[str, Any]] | None:
        return None

    async def messages(self, campaign: str, status: str, limit: int) -> list[dict[str, Any]]:
        return []
