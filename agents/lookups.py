"""events -> report.received: asks providers what became of messages that they took and never reported on.

One worker asks for each route. Answers go the way of webhooks, so a repeat changes nothing. Up to where it was asked is
stored after each page: a kill asks about a page once more.
"""

import asyncio
import logging
import zlib
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from dataclasses import replace
from types import ModuleType

from faust.types import TP

from agents.reports import Routes
from app import topics
from app.clickhouse.addresses import addresses_of
from app.clickhouse.client import ClickHouse, ClickHouseError
from app.clickhouse.lookup_queries import Missing, keep_places, missing_of, places_of
from app.delivery.reports.lookups import (
    Place,
    Rule,
    Verdict,
    is_listed,
    page_of,
    rule_of,
    steps_of,
    verdict_on,
    window_of,
)
from app.faults import reached
from app.provider_accounts import HttpAccount
from app.providers.contract import Answer, Request, Secrets, Sought
from app.providers.echo import query_of
from app.providers.registry import adapter_of
from app.records import ReceivedReport, encode
from app.routes import Route
from app.settings import Settings
from app.stream.app import StreamApp
from app.transport.http_client import HttpClient, HttpError
from app.transport.secrets import SecretKeeper, SecretMissingError

log = logging.getLogger("fanfare.lookups")

MOST_PAGES = 500  # of one list
MOST_FAILED = 3  # questions in a row without an answer, before the message they begin with is left out
MOST_TOGETHER = 1_000  # messages of a page, where one request may be about many
BEFORE = 60.0  # seconds that a list begins before what is missing: clocks differ
PACKED = 100_000  # bytes of an answer from which on it is packed
MOST_BODY = 900_000  # bytes of a record


class StoppedError(Exception):
    """The route is not asked any more for now: *seconds*, and why."""

    def __init__(self, seconds: float, why: str) -> None:
        super().__init__(why)
        self.seconds = seconds


class Lookups:
    """The tick that looks for what is missing, and those who ask."""

    topic = topics.REPORT_RECEIVED  # whose partitions tell which worker asks for a route

    def __init__(self, app: StreamApp, client: ClickHouse, routes: Routes, settings: Settings) -> None:
        self._app, self._client, self._routes, self._settings = app, client, routes, settings
        self._secrets = SecretKeeper()
        self._paused: dict[str, float] = {}  # route -> until when
        self._failures: dict[str, int] = {}  # in a row
        self._at_work: dict[str, asyncio.Task[None]] = {}  # provider -> who asks it: one at a time, for its rate

    def attach(self) -> None:
        """Start the tick."""

        async def run() -> None:
            while not self._app.should_stop:
                await asyncio.sleep(self._settings.lookups)
                if self._app.working:
                    self.look()

        async def start() -> None:
            self._app.add_future(run())

        async def stop() -> None:
            for task in self._at_work.values():
                task.cancel()
            await asyncio.gather(*self._at_work.values(), return_exceptions=True)

        self._app.before_start(start)
        self._app.after_stop(stop)

    def look(self) -> None:
        """Begin with every provider that nobody asks just now."""
        by_provider: dict[str, list[Route]] = {}
        for name in self._routes.names():
            route = self._routes.get(name)
            if route is not None and route.enabled and self._is_ours(name):
                by_provider.setdefault(route.adapter, []).append(route)
        for provider, routes in by_provider.items():
            known = self._at_work.get(provider)
            if known is None or known.done():
                self._at_work[provider] = asyncio.create_task(self._ask_for(routes), name=f"lookups-{provider}")

    def _is_ours(self, route: str) -> bool:
        """Whether this worker asks for *route*: one does, whoever holds its partition."""
        partition = zlib.crc32(route.encode()) % self._app.partitions
        return TP(self.topic, partition) in self._app.consumer.assignment()

    async def _ask_for(self, routes: list[Route]) -> None:
        for route in routes:
            now = self._app.now()
            if self._paused.get(route.name, 0.0) > now:
                continue
            try:
                await self.ask_for(route)
            except StoppedError as stopped:
                self._paused[route.name] = now + stopped.seconds
                log.warning("no look-ups over %s for %.0f s: %s", route.name, stopped.seconds, stopped)
            except ClickHouseError as error:
                log.warning("what is missing of %s is not known, the next time is soon: %s", route.name, error)
            except Exception:  # a mistake here must not end who takes reports
                log.exception("look-ups over %s", route.name)

    async def ask_for(self, route: Route) -> None:
        """Ask about what *route* has not reported, a page a step of age. Raises StoppedError, ClickHouseError."""
        rule = rule_of(route.adapter, route.channel, route.report_after, self._settings.lookup_rates)
        if rule is None or (asking := await self.asking_for(route, rule)) is None:
            return
        try:
            places = await places_of(self._client, route.name)
            for step in range(len(steps_of(rule))):
                place = await self._ask_step(asking, step, places.get(step))
                if place is not None:
                    await keep_places(self._client, route.name, {step: place}, self._app.now())
                    reached("lookups.kept")
        finally:
            await asking.close()

    async def asking_for(self, route: Route, rule: Rule) -> "Asking | None":
        """Who asks about messages of *route*; None where nobody can. Raises StoppedError."""
        adapter, config = adapter_of(route.adapter, route.channel), route.config
        if adapter is None or not isinstance(config, HttpAccount):
            return None
        try:
            secrets = await self._secrets.of(config)
        except SecretMissingError as error:
            raise StoppedError(600.0, f"{error} (here: the intake worker)") from error
        return _HttpAsking(self._app, route, rule, self._failures, adapter, config, secrets)

    async def _ask_step(self, asking: "Asking", step: int, place: Place | None) -> Place | None:
        """Ask about a page of *step*; up to where, None where there was nothing to look for yet."""
        window = window_of(asking.rule, step, place, self._app.now())
        if window is None:
            return None
        requests = page_of(asking.rule)
        most = MOST_TOGETHER if asking.together else requests
        missing = await missing_of(self._client, asking.route.name, window, most)
        if not missing:
            return Place(window.until)
        log.info("%s: %d messages without a report", asking.route.name, len(missing))
        if is_listed(missing, asking.lists) and await asking.list_since(missing[0].sent_at - BEFORE):
            return Place(window.until)
        addresses = await self._addresses(missing)
        done: set[str] = set()  # messages that others were asked about with
        for at, each in enumerate(missing):
            if each.message in done:
                continue
            if not requests:
                return Place(missing[at - 1].sent_at, missing[at - 1].message)
            requests -= 1
            same = [other for other in missing[at:] if asking.together and each.ref and other.ref == each.ref]
            try:
                if len(same) > 1:
                    await asking.ask_together(same, addresses)
                    done.update(other.message for other in same)
                else:
                    await asking.ask(each, addresses.get(each.recipient, ""))
            except StoppedError:
                # One that is never answered must not hold up all others for good: it is asked about at its next age.
                gone_on = self._failures.get(asking.route.name, 0) >= MOST_FAILED
                if last := missing[at - 1] if at else each if gone_on else None:
                    place = Place(last.sent_at, last.message)
                    await keep_places(self._client, asking.route.name, {step: place}, self._app.now())
                raise
        return Place(missing[-1].sent_at, missing[-1].message) if len(missing) == most else Place(window.until)

    async def _addresses(self, missing: list[Missing]) -> dict[str, str]:
        """Of those who are contacts: who was written to alone is asked about by the provider's id."""
        found: dict[str, str] = {}
        for account in {each.account for each in missing}:
            own = [each.recipient for each in missing if each.account == account]
            found |= await addresses_of(self._client, account, own)
        return found


class Asking:
    """Asks one provider, no faster than its rule says, and hands on what it tells."""

    lists = False  # whether it can tell all that happened since a moment
    together = False  # whether it can tell of all messages with one id of the provider

    def __init__(self, app: StreamApp, route: Route, rule: Rule, failures: dict[str, int]) -> None:
        self._app, self._failures = app, failures
        self.route, self.rule = route, rule
        self._next_at = 0.0

    async def close(self) -> None:
        """End what was made for asking."""

    async def ask(self, missing: Missing, address: str) -> None:
        """Ask about one message. Raises StoppedError."""

    async def ask_together(self, missing: Sequence[Missing], addresses: Mapping[str, str]) -> None:
        """Ask about messages with one id of the provider, at once. *addresses*: by recipient. Raises StoppedError."""

    async def list_since(self, begin: float) -> bool:  # noqa: ARG002 - for those who can
        """Ask for all that happened since *begin*; whether that was all. Raises StoppedError."""
        return False

    async def answered(self, asked: Awaitable[Answer]) -> tuple[Answer, Verdict]:
        """What comes of *asked*, when its turn is. Raises StoppedError."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, self._next_at - loop.time()))
        self._next_at = loop.time() + 60.0 / self.rule.per_minute
        name = self.route.name
        answer = await asked
        verdict = verdict_on(answer.status, answer.headers.get("retry-after", ""), self._failures.get(name, 0))
        if verdict.pause:
            self._failures[name] = self._failures.get(name, 0) + 1
            raise StoppedError(verdict.pause, verdict.why)
        self._failures.pop(name, None)
        return answer, verdict

    async def hand_on(self, answer: Answer, query: str) -> None:
        """Let it be read as what a webhook brings is. It is kept before the next one is asked for."""
        packed = len(answer.body) > PACKED
        body = await asyncio.to_thread(zlib.compress, answer.body, 1) if packed else answer.body
        if len(body) > MOST_BODY:
            log.error("an answer of %s is too large to be read: %d bytes", self.route.name, len(answer.body))
            return
        report = ReceivedReport(
            self.route.adapter, self.route.name, "lookup", self._app.now(), body,
            answer.headers.get("content-type", "")[:200], query, packed=packed,
        )  # fmt: skip
        await self._app.produce(topics.REPORT_RECEIVED, None, None, encode(report))
        reached("lookups.handed_on")


class _HttpAsking(Asking):
    """Asks a provider with an HTTP API."""

    def __init__(
        self, app: StreamApp, route: Route, rule: Rule, failures: dict[str, int], adapter: ModuleType,
        config: HttpAccount, secrets: Secrets,
    ) -> None:  # fmt: skip
        super().__init__(app, route, rule, failures)
        self._adapter, self._config, self._secrets = adapter, config, secrets
        self._http = HttpClient(connections=1, timeout=config.timeout)
        self.lists = hasattr(adapter, "listed_for")
        self.together = hasattr(adapter, "together_for")

    async def close(self) -> None:
        await self._http.close()

    async def ask(self, missing: Missing, address: str) -> None:
        sought = _sought(missing, address)
        request = self._adapter.lookup_for(self._config, self._secrets, sought, self._app.now())
        if request is not None:
            answer, verdict = await self.answered(self._asked(request))
            if verdict.told:
                await self.hand_on(answer, query_of(sought))

    async def ask_together(self, missing: Sequence[Missing], addresses: Mapping[str, str]) -> None:
        request = self._adapter.together_for(self._config, self._secrets, missing[0].ref, self._app.now())
        if request is None:
            return
        answer, verdict = await self.answered(self._asked(request))
        if verdict.told:
            sought = [_sought(each, addresses.get(each.recipient, "")) for each in missing]
            for each, body in self._adapter.told_apart(answer, sought):
                await self.hand_on(replace(answer, body=body), query_of(each))

    async def list_since(self, begin: float) -> bool:
        request = self._adapter.listed_for(self._config, self._secrets, begin, self._app.now())
        async for answer in self._pages(request):
            await self.hand_on(answer, "")
            if self._adapter.next_for(self._config, self._secrets, answer) is None:
                return True
        return False

    async def _pages(self, request: Request | None) -> AsyncIterator[Answer]:
        for _ in range(MOST_PAGES):
            if request is None:
                return
            answer, verdict = await self.answered(self._asked(request))
            if not verdict.told:
                return
            yield answer
            request = self._adapter.next_for(self._config, self._secrets, answer)

    async def _asked(self, request: Request) -> Answer:
        try:
            return await self._http.ask(request)
        except HttpError as error:
            return Answer(503, {}, str(error).encode())


def _sought(missing: Missing, address: str) -> Sought:
    """What a provider is asked about; of a message with several ids the first."""
    ref = missing.ref.partition(",")[0]
    return Sought(bytes.fromhex(missing.message), missing.attempt, ref, missing.sent_at, address)
