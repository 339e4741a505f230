"""Reads the sink's record: who got what, what came twice, and how fast it came."""

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Accepted:
    """One accepted message."""

    message: str  # 32 hex digits
    at: float
    address: str


def load(path: Path) -> list[Accepted]:
    """Every accepted message in *path*, in the order of acceptance; a torn last line is left out."""
    if not path.exists():
        return []
    accepted = []
    for line in path.read_text(errors="replace").splitlines():
        words = line.split(" ", 2)
        if len(words) == 3:
            accepted.append(Accepted(words[0], float(words[1]), words[2]))
    return accepted


def duplicates(accepted: list[Accepted]) -> dict[str, int]:
    """Messages that were accepted more than once, and how often."""
    return {message: n for message, n in Counter(each.message for each in accepted).items() if n > 1}


def most_in(times: list[float], window: float) -> int:
    """The most that came within any *window* seconds; *times* in ascending order."""
    return max((bisect_right(times, start + window) - i for i, start in enumerate(times)), default=0)
