"""Which routes a message may take, in which order."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.delivery.routes.plan import Balance, plan_of
from app.routes import Route
from tests.delivery.pacers import a_route


def steps(routes: Iterable[Route], **who: object) -> list[tuple[str, ...]]:
    """The steps of a message of account acme to gmail."""
    asked: dict[str, object] = {"channel": "email", "account": "acme", "group": "gmail"} | who
    return list(plan_of({route.name: route for route in routes}, **asked).steps)  # type: ignore[arg-type]


def test_equals_share_a_step_and_the_cheaper_one_goes_first() -> None:
    """Cost decides where conditions do not."""
    assert steps([a_route("a"), a_route("b"), a_route("dear", cost=2.0)]) == [("a", "b"), ("dear",)]


@pytest.mark.parametrize(
    ("conditions", "who", "met"),
    [
        ({"accounts": ["acme"]}, {}, True),
        ({"accounts": ["beta"]}, {}, False),
        ({"groups": ["gmail", "yahoo"]}, {}, True),
        ({"groups": ["yahoo"]}, {}, False),
        ({"tiers": ["engaged"]}, {"tier": "engaged"}, True),
        ({"tiers": ["engaged"]}, {"tier": ""}, False),
        ({"tags": ["news"]}, {"tags": ["news", "x"]}, True),
        ({"tags": ["news"]}, {}, False),
        ({}, {"tags": ["news"]}, False),
        ({"countries": ["IN"]}, {"group": "IN/airtel"}, True),
        ({"countries": ["IN"]}, {"group": "gmail"}, False),
        ({"carriers": ["airtel"]}, {"group": "IN/airtel"}, True),
        ({"carriers": ["IN/airtel"]}, {"group": "IN/airtel"}, True),
        ({"carriers": ["airtel"]}, {"group": "IN/vodafone"}, False),
        ({"enabled": False}, {}, False),
    ],
)
def test_a_route_takes_whom_its_conditions_are_met_by(
    conditions: dict[str, object], who: dict[str, object], met: bool
) -> None:
    """A campaign with route tags takes only routes with one of them, and a route with tags only such campaigns."""
    assert bool(steps([a_route("a", **conditions)], **who)) is met


def test_who_names_more_conditions_goes_first() -> None:
    """The preferred pool for those who read their mail; who does not is sent over the other one."""
    routes = [
        a_route("a"),
        a_route("best", tiers=["engaged"], cost=9.0),
        a_route("own", tiers=["engaged"], accounts=["acme"]),
    ]
    assert steps(routes, tier="engaged") == [("own",), ("best",), ("a",)]
    assert steps(routes, tier="dormant") == [("a",)]


def test_fallbacks_stand_after_their_step_and_in_their_order() -> None:
    """A list says who takes over and nobody else; none at all leaves it to the further steps."""
    spare = a_route("spare", weight=0)
    assert steps([a_route("a", fallbacks=["c", "spare"]), a_route("b", cost=1.0), a_route("c", cost=2.0), spare]) == [
        ("a",), ("c",), ("spare",),
    ]  # fmt: skip
    assert steps([a_route("a", fallbacks=[]), a_route("b", cost=1.0)]) == [("a",)]
    assert steps([a_route("a"), a_route("b", cost=1.0), spare]) == [("a",), ("b",), ("spare",)]
    assert steps([a_route("a", fallbacks=["x"]), a_route("b"), a_route("x", cost=9.0), a_route("y", cost=1.0)]) == [
        ("a", "b"), ("x",), ("y",),
    ]  # fmt: skip


def test_a_fallback_need_not_meet_conditions_but_must_be_enabled() -> None:
    """Who is named is meant."""
    others = [a_route("for-others", accounts=["beta"]), a_route("off", enabled=False)]
    assert steps([a_route("a", fallbacks=["off", "for-others", "nobody"]), *others]) == [("a",), ("for-others",)]


def test_fallbacks_of_fallbacks_follow_and_a_circle_ends() -> None:
    """A circle is refused where routes are set; should there be one, the walk ends."""
    routes = [
        a_route("a", fallbacks=["b"]),
        a_route("b", fallbacks=["c"], cost=1.0),
        a_route("c", fallbacks=["a"], cost=2.0),
    ]
    assert steps(routes) == [("a",), ("b",), ("c",)]


def test_a_pin_leaves_one_route() -> None:
    """What became of an attempt there is unknown: nowhere else."""
    assert steps([a_route("a"), a_route("b", weight=0, accounts=["beta"])], pin="b") == [("b",)]
    assert steps([a_route("a")], pin="gone") == []
    assert steps([a_route("a", enabled=False)], pin="a") == []


NAMES = st.sampled_from("abcdef")


@given(
    st.lists(
        st.tuples(NAMES, st.integers(0, 2), st.sampled_from([0.0, 1.0]), st.none() | st.lists(NAMES, max_size=3)),
        max_size=6, unique_by=lambda each: each[0],
    )
)  # fmt: skip
def test_no_route_stands_twice_and_every_one_in_it_exists(
    said: list[tuple[str, int, float, list[str] | None]],
) -> None:
    """Whatever the fallbacks: each route is tried once, and what is equal has one id."""
    routes = {n: a_route(n, weight=w, cost=cost, fallbacks=fallbacks) for n, w, cost, fallbacks in said}
    plan = plan_of(routes, channel="email", account="acme")
    names = [name for step in plan.steps for name in step]
    assert len(names) == len(set(names)) and set(names) <= set(routes)
    assert bool(names) == bool(routes)
    assert plan == plan_of(dict(reversed(routes.items())), channel="email", account="acme")


@given(st.lists(st.integers(1, 9), min_size=2, max_size=5))
def test_a_route_that_could_not_be_used_makes_nothing_up(weights: list[int]) -> None:
    """Back in service it has its share, and no more."""
    names = [str(number) for number in range(len(weights))]
    balance = Balance(dict(zip(names, weights, strict=True)))
    given = dict.fromkeys(names, 0)

    def serve(usable: list[str], times: int) -> None:
        for _ in range(times):
            name = min(usable, key=balance.owed)
            balance.charge(name, 10)
            given[name] += 10

    serve(names[1:], 500)
    given = dict.fromkeys(names, 0)
    serve(names, 100 * sum(weights))
    for name, weight in zip(names, weights, strict=True):
        assert abs(given[name] - 1_000 * weight) <= 10 * max(weights)
