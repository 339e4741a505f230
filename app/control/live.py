"""Folds the snapshots of demand.reported into live counts by campaign."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from app.delivery.outcomes import FINAL, LISTED
from app.delivery.partition_records import ClassKey, class_of
from app.records import Demand


@dataclass(frozen=True, slots=True)
class Picture:
    """One campaign at one moment. *complete* is False until every partition has been heard in full."""

    counts: dict[str, int] = field(default_factory=dict)
    due: int = 0  # messages that could leave now
    open: int = 0  # messages in open releases
    next_due: float = 0.0  # when the next retry becomes due; 0 when there is none
    complete: bool = False
    parts: float = 1.0  # SMS that a message takes, on average of those that could leave now

    @property
    def final(self) -> int:
        """Messages whose fate is decided."""
        return sum(self.counts.get(name, 0) for name in FINAL)

    @property
    def waiting(self) -> int:
        """Messages that have passed the gate and are not decided: due, open or waiting for a retry."""
        return max(0, self.counts.get(LISTED, 0) - self.final)


@dataclass(slots=True)
class _Heard:
    """The newest state of one partition."""

    version: int = -1
    full: bool = False
    counters: dict[str, dict[str, int]] = field(default_factory=dict)
    # campaign -> class -> due, next due, open
    classes: dict[str, dict[ClassKey, tuple[int, float, int]]] = field(default_factory=dict)


class LiveCounts:
    """The newest snapshot of every partition, and their sums.

    Counters are absolute for a partition, so a snapshot that is lost, doubled or late does no harm.
    """

    def __init__(self, partitions: int) -> None:
        self._heard = [_Heard() for _ in range(partitions)]

    def hear(self, demand: Demand) -> bool:
        """Take *demand* in; False when it is older than what is known."""
        if not 0 <= demand.partition < len(self._heard):
            return False
        heard = self._heard[demand.partition]
        if demand.version < heard.version:
            return False
        heard.version = demand.version
        if demand.full:
            heard.full = True
            heard.classes.clear()
            # Ended campaigns leave the snapshots; what they counted stays true.
        heard.counters.update(demand.counters)
        for each in demand.classes:
            own, key = heard.classes.setdefault(each.campaign, {}), class_of(each)
            if each.due or each.open or each.next_due:
                own[key] = (each.due, each.next_due, each.open)
                continue
            own.pop(key, None)
            if not own:
                del heard.classes[each.campaign]
        return True

    def forget(self, keep: Iterable[str]) -> None:
        """Drop the counters of all campaigns but *keep*: call it now and then in long-lived processes."""
        wanted = set(keep)
        for heard in self._heard:
            for campaign in [each for each in heard.counters if each not in wanted]:
                del heard.counters[campaign]

    @property
    def complete(self) -> bool:
        """Every partition has been heard in full."""
        return all(heard.full for heard in self._heard)

    def of(self, campaign: str) -> Picture:
        """The sums over all partitions for *campaign*."""
        counts: dict[str, int] = {}
        due = opened = parts = 0
        next_due = 0.0
        for heard in self._heard:
            _add(counts, heard.counters.get(campaign, {}))
            for key, (here, soon, on_the_way) in heard.classes.get(campaign, {}).items():
                due, opened, parts = due + here, opened + on_the_way, parts + here * max(1, key.parts)
                next_due = min(next_due or soon, soon) if soon else next_due
        return Picture(counts, due, opened, next_due, self.complete, parts / due if due else 1.0)

    def totals(self) -> Picture:
        """The sums over all campaigns, without their counters."""
        classes = [each for heard in self._heard for own in heard.classes.values() for each in own.values()]
        return Picture(due=sum(due for due, _, _ in classes), open=sum(each for *_, each in classes))


def _add(total: dict[str, int], more: Mapping[str, int]) -> None:
    for name, count in more.items():
        total[name] = total.get(name, 0) + count
