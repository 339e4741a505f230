"""How moments are shown over REST: ISO 8601 in UTC."""

from datetime import UTC, datetime

When = str  # ISO 8601 in UTC


def iso(at: float | None) -> str | None:
    """A moment as ISO 8601 in UTC."""
    if at is None:
        return None
    shown = datetime.fromtimestamp(at, UTC)
    return shown.isoformat(timespec="milliseconds" if shown.microsecond else "seconds").replace("+00:00", "Z")
