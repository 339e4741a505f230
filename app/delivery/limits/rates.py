"""Token buckets whose promise holds on the wire, not only where tokens are handed out.

A slip is valid for D seconds, so what is granted at t may leave until t + D. A window W of the wire
therefore sees at most what was granted in W + D: capacity + rate x (W + D). With a capacity of
burst - rate x D that is rate x W + burst: the promise.
"""

from dataclasses import dataclass
from typing import Protocol

LONGEST_VALIDITY = 1.0  # seconds
LOOK = 0.2  # seconds: twice the pause between two looks at a bucket
LEAST_VALIDITY = 0.1


def least_burst(rate: float) -> float:
    """The smallest burst that can be kept exactly and still used in full."""
    return 1 + rate * (LOOK + LEAST_VALIDITY)


def wrong_burst(rate: float | None, burst: float | None) -> str:
    """What is wrong with the *burst* of a limit, "" when nothing is."""
    if burst is None:
        return ""
    if rate is None:
        return "a burst needs a rate"
    least = least_burst(rate)
    return "" if burst >= least else f"a burst below 1 + 0.3 x rate = {least:g} cannot be kept exactly: raise it"


class Meter(Protocol):
    """What a message counts against on its way: a bucket of tokens, or a cap of an hour or a day."""

    def room(self, now: float) -> int:
        """Whole messages that it has room for at *now*."""

    def lasts(self, now: float) -> float:
        """Seconds for which a slip paid from here at *now* may be valid, and its messages may start."""

    def take(self, count: int) -> None:
        """Debit *count* messages, for which there is room."""


@dataclass(slots=True)
class Bucket:
    """One limit. Tokens are messages; nothing is ever refunded."""

    rate: float  # messages a second
    burst: float
    tokens: float
    at: float

    @property
    def validity(self) -> float:
        """D: how long a slip paid from here may be valid, in seconds."""
        # One whole message and what comes in between two looks must fit into what is kept.
        return min(LONGEST_VALIDITY, self.burst / 2 / self.rate, (self.burst - 1) / self.rate - LOOK)

    @property
    def capacity(self) -> float:
        """The most tokens that are kept."""
        return self.burst - self.rate * self.validity

    def room(self, now: float) -> int:
        """Whole tokens that are there at *now*."""
        self.fill(now)
        return int(self.tokens)

    @property
    def is_full(self) -> bool:
        """Whether it holds the most tokens that it keeps."""
        return self.tokens >= self.capacity

    def lasts(self, _now: float) -> float:
        """D."""
        return self.validity

    def fill(self, now: float) -> None:
        """Let tokens arrive up to *now*; a clock that steps back brings none."""
        if now > self.at:
            self.tokens = min(self.capacity, self.tokens + (now - self.at) * self.rate)
            self.at = now

    def take(self, count: int) -> None:
        """Debit *count* tokens, which must be there; but for one message of more parts than a full bucket holds."""
        self.tokens -= count

    def changed(self, rate: float, burst: float) -> None:
        """Take on new limits without a gift: tokens are only ever cut."""
        self.rate, self.burst = rate, burst
        self.tokens = min(self.tokens, self.capacity)


def burst_of(rate: float, burst: float | None) -> float:
    """The burst in force: as given, else one second of rate, at least what two messages need."""
    return max(rate, 2.0) if burst is None else burst


def bucket(rate: float, burst: float | None, now: float) -> Bucket:
    """A new bucket, full."""
    made = Bucket(rate, burst_of(rate, burst), 0.0, now)
    made.tokens = made.capacity
    return made
