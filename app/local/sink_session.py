"""One SMTP connection of the mail sink: commands and messages in, replies out, as it is told to behave."""

import asyncio
import re
import ssl
from collections.abc import Callable
from functools import partial
from typing import Protocol, cast

from app.local.sink_behaviour import Answer
from app.local.sink_orders import Step

ADDRESS = re.compile(rb"<([^>]*)>")
MOST_BYTES = 50 << 20  # of one message
MOST_LINE = 4_096


class Mailbox(Protocol):
    """What a session needs of the sink."""

    silent: bool
    latency: float
    drop_replies: int
    answers: dict[Step, str]

    def verdict(self, address: str, client: str = "") -> Answer | None:
        """How a message to *address* is answered this time; None takes it."""

    def take(self, address: str, body: bytes) -> str:
        """Record an accepted message; its queue id."""

    def refuse(self, answer: Answer, address: str, body: bytes) -> None:
        """Record a message that is not taken."""

    def when_recorded(self, reply: Callable[[], None]) -> None:
        """Call *reply* once what was taken so far is in the record."""

    def record(self) -> None:
        """Write what was taken."""

    def came(self, session: "Session") -> None:
        """A client has connected."""

    def left(self, session: "Session") -> None:
        """It is gone."""


class Session(asyncio.Protocol):
    """One SMTP connection."""

    def __init__(self, sink: Mailbox, tls: ssl.SSLContext | None, login: str) -> None:
        self._sink, self._tls, self._login = sink, tls, login
        self._buffer = bytearray()
        self._scanned = 0  # bytes of the message that hold no end
        self._in_data = False
        self._to: list[str] = []
        self._authenticated = not login
        self._leaving = False
        self._upgrading = False  # what arrives waits until the transport is the encrypted one

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet, but not a second time after STARTTLS."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by class
        self._client = str((transport.get_extra_info("peername") or ("",))[0])
        self._sink.came(self)
        answer = self._sink.answers.get("greeting", "")
        self._leaving = bool(answer)
        self._send(f"{answer or '220 sink.fanfare.localhost ESMTP'}\r\n".encode())

    def connection_lost(self, _: Exception | None) -> None:
        """The client is gone."""
        self._sink.left(self)

    def cut(self) -> None:
        """Break the connection off."""
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Commands and messages, cut anywhere, many at once."""
        self._buffer += data
        if self._upgrading:
            return
        replies: list[bytes] = []
        while (reply := self._message() if self._in_data else self._command()) is not None:
            replies.append(reply)
            if self._leaving or self._transport.is_closing():
                break
        if replies:
            self._reply(b"".join(replies))

    def _reply(self, data: bytes) -> None:
        """Send *data*, once what it acknowledges is in the record."""
        self._sink.when_recorded(partial(self._send, data))

    def _send(self, data: bytes) -> None:
        if self._sink.silent or self._transport.is_closing():
            return
        if self._sink.latency:
            asyncio.get_running_loop().call_later(self._sink.latency, self._write, data)
        else:
            self._write(data)

    def _write(self, data: bytes) -> None:
        if self._transport.is_closing():  # the client died while its reply was held back
            return
        self._transport.write(data)
        if self._leaving:
            self._transport.close()

    def _message(self) -> bytes | None:
        end = self._buffer.find(b"\r\n.\r\n", max(0, self._scanned - 4))
        if end < 0:
            self._scanned = len(self._buffer)
            if self._scanned > MOST_BYTES:
                self._transport.abort()
            return None
        body = bytes(memoryview(self._buffer)[: end + 2])
        del self._buffer[: end + 5]
        self._in_data, self._scanned = False, 0
        address = self._to[0]
        self._to = []
        answer = self._sink.verdict(address, self._client)
        if answer is not None:
            self._sink.refuse(answer, address, body)
            self._leaving = answer.code == 421  # it says that it closes, and does
            return f"{answer.code} {answer.text}\r\n".encode()
        queued = self._sink.take(address, body)
        if self._sink.drop_replies:
            self._sink.drop_replies -= 1
            self._sink.record()
            self._transport.abort()
            return b""
        return f"250 2.0.0 Ok: queued as {queued}\r\n".encode()

    def _command(self) -> bytes | None:
        end = self._buffer.find(b"\n")
        if end < 0:
            if len(self._buffer) > MOST_LINE:
                self._transport.abort()
            return None
        line = bytes(memoryview(self._buffer)[:end]).rstrip(b"\r")
        del self._buffer[: end + 1]
        verb = line[:4].upper()
        if self._sink.answers and (told := self._told(verb)):
            self._leaving = told.startswith("421")
            return f"{told}\r\n".encode()
        if verb == b"MAIL":
            self._to = []
            return b"250 2.1.0 Ok\r\n" if self._authenticated else b"530 5.7.0 Authentication required\r\n"
        if verb == b"RCPT":
            return self._recipient(line)
        if verb == b"DATA":
            if not self._to:
                return b"503 5.5.1 no recipient\r\n"
            self._in_data = True
            return b"354 go ahead\r\n"
        return self._other(verb, line)

    def _told(self, verb: bytes) -> str:
        """What the sink was told to say to this command."""
        return next((text for step, text in self._sink.answers.items() if step.encode() == verb), "")

    def _recipient(self, line: bytes) -> bytes:
        found = ADDRESS.search(line)
        if found is None or b"@" not in found[1]:
            return b"501 5.1.3 bad address\r\n"
        if not self._authenticated:
            return b"530 5.7.0 Authentication required\r\n"
        self._to.append(found[1].decode("utf-8", "replace"))
        return b"250 2.1.5 Ok\r\n"

    def _other(self, verb: bytes, line: bytes) -> bytes:
        match verb:
            case b"EHLO" | b"HELO":
                offers = [b"PIPELINING", b"8BITMIME", b"SMTPUTF8", b"SIZE %d" % MOST_BYTES]
                offers += [b"STARTTLS"] if self._tls else []
                offers += [b"AUTH PLAIN"] if self._login else []
                lines = [b"sink.fanfare.localhost", *offers]
                return b"".join(b"250-%b\r\n" % each for each in lines[:-1]) + b"250 %b\r\n" % lines[-1]
            case b"RSET" | b"NOOP":
                self._to = []
                return b"250 2.0.0 Ok\r\n"
            case b"QUIT":
                self._leaving = True
                return b"221 2.0.0 Bye\r\n"
            case b"AUTH":
                self._authenticated = line.split(b" ")[-1].decode() == self._login
                return b"235 2.7.0 Ok\r\n" if self._authenticated else b"535 5.7.8 wrong user or password\r\n"
            case b"STAR" if self._tls:
                self._transport.write(b"220 2.0.0 go ahead\r\n")
                self._buffer.clear()  # RFC 3207: nothing said in the clear counts
                self._upgrading = True
                self._upgrade = asyncio.get_running_loop().create_task(self._start_tls(self._tls))
                return b""
        return b"502 5.5.2 unknown command\r\n"

    async def _start_tls(self, context: ssl.SSLContext) -> None:
        loop = asyncio.get_running_loop()
        try:
            transport = await loop.start_tls(self._transport, self, context, server_side=True)
        except OSError:
            return  # the client did not like our certificate, and left
        if transport is not None:
            self._transport = transport
            self._upgrading = False
            self.data_received(b"")
