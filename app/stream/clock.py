"""Clock check: times are compared between processes, so each must agree with the broker's clock."""

import time

LONGEST_OFFSET = 0.25  # seconds


class ClockMismatch(Exception):  # noqa: N818 - says what it is
    """This machine's clock and the broker's differ by *offset* seconds or more."""

    def __init__(self, offset: float) -> None:
        super().__init__(
            f"this machine's clock is off from the Kafka broker's by {offset:+.3f} s "
            f"(allowed: {LONGEST_OFFSET} s): set up NTP"
        )
        self.offset = offset


def clock_offset(sent: float, stamped: float, received: float) -> float:
    """By how much the clock is certainly off, in seconds: 0 when *stamped* (broker) lies between the other two."""
    if stamped < sent:
        return sent - stamped
    if stamped > received:
        return received - stamped
    return 0.0


def broker_seconds(timestamp_ms: int) -> tuple[float, float]:
    """The moment of a broker's timestamp as a range: it is cut to whole milliseconds."""
    return timestamp_ms / 1000, (timestamp_ms + 1) / 1000


def check_offset(sent: float, timestamp_ms: int, received: float) -> None:
    """Raise ClockMismatch when the broker stamped *timestamp_ms* impossibly far from [sent, received]."""
    earliest, latest = broker_seconds(timestamp_ms)
    offset = clock_offset(sent, latest if latest < sent else earliest, received)
    if abs(offset) > LONGEST_OFFSET:
        raise ClockMismatch(offset)


def wall_clock() -> float:
    """Float seconds since 1970, UTC."""
    return time.time()
