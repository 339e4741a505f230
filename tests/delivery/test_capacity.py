"""How long messages take through rates and caps: over days, over several ways, and what binds."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.delivery.limits.capacity import NEVER, Passage, Passed, Quota, through
from app.delivery.limits.caps import Growing, Steady, day_around, hour_around

NOW = datetime(2030, 5, 1, 12, tzinfo=UTC).timestamp()
MIDNIGHT = datetime(2030, 5, 2, tzinfo=UTC).timestamp()
DAY = 86_400.0


def daily(name: str, each: int, used: float = 0.0, share: float = 1.0) -> Quota:
    return Quota(name, Steady(each), day_around, UTC, used, share)


def hourly(name: str, each: int, used: float = 0.0) -> Quota:
    return Quota(name, Steady(each), hour_around, UTC, used)


def found(passage: Passage, count: float, **more: object) -> Passed:
    passed = through(passage, count, NOW, **more)  # type: ignore[arg-type]
    assert passed is not None
    return passed


def test_a_rate_alone() -> None:
    """The slowest of several binds."""
    passed = found(Passage((("a", 10.0), ("b", 4.0))), 8_000)
    assert (passed.at, passed.bound_by) == (NOW + 2_000, ("b",))


def test_a_cap_takes_what_is_left_today_then_every_day() -> None:
    """1,000 a day, of which 400 are used: 600 today, 1,000 tomorrow, the last 100 the day after."""
    passed = found(Passage((("rate", 10.0),), (daily("cap", 1_000, 400),)), 1_700)
    assert (passed.at, passed.bound_by) == (pytest.approx(MIDNIGHT + DAY + 10), ("cap",))


def test_a_share_of_a_cap_is_all_that_counts() -> None:
    """Two campaigns of the same weight: each has half of what is left."""
    passed = found(Passage(quotas=(daily("cap", 1_000, 400, share=0.5),)), 800)
    assert passed.at == pytest.approx(MIDNIGHT, abs=1)  # 300 today, 500 tomorrow at once


def test_an_hour_and_a_day_together() -> None:
    """100 an hour and 300 a day: three hours, then the next day."""
    passed = found(Passage(quotas=(hourly("hour", 100), daily("day", 300))), 601)
    assert passed.at == pytest.approx(MIDNIGHT + DAY, abs=1)
    assert passed.bound_by == ("day",)
    passed = found(Passage(quotas=(hourly("hour", 100, used=100),)), 150)
    assert passed.at == pytest.approx(NOW + 7_200, abs=1)
    assert passed.first == NOW + 3_600


def test_a_warm_up_grows_and_is_over() -> None:
    """50, 100, 200, then no cap: the rest leaves on the fourth day at the rate."""
    plan = Growing(date(2030, 5, 1), (50, 100, 200))
    passage = Passage((("rate", 100.0),), (Quota("plan", plan, day_around, UTC),))
    assert found(passage, 350).at == pytest.approx(MIDNIGHT + DAY + 2, abs=0.1)
    assert found(passage, 10_350).at == pytest.approx(MIDNIGHT + 2 * DAY + 100, abs=0.1)
    later = Growing(date(2030, 5, 4), (50,))
    passed = found(Passage(quotas=(Quota("plan", later, day_around, UTC),)), 10)
    assert (passed.first, passed.bound_by) == (MIDNIGHT + 2 * DAY, ("plan",))


def test_several_ways_add_up() -> None:
    """Two routes side by side; one provider with both behind it may still be the narrower part."""
    ways = (Passage((("a", 10.0),)), Passage((("b", 30.0),)))
    assert found(Passage(ways=ways), 4_000).at == NOW + 100
    assert found(Passage(ways=ways), 4_000).bound_by == ("a", "b")
    narrow = found(Passage((("provider", 20.0),), ways=ways), 4_000)
    assert (narrow.at, narrow.bound_by) == (NOW + 200, ("provider",))


def test_a_way_that_is_used_up_leaves_the_others() -> None:
    """The cold pool has sent its 100 for today, the warm one goes on."""
    ways = (Passage((("cold rate", 10.0),), (daily("cold", 100),)), Passage((("warm", 10.0),)))
    passed = found(Passage(ways=ways), 1_200)
    assert passed.at == pytest.approx(NOW + 10 + 100)  # 200 in 10 s by both, 1,000 in 100 s by one
    assert "warm" in passed.bound_by


def test_a_way_without_any_bound_takes_everything() -> None:
    """Then nothing binds."""
    passage = Passage(ways=(Passage((("a", 1.0),)), Passage()))
    assert not passage.is_bounded
    assert found(passage, 1_000).at == pytest.approx(NOW, abs=0.1)


def test_hours_are_kept() -> None:
    """Open in the first half of each hour only."""

    def halves(at: float) -> tuple[float, float]:
        start = at // 3_600 * 3_600
        return (at, start + 1_800) if at < start + 1_800 else (start + 3_600, start + 5_400)

    assert found(Passage((("rate", 1.0),)), 2_700, hours=halves).at == NOW + 3_600 + 900


def test_what_is_too_far_away_is_not_walked_to() -> None:
    """One an hour, and a hundred thousand to go: years. The page must not hang on that."""
    assert through(Passage(quotas=(hourly("hour", 1),)), 100_000, NOW) is None
    assert through(Passage(((("rate", 1.0)),)), 5, NOW, lambda at: (at, at + 1)) is not None
    assert through(Passage((("rate", 1.0),)), 10**9, NOW, lambda at: (at + 1, at + 2)) is None


amounts = st.integers(1, 5_000)


@given(
    amounts, st.floats(0.05, 1_000), amounts, amounts, st.integers(0, 5_000),
    st.sampled_from(["UTC", "Europe/Lisbon", "Asia/Kathmandu"]), st.floats(0, 365 * DAY),
)  # fmt: skip
def test_no_cap_and_no_rate_would_be_broken(
    count: int, rate: float, per_hour: int, per_day: int, used: int, zone: str, later: float
) -> None:
    """A forecast that is too early for one of the limits is a promise that cannot be kept; too late by a day, a lie."""
    begins, clock = NOW + later, ZoneInfo(zone)
    quotas = (
        Quota("hour", Steady(per_hour), hour_around, clock),
        Quota("day", Steady(per_day), day_around, clock, min(used, per_day)),
    )
    passed = through(Passage((("rate", rate),), quotas), count, begins)
    if passed is None:
        return
    assert passed.at < NEVER and passed.at - begins >= count / rate * 0.999 - 0.01
    # What the days from here to there can take at most.
    today = datetime.fromtimestamp(begins, clock).date()
    last = datetime.fromtimestamp(passed.at, clock).date()
    days = (last - today).days + 1
    assert count <= per_day * days - min(used, per_day) + 0.1
    hours = int((hour_around(passed.at, clock).end - hour_around(begins, clock).start) / 3_600 + 0.5)
    assert count <= per_hour * hours + 0.1
    # And it is not put off: with a day less, one of them would be broken.
    if days > 2:
        before = (last - timedelta(days=1) - today).days + 1
        fits = min(per_day, per_hour * 23, int(rate * 23 * 3_600)) * (before - 1)
        assert count >= fits - 1 - per_hour
