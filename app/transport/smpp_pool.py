"""SMPP: the sessions of one route, over which messages go, each submit_sm in a place of the window.

The parts of a message go one after the other in one place: when the first is throttled, nothing of the message has
left. Sessions stay bound while nothing is sent: receipts come over them.
"""

import asyncio
import heapq
import ssl
import time
from collections.abc import Callable
from itertools import count

from app.delivery.outcomes import Kind
from app.provider_accounts import Smpp
from app.providers.smpp import LOGIN, outcome_of, submits_for
from app.providers.smpp_pdu import QUERY_SM, SUBMIT_SM, Pdu, bind_transceiver, packed
from app.records import Outcome
from app.transport.http_pool import Parcel, Parcels
from app.transport.once_a_turn import OnceATurn
from app.transport.secrets import SecretMissingError, secret_at
from app.transport.smpp_session import IDLE, Received, SessionLostError, SmppSession, connect

LONGEST_CONNECT = 10.0  # seconds
FIRST_BACKOFF, LONGEST_BACKOFF = 0.5, 60.0  # seconds between two tries to bind
LOCKOUT = 60.0  # seconds after a refused login: carriers lock out who hammers
MOST_DETAIL = 300


class SmppPool:
    """The sessions to one SMSC, shared by all releases of a worker.

    *before_write* is called before messages that were begun go on the wire, as in SmtpPool. *received* stores what
    the SMSC sends, and returns True once it is stored. `start` binds; without it the first message does.
    """

    def __init__(
        self, config: Smpp, received: Received, before_write: Callable[[], None] = lambda: None, idle: float = IDLE
    ) -> None:
        self._config, self._received, self._before_write, self._idle = config, received, before_write, idle
        self._sessions: list[SmppSession] = []
        self._keepers: list[asyncio.Task[None]] = []
        self._queue: list[tuple[int, int, asyncio.Future[SmppSession | None]]] = []  # priority, arrival
        self._arrivals = count()
        self._taken: dict[SmppSession, int] = {}
        self._refused = ""  # why nobody is bound; "" while it is being tried for the first time
        self._leaving: list[asyncio.Task[None]] = []
        self._outbox: list[tuple[SmppSession, bytes, asyncio.Future[bool]]] = []
        self._stir = OnceATurn(self._flush)
        self.name = f"{config.host}:{config.port}"
        self.form = "parts"
        self.query_refused = False  # the SMSC has said that it has no query_sm

    @property
    def healthy(self) -> bool:
        """Whether a session is bound, or the first try has not ended."""
        return bool(self._sessions) or not self._refused

    def start(self) -> None:
        """Bind the sessions, and bind again whatever ends."""
        while len(self._keepers) < self._config.sessions:
            self._keepers.append(asyncio.create_task(self._keep_bound()))

    async def close(self) -> None:
        """Unbind; nothing more can be sent."""
        self.let_go()
        await asyncio.gather(*self._leaving, return_exceptions=True)

    def let_go(self) -> None:
        """Bind no more. What is under way gets its answers, then the sessions end."""
        for keeper in self._keepers:
            keeper.cancel()
        self._refused = self._refused or "the route has changed"
        self._leaving = [asyncio.create_task(self._end(session)) for session in self._sessions]

    async def _end(self, session: SmppSession) -> None:
        """Unbind *session* once everything has its answer, or its time is over."""
        until = time.monotonic() + self._config.timeout
        while session.asked and session.alive and time.monotonic() < until:  # noqa: ASYNC110 - rare, and soon over
            await asyncio.sleep(0.05)
        await session.unbind(2.0)

    # -- sending ---------------------------------------------------------------------------

    async def deliver(self, mailing: Parcels, most: int, priority: int = 1) -> None:
        """Send all messages of *mailing*, up to *most* at a time; never raises but for a bug."""
        self.start()
        async with asyncio.TaskGroup() as group:
            for _ in range(most):
                group.create_task(self._lane(mailing, priority))

    async def _lane(self, mailing: Parcels, priority: int) -> None:
        while mailing.more:
            session = await self._place(priority)
            parcel = mailing.next()
            if parcel is None:
                self._leave(session)
                return
            try:
                outcome = await self._submit(session, mailing, parcel)
            finally:
                self._leave(session)
            mailing.ended(parcel, outcome)
            self._stir()

    async def _submit(self, session: SmppSession | None, mailing: Parcels, parcel: Parcel) -> Outcome:
        """What becomes of one message."""
        if session is None:
            return Outcome(Kind.UNAVAILABLE, time.time(), klass="connection", detail=self._detail(self._refused))
        bodies = submits_for(self._config, parcel.message)
        if isinstance(bodies, str):
            return Outcome(Kind.BLOCKED, time.time(), klass="content", detail=bodies)
        if not mailing.begin(parcel):
            return Outcome(Kind.RETURNED, time.time())
        refs: list[str] = []
        for number, body in enumerate(bodies):
            outcome = await self._part(session, body, number > 0, parcel.message.sender)
            if outcome.kind != Kind.ACCEPTED:
                return _partly(outcome, number, len(bodies)) if number else outcome
            refs.append(outcome.ref)
        return Outcome(Kind.ACCEPTED, time.time(), detail=outcome.detail, ref=",".join(refs))

    async def _part(self, session: SmppSession, body: bytes, begun: bool, sender: str) -> Outcome:
        """Submit one part; *begun* tells that others of its message went before, *sender* is that of the message."""
        sequence = session.reserve()
        if not await self._written(session, packed(Pdu(SUBMIT_SM, 0, sequence, body))):
            session.forget(sequence)
            kind = Kind.UNCERTAIN if begun else Kind.RETURNED
            return Outcome(kind, time.time(), klass="connection", detail=self._detail(session.why or "not written"))
        try:
            answer = await session.answer_to(sequence, self._config.timeout)
        except SessionLostError as error:
            if not session.why:  # it says nothing: whatever else it was asked may be as lost
                session.lose(str(error))
            return Outcome(Kind.UNCERTAIN, time.time(), klass="lost_reply", detail=self._detail(str(error)))
        return outcome_of(answer, time.time(), "" if sender == self._config.sender else sender)

    async def query(self, body: bytes) -> Pdu:
        """The answer to a query_sm, in a place of the window. Raises SessionLostError."""
        session = await self._place(1)
        if session is None:
            raise SessionLostError(self._detail(self._refused))
        try:
            return await session.answer_to(session.ask(QUERY_SM, body), self._config.timeout)
        finally:
            self._leave(session)

    def _detail(self, why: str) -> str:
        return f"{self.name}: {why}"[:MOST_DETAIL]

    # -- places in the window --------------------------------------------------------------

    async def _place(self, priority: int) -> SmppSession | None:
        """A session with a place in its window for us, None while nobody is bound."""
        waiter: asyncio.Future[SmppSession | None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._queue, (priority, next(self._arrivals), waiter))
        self._hand_out()
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self._leave(waiter.result())
            raise

    def _leave(self, session: SmppSession | None) -> None:
        if session is not None and session in self._taken:
            self._taken[session] -= 1
            self._hand_out()

    def _hand_out(self) -> None:
        """Give the places that are free to who waits, the most urgent first; all get none while nobody is bound."""
        while self._queue:
            session = self._free()
            if session is None and (self._sessions or not self._refused):
                return
            _, _, waiter = heapq.heappop(self._queue)
            if waiter.done():
                continue
            if session is not None:
                self._taken[session] += 1
            waiter.set_result(session)

    def _free(self) -> SmppSession | None:
        """The session with the fewest places taken, None when all are full."""
        free = [each for each in self._sessions if each.alive and self._taken[each] < self._config.window]
        return min(free, key=self._taken.__getitem__, default=None)

    # -- sessions --------------------------------------------------------------------------

    async def _keep_bound(self) -> None:
        backoff = FIRST_BACKOFF
        while True:
            try:
                session = await self._bound()
            except (OSError, TimeoutError, SessionLostError, SecretMissingError, ssl.SSLError) as error:
                self._refused = str(error) or "no connection in time"
                self._hand_out()
                locked = isinstance(error, SessionLostError) and error.status in LOGIN
                await asyncio.sleep(LOCKOUT if locked else backoff)
                backoff = min(LONGEST_BACKOFF, backoff * 2)
                continue
            backoff, self._refused = FIRST_BACKOFF, ""
            self._taken[session] = 0
            self._sessions.append(session)
            self._hand_out()
            try:
                why = await session.ended()
            finally:
                self._sessions.remove(session)
                del self._taken[session]
            if not self._sessions:
                self._refused = why
            self._hand_out()

    async def _bound(self) -> SmppSession:
        told = self._config
        password = await asyncio.to_thread(secret_at, told.password)
        context = ssl.create_default_context() if told.tls else None
        within = min(told.timeout, LONGEST_CONNECT)
        session = await connect(told.host, told.port, self._received, within, context, self._idle)
        try:
            await session.bind(bind_transceiver(told.system_id, password, told.system_type), within)
        except BaseException as error:
            session.lose("not bound")
            if isinstance(error, ValueError):
                raise SessionLostError("the system id or password has characters that SMPP cannot carry") from None
            raise
        return session

    # -- the messages of one turn of the event loop ----------------------------------------

    async def _written(self, session: SmppSession, raw: bytes) -> bool:
        """Write *raw* with what else is begun in this turn; False when it did not go."""
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._outbox.append((session, raw, done))
        self._stir()
        return await done

    def _flush(self) -> None:
        outbox, self._outbox = self._outbox, []
        try:
            self._before_write()
        except Exception:  # whatever it is: what was not noted must not go
            for _, _, done in outbox:
                if not done.done():
                    done.set_result(False)
            return
        for session, raw, done in outbox:
            if not done.done():
                done.set_result(session.alive)
                session.write(raw)


def _partly(outcome: Outcome, taken: int, parts: int) -> Outcome:
    """A message of which only the first parts were taken: to send it again would double those."""
    detail = f"{taken} of {parts} parts were taken, then: {outcome.detail}"[:MOST_DETAIL]
    return Outcome(Kind.UNCERTAIN, outcome.at, outcome.code, "partial", detail)
