"""Which channels have routes: told to `fanfare up`, which starts their senders, by files in the state folder."""

from collections.abc import Iterable

from agents.pacing import Pacing
from app.local.state import run_dir, wanted_path
from app.routes import Route
from app.stream.app import StreamApp
from app.stream.ticks import every
from app.topics import PHONES


def attach(app: StreamApp, pacing: Pacing) -> None:
    """Add the tick that tells."""
    told: dict[str, bool] = {}  # what the files say

    async def tell() -> None:
        found = channels_of(pacing.things.routes.values())
        for channel in PHONES:
            if told.get(channel) != (channel in found):
                told[channel] = channel in found
                path = wanted_path(app.settings.state_dir, channel)
                if channel in found:
                    run_dir(app.settings.state_dir).mkdir(parents=True, exist_ok=True)
                    path.touch()
                else:
                    path.unlink(missing_ok=True)

    every(app, 0.5, tell)


def channels_of(routes: Iterable[Route]) -> set[str]:
    """The channels that *routes* carry."""
    return {route.channel for route in routes if route.enabled}
