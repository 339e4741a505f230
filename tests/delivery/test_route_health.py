"""What pacing learns of routes and senders from the reports of partitions."""

from collections.abc import Iterator
from typing import Any

import pytest

from app.delivery.campaigns.notices import Standing, as_seen_by, completed, limit_notice, route_notice
from app.delivery.outcomes import Kind
from app.delivery.routes.adaptive import AdaptiveRules
from app.delivery.routes.learned import MOST_SENDERS, MOST_TURNED, RouteWatch, SenderKey
from app.provider_accounts import SmtpServer
from app.records import Demand, Grant, RouteHealth
from app.routes import LimitSet, Notice, Route

START = 1_000.0
BORN = START - 100  # when the owners of the partitions started


def route(name: str, **fields: Any) -> Route:
    return Route(name=name, smtp=SmtpServer(host="mx"), **fields)


def watch(started: float = START, **routes: Route) -> RouteWatch:
    made = RouteWatch(AdaptiveRules(), started)
    for name, each in routes.items():
        made.route(name, each, started)
    return made


class Partition:
    """One partition that reports its totals."""

    def __init__(self, number: int = 0, epoch: float = BORN) -> None:
        self.number, self.epoch = number, epoch
        self.totals: dict[tuple[str, str], RouteHealth] = {}

    def came(self, name: str, group: str, signals: dict[str, int] | None = None, **counts: int) -> None:
        health = self.totals.setdefault((name, group), RouteHealth(name, group, {}))
        for kind, count in counts.items():
            health.counts[kind] = health.counts.get(kind, 0) + count
        for signal, count in (signals or {}).items():
            health.signals[signal] = health.signals.get(signal, 0) + count

    def report(self, *, full: bool = False, at: float = START + 1e9) -> Demand:
        told = [RouteHealth(h.route, h.group, dict(h.counts), dict(h.signals)) for h in self.totals.values()]
        return Demand(self.number, 1, 1, at, full, 0, [], {}, epoch=self.epoch, health=told)


def nothing(_: str) -> int:
    return 0


def ticks(of: RouteWatch, start: float, seconds: float) -> Iterator[tuple[float, list[Notice]]]:
    for step in range(round(seconds * 5)):
        now = start + (step + 1) * 0.2
        yield now, of.tick(now, nothing)


def test_reports_of_before_a_takeover_are_not_counted_again() -> None:
    """
    A new owner of pacing reads on from the committed offset: what it reads twice must suspend nobody.
    """
    health, partition = watch(started=START, a=route("a")), Partition()
    health.hear(partition.report(full=True, at=START - 3), START)
    for step in range(10):
        partition.came("a", "gmail", unavailable=100)
        health.hear(partition.report(at=START - 2 + step / 10), START + step / 100)
    assert [each for _, notices in ticks(health, START, 1) for each in notices] == []
    partition.came("a", "gmail", unavailable=100)
    for now, notices in ticks(health, START + 1, 3):
        partition.came("a", "gmail", unavailable=10)
        health.hear(partition.report(at=now), now)
        if notices:
            break
    assert notices[0].kind == "breaker_opened"


def test_a_route_that_refuses_everything_is_out_within_two_seconds_of_it() -> None:
    """
    From the reports of several partitions, each of which fails on its own.
    """
    health, partitions = watch(a=route("a"), b=route("b")), [Partition(number) for number in range(4)]
    for each in partitions:
        each.came("a", "gmail", accepted=5_000)
        health.hear(each.report(full=True), START)
    health.granted([Grant("c1", "bulk", "gmail", "a", 10), Grant("c2", "bulk", "gmail", "b", 10)], START)
    opened = None
    for now, notices in ticks(health, START, 2):
        for each in partitions:
            each.came("a", "gmail", unavailable=30)
            health.hear(each.report(), now)
        opened = opened or next(iter(notices), None)
    assert opened is not None
    assert (opened.kind, opened.level, opened.route, opened.campaigns) == ("breaker_opened", "alert", "a", ["c1"])
    assert opened.figures["errors"] > 0
    assert health.places("a", START + 2) == 0
    assert health.places("b", START + 2) is None
    assert "the breaker of a is open" in health.why_not("a")
    assert health.why_not("b") == ""


def test_what_was_counted_before_pacing_listened_is_not_news() -> None:
    """
    A restart of pacing hears totals of days in its first report.
    """
    health, partition = watch(), Partition()
    partition.came("a", "gmail", unavailable=10_000)
    health.hear(partition.report(full=True), START)
    assert health.tick(START + 5, nothing) == []
    partition.came("a", "yahoo", unavailable=50)  # a pair that is new since a full report: all of it is news
    health.hear(partition.report(), START + 6)
    assert [each.kind for each in health.tick(START + 6.2, nothing)] == ["breaker_opened"]


def test_counting_begins_anew_with_another_owner_of_the_partition() -> None:
    """
    Totals of a new process are lower than those of the old one: what they say is new since it started.
    """
    health, partition = watch(), Partition()
    partition.came("a", "gmail", accepted=10_000)
    health.hear(partition.report(full=True), START)
    reborn = Partition(epoch=START + 10)
    reborn.came("a", "gmail", unavailable=30)
    health.hear(reborn.report(), START + 11)
    assert [each.kind for each in health.tick(START + 11.2, nothing)] == ["breaker_opened"]


def test_a_report_that_is_lost_or_comes_twice_changes_nothing() -> None:
    """
    Totals are compared, not added up.
    """
    health, partition = watch(), Partition()
    health.hear(partition.report(full=True), START)
    for _ in range(10):
        partition.came("a", "gmail", unavailable=1)
        partition.report()  # lost
    partition.came("a", "gmail", unavailable=5)
    for now, _ in ticks(health, START, 10):
        health.hear(partition.report(), now)
    assert health.places("a", START + 10) is None, "15 messages failed, less than the least of 20"


def test_a_block_list_suspends_the_pool_towards_that_group_on_all_its_routes() -> None:
    """
    What the mailbox provider sees is the pool: another route of it would meet the same block.
    """
    health = watch(a=route("a", pool="warm"), b=route("b", pool="warm"), c=route("c"))
    partition = Partition()
    health.hear(partition.report(full=True), START)
    health.granted([Grant("c1", "bulk", "outlook", "b", 10), Grant("c2", "bulk", "gmail", "a", 10)], START)
    partition.came("a", "outlook", {"outlook block list": 6}, accepted=10, blocked=6)
    health.hear(partition.report(), START + 1)
    (notice,) = health.tick(START + 1.2, nothing)
    assert (notice.kind, notice.level, notice.pool, notice.group) == ("suspended", "alert", "warm", "outlook")
    assert notice.campaigns == ["c1"]
    shaping = health.shaping("warm", "outlook")
    assert shaping is not None
    assert shaping.suspended_until > START + 7_000
    assert health.shaping("warm", "gmail") is None
    assert health.shaping("c", "outlook") is None
    shown = {each.route: each for each in health.status(START + 2, nothing)}
    assert [each.group for each in shown["b"].senders] == ["outlook"]
    assert shown["c"].senders == []


def test_what_failed_on_the_way_to_the_relay_says_nothing_of_mailbox_providers() -> None:
    """
    An outage of the relay must not leave its pool suspended for hours.
    """
    health, partition = watch(), Partition()
    health.hear(partition.report(full=True), START)
    for now, _ in ticks(health, START, 30):
        partition.came("a", "gmail", unavailable=100)
        health.hear(partition.report(), now)
    assert health.shaping("a", "gmail") is None


def test_breakers_and_suspensions_outlive_a_restart() -> None:
    """
    kill -9 of pacing must not send into a block, nor into a provider that is down.
    """
    health, partition = watch(a=route("a")), Partition()
    health.hear(partition.report(full=True), START)
    partition.came("a", "yahoo", {"yahoo TSS04": 5}, accepted=10, throttled=5)
    health.hear(partition.report(), START + 1)
    partition.came("a", "gmail", unavailable=500)
    health.hear(partition.report(), START + 2)
    for _ in ticks(health, START + 2, 2):
        pass
    breakers, senders = health.take_touched()
    assert set(breakers) == {"a"}
    assert set(senders) == {SenderKey("a", "yahoo")}
    assert health.take_touched() == ({}, {}), "stored once"
    kept, states = {n: k for n, k in breakers.items() if k}, {n: k for n, k in senders.items() if k}
    again = watch(START + 60, a=route("a"))
    again.restore(kept, states, START + 60)
    assert again.places("a", START + 60) == 0
    assert again.shaping("a", "yahoo") == health.shaping("a", "yahoo")
    assert again.is_shaped("a") and not again.is_shaped("b")


def test_by_hand_a_route_is_taken_out_and_put_back_with_its_pool_restored() -> None:
    """
    Closing by hand says that all is well again: also with the mailbox providers.
    """
    health, partition = watch(a=route("a")), Partition()
    health.hear(partition.report(full=True), START)
    partition.came("a", "yahoo", {"yahoo TSS04": 5}, accepted=10, throttled=5)
    health.hear(partition.report(), START + 1)
    health.tick(START + 1, nothing)
    (notice,) = health.by_hand("a", "open", START + 2, "maintenance")
    assert "maintenance" in notice.reason
    assert health.places("a", START + 1e6) == 0
    assert [each.kind for each in health.by_hand("a", "closed", START + 3)] == ["breaker_closed", "restored"]
    assert health.places("a", START + 3) is None
    assert health.shaping("a", "yahoo") is None
    breakers, senders = health.take_touched()
    assert breakers == {"a": None}
    assert senders == {SenderKey("a", "yahoo"): None}


def test_switched_off_it_slows_nobody_and_breakers_go_on() -> None:
    """
    Who has a relay that paces by itself does not want two that do.
    """
    health, partition = RouteWatch(AdaptiveRules(), START, adaptive=False), Partition()
    health.hear(partition.report(full=True), START)
    partition.came("a", "yahoo", {"yahoo TSS04": 5}, accepted=10, throttled=500)
    health.hear(partition.report(), START + 1)
    assert health.tick(START + 1, nothing) == []
    assert health.shaping("a", "yahoo") is None


def test_a_route_may_be_left_out_of_adaptive_pacing_and_the_others_are_not() -> None:
    """
    One relay paces by itself, the next one does not.
    """
    health, partition = watch(a=route("a", adaptive=False), b=route("b")), Partition()
    health.hear(partition.report(full=True), START)
    for name in ("a", "b"):
        partition.came(name, "yahoo", {"yahoo TSS04": 5}, accepted=10, throttled=500)
    health.hear(partition.report(), START + 1)
    assert [notice.pool for notice in health.tick(START + 1, nothing)] == ["b"]
    assert health.shaping("a", "yahoo") is None
    assert health.shaping("b", "yahoo") is not None


def test_the_senders_that_are_watched_are_bounded() -> None:
    """
    Those that are held back stay, the others go.
    """
    health, partition = watch(), Partition()
    health.hear(partition.report(full=True), START)
    partition.came("a", "yahoo", {"yahoo TSS05": 5}, throttled=5)
    health.hear(partition.report(), START + 0.5)
    health.tick(START + 0.6, nothing)
    for number in range(MOST_SENDERS + 20):
        partition.came("a", f"d{number}.example", accepted=1)
    health.hear(partition.report(), START + 1)
    health.tick(START + 2, nothing)
    assert len(health._senders) == MOST_SENDERS
    assert health.shaping("a", "yahoo") is not None


def notice(kind: Any, **fields: Any) -> Notice:
    return Notice(id=f"{kind}{fields}", at=START, kind=kind, reason="so", **fields)


def test_a_notice_stands_until_another_one_ends_it() -> None:
    """
    Pages show what holds on, not what was last week.
    """
    standing = Standing()
    for each in (
        notice("breaker_opened", route="a", pool="a"), notice("breaker_probes", route="a", pool="a"),
        notice("slowed", pool="a", group="gmail"), notice("suspended", pool="a", group="yahoo"),
        notice("warned", pool="a", group="apple"), notice("restored", pool="a", group="yahoo"),
    ):  # fmt: skip
        standing.take(each)
    assert [each.kind for each in standing.all()] == ["breaker_probes", "slowed"]
    standing.take(notice("breaker_closed", route="a", pool="a"))
    assert [each.kind for each in standing.all()] == ["slowed"]


@pytest.mark.parametrize(("account", "campaigns"), [("acme", ["c1"]), ("other", ["c2"]), ("third", None)])
def test_an_account_learns_of_its_own_campaigns_only(account: str, campaigns: list[str] | None) -> None:
    """
    Whoever shares a route with others must not learn who they are.
    """
    told = notice("breaker_opened", route="a", campaigns=["c1", "c2"], accounts=["acme", "other"])
    seen = as_seen_by(told, account)
    if campaigns is None:
        assert seen is None
        return
    assert seen is not None
    assert (seen.campaigns, seen.accounts) == (campaigns, [account])


def test_a_notice_names_the_accounts_of_the_campaigns_that_are_live() -> None:
    """
    Those of a campaign that has ended have nothing to wait for.
    """
    made = completed(notice("slowed", pool="a", campaigns=["gone"]), {})
    assert (made.campaigns, made.accounts) == ([], [])


def test_kinds_are_counted_by_their_values() -> None:
    """
    The tests above name kinds as the recipients plane writes them.
    """
    assert {Kind.UNAVAILABLE, Kind.ACCEPTED, Kind.THROTTLED, Kind.BLOCKED} == {
        "unavailable", "accepted", "throttled", "blocked",
    }  # fmt: skip


def test_what_people_change_is_told_in_words() -> None:
    """
    A drop of the rate at ten past nine has a reason, and somebody who knows it.
    """
    told = limit_notice(
        LimitSet(scope="pool", name="warm", group="gmail", rate=5_000, per="hour", daily=20_000), "", 1.0
    )
    assert (told.kind, told.pool, told.group, told.route) == ("limit_changed", "warm", "gmail", "")
    assert told.reason == ("the limit of pool warm towards gmail is 5,000/h, 20,000 a day, by the operator")
    people = LimitSet(scope="route", name="wa", moving_daily=500, unit="people")
    assert limit_notice(people, "", 1.0).reason == (
        "the limit of route wa is 500 people in any 24 hours, by the operator"
    )
    gone = limit_notice(LimitSet(scope="group", name="gmail"), "k1", 1.0)
    assert (gone.group, gone.reason) == ("gmail", "the limit of group gmail is removed, by the API key k1")
    paused = route_notice("a", route("a", enabled=False), "", 1.0)
    assert (paused.route, paused.reason) == ("a", "the route a is set, and takes nothing new, by the operator")
    assert "is deleted" in route_notice("a", None, "", 1.0).reason


def test_campaigns_are_concerned_by_what_they_use() -> None:
    """
    Of a route, a pool, a mailbox provider, or a pool towards one.
    """
    health = watch(a=route("a", pool="warm"), b=route("b", pool="warm"), c=route("c"))
    health.granted([Grant("c1", "bulk", "gmail", "a", 1), Grant("c2", "bulk", "yahoo", "b", 1)], START)
    health.granted([Grant("c3", "bulk", "gmail", "c", 1)], START)
    assert health.concerned(START, route="a") == ["c1"]
    assert health.concerned(START, pool="warm") == ["c1", "c2"]
    assert health.concerned(START, pool="warm", group="yahoo") == ["c2"]
    assert health.concerned(START, group="gmail") == ["c1", "c3"]
    assert health.concerned(START + 700) == []


def test_however_many_senders_turn_at_once_what_is_written_fits_into_a_batch() -> None:
    """A thousand senders that were slowed down, or put back by hand, made one write too large: pacing died of it."""
    health, partition = watch(a=route("a")), Partition()
    health.hear(partition.report(full=True), START)
    for number in range(300):
        partition.came("a", f"d{number}.example", accepted=10, deferred=90)
    health.hear(partition.report(), START + 70)
    looks = [notices for _, notices in ticks(health, START + 70, 10)]
    assert max(map(len, looks)) == MOST_TURNED and sum(map(len, looks)) == 300
    (status,) = health.status(START + 80, nothing)
    assert len(status.senders) == 300
    restored = health.by_hand("a", "closed", START + 80)
    assert len(restored) == MOST_TURNED
    restored += [each for _, notices in ticks(health, START + 80, 10) for each in notices]
    assert len(restored) == 300 and {each.kind for each in restored} == {"restored"}
    assert not health.status(START + 90, nothing)[0].senders
