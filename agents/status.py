"""pacing.status: how routes, limits and campaigns stand just now, for pages and commands.

Told when it changes, once a second at most, and every ten seconds all of it: who begins to follow, or missed a record,
knows everything after that. A key whose value is empty is gone.
"""

from collections.abc import Iterator

from pydantic import BaseModel

from agents.pacing import Pacing
from app import topics
from app.stream.app import StreamApp
from app.stream.ticks import every

CHANGES_EVERY, ALL_EVERY = 1.0, 10.0  # seconds
MOST_LIMITS, MOST_HELD = 2_000, 2_000  # told at once


class Status:
    """Publishes what pacing knows."""

    def __init__(self, app: StreamApp, pacing: Pacing) -> None:
        self._app, self._pacing = app, pacing
        self._told: dict[str, str] = {}  # key -> what was told last, without its time
        self._all_at = 0.0
        self._group: int | None = None

    def attach(self) -> None:
        """Start the ticks."""
        every(self._app, CHANGES_EVERY, self._tell)

    async def _tell(self) -> None:
        if self._pacing.group is None:
            self._group = None
            return
        now = self._app.now()
        everything = now - self._all_at >= ALL_EVERY or self._group != self._pacing.group
        if everything:
            self._all_at, self._group = now, self._pacing.group
        stands = dict(self._stands(now))
        before, self._told = self._told, {}
        for key, shown in stands.items():
            self._told[key] = shown.model_dump_json(exclude={"at"})
            if everything or before.get(key) != self._told[key]:
                self._put(key, shown.model_dump_json().encode())
        for key in before.keys() - stands.keys():
            self._put(key, b"")

    def _put(self, key: str, value: bytes) -> None:
        self._app.produce_soon(topics.PACING_STATUS, 0, key.encode(), value)

    def _stands(self, now: float) -> Iterator[tuple[str, BaseModel]]:
        """Key -> how it stands."""
        for route in self._pacing.route_status(now):
            yield f"route|{route.route}", route
        for limit in self._pacing.limit_status()[:MOST_LIMITS]:
            yield f"limit|{limit.name}", limit
        for held in self._pacing.held_status(now)[:MOST_HELD]:
            yield f"campaign|{held.campaign}", held
        for notice in self._pacing.standing_notices(now):
            yield f"notice|{notice.id}", notice
