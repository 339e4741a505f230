"""Which offset may be committed: bookkeeping of what was delivered and what was acknowledged. Pure."""

from collections import deque
from collections.abc import Set


class Delivered:
    """Offsets of one partition in the order of delivery, until they are committed.

    Gaps (compaction, transaction markers) need no care: only offsets that were delivered count, so the
    next offset to commit is the first delivered one that is not acknowledged, else the last one plus 1.
    """

    __slots__ = ("_offsets",)

    def __init__(self) -> None:
        self._offsets: deque[int] = deque()

    def __len__(self) -> int:
        return len(self._offsets)

    def add(self, offset: int) -> None:
        """Note that *offset* is handed over. An offset seen before means that a seek has rewound the partition."""
        offsets = self._offsets
        while offsets and offsets[-1] >= offset:
            offsets.pop()
        offsets.append(offset)

    def take_acked(self, acked: Set[int]) -> list[int]:
        """Remove and return the unbroken run of acknowledged offsets at the head: its last plus 1 may be committed."""
        offsets, run = self._offsets, []
        while offsets and offsets[0] in acked:
            run.append(offsets.popleft())
        return run


def lost_ground(committed: int, first: int, end: int) -> str:
    """What is wrong with a group that has read up to *committed* of a log that goes from *first* to *end*, else ""."""
    if committed < first:
        return f"the log starts at {first}: records were deleted unread"
    if committed > end:
        return f"the log ends at {end}: it is not the log that was read"
    return ""
