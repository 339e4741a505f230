"""SMTP: a pool of connections to one relay, over which messages go one pipelined transaction each.

A message goes out in one write with the announcement (MAIL, RCPT, DATA) of the next: RFC 2920, 3.1 lets
the text of a message be the first of a group. So a message costs one round trip, one write and one read.
"""

import asyncio
import re
import ssl
import time
from collections.abc import Callable, Coroutine
from enum import Enum, auto
from typing import NamedTuple, Protocol

from app.delivery.mx_groups import OTHER, group_of
from app.delivery.outcomes import Kind
from app.delivery.smtp_replies import classify, fault_of
from app.records import Outcome
from app.transport.connections import Connections
from app.transport.once_a_turn import OnceATurn
from app.transport.smtp_connect import MOST_DETAIL, Relay, Secret, UnavailableError
from app.transport.smtp_wire import ConnectionLostError, Reply, SmtpWire

_QUEUE_ID = re.compile(r"(?:queued as|id[= ]|<)\s*([A-Za-z0-9][A-Za-z0-9._@-]{5,80})", re.IGNORECASE)
LETTERS_A_TURN = 8  # of bulk, each rendered and queued in some 150 us
_UNSAFE = re.compile(r"[\x00-\x20<>\x7f]")


class Letter(NamedTuple):
    """One message to one recipient. *body* has CRLF line ends and doubled dots, and no final dot."""

    number: int
    to: str
    body: bytes
    group: str = ""  # MX group of whoever takes it, where that is known better than by the address
    sender: str = ""  # its own envelope sender, in ASCII and safe; "": that of the mailing


class Mailing(Protocol):
    """Letters from one sender, asked for as connections have room for them, and who is told what became of each."""

    @property
    def envelope_from(self) -> str: ...

    @property
    def more(self) -> bool:
        """Whether `next` may have another letter."""

    def next(self) -> Letter | None:
        """The next letter, or None when there are no more."""

    def begin(self, letter: Letter) -> bool:
        """Called right before the bytes that make the message exist are queued: note it, or refuse with False."""

    def ended(self, letter: Letter, outcome: Outcome) -> None:
        """Called once for each letter."""


def _no_hook() -> None:
    """Nothing to do."""


def unsigned(_text: bytes) -> bytes:
    """No signature."""
    return b""


class SmtpPool:
    """Connections to one relay, shared by all releases of a worker.

    *before_write* is called before messages that were begun go on the wire, once for all of the same turn
    of the event loop, and soon after one has ended. When it raises, they do not go: they are returned. While a
    relay lets nobody in, messages are answered UNAVAILABLE at once; connecting is tried again with backoff.
    *signatures* gives the header fields that go before a message, b"" for none.
    """

    def __init__(
        self, host: str, port: int, *, size: int, per_connection: int, timeout: float, tls: str = "never",
        user: str = "", password: Secret = "", helo: str = "localhost", tls_context: ssl.SSLContext | None = None,
        before_write: Callable[[], None] = _no_hook, signatures: Callable[[bytes], bytes] = unsigned,
    ) -> None:  # fmt: skip
        relay = Relay(
            host, port, timeout=timeout, tls=tls, user=user, password=password, helo=helo, tls_context=tls_context
        )
        self._name = relay.name
        self._timeout = timeout
        self._per_connection = per_connection
        self._connections = Connections(relay.connect, size)
        self._before_write = before_write
        self._signatures = signatures
        self._outbox: list[tuple[SmtpWire, bytes]] = []
        self._stir = OnceATurn(self._flush)
        self._carried = 0  # letters since the event loop came round

    @property
    def healthy(self) -> bool:
        """False from a failed try to connect until one works again."""
        return self._connections.healthy

    async def close(self) -> None:
        """Close idle connections."""
        self.let_go()

    def let_go(self) -> None:
        """Close idle connections. Letters under way go on, and each connection ends with its last one."""
        self._connections.close()

    # -- sending ---------------------------------------------------------------------------

    async def deliver(self, mailing: Mailing, most: int, priority: int = 1) -> None:
        """Send all letters of *mailing* over up to *most* connections; never raises but for a bug.

        Connections go to lower *priority* first, and one is given up between two letters when somebody
        more urgent waits for it.
        """
        async with asyncio.TaskGroup() as group:
            job = _Job(mailing, most, priority, group)
            job.grow(self._lane)

    async def send(
        self, envelope_from: str, to: str, body: bytes, on_begun: Callable[[], None], priority: int = 1
    ) -> Outcome:
        """Send one message. When *on_begun* raises, it is not sent and the outcome is RETURNED."""
        single = _Single(envelope_from, Letter(0, to, body), on_begun)
        await self.deliver(single, 1, priority)
        assert single.outcome is not None
        return single.outcome

    async def _lane(self, job: "_Job") -> None:
        """Get a connection and carry letters over it, again until there are none."""
        while job.more:
            job.queued = asyncio.current_task()
            try:
                wire = await self._connections.acquire(job.priority)
            except UnavailableError as error:
                if (letter := job.next()) is not None:
                    self._end(job, letter, _outcome(Kind.UNAVAILABLE, 0, error.fault, str(error)))
                continue
            finally:
                job.queued = None
            try:
                fit = await self._carry(wire, job)
            except BaseException:
                self._connections.discard(wire)
                raise
            self._give_back(wire, fit)

    async def _carry(self, wire: SmtpWire, job: "_Job") -> bool:
        """Carry letters until there are none or somebody more urgent waits; whether *wire* can be used again."""
        letter, ahead = self._next(wire, job), False  # ahead: announced together with the text of the one before
        job.grow(self._lane)
        while letter is not None:
            opened = await self._open(wire, job, letter, ahead)
            if opened is _Opened.LOST:
                return False
            if opened is _Opened.REFUSED:
                letter, ahead = self._next(wire, job), False
                continue
            if not job.mailing.begin(letter):
                self._end(job, letter, _outcome(Kind.RETURNED, 0, "", ""))
                return False
            following = self._next(wire, job, ahead=True)
            if not await self._deliver(wire, job, letter, following):
                if following is not None:
                    job.back(following)
                return False
            await self._let_others(job)
            ahead = following is not None
            letter = following if ahead else self._next(wire, job)
        return True

    async def _let_others(self, job: "_Job") -> None:
        """Let the event loop come round once it has carried some letters: what is urgent needs it a dozen times."""
        while self._carried >= LETTERS_A_TURN and job.priority:  # noqa: ASYNC110 - no event is cheaper
            await asyncio.sleep(0)
        if not self._carried:
            asyncio.get_running_loop().call_soon(self._came_round)
        self._carried += 1

    def _came_round(self) -> None:
        self._carried = 0

    async def _open(self, wire: SmtpWire, job: "_Job", letter: Letter, ahead: bool) -> "_Opened":
        """Announce *letter*, if that was not done *ahead*, and hear the answers to it."""
        why = ""
        try:
            replies = await (wire.replies(3, self._timeout) if ahead else self._announce(wire, job, letter))
        except ConnectionLostError as error:
            replies, why = wire.leftover(), str(error)  # a 421 or 550 right before the end still tells why
        if not why and len(replies) == 3 and replies[2].code == 354 and replies[0].code < 400 > replies[1].code:
            return _Opened.READY
        refused = next((reply for reply in replies if reply.code >= 400), None)
        if ahead and (why or (refused is not None and refused.code == 421)):
            job.back(letter)  # the connection has had its share of messages: that says nothing of this one
            return _Opened.LOST
        if refused is not None:
            fault = fault_of(refused.code, refused.text) if refused is replies[0] else ""
            self._end(job, letter, self._unavailable(refused, fault) if fault else _refusal(refused, letter))
            clean = not why and await self._end_refused(wire, replies)
            return _Opened.REFUSED if clean else _Opened.LOST
        if not replies:  # nothing was said of the letter
            self._end(job, letter, _outcome(Kind.UNAVAILABLE, 0, "connection", f"{self._name}: {why}"))
            return _Opened.LOST
        self._end(job, letter, _outcome(Kind.DEFERRED, 0, "connection", why or f"DATA was answered {replies[-1].code}"))
        return _Opened.LOST

    async def _deliver(self, wire: SmtpWire, job: "_Job", letter: Letter, following: Letter | None) -> bool:
        """Queue the text of *letter* and the announcement of *following*, and tell what became of *letter*.

        Whether the connection goes on.
        """
        before = wire.used
        dot = b".\r\n" if letter.body.endswith(b"\r\n") else b"\r\n.\r\n"
        announced = b"" if following is None else job.announcement(following)
        self._outbox.append((wire, b"".join((self._signatures(letter.body), letter.body, dot, announced))))
        self._stir()
        try:
            (reply,) = await wire.replies(1, self._timeout)
            if not (200 <= reply.code < 300 or 400 <= reply.code < 600):
                raise ConnectionLostError(f"the message was answered {reply.code}")
        except ConnectionLostError as error:
            if wire.used == before:
                self._end(job, letter, _outcome(Kind.RETURNED, 0, "", ""))
            else:
                detail = f"the connection broke before the reply: {error}"
                self._end(job, letter, _outcome(Kind.UNCERTAIN, 0, "lost_reply", detail))
            return False
        self._end(job, letter, _refusal(reply, letter) if reply.code >= 400 else _accepted(reply))
        return reply.code != 421

    async def _announce(self, wire: SmtpWire, job: "_Job", letter: Letter) -> list[Reply]:
        """MAIL, RCPT and DATA; their replies, up to the first refusal when the relay does not pipeline."""
        announcement = job.announcement(letter)
        if "PIPELINING" in wire.extensions:
            wire.write(announcement)
            return await wire.replies(3, self._timeout)
        replies = []
        for command in announcement.splitlines():
            replies.append(await wire.ask(command, self._timeout))
            if replies[-1].code >= 400:
                break
        return replies

    async def _end_refused(self, wire: SmtpWire, replies: list[Reply]) -> bool:
        """Bring *wire* back to the start of a transaction; whether that worked.

        A DATA that was let through without a recipient ends with a lone dot (RFC 2920, 3.1), but only when
        it is the recipient that was refused: otherwise a careless server could mail it, empty.
        """
        if any(reply.code == 421 for reply in replies) or not wire.usable:
            return False
        try:
            if len(replies) == 3 and replies[2].code == 354:
                return replies[1].code >= 400 and (await wire.ask(b".", self._timeout)).code >= 500
            return (await wire.ask(b"RSET", self._timeout)).code < 400
        except ConnectionLostError:
            return False  # what the relay said of the message still counts

    def _next(self, wire: SmtpWire, job: "_Job", *, ahead: bool = False) -> Letter | None:
        """The next letter that may go over *wire*. *ahead* tells that one is still being sent there."""
        if wire.used + ahead >= self._per_connection or self._connections.urgent(job.priority):
            return None
        if "PIPELINING" not in wire.extensions if ahead else not wire.usable:
            return None
        while (letter := job.next()) is not None:
            lacking = _lacking(wire, job.sender, letter)
            if lacking is None:
                return letter
            self._end(job, letter, lacking)
        return None

    def _unavailable(self, reply: Reply, fault: str) -> Outcome:
        """MAIL FROM was refused for what is the relay's own trouble."""
        return _outcome(
            Kind.UNAVAILABLE, reply.code, fault, f"{self._name}: MAIL was answered {reply.code} {reply.text}"
        )

    def _end(self, job: "_Job", letter: Letter, outcome: Outcome) -> None:
        job.mailing.ended(letter, outcome)
        self._stir()

    def _give_back(self, wire: SmtpWire, fit: bool) -> None:
        if not fit or not wire.usable:
            self._connections.discard(wire)
        elif wire.used >= self._per_connection:
            self._connections.retire(wire)
        else:
            self._connections.release(wire)

    # -- the messages of one turn of the event loop ----------------------------------------

    def _flush(self) -> None:
        outbox, self._outbox = self._outbox, []
        try:
            self._before_write()
        except Exception as error:  # whatever it is: what was not noted must not go
            for wire, _ in outbox:
                wire.give_up(f"not written: {error}")
            return
        for wire, text in outbox:
            wire.write_begun(text)


class _Opened(Enum):
    """What the relay said to an announcement."""

    READY = auto()  # it waits for the text
    REFUSED = auto()  # the letter has ended, the connection goes on
    LOST = auto()  # the connection does not


class _Job:
    """A mailing at work: its lanes, and the letters that a lost connection gave back before they were begun."""

    def __init__(self, mailing: Mailing, most: int, priority: int, group: asyncio.TaskGroup) -> None:
        self.mailing = mailing
        self.priority = priority
        self.queued: asyncio.Task[None] | None = None  # the one lane that waits for a connection
        self._most = most
        self._group = group
        self._lanes = 0
        self._back: list[Letter] = []
        self.sender = _SenderAddress(mailing.envelope_from)

    @property
    def more(self) -> bool:
        """Whether there may be another letter."""
        return bool(self._back) or self.mailing.more

    def next(self) -> Letter | None:
        """The next letter; with the last one, the lane that waits for a connection is no longer needed."""
        letter = self._back.pop() if self._back else self.mailing.next()
        if not self.more and self.queued is not None and self.queued is not asyncio.current_task():
            self.queued.cancel()
        return letter

    def back(self, letter: Letter) -> None:
        """*letter* was not begun: it goes over another connection."""
        self._back.append(letter)

    def grow(self, lane: "Callable[[_Job], Coroutine[None, None, None]]") -> None:
        """Start another lane when there is work for one. At most one lane of a job waits for a connection."""
        if self.queued is None and self.more and self._lanes < self._most:
            self._lanes += 1
            self._group.create_task(lane(self))

    def announcement(self, letter: Letter) -> bytes:
        """The commands that open the transaction."""
        form = b"" if letter.body.isascii() else b" BODY=8BITMIME"
        sender = letter.sender.encode("ascii") or self.sender.raw
        utf8 = b"" if sender.isascii() and letter.to.isascii() else b" SMTPUTF8"
        return b"MAIL FROM:<%b>%b%b\r\nRCPT TO:<%b>\r\nDATA\r\n" % (sender, form, utf8, letter.to.encode())


class _SenderAddress:
    """What is asked of the envelope sender for every letter, found out once."""

    def __init__(self, address: str) -> None:
        self.raw = address.encode()
        self.ascii = address.isascii()
        self.safe = not _UNSAFE.search(address)


class _Single:
    """A mailing of one letter."""

    def __init__(self, envelope_from: str, letter: Letter, on_begun: Callable[[], None]) -> None:
        self.envelope_from = envelope_from
        self.outcome: Outcome | None = None
        self._letter: Letter | None = letter
        self._on_begun = on_begun

    @property
    def more(self) -> bool:
        return self._letter is not None

    def next(self) -> Letter | None:
        letter, self._letter = self._letter, None
        return letter

    def begin(self, _letter: Letter) -> bool:
        try:
            self._on_begun()
        except Exception:  # whatever it is, the caller said no
            return False
        return True

    def ended(self, _letter: Letter, outcome: Outcome) -> None:
        self.outcome = outcome


def _outcome(kind: Kind, code: int, klass: str, detail: str, ref: str = "") -> Outcome:
    return Outcome(kind, time.time(), code, klass, detail[:MOST_DETAIL], ref)


def _lacking(wire: SmtpWire, sender: _SenderAddress, letter: Letter) -> Outcome | None:
    """Why *letter* cannot go over *wire*, if so. What the relay lacks is no fault of the address."""
    if not (letter.sender or sender.safe) or _UNSAFE.search(letter.to):
        return _outcome(Kind.REFUSED, 0, "bad_syntax", "the address has characters that SMTP cannot carry")
    if not ((letter.sender or sender.ascii) and letter.to.isascii()) and "SMTPUTF8" not in wire.extensions:
        return _outcome(Kind.BLOCKED, 0, "smtputf8", "the relay takes no internationalised addresses")
    if not letter.body.isascii() and "8BITMIME" not in wire.extensions:
        return _outcome(Kind.BLOCKED, 0, "eight_bit", "the relay takes no 8-bit messages")
    return None


def _refusal(reply: Reply, letter: Letter) -> Outcome:
    by_address = group_of(letter.to.rpartition("@")[2])
    meaning = classify(reply.code, reply.text, letter.group if by_address == OTHER and letter.group else by_address)
    return _outcome(meaning.kind, reply.code, meaning.klass, reply.text)


def _accepted(reply: Reply) -> Outcome:
    found = _QUEUE_ID.search(reply.text)
    return _outcome(Kind.ACCEPTED, reply.code, "", reply.text, found[1] if found else "")
