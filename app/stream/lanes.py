"""Lanes: several events of one agent in flight, and never unread input as backpressure.

Faust's conductor stops every topic of an app when the queue of one agent is full. So an agent that uses
Lanes reads its queue at once; what cannot start yet waits in a bounded deque, and beyond its bound the
fetching of that topic's partition is held. Other topics flow on.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Literal, cast

from faust.types import TP, EventT, StreamT

from app.stream.exits import Abandoned

if TYPE_CHECKING:
    from app.stream.app import StreamApp

Handler = Callable[[EventT[bytes]], Awaitable[None]]

__all__ = ["Abandoned", "Lanes"]


class Lanes:
    """Runs the events of one agent, up to *in_flight* at a time; acknowledges each when its handler is done.

    A handler that raises Abandoned gives way: its event is not acknowledged and comes again. Any other
    exception ends the process. Handlers of one partition start in the order of its records.

    *pace*: "bulk" handlers begin in turns, "urgent" ones keep those apart while they are at work.
    """

    def __init__(
        self,
        app: "StreamApp",
        in_flight: int = 16,
        pace: Literal["bulk", "urgent", ""] = "",
        most_waiting: int | None = None,
    ) -> None:
        self.app = app
        self.in_flight = in_flight
        self._pace = pace
        self.most_waiting = 2 * in_flight if most_waiting is None else most_waiting
        self._waiting: deque[tuple[StreamT[Any], EventT[bytes], Handler]] = deque()
        self._running: dict[asyncio.Task[None], EventT[bytes]] = {}
        self._busy: dict[bytes, asyncio.Task[None]] = {}
        self._held: set[TP] = set()
        self._letting_go: list[Callable[[], None]] = []
        app.lanes.append(self)

    def on_let_go(self, listener: Callable[[], None]) -> None:
        """Call *listener* when a rebalance or shutdown begins: handlers that wait for something must give way."""
        self._letting_go.append(listener)

    @property
    def running(self) -> int:
        """Handlers at work."""
        return len(self._running)

    @property
    def waiting(self) -> int:
        """Events that were read and have not started."""
        return len(self._waiting)

    async def run(self, stream: StreamT[Any], handle: Handler) -> None:
        """Handle every event of *stream*. Never returns."""
        stream = cast(Any, stream).noack()
        async for event in stream.events():
            if not self._current(event):
                self.app.consumer.give_up(event.message)
                continue
            if len(self._running) < self.in_flight and not self._waiting:
                self._start(stream, event, handle)
                continue
            self._waiting.append((stream, event, handle))
            if len(self._waiting) >= self.most_waiting:
                tp = event.message.tp
                self._held.add(tp)
                self.app.consumer.hold(tp, self)

    async def only_one(self, ident: bytes) -> None:
        """Inside a handler: wait until no other handler with this id runs; ours is then the one until it ends.

        A replay upstream produces a pack twice, and both copies can be in flight.
        """
        me = asyncio.current_task()
        assert me is not None
        while (other := self._busy.get(ident)) is not None:
            if other is me:
                return
            await asyncio.wait([other])
            event = self._running.get(me)
            if event is not None:
                self.check(event)
        self._busy[ident] = me
        me.add_done_callback(lambda _: self._busy.pop(ident, None))

    def check(self, event: EventT[bytes]) -> None:
        """Between two steps of a handler: raise Abandoned when the partition is no longer ours or the worker stops.

        Not `app.rebalancing`: that is still true when the first events of the new assignment arrive.
        """
        if not self._current(event):
            raise Abandoned

    def let_go(self) -> None:
        """A rebalance or shutdown begins: drop what has not started; it will be delivered again."""
        waiting, self._waiting = self._waiting, deque()
        self._held.clear()
        for _, event, _ in waiting:
            self.app.consumer.give_up(event.message)
        for listener in self._letting_go:
            listener()

    def _current(self, event: EventT[bytes]) -> bool:
        app = self.app
        return (
            app.flow_control.is_active()
            and event.message.generation_id == app.consumer_generation_id
            and not app.should_stop
        )

    def _start(self, stream: StreamT[Any], event: EventT[bytes], handle: Handler) -> None:
        task = asyncio.get_running_loop().create_task(self._one(stream, event, handle))
        self._running[task] = event
        task.add_done_callback(self._ended)

    async def _one(self, stream: StreamT[Any], event: EventT[bytes], handle: Handler) -> None:
        urgent = self._pace == "urgent"
        self.app.turns.urgent += urgent
        try:
            if self._pace == "bulk":
                await self.app.turns.mine()
            self.check(event)
            await handle(event)
            await stream.ack(event)
        except Abandoned:
            self.app.consumer.give_up(event.message)
        except asyncio.CancelledError as exc:
            if not self.app.should_stop:
                self.app.die("a handler was cancelled", exc)
            self.app.consumer.give_up(event.message)
        except BaseException as exc:
            # To unwind would acknowledge the event.
            self.app.die_of(f"handler of {event.message.tp} at offset {event.message.offset} failed", exc)
        finally:
            self.app.turns.urgent -= urgent

    def _ended(self, task: "asyncio.Task[None]") -> None:
        del self._running[task]
        while self._waiting and len(self._running) < self.in_flight:
            self._start(*self._waiting.popleft())
        if self._held and len(self._waiting) <= self.most_waiting // 2:
            held, self._held = self._held, set()
            self.app.consumer.release(held, self)
