"""The campaigns and contents that this process has heard of, decoded once a change."""

import asyncio
from collections.abc import Callable

from pydantic import ValidationError

from app.commands import CampaignEntry
from app.specs import Content
from app.stream.directory import Directory


class Campaigns:
    """campaign.changed as objects. An entry that cannot be read is left out: its campaign does not run."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._entries: dict[str, CampaignEntry] = {}
        self._watchers: list[Callable[[CampaignEntry], None]] = []
        directory.on_change(self._changed)

    @property
    def position(self) -> int:
        """The directory offset up to which this process has heard."""
        return self._directory.position

    def get(self, campaign: str) -> CampaignEntry | None:
        """The campaign, or None when it is unknown here."""
        return self._entries.get(campaign)

    def is_announced(self, campaign: str) -> bool:
        """Whether the directory holds the campaign, in whatever form."""
        return campaign in self._directory.entries

    def all(self) -> list[CampaignEntry]:
        """Every campaign this process knows."""
        return list(self._entries.values())

    def on_change(self, watcher: Callable[[CampaignEntry], None]) -> None:
        """Call *watcher* with each entry that changes from now on."""
        self._watchers.append(watcher)

    def _changed(self, key: str, value: bytes | None) -> None:
        if value is None:
            self._entries.pop(key, None)
            return
        try:
            entry = CampaignEntry.model_validate_json(value)
        except ValidationError:
            self._entries.pop(key, None)
            return
        self._entries[key] = entry
        for watcher in self._watchers:
            watcher(entry)


async def content_of(contents: Directory, content_id: str, timeout: float = 10.0) -> Content | None:
    """The content with this id, waiting up to *timeout* seconds for it to arrive; None when it does not."""
    deadline = asyncio.get_running_loop().time() + timeout
    while (raw := contents.entries.get(content_id)) is None:
        if asyncio.get_running_loop().time() > deadline:
            return None
        await asyncio.sleep(0.05)
    try:
        return Content.model_validate_json(raw)
    except ValidationError:
        return None
