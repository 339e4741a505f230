"""Running totals over all partitions: counters of campaigns, and what is due by destination group."""

from collections.abc import Mapping

from app.delivery.partition import ClassKey
from app.delivery.sharding import waits_as


class Totals:
    """Kept up to date with every snapshot, so that to ask costs nothing."""

    def __init__(self, partitions: int) -> None:
        self.due: dict[str, dict[str, int]] = {}  # campaign -> group and tier -> messages that could leave now
        self._to_group: dict[str, dict[str, int]] = {}  # the same by group
        self._held: dict[str, dict[str, str]] = {}  # campaign -> group -> what held it back last
        self._of: list[dict[str, dict[str, int]]] = [{} for _ in range(partitions)]  # campaign -> counters
        self._total: dict[str, dict[str, int]] = {}

    def hear(self, partition: int, counters: Mapping[str, Mapping[str, int]], *, full: bool) -> None:
        """Take in the counters of one partition; *full*: it has no others."""
        known = self._of[partition]
        for campaign, counts in counters.items():
            before = known.get(campaign)
            if before != counts:
                self._add(campaign, before or {}, -1)
                self._add(campaign, counts, 1)
                known[campaign] = dict(counts)
        if full and len(known) > len(counters):
            for campaign in [campaign for campaign in known if campaign not in counters]:
                self._add(campaign, known.pop(campaign), -1)

    def _add(self, campaign: str, counts: Mapping[str, int], sign: int) -> None:
        total = self._total.setdefault(campaign, {})
        for name, n in counts.items():
            more = total.get(name, 0) + sign * n
            if more:
                total[name] = more
            else:
                total.pop(name, None)
        if not total:
            del self._total[campaign]

    def counts(self, campaign: str) -> dict[str, int]:
        """The counters of *campaign*."""
        return dict(self._total.get(campaign, {}))

    def more_due(self, key: ClassKey, more: int) -> None:
        """Note that *more* messages could leave now."""
        _add(self.due, key.campaign, waits_as(key.group, key.tier), more)
        if _add(self._to_group, key.campaign, key.group, more) == 0:
            held = self._held.get(key.campaign)
            if held is not None and held.pop(key.group, None) is not None and not held:
                del self._held[key.campaign]

    def held_back(self, campaign: str, group: str, by: str) -> None:
        """Note what held messages back."""
        if group in self._to_group.get(campaign, ()):
            self._held.setdefault(campaign, {})[group] = by

    def held_now(self) -> dict[str, dict[str, tuple[int, str]]]:
        """campaign -> group -> (messages due, what holds them back)."""
        return {
            campaign: {group: (self._to_group[campaign][group], by) for group, by in groups.items()}
            for campaign, groups in self._held.items()
        }


def _add(totals: dict[str, dict[str, int]], campaign: str, name: str, more: int) -> int:
    own = totals.setdefault(campaign, {})
    total = own[name] = own.get(name, 0) + more
    if total == 0:
        del own[name]
        if not own:
            del totals[campaign]
    return total
