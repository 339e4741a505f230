"""When it will be over: by the limit that binds, in the hours that are allowed, and in words."""

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.commands import CampaignEntry, Seal, Section, State, Trial
from app.control.live import LiveCounts
from app.delivery.limits.capacity import Passage
from app.delivery.limits.forecast import Forecast, forecast
from app.delivery.limits.passages import Above, Stage, stages
from app.delivery.people.windows import Hours
from app.records import ClassDemand, Demand
from app.routes import LimitSet, LimitStatus, Route, RouteStatus, SenderStatus, WarmUp
from app.specs import CampaignSpec, Window
from app.things import Account

NOW = datetime(2030, 5, 1, 12, tzinfo=UTC).timestamp()
HOURS = Hours(ZoneInfo)
LEFT = {"gmail": 8_000, "other": 2_000}


def running(state: State = "RUNNING", **spec: object) -> CampaignEntry:
    made = CampaignSpec.model_validate({"from_email": "a@b.c", "lists": ["l"]} | spec)
    seal = Seal(id="s", count=10_000, digest="", day=1, groups=[Section("gmail", 8_000), Section("other", 2_000)])
    return CampaignEntry(id="c_1", account="acme", state=state, spec=made, seal=seal, created_at=NOW)


def limits_of(
    entry: CampaignEntry, *limits: LimitSet, others: list[CampaignEntry] | None = None, **more: Any
) -> list[Stage]:
    above = Above(ZoneInfo, {each.key: each for each in limits}, **more)
    return stages(entry, others or [], above, NOW)


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
    limits = [Stage(Passage(((f"l{n}", rate),)), group) for n, (group, rate) in enumerate(rates)]
    found = forecast(running(), left, limits, speed, NOW, HOURS)
    if found.seconds is not None and sum(left.values()):
        for limit in limits:
            concerned = left.get(limit.group, 0) if limit.group else sum(left.values())
            assert concerned <= limit.passage.rates[0][1] * (found.seconds + 1e-5) * 1.000_001


# -- caps, warm-ups, routes


def route(name: str, **more: Any) -> Route:
    return Route.model_validate({"name": name, "smtp": {"host": "mx.example"}} | more)


def told(entry: CampaignEntry, *limits: LimitSet, speed: float = 0.0, **more: Any) -> Forecast:
    routes = {each.name: each for each in more.pop("routes", [])}
    return forecast(entry, LEFT, limits_of(entry, *limits, routes=routes, **more), speed, NOW, HOURS)


MIDNIGHT = NOW + 43_200
DAY = 86_400


def test_a_daily_cap_is_walked_through_day_by_day() -> None:
    """What is left today, then each day's: 10,000 with 3,000 a day of which 1,000 are used."""
    limit = LimitSet(scope="account", name="acme", daily=3_000)
    status = LimitStatus(name="day|account|acme", used=1_000, most=3_000, resets_at=MIDNIGHT)
    found = told(running(), limit, usage={status.name: status})
    assert found.limited_by == "limit.account.acme.daily"
    assert found.text == "10,000, 3,000 a day (limit.account.acme.daily)"
    assert found.finishes_at == pytest.approx(MIDNIGHT + 2 * DAY, abs=1)  # 2,000 + 3,000 + 3,000, then 2,000 at once
    over = status.model_copy(update={"resets_at": NOW - 5})  # of the day before
    assert told(running(), limit, usage={status.name: over}).finishes_at == pytest.approx(MIDNIGHT + 2 * DAY, abs=1)
    full = status.model_copy(update={"used": 3_000})
    found = told(running(), limit, usage={status.name: full}, speed=30.0)  # of late, before it was used up
    assert (found.limited_by, found.goes_on_at) == ("limit.account.acme.daily", MIDNIGHT)
    assert found.text == "10,000, 3,000 a day, used up today (limit.account.acme.daily)"


def test_a_warm_up_is_foreseen() -> None:
    """8,000 to gmail through a pool that begins with 50: 50, 100 ... 6,400 - the eighth day has the last 1,650."""
    plan = WarmUp(begins=date(2030, 5, 1), first=50, factor=2, last=20_000)
    limit = LimitSet(scope="pool", name="smtp", group="gmail", warm_up=plan)
    found = told(running(), limit)
    assert found.limited_by == "limit.pool.smtp.gmail.warm_up"
    assert found.text.startswith("8,000 to gmail, 50 today and more each day")
    assert found.finishes_at == pytest.approx(MIDNIGHT + 6 * DAY, abs=1)
    status = LimitStatus(name="warm-up|pool|smtp|gmail", used=50, most=50, resets_at=MIDNIGHT)
    assert told(running(), limit, usage={status.name: status}).text.startswith(
        "8,000 to gmail, today's 50 used up, and more each day (limit.pool.smtp.gmail.warm_up)"
    )
    part = status.model_copy(update={"used": 20})
    assert ", 30 left today and more each day (" in told(running(), limit, usage={part.name: part}).text
    later = limit.model_copy(update={"warm_up": plan.model_copy(update={"begins": date(2030, 6, 1)})})
    assert "none before 2030-06-01" in told(running(), later).text


def test_the_excess_of_a_warm_up_takes_the_warm_pool() -> None:
    """With overflow the cold pool holds nobody up; without, it does."""
    routes = [route("cold", cost=0, pool="cold"), route("warm", cost=1, pool="warm")]
    plan = WarmUp(begins=date(2030, 5, 1), caps=[50, 100])
    rate = LimitSet(scope="pool", name="warm", rate=10)
    waits = LimitSet(scope="pool", name="cold", warm_up=plan)
    assert told(running(), waits, rate, routes=routes).limited_by == "limit.pool.cold.warm_up"
    flows = waits.model_copy(update={"full": "overflow"})
    found = told(running(), flows, rate, routes=routes)
    assert found.limited_by == "limit.pool.warm"
    assert found.seconds == pytest.approx(995, abs=1)  # the cold one took 50


def test_routes_side_by_side_add_up_behind_their_provider() -> None:
    """Two routes of one provider: both together, and not more than the provider."""
    routes = [route("a", provider="p"), route("b", provider="p"), route("c", provider="q")]
    each = LimitSet(scope="route", name="*", rate=10)
    found = told(running(), each, routes=routes)
    assert (found.seconds, found.limited_by) == (pytest.approx(333.3, abs=0.1), "limit.route.*")
    provider = LimitSet(scope="provider", name="p", rate=5)
    found = told(running(), each, provider, routes=routes)
    assert (found.seconds, found.limited_by) == (pytest.approx(666.7, abs=0.1), "limit.provider.p + limit.route.*")
    own = running(throttle={"per_route": {"c": 1, "*": 2}})
    assert told(own, routes=routes).seconds == pytest.approx(2_000)


def test_a_route_for_others_is_not_counted_on() -> None:
    """Conditions of account, group and tag; a group that no route takes is told as what it is."""
    slow, fast = route("slow"), route("fast", accounts=["beta"])
    limit = LimitSet(scope="route", name="slow", rate=10)
    assert told(running(), limit, routes=[slow, fast]).limited_by == "limit.route.slow"
    only = route("only", groups=["gmail"])
    found = told(running(), routes=[only])
    assert (found.finishes_at, found.limited_by, found.text) == (None, "routes", "no route takes what goes to other")


def test_a_route_that_is_out_of_service_is_not_counted_on() -> None:
    """While its breaker is open the other one carries all."""
    routes = [route("a"), route("b")]
    limits = [LimitSet(scope="route", name="a", rate=90), LimitSet(scope="route", name="b", rate=10)]
    assert told(running(), *limits, routes=routes).seconds == pytest.approx(100)
    status = {"a": RouteStatus(route="a", at=NOW, state="open")}
    assert told(running(), *limits, routes=routes, status=status).seconds == pytest.approx(1_000)


def test_a_sender_that_was_slowed_down_binds() -> None:
    """Gmail pushed back: what pacing has made of it is what the forecast is made of."""
    sender = SenderStatus(pool="smtp", group="gmail", factor=0.5, rate=4.0)
    status = {"smtp": RouteStatus(route="smtp", at=NOW, senders=[sender])}
    found = told(running(), status=status)
    assert (found.seconds, found.limited_by) == (2_000, "adaptive.smtp.gmail")


def test_accounts_share_by_their_weight_then_campaigns_by_theirs() -> None:
    """As pacing does: of 100/s an account of weight 3 beside one of 1 has 75, each of its two campaigns half."""
    entry = running()
    others = [running().model_copy(update={"id": "c_2"}), running().model_copy(update={"id": "c_3", "account": "beta"})]
    limit = LimitSet(scope="group", name="gmail", rate=100)
    accounts = {"acme": Account(name="acme", weight=3)}
    found = forecast(entry, LEFT, limits_of(entry, limit, others=others, accounts=accounts), 0.0, NOW, HOURS)
    assert found.seconds == pytest.approx(8_000 / 37.5)
    alone = running(throttle={"rate": 1_000})
    default = forecast(alone, LEFT, limits_of(alone, account_rate=20.0, others=others[:1]), 0.0, NOW, HOURS)
    assert (default.seconds, default.limited_by) == (1_000, "limit.account.acme")


def test_a_cap_in_hours_that_are_not_always_open() -> None:
    """The cap is the day's, the window the evening's: tomorrow's share leaves when the window opens."""
    entry = running(window={"opens": "18:00", "closes": "20:00"})
    found = told(entry, LimitSet(scope="account", name="acme", daily=5_000))
    assert found.finishes_at == pytest.approx(NOW + 6 * 3_600 + DAY, abs=1)


def test_what_would_take_years_says_so() -> None:
    """One a day for ten thousand people."""
    found = told(running(), LimitSet(scope="account", name="acme", daily=1))
    assert (found.finishes_at, found.limited_by) == (None, "limit.account.acme.daily")
    assert "too long to foresee" in found.text


def test_a_limit_of_parts_lets_through_as_many_messages_as_they_make() -> None:
    """Texts of 2.5 SMS each over a number of ten parts a second take two and a half times as long as they seem to."""
    entry = running(channel="sms", sender_id="+15005550006")
    phones = {"PT": 10_000}
    entry.seal.groups[:] = [Section("PT", 10_000)]  # type: ignore[union-attr]
    twilio = {"account_sid": "AC" + "0" * 32, "auth_token": "env:TOKEN"}
    routes = {"sms": Route.model_validate({"name": "sms", "channel": "sms", "twilio": twilio})}
    limits = [
        LimitSet(scope="sender", name="*", rate=10.0, unit="parts"),
        LimitSet(scope="route", name="sms", rate=8.0),
    ]
    above = Above(ZoneInfo, {each.key: each for each in limits}, routes=routes)
    found = forecast(entry, phones, stages(entry, [], above, NOW, 2.5), 0.0, NOW, HOURS, parts=2.5)
    assert (found.seconds, found.limited_by) == (pytest.approx(2_500), "limit.sender.*")
    assert found.text.startswith("10,000, 2.5 SMS each, at 4/s")
    single = forecast(entry, phones, stages(entry, [], above, NOW), 0.0, NOW, HOURS)
    assert (single.seconds, single.limited_by) == (pytest.approx(1_250), "limit.route.sms")
    capped = Above(ZoneInfo, {("route", "sms", ""): LimitSet(scope="route", name="sms", daily=10_000, unit="parts")},
                   routes=routes)  # fmt: skip
    days = forecast(entry, phones, stages(entry, [], capped, NOW, 2.5), 0.0, NOW, HOURS, parts=2.5)
    assert days.seconds is not None and 2 * 86_400 <= days.seconds + 12 * 3_600 <= 3 * 86_400  # 4,000 a day


def test_what_waits_tells_how_many_parts_a_message_has() -> None:
    """Long and short texts of one campaign, in two partitions; other campaigns do not count."""
    live = LiveCounts(2)
    for partition, (parts, due) in enumerate(((1, 30), (4, 10))):
        classes = [
            ClassDemand("c_1", "bulk", "PT", due, 0.0, 0, channel="sms", parts=parts),
            ClassDemand("c_2", "bulk", "PT", 99, 0.0, 0, channel="sms", parts=9),
        ]
        live.hear(Demand(partition, 1, 0, NOW, True, 0, classes, {}))
    assert live.of("c_1").parts == 1.75 and live.of("c_3").parts == 1.0
