"""What a sink's record says of a limit: how often it was exceeded, and how much of it was used."""

from bisect import bisect_left
from collections.abc import Sequence

WINDOWS = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)  # seconds
SLACK = 1.02  # of the rate, in windows of a second and more: clocks and the wire are not exact


def excesses(times: Sequence[float], rate: float, burst: float, windows: Sequence[float] = WINDOWS) -> int:
    """In how many windows that begin with a message there were more than rate x W x 1.02 + burst.

    *times* are seconds in ascending order.
    """
    return sum(_excesses(times, window, rate * window * SLACK + burst) for window in windows)


def _excesses(times: Sequence[float], window: float, most: float) -> int:
    found, end = 0, 0
    for start, at in enumerate(times):
        end = max(end, start)
        while end < len(times) and times[end] < at + window:
            end += 1
        found += end - start > most
    return found


def rate_between(times: Sequence[float], first: float, last: float) -> float:
    """Messages a second from the moment *first* to *last*."""
    return (bisect_left(times, last) - bisect_left(times, first)) / (last - first)


def gap_after(times: Sequence[float], after: float) -> float:
    """Seconds from the moment *after* to the next message; infinite when there is none."""
    at = bisect_left(times, after)
    return times[at] - after if at < len(times) else float("inf")
