"""Lanes without a broker: one id at a time, giving way, and what is held."""

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP

from app.stream.exits import Abandoned
from app.stream.lanes import Lanes
from app.stream.turns import Turns


class Stream:
    """A stream of given events that ends."""

    def __init__(self, events: list[Any]) -> None:
        self._events = events
        self.acked: list[Any] = []

    def noack(self) -> "Stream":
        """Itself: acknowledgements are always manual here."""
        return self

    async def events(self) -> AsyncIterator[Any]:
        """The events in order."""
        for event in self._events:
            yield event

    async def ack(self, event: Any) -> None:
        """Note an acknowledgement."""
        self.acked.append(event)


class Consumer:
    """Notes what the lanes ask of a consumer."""

    def __init__(self) -> None:
        self.held: set[TP] = set()
        self.given_up: list[Any] = []

    def hold(self, tp: TP, _owner: object) -> None:
        """Stop fetching."""
        self.held.add(tp)

    def release(self, tps: set[TP], _owner: object) -> None:
        """Fetch again."""
        self.held -= tps

    def give_up(self, message: Any) -> None:
        """Will come again."""
        self.given_up.append(message)


class App:
    """As much of an app as lanes need; `active` and the generation are what a rebalance changes."""

    def __init__(self) -> None:
        self.lanes: list[Lanes] = []
        self.turns = Turns()
        self.consumer = Consumer()
        self.active, self.should_stop, self.consumer_generation_id = True, False, 1
        self.flow_control = SimpleNamespace(is_active=lambda: self.active)
        self.deaths: list[BaseException] = []

    def die_of(self, _why: str, exc: BaseException) -> None:
        """Note a death."""
        self.deaths.append(exc)


def event(offset: int, partition: int = 0) -> Any:
    """An event of the first generation."""
    return SimpleNamespace(message=SimpleNamespace(tp=TP("t", partition), offset=offset, generation_id=1), value=offset)


async def idle(lanes: Lanes) -> None:
    """Wait until no handler runs."""
    while lanes.running:  # noqa: ASYNC110 - lanes tell nobody that they are empty
        await asyncio.sleep(0)


@pytest.fixture
def app() -> App:
    """A fresh app."""
    return App()


async def test_a_full_lane_holds_its_partition_until_there_is_room(app: App) -> None:
    """
    Unread input would stop every topic of the worker; input without a bound would fill its memory.
    """
    lanes, gate = Lanes(app, 2), asyncio.Event()  # type: ignore[arg-type]

    async def handle(_: Any) -> None:
        await gate.wait()

    stream = Stream([event(n, n % 2) for n in range(20)])
    await lanes.run(stream, handle)  # type: ignore[arg-type]
    assert (lanes.running, lanes.waiting) == (2, 18)
    assert app.consumer.held == {TP("t", 0), TP("t", 1)}
    gate.set()
    await idle(lanes)
    assert [e.value for e in stream.acked] == list(range(20))
    assert app.consumer.held == set()


async def test_a_handler_whose_partition_has_left_before_it_began_does_nothing(app: App) -> None:
    """
    Between reading and beginning lies a turn of the loop, and a rebalance may fall into it.
    """
    lanes, begun = Lanes(app, 8), []  # type: ignore[arg-type, var-annotated]

    async def handle(e: Any) -> None:
        begun.append(e)

    stream = Stream([event(1)])
    await lanes.run(stream, handle)  # type: ignore[arg-type]
    assert not begun
    app.consumer_generation_id += 1
    await idle(lanes)
    assert not begun and not stream.acked and [each.offset for each in app.consumer.given_up] == [1]


async def test_copies_of_one_pack_take_turns(app: App) -> None:
    """
    The second copy must find what the first has written, not an intent that looks like a crash.
    """
    lanes, at_work, most = Lanes(app, 8), 0, 0  # type: ignore[arg-type]

    async def handle(_: Any) -> None:
        nonlocal at_work, most
        await lanes.only_one(b"pack")
        await lanes.only_one(b"pack")  # asked for twice, it is still ours
        at_work += 1
        most = max(most, at_work)
        for _ in range(3):
            await asyncio.sleep(0)
        at_work -= 1

    stream = Stream([event(n) for n in range(8)])
    await lanes.run(stream, handle)  # type: ignore[arg-type]
    await idle(lanes)
    assert (most, len(stream.acked)) == (1, 8)


async def test_a_rebalance_makes_handlers_give_way_without_acknowledging(app: App) -> None:
    """
    What was not finished must come again, at whoever owns the partition then.
    """
    lanes, gate = Lanes(app, 2), asyncio.Event()  # type: ignore[arg-type]

    async def handle(e: Any) -> None:
        await gate.wait()
        lanes.check(e)

    stream = Stream([event(n) for n in range(6)])
    await lanes.run(stream, handle)  # type: ignore[arg-type]
    app.active = False
    lanes.let_go()
    gate.set()
    await idle(lanes)
    assert stream.acked == []
    assert sorted(message.offset for message in app.consumer.given_up) == list(range(6))
    assert app.deaths == []


async def test_events_of_an_assignment_that_is_over_are_not_begun(app: App) -> None:
    """
    Their partition may be somebody else's already.
    """
    lanes = Lanes(app, 2)  # type: ignore[arg-type]
    app.consumer_generation_id = 2
    stream = Stream([event(0)])
    await lanes.run(stream, pytest.fail)  # type: ignore[arg-type]
    assert [message.offset for message in app.consumer.given_up] == [0]
    with pytest.raises(Abandoned):
        lanes.check(event(0))


async def test_a_failing_handler_ends_the_process_and_acknowledges_nothing(app: App) -> None:
    """
    Unwinding would acknowledge the event, and its people would be forgotten.
    """
    lanes = Lanes(app, 2)  # type: ignore[arg-type]

    async def handle(_: Any) -> None:
        raise RuntimeError("bug")

    stream = Stream([event(0)])
    await lanes.run(stream, handle)  # type: ignore[arg-type]
    await idle(lanes)
    assert [str(death) for death in app.deaths] == ["bug"]
    assert stream.acked == []


async def test_bulk_begins_in_turns_and_urgent_at_once() -> None:
    """A password reset that arrives behind forty packs of a newsletter is not begun behind forty packs."""
    app = App()
    bulk, urgent = Lanes(app, 64, "bulk"), Lanes(app, 64, "urgent")  # type: ignore[arg-type]
    begun: list[str] = []

    async def of_bulk(_: Any) -> None:
        begun.append("bulk")

    async def of_urgent(_: Any) -> None:
        begun.append("urgent")

    await bulk.run(Stream([event(number) for number in range(40)]), of_bulk)  # type: ignore[arg-type]
    await urgent.run(Stream([event(0, 1)]), of_urgent)  # type: ignore[arg-type]
    await asyncio.gather(idle(bulk), idle(urgent))
    assert begun.count("bulk") == 40
    assert begun.index("urgent") < 3
    assert app.turns.urgent == 0


async def test_a_turn_that_is_given_up_goes_to_the_next() -> None:
    """A handler that is cancelled while it waits must not stop all behind it."""
    turns = Turns()
    first, second = (asyncio.create_task(turns.mine()) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await second
    assert first.cancelled()
