"""Webhooks by what became of them, how many bad ones a sender may post, and the notice when there are many."""

import time
from collections import OrderedDict, deque
from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from app.delivery.campaigns.notice_ids import notice_id
from app.routes import Notice

WINDOW, MANY = 60.0, 20  # seconds; refused webhooks of one route in them that are told of
TELL_AGAIN = 600.0  # seconds between two notices of one route
BAD_AT_ONCE, BAD_A_SECOND = 300.0, 30.0  # of one sender to one route; then it is not even looked at
MOST_SENDERS = 10_000  # that are remembered; one that was forgotten may begin anew
LONGEST_WHY = 200  # characters


class HookCounts(Collector):
    """Of this edge, since it started."""

    def __init__(self) -> None:
        self.counts: dict[tuple[str, str], int] = {}  # (provider, outcome)
        self._bad: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()  # (route, peer): tokens, since
        self._refused: dict[str, deque[float]] = {}  # route -> when
        self._told: dict[str, float] = {}  # route -> when a notice told of it

    def note(self, provider: str, outcome: str) -> None:
        """Count one."""
        key = provider, outcome
        self.counts[key] = self.counts.get(key, 0) + 1

    def collect(self) -> Iterator[CounterMetricFamily]:
        """For Prometheus."""
        seen = CounterMetricFamily(
            "fanfare_webhooks", "Webhooks of this edge by what became of them", labels=["provider", "outcome"]
        )
        for (provider, outcome), count in sorted(self.counts.items()):
            seen.add_metric([provider, outcome], count)
        yield seen

    def is_out(self, route: str, peer: str, now: float) -> bool:
        """Whether *peer* has posted so many bad ones to *route* that this one is not looked at; *now* is monotonic."""
        tokens, since = self._bad.get((route, peer), (BAD_AT_ONCE, now))
        return tokens + (now - since) * BAD_A_SECOND < 1.0

    def bad(self, route: str, peer: str, why: str, now: float) -> Notice | None:
        """*peer* has posted a bad one to *route*. A notice when they have become many."""
        tokens, since = self._bad.pop((route, peer), (BAD_AT_ONCE, now))
        self._bad[route, peer] = max(0.0, min(BAD_AT_ONCE, tokens + (now - since) * BAD_A_SECOND) - 1.0), now
        if len(self._bad) > MOST_SENDERS:
            self._bad.popitem(last=False)
        refused = self._refused.setdefault(route, deque(maxlen=10_000))
        refused.append(now)
        while refused and now - refused[0] > WINDOW:
            refused.popleft()
        if len(refused) < MANY or now - self._told.get(route, float("-inf")) < TELL_AGAIN:
            return None
        self._told[route] = now
        text = f"the edge refused {len(refused)} webhooks of the route {route} in a minute, the last one: {why}"
        return hook_notice(route, text[: 200 + LONGEST_WHY], time.time(), {"refused": float(len(refused))})


def hook_notice(route: str, text: str, at: float, figures: dict[str, float] | None = None) -> Notice:
    """A notice about the webhooks of *route*, for the operator."""
    return Notice(
        id=notice_id(at, "webhooks", route, text), at=at, kind="warned", level="warning", route=route, reason=text,
        figures=figures or {},
    )  # fmt: skip
