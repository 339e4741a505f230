"""Time zones by their IANA name, read once."""

from datetime import tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo


@lru_cache(4_096)
def zone_named(name: str) -> tzinfo | None:
    """The time zone *name*, or None when there is no such."""
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError):  # not found, a folder of zones, a path
        return None
