"""Beats: whether a worker is heard, and whether its clock is right."""

import asyncio
import time
from types import SimpleNamespace
from typing import Any

from app.records import Beat, decode
from app.stream.beats import Beats

LOG_APPEND, CREATE = 1, 0


class App:
    """As much of an app as beats need; *stamp* is the broker's time, None while it does not answer."""

    def __init__(self) -> None:
        self.should_stop = False
        self.starts: list[Any] = []
        self.beats: list[Beat] = []
        self.deaths: list[str] = []
        self.stamp: int | None = None
        self.kind = LOG_APPEND
        self.tasks: list[asyncio.Task[None]] = []

    def before_start(self, hook: Any) -> None:
        """Keep the hook."""
        self.starts.append(hook)

    def add_future(self, work: Any) -> None:
        """Run something aside."""
        self.tasks.append(asyncio.get_running_loop().create_task(work))

    def now(self) -> float:
        """This machine's clock."""
        return time.time()

    def die(self, why: str) -> None:
        """Note a death."""
        self.deaths.append(why)

    def produce_soon(self, _topic: str, _partition: int, _key: bytes, value: bytes) -> "asyncio.Future[Any]":
        """Store a beat, acknowledged at once if the broker answers."""
        beat = decode(Beat, value)
        assert isinstance(beat, Beat)
        self.beats.append(beat)
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if self.stamp is not None:
            done.set_result(SimpleNamespace(timestamp=self.stamp, timestamp_type=self.kind))
        return done


async def begin(app: App) -> Beats:
    """Start beats and let the first one be answered."""
    beats = Beats(app, "w-0", "senders", SimpleNamespace(position=41))  # type: ignore[arg-type]
    await app.starts[0]()
    for _ in range(4):
        await asyncio.sleep(0)
    app.should_stop = True
    for task in app.tasks:
        task.cancel()
    return beats


async def test_a_worker_is_fresh_only_when_its_beat_was_acknowledged() -> None:
    """
    A sender that nobody hears does not hear of a pause either, and must start nothing.
    """
    deaf = App()
    assert not (await begin(deaf)).fresh()
    heard = App()
    heard.stamp = int(time.time() * 1000)
    assert (await begin(heard)).fresh()
    assert (heard.beats[0].worker, heard.beats[0].directory) == ("w-0", 41)
    assert heard.deaths == []


async def test_a_wrong_clock_ends_the_worker_with_advice() -> None:
    """
    Credits and deadlines are compared between machines.
    """
    app = App()
    app.stamp = int(time.time() * 1000) - 3_000
    await begin(app)
    assert len(app.deaths) == 1
    assert "set up NTP" in app.deaths[0]


async def test_a_timestamp_of_our_own_says_nothing_about_the_brokers_clock() -> None:
    """
    A topic that keeps the producer's time would compare our clock with itself.
    """
    app = App()
    app.stamp, app.kind = int(time.time() * 1000) - 3_000, CREATE
    await begin(app)
    assert app.deaths == []
