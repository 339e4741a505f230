"""When a campaign starts: the first moment of its schedule, and when it is too late for it.

A local schedule has a moment in every time zone. The first of them is never more than 14 hours before the same wall
time in UTC: no zone is further ahead. Daylight saving moves a zone inside that bound, so nothing here needs its rules;
the moment of each person is worked out when the audience is fixed.
"""

from datetime import UTC, datetime

from app.specs import Schedule

FURTHEST_AHEAD = 14 * 3_600.0  # seconds: Kiribati
LEAD = 900.0  # seconds before the first zone: the audience is fixed, its first rows are expanded


def first_moment(schedule: Schedule) -> float:
    """Before this moment nobody is sent to."""
    if schedule.at is not None:
        return schedule.at
    assert schedule.local is not None
    return datetime.fromisoformat(schedule.local).replace(tzinfo=UTC).timestamp() - FURTHEST_AHEAD


def start_at(schedule: Schedule | None, now: float, undo: float) -> float:
    """When a campaign that is started *now* moves on: in time for its schedule, not before the *undo* delay is over."""
    earliest = now + undo
    if schedule is None:
        return earliest
    return max(earliest, first_moment(schedule) - (LEAD if schedule.local is not None else 0.0))


def late_by(schedule: Schedule | None, now: float) -> float:
    """Seconds since the first moment of the schedule; 0 before it, and where there is none."""
    return 0.0 if schedule is None else max(0.0, now - first_moment(schedule))


def is_missed(schedule: Schedule | None, due_at: float, now: float) -> bool:
    """Whether a campaign that was to move on at *due_at* is too late *now*. An undo delay makes nothing late."""
    if schedule is None:
        return False
    return now > max(due_at, first_moment(schedule)) + schedule.late_after
