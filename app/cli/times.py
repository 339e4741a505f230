"""Times on the command line: ISO 8601 in, ISO 8601 out; spans such as 90d or 12h."""

import re
from datetime import UTC, datetime

from app.cli.failures import CommandError, Exit

_SPAN = re.compile(r"(\d{1,6})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def moment_of(text: str, option: str) -> float:
    """Seconds since 1970 of *text*. A time without a zone could mean two hours: it is refused."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandError(
            f"{option} {text!r} is no time", "write it as 2027-03-01T09:00+01:00 or 2027-03-01T08:00Z", Exit.USAGE
        ) from error
    if read.tzinfo is None:
        raise CommandError(
            f"{option} {text!r} does not say in which zone", f"write {text}Z for UTC, or {text}+01:00", Exit.USAGE
        )
    return read.timestamp()


def span_of(text: str, option: str) -> float:
    """Seconds in a span: 45s, 30m, 12h, 90d."""
    read = _SPAN.fullmatch(text.strip())
    if read is None:
        raise CommandError(f"{option} {text!r} is no span of time", "write it as 45s, 30m, 12h or 90d", Exit.USAGE)
    return float(int(read[1]) * _SECONDS[read[2]])


def iso(moment: float | None) -> str | None:
    """*moment* for people and programs, None where there is none."""
    if moment is None:
        return None
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def end_of(text: str, option: str, now: float) -> float:
    """When something is to end: a moment to come, or a span from *now* on, as seconds since 1970."""
    if not text[:4].isdigit() or "-" not in text:
        return now + span_of(text, option)
    if "T" not in text:
        advice = f"write {text}T00:00Z, or a span such as 90d"
        raise CommandError(f"{option} {text!r} does not say at what time of the day", advice, Exit.USAGE)
    end = moment_of(text, option)
    if end <= now:
        raise CommandError(f"{option} {text!r} is past", "name a moment to come, or a span such as 90d", Exit.USAGE)
    return end
