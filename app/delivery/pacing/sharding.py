"""Which rows of a sealed audience are expanded next: so far ahead that nobody waits, and no further."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.commands import Seal

AHEAD_A_GROUP = 20_000  # due messages of one group and tier beyond which nothing more of it is expanded, and less:
AHEAD_SECONDS = 60.0  # of its speed of late; but where few campaigns run as much as all, and some in any case
AHEAD_OF_ALL, AHEAD_AT_LEAST = 500_000, 125  # messages of all campaigns; messages of one group, a partition
ROWS_A_PARTITION = 450  # of a range, on average: hardly ever more than the 500 of one pack, which cost a second one
AHEAD_IN_ALL = 20_000  # rows on their way to the gate
AHEAD_OF_TIME = 600.0  # seconds before they are due


@dataclass(slots=True)
class Progress:
    """How far each section of a seal has been expanded: rows of it that were asked for, by the section's key."""

    asked: dict[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """Rows asked for in all."""
        return sum(self.asked.values())


@dataclass(slots=True)
class _Part:
    """A section that may be expanded now."""

    key: str
    group: str
    waits_as: str
    first: int
    rows: int


@dataclass(frozen=True, slots=True)
class Ahead:
    """How far ahead the groups of one campaign are expanded."""

    speeds: Mapping[str, float] = field(default_factory=dict)  # messages a second of late, as `waits_as` names them
    least: int = AHEAD_A_GROUP

    def of(self, name: str) -> int:
        """Messages that may wait of the group and tier *name* when more of it is expanded."""
        return min(AHEAD_A_GROUP, max(self.least, int(self.speeds.get(name, 0.0) * AHEAD_SECONDS)))


def least_ahead(campaigns: int, groups: int, partitions: int) -> int:
    """Messages of a group that are expanded whatever its speed, where so many campaigns run: the more, the fewer.

    What lies ready is work that was done for it, and is undone when its campaign is cancelled.
    """
    share = AHEAD_OF_ALL // max(1, campaigns * groups)
    return min(AHEAD_A_GROUP, max(share, AHEAD_AT_LEAST * partitions))


def waits_as(group: str, tier: str) -> str:
    """The name under which *due* counts what waits of a group: people of another tier may take another route."""
    return f"{group}|{tier}" if tier else group


def next_ranges(
    seal: Seal,
    progress: Progress,
    listed: int,
    due: Mapping[str, int],
    rows_a_range: int,
    now: float,
    *,
    sample_only: bool = False,
    ahead: Ahead = Ahead(),
) -> list[tuple[str, int, int]]:
    """(group of the first row, first row, rows) of the ranges to expand now, round-robin over the sections.

    Moves *progress*. Small sections that stand side by side share a range: a thousand people of a dozen groups are one
    reading and a pack for each partition, not a dozen.

    *listed* counts rows that have reached the gate, *due* messages that wait for credit, by `waits_as`. *sample_only*
    leaves out everybody who is not in the test of an experiment. *ahead* tells how many may wait.
    """
    ranges: list[tuple[str, int, int]] = []
    on_the_way = progress.total - listed
    parts = _parts(seal, now, sample_only)
    expecting = dict(due)
    open_ = [part for part in parts if progress.asked.get(part.key, 0) < part.rows]
    most = min(AHEAD_IN_ALL, sum(ahead.of(part.waits_as) for part in open_))
    moved = True
    while moved and on_the_way < most:
        moved = False
        begun = len(ranges)  # of this round
        for part in open_:
            asked, window = progress.asked.get(part.key, 0), ahead.of(part.waits_as)
            if asked >= part.rows or expecting.get(part.waits_as, 0) >= window or on_the_way >= most:
                continue
            count = min(rows_a_range, window, part.rows - asked)
            _append(ranges, begun, (part.group, part.first + asked, count), rows_a_range)
            progress.asked[part.key] = asked + count
            expecting[part.waits_as] = expecting.get(part.waits_as, 0) + count
            on_the_way += count
            moved = True
    return ranges


def _append(ranges: list[tuple[str, int, int]], begun: int, more: tuple[str, int, int], most: int) -> None:
    """Add *more*, to the last range of this round where it goes on there and both are *most* rows at most."""
    group, first, count = more
    if len(ranges) > begun:
        last_group, last_first, last_count = ranges[-1]
        if last_first + last_count == first and last_count + count <= most:
            ranges[-1] = last_group, last_first, last_count + count
            return
    ranges.append((group, first, count))


def _parts(seal: Seal, now: float, sample_only: bool) -> list[_Part]:
    parts, first = [], 0
    plain: set[str] = set()
    for number, section in enumerate(seal.groups):
        # A group has one section that is due at once, as a rule the only one: it goes by the name of the group.
        is_plain = not section.due and not section.test and section.group not in plain
        key = section.group if is_plain else f"{number}|{section.group}"
        if is_plain:
            plain.add(section.group)
        if section.due <= now + AHEAD_OF_TIME and (section.test or not sample_only):
            parts.append(_Part(key, section.group, waits_as(section.group, section.tier), first, section.rows))
        first += section.rows
    return parts
