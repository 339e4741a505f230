"""Which rows of a sealed audience are expanded next: so far ahead that nobody waits, and no further."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.commands import Seal

AHEAD_A_GROUP = 20_000  # due messages of one group beyond which nothing more of it is expanded
ROWS_A_PARTITION = 450  # of a range, on average: hardly ever more than the 500 of one pack, which cost a second one
AHEAD_IN_ALL = 20_000  # rows on their way to the gate


@dataclass(slots=True)
class Progress:
    """How far each group of a seal has been expanded: rows of the group that were asked for."""

    asked: dict[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """Rows asked for in all."""
        return sum(self.asked.values())


def next_ranges(
    seal: Seal, progress: Progress, listed: int, due: Mapping[str, int], rows_a_range: int
) -> list[tuple[str, int, int]]:
    """(group, first row, rows) of the ranges to expand now, round-robin over the groups; moves *progress*.

    *listed* counts rows that have reached the gate, *due* messages that wait for credit, by group.
    """
    ranges: list[tuple[str, int, int]] = []
    on_the_way = progress.total - listed
    starts: dict[str, int] = {}
    first = 0
    for group, rows, _, _ in seal.groups:
        starts[group] = first
        first += rows
    expecting = dict(due)
    moved = True
    while moved and on_the_way < AHEAD_IN_ALL:
        moved = False
        for group, rows, _, _ in seal.groups:
            asked = progress.asked.get(group, 0)
            if asked >= rows or expecting.get(group, 0) >= AHEAD_A_GROUP or on_the_way >= AHEAD_IN_ALL:
                continue
            count = min(rows_a_range, rows - asked)
            ranges.append((group, starts[group] + asked, count))
            progress.asked[group] = asked + count
            expecting[group] = expecting.get(group, 0) + count
            on_the_way += count
            moved = True
    return ranges
