"""Steps of very many routes: each class stands in a few lines, and all routes are used as far as they may be."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from app.delivery.pacing.wide import LINES, WIDE, few_of
from app.routes import LimitSet
from tests.delivery.pacers import Ward, a_pacer, a_route
from tests.delivery.test_pacing_routes import Plane, runs

SECONDS = 8


@settings(max_examples=12)
@given(st.lists(st.sampled_from([5.0, 20.0, 80.0]), min_size=WIDE + 1, max_size=30), st.integers(1, 12))
def test_very_many_routes_carry_what_their_limits_allow(rates: list[float], groups: int) -> None:
    """
    In no window more than rate and burst on any of them, together nearly all of it, and no group is left behind.
    """
    pacer = a_pacer(1, *(a_route(f"r{number}") for number in range(len(rates))))
    for number, rate in enumerate(rates):
        pacer.limit(LimitSet(scope="route", name=f"r{number}", rate=rate))
    runs(pacer)
    plane = Plane(pacer)
    due = {f"group{number}": 100_000 for number in range(groups)}
    by_route: Counter[str] = Counter()
    for _ in range(SECONDS * 10):
        by_route += plane.look(due)
    for number, rate in enumerate(rates):
        assert 0.9 * rate * SECONDS <= by_route[f"r{number}"] <= rate * SECONDS + rate
    assert by_route.total() >= 0.98 * sum(rates) * SECONDS  # and what lay in the buckets
    by_group = Counter[str]()
    for grant in (grant for slip in plane.slips for grant in slip.grants):
        by_group[grant.group] += grant.count
    assert min(by_group[name] for name in due) >= 0.5 * by_route.total() / groups


@settings(max_examples=30)
@given(st.lists(st.integers(0, 59), min_size=1, max_size=6), st.booleans())
def test_the_one_route_that_can_be_used_is_found(healthy: list[int], capped: bool) -> None:
    """
    One after the other is the only one of sixty: whoever waits in the lines of others finds it at the next look.
    """
    ward = Ward()
    pacer = a_pacer(1, *(a_route(f"r{number}") for number in range(60)), health=ward)
    if capped:
        pacer.limit(LimitSet(scope="route", name="*", rate=100))
    runs(pacer)
    plane = Plane(pacer)
    ward.open = {f"r{number}": 0 for number in range(60)}
    assert not plane.look({"gmail": 900, "yahoo": 900})
    for number in healthy:
        ward.open = {f"r{other}": 0 for other in range(60) if other != number}
        granted = plane.look({"gmail": 900, "yahoo": 900}) + plane.look({"gmail": 900, "yahoo": 900})
        assert set(granted) == {f"r{number}"} or (capped and not granted)
        plane.now += 2.0
        assert set(plane.look({"gmail": 900, "yahoo": 900})) == {f"r{number}"}


@given(st.integers(0, 200), st.integers(0, 1_000))
def test_the_few_lines_are_others_each_time(count: int, turn: int) -> None:
    """All are had in turn, none twice."""
    held = list(range(count))
    few = few_of(held, turn)  # type: ignore[arg-type]
    assert len(set(few)) == len(few) == min(count, LINES)
    turns = [few_of(held, number) for number in range(count)]  # type: ignore[arg-type]
    assert {each for part in turns for each in part} == set(held)
