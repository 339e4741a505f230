"""Places: each key has its own, and whoever waits for one gives way to a rebalance."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from app.stream.lanes import Lanes
from app.stream.places import Places
from tests.stream.test_lanes_alone import App, Stream, event, idle


async def test_a_key_that_is_stuck_costs_no_other_key_a_place() -> None:
    """
    One provider hangs: the others must not notice.
    """
    lanes = Lanes(App(), 64)  # type: ignore[arg-type]
    places, gate = Places(lanes, 2), asyncio.Event()
    most: Counter[str] = Counter()
    done: list[int] = []

    async def handle(e: Any) -> None:
        key = "stuck" if e.value < 20 else "flows"
        async with places.take(key):
            most[key] = max(most[key], places.taken(key))
            await (gate.wait() if key == "stuck" else asyncio.sleep(0))
            done.append(e.value)

    stream = Stream([event(n) for n in range(40)])
    await lanes.run(stream, handle)  # type: ignore[arg-type]
    while len(done) < 20:  # noqa: ASYNC110
        await asyncio.sleep(0)
    assert done == list(range(20, 40)), "in the order in which they came"
    gate.set()
    await idle(lanes)
    assert done[20:] == list(range(20)) and most == {"stuck": 2, "flows": 2}
    assert places.taken("stuck") == 0


async def test_who_waits_for_a_place_gives_way_to_a_rebalance() -> None:
    """
    A rebalance waits for what is in flight: a dead provider must not hold it for its time-out.
    """
    app = App()
    lanes = Lanes(app, 64)  # type: ignore[arg-type]
    places, gate = Places(lanes, 1), asyncio.Event()
    begun: list[int] = []

    async def handle(e: Any) -> None:
        async with places.take("stuck"):
            lanes.check(e)
            begun.append(e.value)
            await gate.wait()

    stream = Stream([event(n) for n in range(5)])
    await lanes.run(stream, handle)  # type: ignore[arg-type]
    while not begun:  # noqa: ASYNC110
        await asyncio.sleep(0)
    app.active = False
    lanes.let_go()
    while lanes.running > 1:  # noqa: ASYNC110
        await asyncio.sleep(0)
    assert begun == [0] and sorted(message.offset for message in app.consumer.given_up) == [1, 2, 3, 4]
    gate.set()
    await idle(lanes)
    assert [e.value for e in stream.acked] == [0] and places.taken("stuck") == 0
    assert not app.deaths


@pytest.mark.parametrize("handed", [False, True])
async def test_a_place_is_not_lost_with_who_waits_for_it(handed: bool) -> None:
    """
    Cancelled before, or in the moment in which the place was handed over: the next one gets it.
    """
    places = Places(Lanes(App(), 8), 1)  # type: ignore[arg-type]

    async def wait() -> None:
        async with places.take("k"):
            pass

    async with places.take("k"):
        first, second = asyncio.create_task(wait()), asyncio.create_task(wait())
        await asyncio.sleep(0)
        if not handed:
            first.cancel()
            await asyncio.sleep(0)
    if handed:
        first.cancel()
    await asyncio.gather(first, second, return_exceptions=True)
    assert second.exception() is None and places.taken("k") == 0
