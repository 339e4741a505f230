"""How often a key may ask this edge: a token bucket for each, and the RateLimit headers."""

import math
from dataclasses import dataclass

from app.things import ApiKey

MOST_KEYS = 10_000  # buckets that are remembered; one that was forgotten is full


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left to a key after a request. *wait* is 0 when it may go on, else seconds to wait."""

    limit: int
    left: int
    reset: int
    wait: int

    @property
    def headers(self) -> dict[str, str]:
        """As in the IETF's draft on RateLimit header fields."""
        told = {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.left),
            "RateLimit-Reset": str(self.reset),
        }
        return told | ({"Retry-After": str(self.wait)} if self.wait else {})


class KeyRates:
    """A bucket a key. Each holds what the key may ask in one second, and one request at least."""

    def __init__(self, most: int = MOST_KEYS) -> None:
        self._most = most
        self._buckets: dict[str, tuple[float, float]] = {}  # key -> tokens, since when

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, key: ApiKey, now: float) -> Allowance:
        """Take one request from the bucket of *key*; *now* is monotonic."""
        size = max(1.0, key.rate)
        tokens, since = self._buckets.pop(key.id, (size, now))
        tokens = min(size, tokens + max(0.0, now - since) * key.rate)
        wait = 0 if tokens >= 1 else max(1, math.ceil((1 - tokens) / key.rate))
        if not wait:
            tokens -= 1
        if len(self._buckets) >= self._most:
            del self._buckets[next(iter(self._buckets))]  # the one that was used longest ago
        self._buckets[key.id] = (tokens, now)
        return Allowance(int(size), int(tokens), math.ceil((size - tokens) / key.rate), wait)
