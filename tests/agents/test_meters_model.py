"""Buckets and caps in the pacing table: stored before what they pay for, however many they are."""

import contextlib

import pytest

from agents.pace import writes_of
from app.delivery.rates import Bucket
from app.records import Slip
from tables import pacing as sections
from tests.agents.pacing_world import GROUP, START, Death, World

MANY = 8_000  # with these names more than one batch takes


@pytest.mark.parametrize("moment", range(8))
async def test_credit_is_given_only_once_all_that_it_was_paid_from_is_stored(moment: int) -> None:
    """
    Limits for every MX group over some routes are thousands of buckets in one tick: one write of them was refused, and
    pacing died of it at each start. A kill between two writes must not give away what is not paid for.
    """
    world, checks = World(), 0
    names = [f"pool|sender{number:05d}|mailbox-provider.example" for number in range(MANY)]

    def dies() -> bool:
        nonlocal checks
        checks += 1
        return checks == moment

    async def give() -> None:
        pacer = world.pacing.pacer
        pacer.buckets.update({name: Bucket(1.0, 2.0, 0.25, START) for name in names})
        pacer.touched.update(names)
        pacer.numbers[0] = 7
        await world.pacing.write([], writes_of(pacer, [Slip(0, 7, START, START + 1, START + 1, [])]))
        assert not pacer.touched

    world.store.deaths = dies
    with contextlib.suppress(Death):
        await give()
    stored = sections.buckets(world.process, GROUP)  # type: ignore[arg-type]
    paid = len(stored) == MANY
    assert paid or not sections.slip_numbers(world.process, GROUP)  # type: ignore[arg-type]
    assert paid or moment
