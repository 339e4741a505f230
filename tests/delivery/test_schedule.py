"""When a schedule begins, wherever its people are, and when it is too late for it."""

from datetime import datetime
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import given
from hypothesis import strategies as st

from app.delivery.campaigns.schedule import LEAD, first_moment, is_missed, late_by, start_at
from app.specs import Schedule

NOW = 1_800_000_000.0
ZONES = sorted(available_timezones())
WALL = st.datetimes(datetime(2024, 1, 1), datetime(2199, 12, 31))


@given(WALL, st.sampled_from(ZONES), st.integers(0, 1))
def test_nobody_is_due_before_a_local_schedule_begins(wall: datetime, zone: str, fold: int) -> None:
    """In no zone, no gap and no repeated hour of daylight saving, this year or in a hundred, is 9 o'clock earlier."""
    schedule = Schedule(local=wall.strftime("%Y-%m-%dT%H:%M:%S"))
    there = wall.replace(microsecond=0, tzinfo=ZoneInfo(zone), fold=fold).timestamp()
    assert first_moment(schedule) <= there <= first_moment(schedule) + 27 * 3_600


def test_a_local_schedule_begins_early_enough_to_fix_its_audience() -> None:
    """The first people are those furthest east: their rows must be there when their hour comes."""
    schedule = Schedule(local="2030-05-01T09:00")
    assert start_at(schedule, NOW, 0.0) == first_moment(schedule) - LEAD
    assert datetime.fromtimestamp(first_moment(schedule), ZoneInfo("Pacific/Kiritimati")).hour == 9


def test_a_start_is_never_earlier_than_the_end_of_its_undo_delay() -> None:
    """A start can be taken back for as long as the account says, also of a campaign that is due now."""
    assert start_at(None, NOW, 60.0) == NOW + 60
    assert start_at(Schedule(at=NOW + 10), NOW, 60.0) == NOW + 60
    assert start_at(Schedule(at=NOW + 100), NOW, 60.0) == NOW + 100


@given(st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0, 1e5))
def test_a_schedule_is_missed_when_more_than_its_limit_has_passed(late_after: float, late: float, undo: float) -> None:
    """Up to the limit it starts late; past it, not at all. An undo delay is nobody's delay."""
    schedule = Schedule(at=NOW, late_after=late_after)
    due = start_at(schedule, NOW, undo)
    assert is_missed(schedule, due, due + late) == (due + late > due + late_after)
    assert late_by(schedule, NOW + late) == NOW + late - NOW
    assert not is_missed(None, due, NOW + 1e9)
