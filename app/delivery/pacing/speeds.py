"""How fast messages have left of late, by campaign and destination group: audiences are expanded so far ahead."""

from collections.abc import Mapping

from app.delivery.pacing.sharding import waits_as
from app.delivery.partition_records import ClassKey

SECONDS = 10.0  # over which a speed is measured
E = 2.718281828
NOTHING = 0.01  # messages a second: as good as none


class Speeds:
    """Counts fade with time: what was granted SECONDS ago counts a third of what is granted now."""

    def __init__(self) -> None:
        self._of: dict[str, dict[str, tuple[float, float]]] = {}  # campaign -> group and tier -> (count, at)

    def granted(self, key: ClassKey, count: int, now: float) -> None:
        """*count* messages of the class may leave. Retries were expanded before."""
        if not key.retry:
            own, name = self._of.setdefault(key.campaign, {}), waits_as(key.group, key.tier)
            before, at = own.get(name, (0.0, now))
            own[name] = before * _left(now - at) + count, now

    def of(self, campaign: str, now: float) -> Mapping[str, float]:
        """Messages a second, as `waits_as` names their groups and tiers."""
        own = self._of.get(campaign)
        if own is None:
            return {}
        found = {name: count * _left(now - at) / SECONDS for name, (count, at) in own.items()}
        for name in [name for name, speed in found.items() if speed < NOTHING]:
            del found[name], own[name]
        if not own:
            del self._of[campaign]
        return found

    def forget(self, campaign: str) -> None:
        """The campaign has ended."""
        self._of.pop(campaign, None)


def _left(seconds: float) -> float:
    """What is left of a count after so many *seconds*."""
    return float(E ** (-max(0.0, seconds) / SECONDS))
