"""Posts what became of messages: late, some twice or out of order, again where nobody took it; all of it bounded."""

import asyncio
import contextlib
import random
import time
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import aiohttp
import yarl

from app.local.simulators.orders import Orders
from app.local.simulators.taken import Step, Taken

TICK = 0.05  # seconds
MOST_EVENTS = 500_000  # that wait to be posted
MOST_POSTS = 20_000  # that wait for a place
MOST_AGAIN = 20_000  # that wait for another try
AT_ONCE = 16  # posts on their way
TIMEOUT = 15.0
NO_CONNECTION, TIMED_OUT = 0, -1  # in place of a status

Happened = tuple[Taken, Step]


@dataclass(slots=True)
class Post:
    """One request to a webhook."""

    url: str
    body: bytes
    headers: Mapping[str, str]
    events: int = 1
    method: str = "POST"
    expects: bytes | None = None  # the answer that is wanted, where that matters
    tries: int = 0  # so far
    most_again: int = 0  # tries after the first, and what they are for, where the message says so
    again_on: frozenset[str] = frozenset()


class Reporting(Protocol):
    """What reports need of a simulator."""

    orders: Orders
    batch: int  # most events in one post
    every: float  # seconds between posts that are not full

    def happened(self, taken: Taken, step: Step) -> None:
        """Hear of *step*, whether it is reported or not."""

    def posts(self, events: Sequence[Happened], now: float) -> Iterable[Post]:
        """The requests that tell *events*, signed at *now*."""

    def again(self, post: Post, status: int) -> float | None:
        """Seconds after which *post* is tried again; None never. *status*: or NO_CONNECTION, TIMED_OUT."""


class Reports:
    """Reports of one simulator."""

    def __init__(self, simulator: Reporting, seed: int = 1) -> None:
        self._simulator = simulator
        self.counts: Counter[str] = Counter()
        self._dice = random.Random(seed)
        self._wheel: dict[int, list[tuple[Taken, int, bool]]] = {}  # tick -> message, step, whether the rest follows
        self._again: dict[int, list[Post]] = {}
        self._waiting_again = 0
        self._turned = int(time.time() / TICK)
        self._due: deque[Happened] = deque()
        self._last = 0.0
        self._queue: asyncio.Queue[list[Happened] | Post] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []
        self._session: aiohttp.ClientSession | None = None
        self._on_the_way = 0

    def follow(self, taken: Taken) -> None:
        """Report what becomes of *taken*, step by step."""
        self._put(taken, 0, True, 0.0)

    def post(self, post: Post) -> None:
        """Send *post* at once."""
        if self._queue.qsize() < MOST_POSTS:
            self._queue.put_nowait(post)
        else:
            self.counts["dropped"] += post.events

    def waiting(self) -> int:
        """Events and posts that have not arrived yet, as far as they have happened."""
        return len(self._due) + self._queue.qsize() + self._on_the_way + self._waiting_again

    def planned(self) -> int:
        """Messages of which something is still to come."""
        return sum(map(len, self._wheel.values()))

    async def start(self) -> None:
        """Begin to post."""
        connector = aiohttp.TCPConnector(limit=AT_ONCE)
        timeout = aiohttp.ClientTimeout(total=TIMEOUT)
        # Cookies and a user agent of ours would be nothing that a provider sends.
        self._session = aiohttp.ClientSession(
            connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
        )
        self._tasks = [asyncio.create_task(self._turn_for_ever())]
        self._tasks += [asyncio.create_task(self._work(self._session)) for _ in range(AT_ONCE)]

    async def stop(self) -> None:
        """End; what waits is lost."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        if self._session is not None:
            await self._session.close()

    # -- in their time

    def _put(self, taken: Taken, number: int, rest: bool, later: float) -> None:
        if number < len(taken.plan):
            at = taken.time_of(taken.plan[number]) + later
            tick = max(int(at / TICK), self._turned + 1)
            self._wheel.setdefault(tick, []).append((taken, number, rest))

    async def _turn_for_ever(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            self._turn(time.time())

    def _turn(self, now: float) -> None:
        """Move what has become due by *now*."""
        until = int(now / TICK)
        # After a long pause of the machine the ticks are looked up, not walked through.
        known = len(self._wheel) + len(self._again)
        far = until - self._turned > known
        ticks = sorted(self._wheel.keys() | self._again.keys()) if far else range(self._turned + 1, until + 1)
        self._turned = until  # what is put from here on comes at the next turn
        for tick in ticks:
            if tick > until:
                break
            for taken, number, rest in self._wheel.pop(tick, ()):
                self._happens(taken, number, rest)
            for post in self._again.pop(tick, ()):
                self._waiting_again -= 1
                self.post(post)
        self._offer(now)

    def _happens(self, taken: Taken, number: int, rest: bool) -> None:
        orders, dice = self._simulator.orders, self._dice
        if rest:
            self._put(taken, number + 1, True, 0.0)
            self.counts["events"] += 1
            self._simulator.happened(taken, taken.plan[number])
            if not orders.reports or (orders.reports_lost and dice.random() < orders.reports_lost):
                self.counts["never_told"] += 1
                return
            if orders.twice and dice.random() < orders.twice:
                self.counts["twice"] += 1
                self._put(taken, number, False, 0.2 + dice.random())
            if orders.disorder and number + 1 < len(taken.plan) and dice.random() < orders.disorder:
                self.counts["out_of_order"] += 1
                wait = (taken.plan[number + 1].after - taken.plan[number].after) * taken.pace
                self._put(taken, number, False, wait + 0.1 + dice.random())
                return
        if len(self._due) < MOST_EVENTS:
            self._due.append((taken, taken.plan[number]))
        else:
            self.counts["dropped"] += 1

    def _offer(self, now: float) -> None:
        """Hand full batches to those that post, and the rest when its time has come."""
        due, size = self._due, self._simulator.batch
        while due and self._queue.qsize() < MOST_POSTS:
            if len(due) < size and now - self._last < self._simulator.every:
                return
            self._last = now
            self._queue.put_nowait([due.popleft() for _ in range(min(size, len(due)))])

    # -- over the wire

    async def _work(self, session: aiohttp.ClientSession) -> None:
        while True:
            item = await self._queue.get()
            posts = [item] if isinstance(item, Post) else self._simulator.posts(item, time.time())
            for post in posts:
                self._on_the_way += 1
                try:
                    await self._send(session, post)
                finally:
                    self._on_the_way -= 1

    async def _send(self, session: aiohttp.ClientSession, post: Post) -> None:
        try:
            request = partial(session.request, post.method, yarl.URL(post.url, encoded=True))
            async with request(data=post.body or None, headers=post.headers, allow_redirects=False) as answer:
                body = await answer.read()
                wrong = post.expects is not None and body != post.expects
                status = 400 if wrong else answer.status
        except aiohttp.ClientConnectorError:
            status = NO_CONNECTION
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
            status = TIMED_OUT
        self.counts["posts"] += 1
        if 200 <= status < 300:
            self.counts["told"] += post.events
            return
        self.counts[f"refused.{status}" if status > 0 else "no_answer"] += 1
        post.tries += 1
        wait = self._simulator.again(post, status)
        if wait is None or self._waiting_again >= MOST_AGAIN:
            self.counts["given_up"] += post.events
            return
        self._waiting_again += 1
        self._again.setdefault(max(int((time.time() + wait) / TICK), self._turned + 1), []).append(post)
