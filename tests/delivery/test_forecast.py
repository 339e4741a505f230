"""When it will be over: by the limit that binds, in the hours that are allowed, and in words."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.commands import CampaignEntry, Seal, Section, State, Trial
from app.delivery.forecast import PathLimit, forecast, path_limits
from app.delivery.windows import Hours
from app.routes import LimitSet
from app.specs import CampaignSpec, Window

NOW = datetime(2030, 5, 1, 12, tzinfo=UTC).timestamp()
HOURS = Hours(ZoneInfo)
LEFT = {"gmail": 8_000, "other": 2_000}


def running(state: State = "RUNNING", **spec: object) -> CampaignEntry:
    made = CampaignSpec.model_validate({"from_email": "a@b.c", "lists": ["l"]} | spec)
    seal = Seal(id="s", count=10_000, digest="", day=1, groups=[Section("gmail", 8_000), Section("other", 2_000)])
    return CampaignEntry(id="c_1", account="acme", state=state, spec=made, seal=seal, created_at=NOW)


def limits_of(entry: CampaignEntry, *above: LimitSet, others: list[CampaignEntry] | None = None) -> list[PathLimit]:
    return path_limits(entry, above, others or [], "smtp")


def test_the_limit_that_needs_the_longest_binds_and_is_named() -> None:
    """Who wants it sooner has to know which of seven limits to raise."""
    entry = running(throttle={"rate": 100, "per_group": {"gmail": 4, "*": 50}, "per_route": {"*": 90}})
    found = forecast(entry, LEFT, limits_of(entry), 0.0, NOW, HOURS)
    assert (found.seconds, found.limited_by) == (2_000.0, "throttle.per_group.gmail")
    assert found.text == "8,000 to gmail at 4/s (throttle.per_group.gmail)"
    assert found.as_json()["finishes_at"] == NOW + 2_000
    route = running(throttle={"per_route": {"*": 5}})
    assert forecast(route, LEFT, limits_of(route), 0.0, NOW, HOURS).limited_by == "throttle.per_route.*"


def test_a_limit_above_campaigns_is_shared_by_weight() -> None:
    """Two more campaigns on the same account: each has to wait for the others."""
    entry, other = running(weight=3), running().model_copy(update={"id": "c_2"})
    limit = LimitSet(scope="account", name="acme", rate=40.0)
    found = forecast(entry, LEFT, limits_of(entry, limit, others=[entry, other]), 0.0, NOW, HOURS)
    assert (found.seconds, found.limited_by) == (pytest.approx(10_000 / 30), "limit.account.acme")
    group = LimitSet(scope="group", name="other", rate=0.5)
    assert forecast(entry, LEFT, limits_of(entry, limit, group), 0.0, NOW, HOURS).limited_by == "limit.group.other"


def test_where_no_limit_binds_the_speed_does() -> None:
    """The senders are what they are: more of them would help, a higher limit would not."""
    entry = running(throttle={"rate": 1_000})
    found = forecast(entry, LEFT, limits_of(entry), 100.0, NOW, HOURS)
    assert (found.seconds, found.limited_by) == (100.0, "speed")
    narrow = running(throttle={"rate": 1_000, "concurrency": 5})
    assert forecast(narrow, LEFT, limits_of(narrow), 100.0, NOW, HOURS).limited_by == "throttle.concurrency"
    assert forecast(running(), LEFT, [], 0.0, NOW, HOURS).seconds is None
    assert forecast(running(), {"gmail": 0}, [], 0.0, NOW, HOURS).seconds == 0.0


def test_hours_in_which_nothing_leaves_come_on_top() -> None:
    """Three hours of sending, with a window that closes in one: the day after tomorrow."""
    entry = running(throttle={"rate": 10_000 / 10_800}, window={"opens": "12:00", "closes": "13:00"})
    found = forecast(entry, LEFT, limits_of(entry), 0.0, NOW, HOURS)
    assert (found.seconds, found.limited_by) == (pytest.approx(2 * 86_400 + 3_600), "window")


@pytest.mark.parametrize(
    ("spec", "quiet", "limited_by", "hours"),
    [
        ({"window": {"opens": "14:00", "closes": "18:00"}}, None, "window", 2),
        ({}, {"opens": "11:00", "closes": "15:00"}, "quiet", 3),
        ({"window": {"opens": "09:00", "closes": "18:00"}}, {"opens": "11:00", "closes": "15:00"}, "quiet", 3),
        ({"window": {"opens": "14:00", "closes": "18:00"}}, {"opens": "11:00", "closes": "15:00"}, "window", 3),
    ],
)
def test_without_a_limit_of_its_own_it_says_which_hours_are_closed_and_when_it_goes_on(
    spec: dict[str, object], quiet: dict[str, str] | None, limited_by: str, hours: int
) -> None:
    """Nothing leaves at noon: who looks must read why, or believes that it is broken."""
    kept = Window.model_validate(quiet) if quiet else None
    found = forecast(running(**spec).model_copy(update={"quiet": kept}), LEFT, [], 0.0, NOW, HOURS)
    assert (found.limited_by, found.goes_on_at) == (limited_by, NOW + hours * 3_600)
    assert f"2030-05-01T{12 + hours}:00:00Z" in found.text


def test_without_a_limit_of_its_own_it_says_when_the_next_zone_is_due() -> None:
    """A local schedule rests between two zones: that is no lack of speed."""
    entry = running()
    assert entry.seal is not None
    entry.seal.groups[:] = [Section("gmail", 8_000, NOW - 60), Section("other", 2_000, NOW + 900)]
    found = forecast(entry, {"other": 2_000}, [], 0.0, NOW, HOURS)
    assert (found.limited_by, found.goes_on_at) == ("schedule", NOW + 900)
    assert forecast(entry, LEFT, [], 0.0, NOW, HOURS).limited_by == "speed"  # some are due, and do not leave


def test_where_all_wait_for_a_retry_the_next_one_is_told() -> None:
    """The last ones of a campaign are not sent at its rate: they wait for their hour."""
    entry = running(throttle={"rate": 100})
    found = forecast(entry, {"gmail": 3}, limits_of(entry), 2.0, NOW, HOURS, retry_at=NOW + 900)
    assert (found.finishes_at, found.limited_by, found.goes_on_at) == (None, "retries", NOW + 900)
    narrow = running(window={"opens": "09:00", "closes": "12:05"})
    found = forecast(narrow, {"gmail": 3}, [], 0.0, NOW, HOURS, retry_at=NOW + 900)
    assert (found.limited_by, found.goes_on_at) == ("retries", NOW + 21 * 3_600)


def test_an_experiment_waits_for_its_winner() -> None:
    """The rest leaves after the wait, not before."""
    told = {"variants": [{"name": "a"}, {"name": "b"}], "wait": 7_200}
    entry = running(throttle={"rate": 100}, experiment=told).model_copy(update={"trial": Trial()})
    found = forecast(entry, LEFT, limits_of(entry), 0.0, NOW, HOURS)
    assert (found.seconds, found.limited_by) == (7_300.0, "experiment.wait")
    hand = running(experiment=told | {"metric": "by_hand"}).model_copy(update={"trial": Trial()})
    assert forecast(hand, LEFT, limits_of(hand), 100.0, NOW, HOURS).limited_by == "experiment.metric"


def test_what_expires_and_who_is_due_last_end_it() -> None:
    """A deadline cuts it off; the last time zone holds it up."""
    entry = running(throttle={"rate": 10}, expires_at=NOW + 500)
    found = forecast(entry, LEFT, limits_of(entry), 0.0, NOW, HOURS)
    assert (found.seconds, found.limited_by) == (500.0, "expires_at") and "5,000" in found.text
    entry = running(throttle={"rate": 100})
    assert entry.seal is not None
    entry.seal.groups.append(Section("gmail", 5, NOW + 9_000))
    assert forecast(entry, LEFT, limits_of(entry), 0.0, NOW, HOURS).limited_by == "schedule.local"


@pytest.mark.parametrize("state", ["DRAFT", "APPROVAL", "SCHEDULED", "QUEUED", "SEALING", "PAUSED", "CLOSING"])
def test_who_does_not_run_has_no_end_in_sight(state: State) -> None:
    """No figure is better than one that is made up."""
    found = forecast(running(state), LEFT, [], 50.0, NOW, HOURS)
    assert found.finishes_at is None and found.limited_by and found.text


@given(
    st.dictionaries(st.sampled_from(["gmail", "other"]), st.integers(0, 10**7), min_size=1),
    st.lists(st.tuples(st.sampled_from(["", "gmail", "other"]), st.floats(0.01, 1e6)), max_size=6),
    st.floats(0, 1e5),
)
def test_no_limit_would_be_broken_by_the_time_that_is_foretold(
    left: dict[str, int], rates: list[tuple[str, float]], speed: float
) -> None:
    """A forecast that is too early for one of the limits is a promise that cannot be kept."""
    limits = [PathLimit(f"l{n}", rate, group) for n, (group, rate) in enumerate(rates)]
    found = forecast(running(), left, limits, speed, NOW, HOURS)
    if found.seconds is not None and sum(left.values()):
        for limit in limits:
            concerned = left.get(limit.group, 0) if limit.group else sum(left.values())
            assert concerned <= limit.rate * (found.seconds + 1e-5) * 1.000_001
