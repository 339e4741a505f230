"""Visits that a webhook asks for: the certificate that signs it, and the address that confirms a subscription.

Adapters have checked scheme and host of each URL (app/providers/contract.py). Here they are visited once, without
redirects, over https alone, with bounds on time, bytes and how often.
"""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import aiohttp

T = TypeVar("T")

SECONDS = 8.0
MOST_BYTES = 64_000  # of a certificate; of a confirmation as much is read and thrown away
MOST_KEPT = 50  # certificates
KEPT_FOR = 86_400.0  # seconds
MOST_VISITED = 1_000  # confirmations that are remembered
MOST_A_MINUTE = 20  # visits of each kind

Get = Callable[[str], Awaitable[tuple[int, bytes]]]  # URL -> status and body; raises VisitError


class VisitError(Exception):
    """What was asked for could not be fetched. Says why."""


async def get_https(url: str) -> tuple[int, bytes]:
    """Status and body of *url*; it is asked once, and a redirect is an answer like others."""
    if not url.startswith("https://"):
        raise VisitError("only https is visited")
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SECONDS)) as session,
            session.get(url, allow_redirects=False) as answer,
        ):
            body = await answer.content.read(MOST_BYTES + 1)
            while len(body) <= MOST_BYTES and (more := await answer.content.read(MOST_BYTES)):
                body += more
            return answer.status, body
    except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
        raise VisitError(str(error) or type(error).__name__) from error


class Visits:
    """What has been fetched and confirmed, by URL. *clock* is monotonic."""

    def __init__(self, get: Get = get_https, clock: Callable[[], float] = time.monotonic) -> None:
        self._get, self._clock = get, clock
        self._certificates: OrderedDict[str, tuple[float, str]] = OrderedDict()
        self._fetching: dict[str, asyncio.Task[str]] = {}
        self._confirmed: OrderedDict[str, None] = OrderedDict()
        self._confirming: dict[str, asyncio.Task[None]] = {}
        self._begun: dict[str, deque[float]] = {"certificate": deque(), "confirmation": deque()}

    async def certificate(self, url: str) -> str:
        """The certificate at *url*, PEM. Who asks at the same time waits for the same visit. Raises VisitError.

        One that was fetched before is good enough when it cannot be fetched again: strangers may use up all visits.
        """
        kept = self._certificates.get(url)
        if kept is not None and self._clock() - kept[0] < KEPT_FOR:
            return kept[1]
        try:
            return await asyncio.shield(self._one(self._fetching, url, self._fetch))
        except VisitError:
            if kept is None:
                raise
            return kept[1]  # whether it is still in force stands in it

    async def confirm(self, url: str) -> bool:
        """Visit *url*, if it has not been visited well before; whether this visit was the first. Raises VisitError."""
        if url in self._confirmed:
            return False
        await asyncio.shield(self._one(self._confirming, url, self._visit))
        return True

    async def close(self) -> None:
        """End what is under way."""
        tasks = [*self._fetching.values(), *self._confirming.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _one(
        self, under_way: dict[str, asyncio.Task[T]], url: str, visit: Callable[[str], Coroutine[Any, Any, T]]
    ) -> asyncio.Task[T]:
        task = under_way.get(url)
        if task is None:
            task = under_way[url] = asyncio.create_task(visit(url), name="edge-visit")
            task.add_done_callback(lambda _: under_way.pop(url, None))
        return task

    async def _fetch(self, url: str) -> str:
        self._spend("certificate")
        status, body = await self._get(url)
        if status != 200 or len(body) > MOST_BYTES or b"BEGIN CERTIFICATE" not in body:
            raise VisitError(f"no certificate: status {status}, {len(body)} bytes")
        try:
            found = body.decode("ascii")
        except UnicodeDecodeError as error:
            raise VisitError("no certificate: it is not ASCII") from error
        self._certificates[url] = self._clock(), found
        while len(self._certificates) > MOST_KEPT:
            self._certificates.popitem(last=False)
        return found

    async def _visit(self, url: str) -> None:
        self._spend("confirmation")
        status, _ = await self._get(url)
        if not 200 <= status < 300:
            raise VisitError(f"it was answered {status}")
        self._confirmed[url] = None
        while len(self._confirmed) > MOST_VISITED:
            self._confirmed.popitem(last=False)

    def _spend(self, kind: str) -> None:
        begun, now = self._begun[kind], self._clock()
        while begun and now - begun[0] > 60.0:
            begun.popleft()
        if len(begun) >= MOST_A_MINUTE:
            raise VisitError(f"more than {MOST_A_MINUTE} visits in a minute")
        begun.append(now)
