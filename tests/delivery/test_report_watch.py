"""What people are told of reports: complaints, bounces, and webhooks that are late or missing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.delivery.campaigns.notices import Standing
from app.delivery.reports.watch import DAY, MINUTE, ReportWatch
from app.delivery.routes.adaptive import AdaptiveRules
from app.delivery.routes.learned import RouteWatch
from app.provider_accounts import SmtpServer
from app.records import Demand, Grant, RouteHealth
from app.routes import Notice, Route
from tests.delivery.test_route_health import START, Partition, nothing


def http_route(name: str) -> Route:
    return Route.model_validate({"name": name, "sendgrid": {"api_key": "env:KEY"}})


ROUTES = {name: http_route(name) for name in ("sg-1", "sg-2")}


def told_of(watch: ReportWatch, now: float) -> list[tuple[str, str, str]]:
    return [(each.kind, each.level, each.name) for each in watch.tick(ROUTES, now)]


@pytest.mark.parametrize(
    ("complained", "of", "level"),
    [(2, 1_000, ""), (3, 10_000, ""), (11, 10_000, "warning"), (31, 10_000, "alert"), (3, 300, "alert")],
)
def test_complaints_by_the_limits_of_gmail(complained: int, of: int, level: str) -> None:
    """0.1 % is what Gmail wants to see, at 0.3 % mail is refused; two angry people are none of both."""
    watch = ReportWatch()
    watch.hear("sg-1", {"accepted": of, "heard": 1}, START)
    watch.hear("sg-1", {"reported.complained": complained}, START + 60)
    watch.campaign("c_1", "acme", {}, START)
    watch.campaign("c_1", "acme", {"sent": of, "reported.complained": complained}, START + 60)
    told = told_of(watch, START + 61)
    names = [("route", "sg-1"), ("account", "acme"), ("campaign", "c_1")]
    assert told == ([("complaints", level, name) for _, name in names] if level else [])
    assert told_of(watch, START + 90) == []


def test_more_urgent_is_told_again_and_the_same_once_a_day() -> None:
    """Who has been warned does not need it each five seconds, but learns that it got worse."""
    watch = ReportWatch()
    watch.hear("sg-1", {"accepted": 1_000, "refused": 60, "heard": 1}, START)
    assert told_of(watch, START + 5) == [("bounces", "warning", "sg-1")]
    watch.hear("sg-1", {"reported.bounced": 60}, START + 10)
    assert told_of(watch, START + 15) == [("bounces", "alert", "sg-1")]
    assert told_of(watch, START + 20) == []
    watch.hear("sg-1", {"accepted": 100, "refused": 90, "heard": 1}, START + 1.5 * DAY)
    assert told_of(watch, START + 1.5 * DAY + 5) == [("bounces", "alert", "sg-1")]
    assert watch.share("sg-1", "bounced", START + 1.5 * DAY + 5) == 90 / 190


def test_a_campaign_from_before_is_judged_as_a_whole_and_its_account_by_what_is_new() -> None:
    """After a restart of pacing, counters of campaigns are all there, and those of the last day are not."""
    watch = ReportWatch()
    counts = {"sent": 1_000, "reported.bounced": 200, "reported.bounced.undone": 20}
    watch.campaign("c_1", "acme", counts, START)
    assert told_of(watch, START + 5) == [("bounces", "alert", "c_1")]
    watch.campaign("c_1", "acme", counts | {"reported.blocked.auth": 5}, START + 6)
    assert [each[0] for each in told_of(watch, START + 15)] == ["auth_failures"]


def test_webhooks_that_are_missing_are_told_of_with_the_address_until_one_comes() -> None:
    """Somebody who forgot to enter the address finds it in the alert."""
    watch = ReportWatch(lambda route: f"https://mail.acme.com/hooks/sendgrid/{route}")
    watch.hear("sg-1", {"accepted": 19}, START)
    watch.hear("sg-2", {"accepted": 100, "heard": 50}, START + 10 * MINUTE)
    assert told_of(watch, START + 15 * MINUTE) == []
    watch.hear("sg-1", {"accepted": 1}, START + 5 * MINUTE)
    (draft,) = watch.tick(ROUTES, START + 20 * MINUTE + 6)
    assert (draft.kind, draft.level) == ("reports_missing", "alert")
    assert "https://mail.acme.com/hooks/sendgrid/sg-1" in draft.text and "nor of any other" not in draft.text
    assert watch.state("sg-1")[0] == "missing" and told_of(watch, START + 21 * MINUTE) == []
    assert told_of(watch, START + 200 * MINUTE) == [("reports_missing", "warning", "sg-2")]
    watch.hear("sg-1", {"heard": 1, "lag.5": 1}, START + 201 * MINUTE)
    assert told_of(watch, START + 202 * MINUTE) == [("reports_back", "info", "sg-1")]


def test_routes_over_smtp_owe_no_reports() -> None:
    """Bounces by mail come only of what bounces."""
    watch = ReportWatch()
    watch.hear("relay", {"accepted": 1_000}, START)
    assert watch.tick({"relay": Route(name="relay", smtp=SmtpServer(host="mx"))}, START + 30 * MINUTE) == []


def test_webhooks_that_are_late_and_on_time_again() -> None:
    """The median decides: a single report that a provider repeats for hours is none."""
    watch = ReportWatch()
    watch.hear("sg-1", {"heard": 30, "lag.600": 16, "lag.2": 14}, START)
    assert watch.lag("sg-1", START) == (600.0, 600.0)
    (draft,) = watch.tick(ROUTES, START + 5)
    assert draft.kind == "reports_late" and "half of 30 took longer than 5 minutes" in draft.text
    assert told_of(watch, START + 60) == []
    watch.hear("sg-1", {"heard": 100, "lag.2": 100}, START + 120)
    assert told_of(watch, START + 125) == [("reports_back", "info", "sg-1")]


def test_what_was_told_before_a_restart_is_not_told_again() -> None:
    """A deploy of pacing must not wake people up for what they know."""
    watch = RouteWatch(AdaptiveRules(), START)
    watch.route("sg-1", ROUTES["sg-1"], START)
    partition = Partition()
    watch.hear(partition.report(full=True), START)
    partition.came("sg-1", "gmail", accepted=1_000, refused=200)
    watch.hear(partition.report(full=True), START)
    notices = watch.tick(START + 16 * MINUTE, nothing)
    assert sorted(each.kind for each in notices) == ["bounces", "reports_missing"]
    again = RouteWatch(AdaptiveRules(), START + 17 * MINUTE)
    again.route("sg-1", ROUTES["sg-1"], START)
    again.reports.restore(notices)
    again.reports.hear("sg-1", {"accepted": 1_000, "refused": 200}, START + 17 * MINUTE)
    assert again.tick(START + 33 * MINUTE, nothing) == []
    standing = Standing()
    for each in notices:
        standing.take(each)
    assert [each.kind for each in standing.all()] == ["reports_missing"]
    standing.take(notices[0].model_copy(update={"kind": "reports_back", "route": "sg-1"}))
    assert standing.all() == []


def reported(watch: RouteWatch, partition: Partition, group: str, now: float, **counts: int) -> list[Notice]:
    """What comes of reports that a partition counts, by names with a dot for each double underscore."""
    health = partition.totals.setdefault(("sg-1", group), RouteHealth("sg-1", group, {}))
    for name, count in counts.items():
        name = name.replace("__", ".")
        health.counts[name] = health.counts.get(name, 0) + count
    watch.hear(partition.report(), now)
    return watch.tick(now, nothing)


def test_blocks_that_are_reported_open_the_breaker_and_unknown_users_do_not() -> None:
    """An HTTP provider takes everything, and tells later that mailbox providers refuse it."""
    for name, state in (("fresh__against", "open"), ("fresh__failed", "open"), ("reported__bounced", "closed")):
        watch, partition = RouteWatch(AdaptiveRules(), START), Partition()
        watch.route("sg-1", ROUTES["sg-1"], START)
        watch.hear(partition.report(full=True), START)
        reported(watch, partition, "gmail", START + 1, accepted=40, heard=1)
        reported(watch, partition, "outlook", START + 1.2, accepted=40)
        reported(watch, partition, "gmail", START + 2, **{name: 30}, fresh__told=40, fresh__delivered=10)
        notices = reported(watch, partition, "outlook", START + 2.2, **{name: 30}, fresh__told=40, fresh__delivered=10)
        (status,) = watch.status(START + 3, nothing)
        assert status.state == state, name
        assert [each.kind for each in notices] == (["breaker_opened"] if state == "open" else [])


def test_blocks_of_one_mailbox_provider_slow_the_sender_down_there_and_open_no_breaker() -> None:
    """As with live answers: it is a matter of the sender and that group."""
    watch, partition = RouteWatch(AdaptiveRules(), START), Partition()
    watch.route("sg-1", ROUTES["sg-1"], START)
    watch.hear(partition.report(full=True), START)
    notices = list[Notice]()
    for second in range(60):
        now = START + 60 + second
        notices += reported(watch, partition, "outlook", now, accepted=20, fresh__told=20, fresh__delivered=20, heard=1)
        notices += reported(watch, partition, "gmail", now + 0.5, accepted=10, fresh__told=10, fresh__against=9)
    assert [(each.kind, each.group) for each in notices] == [("slowed", "gmail")]
    assert watch.why_not("sg-1") == ""


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=60))
def test_bounces_by_mail_are_compared_with_what_was_taken(steps: list[tuple[int, int]]) -> None:
    """Where nothing reports deliveries, a few bounces that come after the campaign are not all of its messages."""
    watch, partition = RouteWatch(AdaptiveRules(), START), Partition()
    watch.hear(partition.report(full=True), START)
    now = START
    for taken, against in steps:
        now += 1
        against = min(against, taken // 4)
        reported(watch, partition, "gmail", now, accepted=taken)
        reported(watch, partition, "gmail", now + 0.3, fresh__told=against, fresh__against=against)
    for second in range(20):
        reported(watch, partition, "gmail", now + 60 + second, fresh__told=40, fresh__against=40)
    assert all(each.state == "closed" for each in watch.status(now + 90, nothing))


def test_lag_and_shares_stand_in_the_status() -> None:
    """What `fanfare routes show` and the page of routes tell."""
    watch, partition = RouteWatch(AdaptiveRules(), START), Partition()
    watch.route("sg-1", ROUTES["sg-1"], START)
    watch.hear(partition.report(full=True), START)
    watch.granted([Grant("c_1", "bulk", "gmail", "sg-1", 1)], START)
    reported(watch, partition, "gmail", START + 1, accepted=90, refused=10, reported__complained=1)
    partition.totals["sg-1", ""] = RouteHealth("sg-1", "", {"heard": 20, "lag.2": 19, "lag.3600": 1, "lag.over": 0})
    demand: Demand = partition.report()
    watch.hear(demand, START + 2)
    (status,) = watch.status(START + 3, nothing)
    assert (status.lag, status.lag_most, status.reported_at) == (2.0, 2.0, START + 2)
    assert (status.bounced, status.complained) == (0.1, 0.01)
