"""Moments between Python and ClickHouse: float seconds here, DateTime64(3) there, whole milliseconds between."""

LATEST = 10_000_000_000.0  # seconds; beyond it DateTime64(3) in a 32-bit month no longer means a date


def milliseconds(at: float) -> int:
    """*at* as ClickHouse keeps it: what a cursor and a sort compare. What is no date becomes the nearest one."""
    return round(min(max(at, 0.0), LATEST - 1) * 1000)


def moment(at: float | None) -> str | None:
    """*at* as a row of JSON says it."""
    if at is None:
        return None
    whole, rest = divmod(milliseconds(at), 1000)
    return f"{whole}.{rest:03d}"
