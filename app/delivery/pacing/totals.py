"""Running totals over all partitions: counters of campaigns, and what is due by destination group."""

from collections.abc import Iterable, Mapping

from app.delivery.pacing.sharding import waits_as
from app.delivery.partition_records import ClassKey


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
                self._change(campaign, before or {}, counts)
                known[campaign] = dict(counts)
        if full and len(known) > len(counters):
            for campaign in [campaign for campaign in known if campaign not in counters]:
                self._change(campaign, known.pop(campaign), {})

    def _change(self, campaign: str, before: Mapping[str, int], after: Mapping[str, int]) -> None:
        """Have one partition count *after* instead of *before*: it costs what is different."""
        total = self._total.setdefault(campaign, {})
        for name, n in after.items():
            more = n - before.get(name, 0)
            if more:
                total[name] = total.get(name, 0) + more
        for name in before.keys() - after.keys():
            total[name] = total.get(name, 0) - before[name]
        if not after:
            for name in [name for name, n in total.items() if not n]:
                del total[name]
            if not total:
                del self._total[campaign]

    def count(self, campaign: str, names: Iterable[str]) -> int:
        """The sum of these counters of *campaign*."""
        total = self._total.get(campaign)
        return sum(total.get(name, 0) for name in names) if total else 0

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
