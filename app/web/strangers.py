"""How many bytes strangers may have us keep: those who post or mail what is not signed, or what nobody can read.

Each has some at once and some a second, and so have all of them together. Whoever is over it is told to come again.
"""

from collections import OrderedDict
from dataclasses import dataclass

MOST_SENDERS = 10_000  # that are remembered; one that was forgotten may begin anew
OVERHEAD = 300  # bytes that a record costs beside its body


@dataclass(frozen=True, slots=True)
class Bound:
    """Bytes at once, and bytes a second: of one sender, and of all."""

    one_at_once: float
    one_a_second: float
    all_at_once: float
    all_a_second: float


class Strangers:
    """What senders have had us keep of late under *bound*. While anything is left, a body is taken, however long."""

    def __init__(self, bound: Bound) -> None:
        self._bound = bound
        self._left: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()  # (of what, sender): bytes, since
        self._left_of_all: dict[str, tuple[float, float]] = {}  # of what: a route, or "" for mail

    def admits(self, of: str, sender: str, size: int, now: float) -> bool:
        """Whether *size* bytes of *sender* are kept; they count if so. *now* is monotonic."""
        bound = self._bound
        one = _refilled(self._left.pop((of, sender), None), bound.one_at_once, bound.one_a_second, now)
        all_ = _refilled(self._left_of_all.get(of), bound.all_at_once, bound.all_a_second, now)
        admitted = one > 0 and all_ > 0
        if admitted:
            one, all_ = one - size - OVERHEAD, all_ - size - OVERHEAD
        self._left[of, sender], self._left_of_all[of] = (one, now), (all_, now)
        if len(self._left) > MOST_SENDERS:
            self._left.popitem(last=False)
        return admitted


def _refilled(known: tuple[float, float] | None, most: float, a_second: float, now: float) -> float:
    return most if known is None else min(most, known[0] + max(0.0, now - known[1]) * a_second)
