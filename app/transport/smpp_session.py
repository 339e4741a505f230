"""One SMPP session: bound, kept awake, its answers matched to what was asked. SMPP 3.4 issue 1.2, sections 2 and 3.

What an SMSC sends by itself (receipts, messages from phones) is given to *received*; it is answered as taken only once
that has returned True, so that nothing is lost between the SMSC and the log.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable
from typing import cast

from app.providers.smpp_pdu import (
    BIND_TRANSCEIVER,
    DATA_SM,
    DELIVER_SM,
    ENQUIRE_LINK,
    GENERIC_NACK,
    INVALID_COMMAND,
    MOST_SEQUENCE,
    RESPONSE,
    UNBIND,
    BrokenStreamError,
    Pdu,
    packed,
    pdus_in,
)

IDLE = 30.0  # seconds without a word before the SMSC is asked whether it is there
MOST_MISSED = 2  # unanswered questions of that kind before the session is given up
MOST_RECEIVING = 500  # deliver_sm at a time; of more the SMSC is told that the queue is full, and sends them again
QUEUE_FULL, SYSTEM_ERROR = 0x14, 0x08

Received = Callable[[Pdu], Awaitable[bool]]


class SessionLostError(Exception):
    """The session ended, or an answer did not come in time. *status* is that of a refused bind, else 0."""

    def __init__(self, why: str, status: int = 0) -> None:
        super().__init__(why)
        self.status = status


class SmppSession(asyncio.Protocol):
    """A session over one connection. `alive` is False once it cannot be used any more."""

    def __init__(self, received: Received, idle: float = IDLE) -> None:
        self._received, self._idle = received, idle
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._asked: dict[int, asyncio.Future[Pdu]] = {}
        self._sequence = 0
        self._receiving: set[asyncio.Task[None]] = set()
        self._heard = 0.0
        self._lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._awake: asyncio.Task[None] | None = None

    @property
    def alive(self) -> bool:
        """Whether PDUs can be written."""
        return self._transport is not None and not self._lost.done()

    @property
    def asked(self) -> int:
        """What has no answer yet."""
        return len(self._asked)

    async def bind(self, body: bytes, timeout: float) -> None:
        """Bind as transceiver. Raises SessionLostError where the SMSC does not let us."""
        answer = await self.answer_to(self.ask(BIND_TRANSCEIVER, body), timeout)
        if answer.status or answer.command == GENERIC_NACK:
            self.lose("the bind was refused")
            raise SessionLostError(f"the bind was refused with status 0x{answer.status:02X}", answer.status)
        self._awake = asyncio.create_task(self._keep_awake(timeout))

    def ask(self, command: int, body: bytes = b"") -> int:
        """Write a request; its sequence number, for `answer_to`."""
        sequence = self.reserve()
        self.write(packed(Pdu(command, 0, sequence, body)))
        return sequence

    def reserve(self) -> int:
        """A sequence number whose answer is waited for from now on."""
        self._sequence = self._sequence % MOST_SEQUENCE + 1
        self._asked[self._sequence] = asyncio.get_running_loop().create_future()
        return self._sequence

    def write(self, raw: bytes) -> None:
        """Write *raw*, if the session is alive."""
        if self.alive:
            assert self._transport is not None
            self._transport.write(raw)

    async def answer_to(self, sequence: int, timeout: float) -> Pdu:
        """The answer to a request. Raises SessionLostError when none comes."""
        answer = self._asked.get(sequence)
        if answer is None:
            raise SessionLostError(self.why)
        try:
            async with asyncio.timeout(timeout):
                return await answer
        except TimeoutError:
            raise SessionLostError(f"no answer within {timeout:g} s") from None
        finally:
            self._asked.pop(sequence, None)

    def forget(self, sequence: int) -> None:
        """Wait no longer for the answer to what was not written."""
        self._asked.pop(sequence, None)

    @property
    def why(self) -> str:
        """Why the session has ended, "" while it has not."""
        return self._lost.result() if self._lost.done() else ""

    async def ended(self) -> str:
        """Wait until the session has ended; why it did."""
        return await asyncio.shield(self._lost)

    async def unbind(self, timeout: float) -> None:
        """End the session in good order, or at least end it."""
        if self.alive:
            with contextlib.suppress(SessionLostError):
                await self.answer_to(self.ask(UNBIND), timeout)
        self.lose("unbound")

    def lose(self, why: str) -> None:
        """End the session. What has no answer will not get one."""
        if self._lost.done():
            return
        self._lost.set_result(why)
        if self._awake is not None:
            self._awake.cancel()
        if self._transport is not None:
            self._transport.close()
        for answer in self._asked.values():
            if not answer.done():
                answer.set_exception(SessionLostError(why))
                answer.exception()  # it may be that nobody asks
        for task in self._receiving:
            task.cancel()

    # -- asyncio.Protocol --------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by class

    def connection_lost(self, exc: Exception | None) -> None:
        self.lose(f"the connection broke: {exc}" if exc else "the SMSC closed the connection")

    def data_received(self, data: bytes) -> None:
        self._heard = asyncio.get_running_loop().time()
        self._buffer += data
        try:
            for pdu in pdus_in(self._buffer):
                self._take(pdu)
        except BrokenStreamError as error:
            self.lose(f"the SMSC sent what is no PDU: {error}")

    def _take(self, pdu: Pdu) -> None:
        if pdu.command & RESPONSE:
            answer = self._asked.get(pdu.sequence)
            if answer is not None and not answer.done():
                answer.set_result(pdu)
        elif pdu.command in (DELIVER_SM, DATA_SM):
            self._deliver(pdu)
        elif pdu.command == ENQUIRE_LINK:
            self.write(packed(Pdu(ENQUIRE_LINK | RESPONSE, 0, pdu.sequence)))
        elif pdu.command == UNBIND:
            self.write(packed(Pdu(UNBIND | RESPONSE, 0, pdu.sequence)))
            self.lose("the SMSC ended the session")
        else:
            self.write(packed(Pdu(GENERIC_NACK, INVALID_COMMAND, pdu.sequence)))

    def _deliver(self, pdu: Pdu) -> None:
        if len(self._receiving) >= MOST_RECEIVING:
            self._answer(pdu, QUEUE_FULL)
            return
        task = asyncio.create_task(self._receive(pdu))
        self._receiving.add(task)
        task.add_done_callback(self._receiving.discard)

    async def _receive(self, pdu: Pdu) -> None:
        try:
            taken = await self._received(pdu)
        except Exception:  # whatever it is: what was not stored is sent again
            taken = False
        self._answer(pdu, 0 if taken else SYSTEM_ERROR)

    def _answer(self, pdu: Pdu, status: int) -> None:
        self.write(packed(Pdu(pdu.command | RESPONSE, status, pdu.sequence, b"\0")))

    async def _keep_awake(self, timeout: float) -> None:
        """Ask whether the SMSC is there when it says nothing; give the session up when it does not answer."""
        missed = 0
        while True:
            quiet = asyncio.get_running_loop().time() - self._heard
            if quiet < self._idle:
                await asyncio.sleep(self._idle - quiet)
                continue
            try:
                await self.answer_to(self.ask(ENQUIRE_LINK), timeout)
                missed = 0
            except SessionLostError:
                missed += 1
                if missed >= MOST_MISSED:
                    self.lose(f"{missed} times no answer to enquire_link")
                    return


async def connect(
    host: str, port: int, received: Received, timeout: float, context: ssl.SSLContext | None, idle: float = IDLE
) -> SmppSession:
    """A session that is connected and not bound. Raises OSError or TimeoutError."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(timeout):
        _, session = await loop.create_connection(lambda: SmppSession(received, idle), host, port, ssl=context)
    return session
