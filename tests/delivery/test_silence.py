"""No answers from a partition without an owner are no silence of a route."""

from app.delivery.routes.adaptive import AdaptiveRules
from app.delivery.routes.learned import RouteWatch
from app.records import ClassDemand, Demand
from app.routes import Notice
from tests.delivery.pacers import a_pacer, a_route
from tests.delivery.test_pacing import START, campaign, demand


def a_report(partition: int, now: float, on_the_way: int) -> Demand:
    waiting = ClassDemand("c_1", "bulk", "gmail", 0, 0.0, on_the_way, open_on={"a": on_the_way})
    return demand(partition, 0, now, waiting)


def told_in(seconds: int, reporting: tuple[int, ...], on_the_way: int) -> list[Notice]:
    """What is told in that time, while messages of partition 0 are on the way and nobody answers."""
    pacer, watch = a_pacer(2, a_route("a")), RouteWatch(AdaptiveRules(), START)
    watch.route("a", pacer.book.routes["a"], START)
    pacer.campaign(campaign())
    for partition in (0, 1):
        pacer.hear(a_report(partition, START, 0 if partition else on_the_way))
    told: list[Notice] = []
    for step in range(seconds * 2):
        now = START + step / 2
        for partition in reporting:
            pacer.hear(a_report(partition, now, 0 if partition else on_the_way))
        told += watch.tick(now, lambda route, now=now: pacer.awaited(route, now))  # type: ignore[misc]
    assert pacer.on_the_way("a") == on_the_way
    return told


def test_a_dead_worker_does_not_take_routes_out_of_service() -> None:
    """
    A takeover takes longer than a breaker waits for an answer: each kill of a worker raised an alert for every route.
    """
    assert told_in(25, reporting=(1,), on_the_way=40) == []
    (notice,) = told_in(25, reporting=(0, 1), on_the_way=40)
    assert notice.kind == "breaker_opened" and "no answer" in notice.reason
