"""What pacing asks of the health of routes and senders: may it be used, and how fast."""

from typing import NamedTuple, Protocol


class Shaping(NamedTuple):
    """How a sender (pool) is held back towards an MX group, because of what it was answered."""

    rate: float | None = None  # messages a second, None: as limits say
    concurrency: int | None = None  # messages on the way, None: as limits say
    suspended_until: float = 0.0  # nothing before that moment
    reason: str = ""


class Health(Protocol):
    """Breakers of routes, and shaping of senders. Pure: it learns from demand, and is asked at each look."""

    def places(self, route: str, now: float) -> int | None:
        """How many messages may be on the way over *route*: None any number, 0 none; a few while it is probed."""

    def shaping(self, pool: str, group: str) -> Shaping | None:
        """How *pool* is held back towards *group*, or None."""

    def is_shaped(self, pool: str) -> bool:
        """Whether *pool* is held back towards any group."""

    def why_not(self, route: str) -> str:
        """Why *route* takes nothing or little just now, in words; "" when it does."""


class AllWell:
    """The health of those of whom nothing is known: everything may be used."""

    def places(self, _route: str, _now: float) -> int | None:
        """Any number."""
        return None

    def shaping(self, _pool: str, _group: str) -> Shaping | None:
        """Nothing holds anybody back."""
        return None

    def is_shaped(self, _pool: str) -> bool:
        """Nor any sender."""
        return False

    def why_not(self, _route: str) -> str:
        """Nothing to tell."""
        return ""
