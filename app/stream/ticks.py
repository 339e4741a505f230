"""Ticks: timers of a plane, which run only while its partitions are owned and recovered."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from app.stream.exits import Abandoned

if TYPE_CHECKING:
    from app.stream.app import StreamApp


def every(app: "StreamApp", seconds: float, work: Callable[[], Awaitable[None]]) -> None:
    """Await *work* every *seconds* (measured from end to start); an exception ends the process, Abandoned gives way."""

    async def tick() -> None:
        while not app.should_stop:
            await asyncio.sleep(seconds)
            if not app.working or app.should_stop:
                continue
            try:
                await work()
            except Abandoned:
                continue
            except Exception as exc:
                # A dead timer would leave a worker that looks healthy.
                app.die(f"timer {getattr(work, '__qualname__', work)} failed", exc)

    async def start() -> None:
        app.add_future(tick())

    app.before_start(start)
