"""An SMSC to try the SMPP road with: takes binds and messages, answers as carriers do, sends receipts back.

How a number behaves is in its last four digits (ENDINGS), as with the other simulators. On order everything is
throttled, refused, taken without an answer, or the connections break.
"""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

from app.providers.smpp_pdu import (
    BIND_TRANSCEIVER,
    DELIVER_SM,
    ENQUIRE_LINK,
    GENERIC_NACK,
    INVALID_COMMAND,
    MESSAGE_STATE,
    QUERY_SM,
    RECEIPTED_MESSAGE_ID,
    RESPONSE,
    SUBMIT_SM,
    UNBIND,
    BrokenStreamError,
    Pdu,
    option,
    packed,
    pdus_in,
    string_at,
)

RECEIPT_RETRY, MOST_RETRIES = 0.2, 50  # seconds between two tries of a receipt that was not taken
MOST_PENDING = 100_000  # receipts that wait for a session

# last four digits -> (status of the answer, stat of the receipt, err of the receipt); stat "": none comes
ENDINGS: dict[str, tuple[int, str, str]] = {
    "0001": (0, "UNDELIV", "005"),  # unknown subscriber
    "0002": (0, "UNDELIV", "001"),  # absent
    "0003": (0, "REJECTD", "009"),
    "0004": (0, "EXPIRED", "000"),
    "0005": (0x0B, "", ""),  # no number
    "0006": (0, "", ""),  # taken, and nothing is ever told
}
THROTTLED, QUEUE_FULL, WRONG_PASSWORD, QUERY_FAILED = 0x58, 0x14, 0x0E, 0x67
FIRST = 0x1D305B00  # id of the first message
STATES = {"ENROUTE": 1, "DELIVRD": 2, "EXPIRED": 3, "UNDELIV": 5, "REJECTD": 8}


@dataclass(slots=True)
class Orders:
    """What goes wrong, as long as it is ordered. Shares are between 0 and 1, drawn by number of the message."""

    throttle: float = 0.0  # answered 0x58
    queue_full: float = 0.0  # answered 0x14
    silent: float = 0.0  # taken, and never answered
    refuse_binds: int = 0  # status of every bind
    latency: float = 0.005  # seconds until an answer
    receipt_after: float = 0.05  # seconds until a receipt
    receipts: bool = True
    receipts_twice: float = 0.0
    decimal_receipts: bool = False  # ids in receipts are decimal, in answers hexadecimal
    queries: bool = True  # query_sm is a command that it has


@dataclass(frozen=True, slots=True)
class Taken:
    """One submit_sm that was answered well, or would have been."""

    source: str
    destination: str
    esm_class: int
    data_coding: int
    registered: int
    text: bytes
    identity: int
    at: float = 0.0


@dataclass(slots=True)
class Smsc:
    """The server. *taken* is what it took, in order; *record* is called with each."""

    system_id: str = "fanfare"
    password: str = "secret08"
    orders: Orders = field(default_factory=Orders)
    record: Callable[[Taken], None] = lambda _: None
    too_many: Callable[[], bool] = lambda: False
    taken: list[Taken] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    _sessions: list["_Session"] = field(default_factory=list)
    _server: asyncio.Server | None = None
    _next: int = FIRST
    _receipts: set[asyncio.Task[None]] = field(default_factory=set)

    async def start(self, port: int = 0, host: str = "127.0.0.1") -> int:
        """Listen; the port."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self.session, host, port)
        return int(self._server.sockets[0].getsockname()[1])

    def session(self) -> asyncio.Protocol:
        """What serves one connection."""
        return _Session(self)

    @property
    def waiting(self) -> int:
        """Receipts that have not been taken yet."""
        return len(self._receipts)

    async def stop(self) -> None:
        """Close everything."""
        for task in self._receipts:
            task.cancel()
        self.cut()
        if self._server is not None:
            self._server.close()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await self._server.wait_closed()

    def cut(self) -> None:
        """Break every connection."""
        for session in list(self._sessions):
            session.transport.abort()

    def say(self, source: str, destination: str, text: str) -> None:
        """Send what a phone would have sent."""
        self._spawn(self._deliver(_deliver_body(source, destination, 0, text.encode("latin-1", "replace"))))

    # -- of sessions -----------------------------------------------------------------------

    def bound(self, session: "_Session", pdu: Pdu) -> int:
        """The status of a bind."""
        try:
            system_id, at = string_at(pdu.body, 0)
            password, _ = string_at(pdu.body, at)
        except ValueError:
            return 0x0D
        if self.orders.refuse_binds:
            return self.orders.refuse_binds
        if system_id != self.system_id:
            return 0x0F
        if password != self.password:
            return WRONG_PASSWORD
        self._sessions.append(session)
        return 0

    def left(self, session: "_Session") -> None:
        """*session* has ended."""
        if session in self._sessions:
            self._sessions.remove(session)

    def submitted(self, pdu: Pdu) -> tuple[int, bytes, bool]:
        """(status, body of the answer, whether it is given) of a submit_sm."""
        self.counts["submit_sm"] += 1
        number = self.counts["submit_sm"]
        status = self._refused(number)
        if status:
            self.counts["refused"] += 1
            return status, b"", True
        taken = _taken_in(pdu.body, self._next)
        if isinstance(taken, int):
            return taken, b"", True
        status, stat, err = ENDINGS.get(taken.destination[-4:], (0, "DELIVRD", "000"))
        if status:
            return status, b"", True
        self._next += 1
        self.taken.append(taken)
        self.record(taken)
        wanted = taken.registered & 3
        if (
            self.orders.receipts
            and stat
            and (wanted == 1 or (wanted == 2 and stat != "DELIVRD"))
            and len(self._receipts) < MOST_PENDING
        ):
            self._spawn(self._receipt(taken, stat, err))
        return 0, f"{taken.identity:x}".encode() + b"\0", not _drawn(number, self.orders.silent)

    def queried(self, pdu: Pdu) -> tuple[int, bytes]:
        """(status, body of the answer) of a query_sm."""
        self.counts["query_sm"] += 1
        try:
            identity, at = string_at(pdu.body, 0)
            source, _ = string_at(pdu.body, at + 2)
            taken = self.taken[int(identity, 16) - FIRST]
        except (ValueError, IndexError):
            return QUERY_FAILED, b""
        if f"{taken.identity:x}" != identity or taken.source != source:
            return QUERY_FAILED, b""
        _, stat, err = ENDINGS.get(taken.destination[-4:], (0, "DELIVRD", "000"))
        done = taken.at + self.orders.receipt_after
        if not stat or time.time() < done:
            return 0, identity.encode() + b"\0\0" + bytes((STATES["ENROUTE"], 0))
        date = time.strftime("%y%m%d%H%M%S", time.gmtime(done)) + "000+"
        return 0, identity.encode() + b"\0" + date.encode() + b"\0" + bytes((STATES[stat], int(err)))

    def _refused(self, number: int) -> int:
        """The status of an order that holds for message *number*, or 0."""
        if self.too_many() or _drawn(number, self.orders.throttle):
            return THROTTLED
        return QUEUE_FULL if _drawn(number, self.orders.queue_full) else 0

    def _spawn(self, work: "asyncio._CoroutineLike[None]") -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._receipts.add(task)
        task.add_done_callback(self._receipts.discard)

    async def _receipt(self, taken: Taken, stat: str, err: str) -> None:
        await asyncio.sleep(self.orders.receipt_after)
        date = time.strftime("%y%m%d%H%M", time.gmtime())
        written = f"{taken.identity:010d}" if self.orders.decimal_receipts else f"{taken.identity:x}"
        delivered = int(stat == "DELIVRD")
        text = (
            f"id:{written} sub:001 dlvrd:{delivered:03} submit date:{date} done date:{date} stat:{stat} err:{err} text:"
        )
        options = b"" if self.orders.decimal_receipts else (
            option(RECEIPTED_MESSAGE_ID, f"{taken.identity:x}".encode() + b"\0")
            + option(MESSAGE_STATE, bytes((STATES[stat],)))
        )  # fmt: skip
        body = _deliver_body(taken.destination, taken.source, 0x04, text.encode()) + options
        for _ in range(1 + _drawn(taken.identity, self.orders.receipts_twice)):
            await self._deliver(body)

    async def _deliver(self, body: bytes) -> None:
        for _ in range(MOST_RETRIES):
            if self._sessions:
                session = self._sessions[self.counts["deliver_sm"] % len(self._sessions)]
                self.counts["deliver_sm"] += 1
                if await session.deliver(body):
                    self.counts["deliver_sm_taken"] += 1
                    return
            await asyncio.sleep(RECEIPT_RETRY)


class _Session(asyncio.Protocol):
    """One connection of a client."""

    def __init__(self, smsc: Smsc) -> None:
        self._smsc = smsc
        self._buffer = bytearray()
        self._asked: dict[int, asyncio.Future[bool]] = {}
        self._sequence = 0
        self.transport: asyncio.Transport = None  # type: ignore[assignment]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is none by class

    def connection_lost(self, _exc: Exception | None) -> None:
        self._smsc.left(self)
        for answer in self._asked.values():
            if not answer.done():
                answer.set_result(False)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        try:
            for pdu in pdus_in(self._buffer):
                self._take(pdu)
        except BrokenStreamError:
            self.transport.abort()

    async def deliver(self, body: bytes) -> bool:
        """Send a deliver_sm; whether it was taken."""
        self._sequence += 1
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._asked[self._sequence] = answer
        self.transport.write(packed(Pdu(DELIVER_SM, 0, self._sequence, body)))
        try:
            async with asyncio.timeout(5):
                return await answer
        except TimeoutError:
            return False
        finally:
            self._asked.pop(self._sequence, None)

    def _take(self, pdu: Pdu) -> None:
        match pdu.command:
            case _ if pdu.command == DELIVER_SM | RESPONSE:
                answer = self._asked.get(pdu.sequence)
                if answer is not None and not answer.done():
                    answer.set_result(pdu.status == 0)
            case _ if pdu.command == BIND_TRANSCEIVER:
                self._answer(pdu, self._smsc.bound(self, pdu), b"SMSC\0")
            case _ if pdu.command == SUBMIT_SM:
                self._submitted(pdu)
            case _ if pdu.command == QUERY_SM and self._smsc.orders.queries:
                self._answer(pdu, *(self._smsc.queried(pdu) if self in self._smsc._sessions else (0x04, b"")))
            case _ if pdu.command == ENQUIRE_LINK:
                self._smsc.counts["enquire_link"] += 1
                self._answer(pdu, 0)
            case _ if pdu.command == UNBIND:
                self._answer(pdu, 0)
                self.transport.close()
            case _ if not pdu.command & RESPONSE:
                self.transport.write(packed(Pdu(GENERIC_NACK, INVALID_COMMAND, pdu.sequence)))

    def _submitted(self, pdu: Pdu) -> None:
        if self not in self._smsc._sessions:
            self._answer(pdu, 0x04)
            return
        status, body, told = self._smsc.submitted(pdu)
        if told:
            asyncio.get_running_loop().call_later(self._smsc.orders.latency, self._answer, pdu, status, body)

    def _answer(self, pdu: Pdu, status: int, body: bytes = b"") -> None:
        if not self.transport.is_closing():
            self.transport.write(packed(Pdu(pdu.command | RESPONSE, status, pdu.sequence, body)))


def _taken_in(body: bytes, identity: int) -> Taken | int:
    """The message of a submit_sm, or the status that refuses it."""
    try:
        _, at = string_at(body, 0)
        source, at = string_at(body, at + 2)
        destination, at = string_at(body, at + 2)
        esm_class = body[at]
        _, at = string_at(body, at + 3)
        _, at = string_at(body, at)
        registered, data_coding, length = body[at], body[at + 2], body[at + 4]
        text = body[at + 5 : at + 5 + length]
    except (ValueError, IndexError):
        return 0x02
    if not destination.isdigit() or not 5 <= len(destination) <= 15:
        return 0x0B
    if len(text) != length or len(text) > (160 if data_coding in (0, 1) else 140) or not text:
        return 0x01
    return Taken(source, destination, esm_class, data_coding, registered, text, identity, time.time())


def _deliver_body(source: str, destination: str, esm_class: int, text: bytes) -> bytes:
    head = b"\0\x01\x01" + source.encode() + b"\0" + b"\0\0" + destination.encode() + b"\0"
    return head + bytes((esm_class, 0, 0)) + b"\0\0" + bytes((0, 0, 0, 0, len(text))) + text


def _drawn(number: int, share: float) -> bool:
    """Whether message *number* belongs to the *share* that misbehaves: the same ones each time."""
    return share > 0 and (number * 2_654_435_761 % 1_000) < share * 1_000
