"""Caps: no hour and no day ever sees more than it may, whatever clocks, restarts and changes do."""

from datetime import date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.delivery.limits.caps import (
    MARGIN,
    NO_CAP,
    SKEW,
    Growing,
    Steady,
    Window,
    cap,
    caps_of,
    day_around,
    growing,
    hour_around,
)
from app.delivery.limits.rates import LEAST_VALIDITY
from app.routes import LimitSet, WarmUp

LISBON = ZoneInfo("Europe/Lisbon")
# Clocks that move at one, two or midnight, by half an hour, or by a whole day; offsets of quarters of an hour.
ZONES = [
    ZoneInfo(name)
    for name in (
        "UTC", "Europe/Lisbon", "America/New_York", "America/Santiago", "America/Havana", "Africa/Cairo",
        "Asia/Beirut", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia", "America/St_Johns",
    )
]  # fmt: skip
FIRST, LAST = datetime(2009, 1, 1).timestamp(), datetime(2037, 1, 1).timestamp()
moments = st.floats(FIRST, LAST)
zones = st.sampled_from(ZONES)


def at(zone: tzinfo, *wall: int, fold: int = 0) -> float:
    return datetime(*wall, tzinfo=zone, fold=fold).timestamp()  # type: ignore[arg-type,misc]


def changes(zone: tzinfo, year: int) -> list[float]:
    """The moments of *year* at which the clock of *zone* is moved, to half an hour."""
    minutes = [at(ZoneInfo("UTC"), year, 1, 1) + 60 * each for each in range(0, 366 * 1_440, 30)]
    offsets = [datetime.fromtimestamp(each, zone).utcoffset() for each in minutes]
    return [minutes[i] for i in range(1, len(minutes)) if offsets[i] != offsets[i - 1]]


@given(zones, moments)
def test_every_moment_is_in_one_window(zone: tzinfo, moment: float) -> None:
    """Windows follow upon each other without a gap, so no message counts twice or not at all."""
    for around in (hour_around, day_around):
        window = around(moment, zone)
        assert window.start <= moment < window.end
        assert around(window.start, zone) == window
        assert around(window.end - 0.5, zone) == window
        assert around(window.end, zone).start == window.end


@given(zones, moments)
def test_a_window_is_what_the_clock_on_the_wall_says(zone: tzinfo, moment: float) -> None:
    """A person who looks at the clock and the calendar there can tell when a cap begins anew."""
    hour, day = hour_around(moment, zone), day_around(moment, zone)
    assert datetime.fromtimestamp(hour.start, zone).minute == 0
    assert datetime.fromtimestamp(hour.end, zone).minute == 0
    assert hour.end - hour.start in (3_600, 5_400)
    last = datetime.fromtimestamp(day.end - 1, zone).date()
    assert datetime.fromtimestamp(day.start, zone).date() == last < datetime.fromtimestamp(day.end, zone).date()


@pytest.mark.parametrize("zone", ZONES, ids=str)
def test_windows_around_changes_of_the_clock(zone: ZoneInfo) -> None:
    """All of the above at the moments where it is hard: every change of the clock in some years."""
    for change in [each for year in (2010, 2011, 2026) for each in changes(zone, year)]:
        for minutes in range(-210, 210, 15):
            for around in (hour_around, day_around):
                window = around(change + minutes * 60, zone)
                assert window.start <= change + minutes * 60 < window.end
                assert around(window.end, zone).start == window.end


def test_days_in_which_clocks_are_moved() -> None:
    """The day on which summer time begins has 23 hours, the one on which it ends 25."""
    short, long = (day_around(at(LISBON, 2027, month, day, 12), LISBON) for month, day in ((3, 28), (10, 31)))
    assert (short.end - short.start, long.end - long.start) == (23 * 3_600, 25 * 3_600)
    assert hour_around(at(LISBON, 2027, 10, 31, 1, 30), LISBON).end == at(LISBON, 2027, 10, 31, 1, fold=1)


def test_a_day_whose_midnight_is_leapt_over() -> None:
    """In Santiago clocks go from 23:59:59 to 01:00: the day begins with the leap."""
    santiago = ZoneInfo("America/Santiago")
    day = day_around(at(santiago, 2026, 9, 6, 12), santiago)
    assert datetime.fromtimestamp(day.start, santiago).isoformat() == "2026-09-06T01:00:00-03:00"
    assert day.end - day.start == 23 * 3_600


steps = st.lists(
    st.tuples(
        st.sampled_from(("send", "send", "send", "restart", "change", "back", "waste")),
        st.floats(0, 20_000),  # seconds that pass before
        st.integers(1, 60),
    ),
    max_size=60,
)


@given(zones, st.sampled_from((hour_around, day_around)), moments, st.integers(1, 100), steps)
def test_no_window_has_more_than_its_cap(
    zone: tzinfo, around: object, start: float, most: int, happens: list[tuple[str, float, int]]
) -> None:
    """Messages start whenever their slips allow, across restarts, changes and clocks that step back."""
    windows = hour_around if around is hour_around else day_around
    now, meter, largest = start, cap(Steady(most), windows, zone, start), most
    sent: dict[Window, int] = {}
    for what, seconds, count in happens:
        now += seconds
        match what:
            case "send":
                taken = min(count, meter.room(now))
                if taken:
                    lasts = meter.lasts(now)
                    assert lasts >= LEAST_VALIDITY
                    meter.take(taken)
                    for moment in (now - SKEW, now + lasts, now + lasts + MARGIN * 0.99):  # on whosever clock
                        assert windows(moment, zone) == meter.window
                    sent[meter.window] = sent.get(meter.window, 0) + taken
            case "restart":
                stored, meter = meter.stored, cap(Steady(most), windows, zone, now)
                meter.restore(*stored)
            case "change":
                most = count
                meter.changed(cap(Steady(most), windows, zone, now))
                largest = max(largest, most)
            case "back":
                now -= 2 * seconds
            case "waste" if meter.room(now):  # taken, and never sent
                meter.take(1)
                meter.give_back(1, now)
    assert all(number <= largest for number in sent.values())


@given(zones, st.sampled_from((hour_around, day_around)), moments, st.integers(1, 100))
def test_a_cap_can_be_used_in_full_in_every_window(zone: tzinfo, around: object, start: float, most: int) -> None:
    """Nothing of what is allowed is lost: each new window has the whole cap."""
    windows = hour_around if around is hour_around else day_around
    meter = cap(Steady(most), windows, zone, start)
    for _ in range(30):
        now = windows(meter.window.end, zone).start + SKEW
        assert meter.room(now) == most
        meter.take(most)
        assert meter.room(now + 1) == 0
        assert meter.room(meter.window.end - MARGIN - LEAST_VALIDITY) == 0


def test_nothing_is_paid_for_at_the_edges_of_a_window() -> None:
    """A message must fall into the hour that it counts in, also where it is a second on its way."""
    start = at(LISBON, 2027, 5, 5, 10)
    meter = cap(Steady(100), hour_around, LISBON, start + 10)
    assert meter.lasts(start + 10) == 3_590 - MARGIN
    assert meter.room(start + 3_598.8) == 100
    assert meter.room(start + 3_598.95) == meter.lasts(start + 3_598.95) == 0
    assert meter.room(start + 3_600.1) == 0
    assert meter.room(start + 3_600.3) == 100


def test_what_was_not_used_is_given_back_to_its_own_window_only() -> None:
    """A gift from the hour before would be one message too many in this one."""
    start = at(LISBON, 2027, 5, 5, 10)
    meter = cap(Steady(100), hour_around, LISBON, start + 10)
    meter.take(40)
    meter.give_back(10, taken_at=start + 10)
    assert (meter.used, meter.room(start + 20)) == (30, 70)
    assert meter.room(start + 3_700) == 100
    meter.take(5)
    meter.give_back(30, taken_at=start + 10)
    assert meter.used == 5
    meter.give_back(30, taken_at=start + 3_700)
    assert meter.used == 0


def test_a_restart_forgets_nothing_of_the_window_it_falls_into() -> None:
    """Downtime is no way around a cap, and no punishment in the next window."""
    start = at(LISBON, 2027, 5, 5, 10)
    before = cap(Steady(100), hour_around, LISBON, start + 10)
    before.take(60)
    same, next_ = (cap(Steady(100), hour_around, LISBON, start + later) for later in (3_000, 4_000))
    same.restore(*before.stored)
    next_.restore(*before.stored)
    assert (same.room(start + 3_000), next_.room(start + 4_000)) == (40, 100)


def test_a_restart_after_a_change_of_zone_forgets_nothing() -> None:
    """What was stored counts in days of Tokyo, the limit by now in those of Lisbon: the two share some hours."""
    now, tokyo = at(LISBON, 2027, 5, 5, 10), ZoneInfo("Asia/Tokyo")
    before = cap(Steady(100), day_around, tokyo, now)
    before.take(60)
    after = cap(Steady(100), day_around, LISBON, now)
    after.restore(*before.stored)
    assert after.room(now) == 40
    yesterday = cap(Steady(100), day_around, LISBON, now - 86_400)
    yesterday.take(60)
    next_ = cap(Steady(100), day_around, LISBON, now)
    next_.restore(*yesterday.stored)
    assert next_.room(now) == 100


def test_a_clock_that_steps_back_brings_nothing() -> None:
    """The hour before was used in full: going back there must not make room again, with a restart or without."""
    start = at(LISBON, 2027, 5, 5, 10)
    meter = cap(Steady(100), hour_around, LISBON, start + 10)
    meter.take(100)
    assert meter.room(start + 3_700) == 100
    meter.take(30)
    assert meter.room(start + 3_500) == 0
    again = cap(Steady(100), hour_around, LISBON, start + 3_500)
    again.restore(*meter.stored)
    assert (again.room(start + 3_500), again.room(start + 3_800)) == (0, 70)


def test_a_changed_cap_keeps_what_is_used() -> None:
    """Raised, lowered below what is used, in another time zone: no edit makes anything unsent."""
    now = at(LISBON, 2027, 5, 5, 10)
    meter = cap(Steady(100), day_around, LISBON, now)
    meter.take(60)
    meter.changed(cap(Steady(200), day_around, LISBON, now))
    assert meter.room(now) == 140
    meter.changed(cap(Steady(50), day_around, LISBON, now))
    assert meter.room(now) == 0
    tokyo = cap(Steady(100), day_around, ZoneInfo("Asia/Tokyo"), now)
    meter.changed(tokyo)
    assert (meter.room(now), meter.window) == (40, tokyo.window)


def test_a_warm_up_grows_by_the_calendar_of_its_zone() -> None:
    """Before it begins nothing leaves; after its last day the sender is warm; a day without traffic is over, too."""
    plan = growing(WarmUp(begins=date(2027, 3, 27), first=50, factor=2, last=200))
    assert plan == Growing(date(2027, 3, 27), (50, 100, 200))
    meter = cap(plan, day_around, LISBON, at(LISBON, 2027, 3, 26, 12))
    noon = datetime(2027, 3, 26, 12, tzinfo=LISBON)
    rooms = [meter.room((noon + timedelta(days=day)).timestamp()) for day in range(5)]
    assert rooms == [0, 50, 100, 200, NO_CAP]
    assert meter.lasts(meter.window.end - 0.5) == float("inf")  # the next day has no cap, either


def test_the_caps_of_a_limit_are_named_by_what_they_count() -> None:
    """The names are stored, shown by status, and say what a message waits for."""
    now = at(LISBON, 2027, 5, 5, 10)
    limit = LimitSet(
        scope="pool", name="*", group="*", hourly=10, daily=100, time_zone="Europe/Lisbon",
        warm_up=WarmUp(begins=date(2027, 5, 5), caps=[5, 7]),
    )  # fmt: skip
    found = dict(caps_of(limit, "pool|main|gmail", now, ZoneInfo))
    rooms = {name: meter.room(now + 1) for name, meter in found.items()}
    assert rooms == {"hour|pool|main|gmail": 10, "day|pool|main|gmail": 100, "warm-up|pool|main|gmail": 5}
    assert caps_of(LimitSet(scope="pool", name="x", rate=5), "pool|x", now, ZoneInfo) == []
    gone = caps_of(limit, "pool|main", now, lambda _: None)
    assert str(gone[0][1].zone) == "UTC"


def test_a_cap_counts_by_the_moment_not_by_the_window_it_was_made_in() -> None:
    """Asked after a pause of days, it is in today's window."""
    start = at(LISBON, 2027, 5, 5, 10)
    meter = cap(Steady(3), day_around, LISBON, start)
    meter.take(3)
    later = start + 5 * 86_400
    assert meter.room(later) == 3
    assert meter.window.start <= later < meter.window.end
