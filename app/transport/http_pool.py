"""Messages over a provider's HTTP API: the counterpart of SmtpPool, one request for one message or for a batch."""

import asyncio
import logging
import ssl
import time
from collections.abc import Callable, Coroutine, Hashable, Mapping, Sequence
from typing import NamedTuple, Protocol

from app.delivery.outcomes import Kind
from app.provider_accounts import HttpAccount
from app.providers.contract import Answer, Message, Request
from app.providers.http_answers import wait_asked
from app.records import Outcome
from app.transport.connections import FIRST_BACKOFF, LONGEST_BACKOFF
from app.transport.http_client import AnswerLostError, HttpClient, HttpError, NotSentError, WithheldError
from app.transport.once_a_turn import OnceATurn
from app.transport.secrets import SecretKeeper, SecretMissingError
from app.transport.turns import Turns

logger = logging.getLogger(__name__)

MOST_DETAIL = 500
MESSAGES_A_TURN = 8  # of bulk, rendered before the event loop comes round
LONGEST_QUIET = 60.0  # seconds that a provider can ask us to leave it alone, before it is tried again
APART = Outcome(Kind.RETURNED, 0.0, 0, "", "no request can be made for all of them")
SAME_CLOCK = 1.0  # seconds by which clocks may differ


class Parcel(NamedTuple):
    """One message of a mailing."""

    number: int
    message: Message


class Parcels(Protocol):
    """Messages, asked for as there is room for them, and who is told what became of each."""

    @property
    def more(self) -> bool:
        """Whether `next` may have another one."""

    def next(self) -> Parcel | None:
        """The next one, or None when there are no more."""

    def begin(self, parcel: Parcel) -> bool:
        """Called right before the bytes of its request are written: note it, or refuse with False."""

    def ended(self, parcel: Parcel, outcome: Outcome) -> None:
        """Called once for each."""


class Adapter(Protocol):
    """What a pool needs of an adapter: app/providers/contract.py.

    It may also have `together(config, message)`: what messages have in common that can go in one request, None for one
    that goes alone, and MOST_TOGETHER, how many; and `signed_at(answer, at)`: the time by the provider's clock where
    that is why it refused, None else.
    """

    def request_for(
        self, config: HttpAccount, secrets: Mapping[str, str], messages: Sequence[Message], at: float
    ) -> Request:
        """The request that sends *messages*."""

    def result_of(self, messages: Sequence[Message], answer: Answer, at: float) -> list[Outcome]:
        """What became of each."""


def _no_hook() -> None:
    """Nothing to do."""


def _alone(_config: HttpAccount, _message: Message) -> Hashable | None:
    return None


def _right_time(_answer: Answer, _at: float) -> float | None:
    return None


class HttpPool:
    """Requests to one account, shared by all releases of a worker.

    *before_write* is called before the bytes of each request are written, after `begin` of its messages, and soon
    after a message has ended. When it raises, they are not written: its messages are returned. While a provider cannot
    be reached, messages are answered UNAVAILABLE at once, while it asks for a pause THROTTLED.
    """

    def __init__(
        self, adapter: Adapter, config: HttpAccount, secrets: SecretKeeper, *,
        before_write: Callable[[], None] = _no_hook, trusted: ssl.SSLContext | None = None,
    ) -> None:  # fmt: skip
        self._adapter, self._config, self._secrets = adapter, config, secrets
        self._before_write = before_write
        self._client = HttpClient(connections=config.connections, timeout=config.timeout, trusted=trusted)
        self._turns = Turns(config.connections)
        self._together: Callable[[HttpAccount, Message], Hashable | None] = getattr(adapter, "together", _alone)
        self._most: int = getattr(adapter, "MOST_TOGETHER", 1)
        self._signed_at: Callable[[Answer, float], float | None] = getattr(adapter, "signed_at", _right_time)
        self._ahead = 0.0  # seconds that the provider's clock is ahead of ours
        self._backoff, self._refused_until, self._why = 0.0, 0.0, ""
        self._quiet_until, self._asked = 0.0, ""
        self._stir = OnceATurn(self._flush)

    @property
    def healthy(self) -> bool:
        """False from a failed try to connect until one works again."""
        return not self._backoff

    @property
    def form(self) -> str:
        """What the adapter sends of an email: "whole", the bytes that SMTP would carry, or "parts"."""
        form_of: Callable[[HttpAccount], str] | None = getattr(self._adapter, "form_of", None)
        return "parts" if form_of is None else form_of(self._config)

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    def let_go(self) -> None:
        """Close once all requests that are under way have ended."""
        self._client.let_go()

    async def look_up(self, request: Request) -> Answer:
        """The answer to a request that sends nothing. Raises HttpError."""
        return await self._client.ask(request)

    # -- sending ---------------------------------------------------------------------------

    async def deliver(self, mailing: Parcels, most: int, priority: int = 1) -> None:
        """Send all messages of *mailing* with up to *most* requests at once; never raises but for a bug.

        Places go to lower *priority* first, and one is given up between two requests when somebody more urgent
        waits for it.
        """
        async with asyncio.TaskGroup() as group:
            _Job(mailing, most, priority, group, self._common, self._most).grow(self._lane)

    def _common(self, parcel: Parcel) -> Hashable | None:
        return self._together(self._config, parcel.message)

    async def _lane(self, job: "_Job") -> None:
        """Get a place and send from it, again until there is nothing left."""
        while job.more:
            job.queued = asyncio.current_task()
            try:
                await self._turns.take(job.priority)
            finally:
                job.queued = None
            try:
                await self._carry(job)
            finally:
                self._turns.free()

    async def _carry(self, job: "_Job") -> None:
        """Send until there is nothing left or somebody more urgent waits."""
        while not self._turns.urgent(job.priority) and (parcels := await job.take()):
            job.grow(self._lane)
            outcomes = await self._outcomes(job.mailing, parcels)
            for parcel, outcome in zip(parcels, outcomes, strict=True):
                job.mailing.ended(parcel, outcome)
            self._stir()

    async def _outcomes(self, mailing: Parcels, parcels: list[Parcel]) -> list[Outcome]:
        """Send *parcels* in one request, a second time if the provider's clock was all that was wrong."""
        held = self._held()
        if held is not None:
            return [held] * len(parcels)
        messages = [parcel.message for parcel in parcels]
        ahead = self._ahead
        answer = await self._exchange(mailing, parcels, messages)
        if isinstance(answer, Answer) and (told := self._signed_at(answer, time.time())) is not None:
            self._ahead = told - time.time()
            if abs(self._ahead - ahead) > SAME_CLOCK:
                answer = await self._exchange(mailing, parcels, messages)
        if isinstance(answer, Outcome) and answer != APART:
            return [answer] * len(parcels)
        outcomes = [APART] * len(parcels) if isinstance(answer, Outcome) else self._read(messages, answer)
        if len(parcels) == 1 or any(outcome.kind != Kind.RETURNED for outcome in outcomes):
            return outcomes
        # The request was refused for one of them, and nobody says which: each finds out for itself.
        return [(await self._outcomes(mailing, [parcel]))[0] for parcel in parcels]

    async def _exchange(self, mailing: Parcels, parcels: list[Parcel], messages: list[Message]) -> Answer | Outcome:
        """The answer to the request for *parcels*, or what having none means for each of them."""

        def begin() -> None:
            if not all(mailing.begin(parcel) for parcel in parcels):
                raise WithheldError("not begun")
            self._before_write()

        try:
            secrets = await self._secrets.of(self._config)
            request = self._request(secrets, messages)
            if isinstance(request, Outcome):
                return request
            answer = await self._client.ask(request, begin)
        except SecretMissingError as error:
            return _outcome(Kind.UNAVAILABLE, "account", str(error))
        except WithheldError:
            return _outcome(Kind.RETURNED, "", "")
        except NotSentError as error:
            self._failed(str(error))
            return _outcome(Kind.UNAVAILABLE, "connection", str(error))
        except AnswerLostError as error:
            return _outcome(Kind.UNCERTAIN, "lost_reply", f"the connection broke before the answer: {error}")
        except HttpError as error:
            return _outcome(Kind.UNCERTAIN, "lost_reply", str(error))
        self._backoff = 0.0
        return answer

    def _request(self, secrets: Mapping[str, str], messages: list[Message]) -> Request | Outcome:
        """The request, or what it means that there is none: a mistake of an adapter stops no worker."""
        try:
            return self._adapter.request_for(self._config, secrets, messages, time.time() + self._ahead)
        except Exception as error:  # its words may hold what is secret
            logger.error("no request can be made for a message: %s", type(error).__name__)
            if len(messages) > 1:  # each finds out for itself
                return APART
            return _outcome(Kind.BLOCKED, "content", f"no request can be made of it: {type(error).__name__}")

    def _read(self, messages: list[Message], answer: Answer) -> list[Outcome]:
        now = time.time()
        try:
            outcomes = self._adapter.result_of(messages, answer, now)
        except Exception as error:
            logger.error("an answer cannot be read: %s", type(error).__name__)
            outcomes = []
        if len(outcomes) != len(messages):  # it may have taken them
            return [_outcome(Kind.UNCERTAIN, "lost_reply", "the answer cannot be read")] * len(messages)
        if any(outcome.kind == Kind.THROTTLED for outcome in outcomes):
            wait = wait_asked(answer, now)
            if wait:
                self._quiet_until = time.monotonic() + min(wait, LONGEST_QUIET)
                self._asked = f"the provider asked for a pause of {wait:.0f} s"
        return outcomes

    # -- when nothing is to be sent --------------------------------------------------------

    def _held(self) -> Outcome | None:
        """Why nothing is sent right now, if so."""
        now = time.monotonic()
        if now < self._refused_until:
            return _outcome(Kind.UNAVAILABLE, "connection", self._why)
        if now < self._quiet_until:
            return _outcome(Kind.THROTTLED, "", self._asked)
        return None

    def _failed(self, why: str) -> None:
        """The provider could not be reached: leave it alone for a moment. Tries that fail together count once."""
        now = time.monotonic()
        self._why = why
        if now >= self._refused_until:
            self._backoff = min(LONGEST_BACKOFF, self._backoff * 2 or FIRST_BACKOFF)
            self._refused_until = now + self._backoff

    # -- notes of what has ended -----------------------------------------------------------

    def _flush(self) -> None:
        try:
            self._before_write()
        except Exception as error:  # the next request that is begun finds out, too, and is not written
            logger.warning("notes of what has ended were not written: %s", error)


class _Job:
    """A mailing at work: its lanes, and the messages that wait for others to go with them."""

    def __init__(
        self, mailing: Parcels, most: int, priority: int, group: asyncio.TaskGroup,
        common: Callable[[Parcel], Hashable | None], together: int,
    ) -> None:  # fmt: skip
        self.mailing = mailing
        self.priority = priority
        self.queued: asyncio.Task[None] | None = None  # the one lane that waits for a place
        self._most = most
        self._group = group
        self._common, self._together = common, together
        self._lanes = 0
        self._waiting: dict[Hashable, dict[str, Parcel]] = {}  # what they have in common -> who can go together

    @property
    def more(self) -> bool:
        """Whether there may be another message."""
        return bool(self._waiting) or self.mailing.more

    async def take(self) -> list[Parcel]:
        """The messages of one request; none when there are no more."""
        rendered = 0
        while self.mailing.more:
            parcel = self.mailing.next()
            if parcel is None:
                break
            full = self._sorted(parcel)
            if full:
                return self._taken(full)
            rendered += 1
            if self.priority and not rendered % MESSAGES_A_TURN:
                await asyncio.sleep(0)
        return self._taken(list(self._waiting.popitem()[1].values()) if self._waiting else [])

    def _sorted(self, parcel: Parcel) -> list[Parcel]:
        """The request that *parcel* completes, or none yet."""
        common, address = self._common(parcel), parcel.message.address.lower()
        if common is None or address in self._waiting.get(common, ()):
            return [parcel]  # providers tell those of a request apart by address
        others = self._waiting.setdefault(common, {})
        others[address] = parcel
        return list(self._waiting.pop(common).values()) if len(others) >= self._together else []

    def _taken(self, parcels: list[Parcel]) -> list[Parcel]:
        """With the last message, the lane that waits for a place is no longer needed."""
        if not self.more and self.queued is not None and self.queued is not asyncio.current_task():
            self.queued.cancel()
        return parcels

    def grow(self, lane: "Callable[[_Job], Coroutine[None, None, None]]") -> None:
        """Start another lane when there is work for one. At most one lane of a job waits for a place."""
        if self.queued is None and self.more and self._lanes < self._most:
            self._lanes += 1
            self._group.create_task(lane(self))


def _outcome(kind: Kind, klass: str, detail: str) -> Outcome:
    return Outcome(kind, time.time(), 0, klass, detail[:MOST_DETAIL])
