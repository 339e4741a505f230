"""What is forgotten of limits makes no difference to anybody: neither to what is granted, nor to who sets one again."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.pace import writes_of
from app.delivery.limits.sweep import sweep
from app.delivery.pacing.pacer import Pacer
from app.records import ClassDemand
from app.routes import LimitSet
from tests.delivery.pacers import a_pacer
from tests.delivery.test_pacing import campaign, demand

MIDNIGHT = 1_800_057_600.0  # UTC
DAY = 86_400.0


def hear(pacer: Pacer, now: float, due: int = 1_000, *groups: str) -> None:
    """All slips so far are spent, and answered; *due* messages wait for each group."""
    classes = [ClassDemand("c_1", "bulk", group, due, 0.0, 0) for group in groups or ("gmail",)]
    pacer.hear(demand(0, pacer.numbers[0], now, *classes))


def granted(pacer: Pacer, now: float) -> int:
    return sum(grant.count for slip in pacer.tick(now) for grant in slip.grants)


def a_limit(**fields: Any) -> LimitSet:
    return LimitSet(scope="group", name="gmail", **fields)


@pytest.mark.parametrize(("pause", "left"), [(0.0, 0), (7_200.0, 0), (1.5 * DAY, 100)])
def test_a_cap_that_is_removed_and_set_again_keeps_what_is_used(pause: float, left: int) -> None:
    """
    Who may set limits could have a second helping of a day by removing its cap for a moment.
    """
    pacer, now = a_pacer(1), MIDNIGHT + 3_600
    pacer.campaign(campaign())
    pacer.limit(a_limit(daily=100))
    hear(pacer, now)
    assert granted(pacer, now) == 100
    pacer.limit(a_limit())
    hear(pacer, now + 1, due=0)
    for _ in range(2):  # a sweep, and one more after a restart
        sweep(pacer.book, now + pause)
        stored = pacer.book.stored_caps | {name: cap.stored for name, cap in pacer.caps.items()}
        pacer = a_pacer(1)
        pacer.campaign(campaign())
        pacer.restore({}, {}, now + pause, stored)
    pacer.limit(a_limit(daily=100))
    hear(pacer, now + pause + 10)
    assert granted(pacer, now + pause + 10) == left


def test_records_of_limits_that_are_gone_leave_the_table() -> None:
    """A limit for each of a thousand domains was kept in the table, and in memory, for ever after its removal."""
    pacer = a_pacer(1)
    pacer.campaign(campaign())
    pacer.limit(LimitSet(scope="group", name="*", rate=10, daily=1_000, concurrency=500))
    groups = [f"d{number}.example" for number in range(200)]
    hear(pacer, MIDNIGHT + 60, 2, *groups)
    assert granted(pacer, MIDNIGHT + 60) == 400
    hear(pacer, MIDNIGHT + 60.1, 0, *groups)
    kept = len(writes_of(pacer, []).first)
    sweep(pacer.book, MIDNIGHT + 60.1)
    assert kept == len(pacer.buckets) + len(pacer.caps) == 400 and not pacer.touched  # they still count
    pacer.restore({"pool|gone": (10.0, 10.0, 5.0)}, {}, MIDNIGHT + 60, {"day|pool|gone": (MIDNIGHT - 5 * DAY, 7)})
    sweep(pacer.book, MIDNIGHT + 3 * DAY)
    assert not pacer.buckets and not pacer.caps
    assert len(pacer.book.bounds) < 10
    tombstones = dict(writes_of(pacer, []).first)
    assert len(tombstones) == 402 and not any(tombstones.values())
    assert {b"bpool|gone", b"wday|pool|gone", b"bgroup|d7.example", b"wday|group|d7.example"} <= tombstones.keys()


LIMITS = st.fixed_dictionaries(
    {"scope": st.sampled_from(["group", "pool"]), "name": st.just("*")},
    optional={"rate": st.floats(0.5, 50), "concurrency": st.integers(1, 300), "daily": st.integers(1, 2_000)},
)


@given(
    st.lists(LIMITS, min_size=1, max_size=2),
    st.lists(st.tuples(st.sampled_from(["gmail", "yahoo"]), st.integers(0, 400), st.floats(0.1, 90)), max_size=40),
)
@settings(max_examples=60, deadline=None)
def test_who_sweeps_all_the_time_grants_the_same(
    limits: list[dict[str, Any]], steps: list[tuple[str, int, float]]
) -> None:
    """It is done while everything runs: what is on the way, used and owed must outlive it."""
    both = [a_pacer(1), a_pacer(1)]
    for pacer in both:
        pacer.campaign(campaign())
        for limit in limits:
            pacer.limit(LimitSet.model_validate(limit))
    now = MIDNIGHT + 60
    for group, due, seconds in steps:
        now += seconds
        for pacer in both:
            hear(pacer, now, due, group)
        sweep(both[1].book, now)
        first, second = ([(s.number, s.valid_until, s.grants) for s in pacer.tick(now)] for pacer in both)
        assert first == second
