"""The mail sink: takes mail over SMTP, answers as mailbox providers do, and records who got what.

    python -m app.local.sink --port 2525 --record var/sink.txt

Each accepted message is one line of the record: message id (32 hex digits), time, address. It is written
before the reply goes out, so the record is the oracle of every test for lost and doubled mail. The lines
of one turn of the event loop share a write, and their replies wait for it. Messages
that are refused for good go to RECORD.refused. The record is appended to: it survives restarts.
"""

import argparse
import asyncio
import base64
import os
import re
import signal
import ssl
import sys
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import cast

import uvloop

from app.local.ports import LOOPBACK
from app.local.sink_behaviour import Answer, behaviour_of
from app.local.sink_control import control

MESSAGE = b"\r\nX-Fanfare-Message: "
ID = re.compile(rb"[0-9a-f]{32}")
MOST_HEADER = 8_192  # bytes at the front of a message in which its id is looked for
ADDRESS = re.compile(rb"<([^>]*)>")
MOST_BYTES = 50 << 20  # of one message
MOST_LINE = 4_096
MOST_KNOWN = 1_000_000  # addresses whose first tries are remembered


class Sink:
    """What all connections share: behaviour, record, counts and the latest messages."""

    def __init__(self, record: Path, *, realistic: bool, seed: int, latency: float) -> None:
        record.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_CREAT | os.O_APPEND | os.O_WRONLY
        self._taken = os.open(record, flags, 0o600)
        self._refused = os.open(record.with_name(record.name + ".refused"), flags, 0o600)
        self.realistic, self._seed = realistic, seed
        self.latency = latency
        self.latest: deque[tuple[str, bytes]] = deque(maxlen=200)
        self.counts: Counter[str] = Counter()
        self.seconds: Counter[int] = Counter()  # accepted, by second since 1970
        self.drop_replies = 0  # connections still to be cut after a message, before its reply
        self.silent = False
        self._tries: OrderedDict[str, int] = OrderedDict()
        self._lines: list[str] = []  # of the record, not written yet
        self._replies: list[Callable[[], None]] = []  # that wait for them

    def verdict(self, address: str) -> Answer | None:
        """How a message to *address* is answered this time; None takes it."""
        answer = behaviour_of(address, self._seed) if self.realistic else None
        if answer is None or not answer.again:
            return answer
        tries = self._tries.get(address, 0) + 1
        self._tries[address] = tries
        if len(self._tries) > MOST_KNOWN:
            self._tries.popitem(last=False)
        return answer if tries <= answer.again else None

    def take(self, address: str, body: bytes) -> str:
        """Record an accepted message; its queue id."""
        now = time.time()
        self._lines.append(f"{_message_id(body)} {now:.3f} {address}\n")
        self.seconds[int(now)] += 1
        self.latest.append((address, body))
        self.counts["accepted"] += 1
        return f"{self.counts['accepted']:08X}"

    def when_recorded(self, reply: Callable[[], None]) -> None:
        """Call *reply* once what was taken so far is in the record."""
        if not self._replies:
            asyncio.get_running_loop().call_soon(self.record)
        self._replies.append(reply)

    def record(self) -> None:
        """Write what was taken, then let the replies go."""
        lines, self._lines = "".join(self._lines).encode(), []
        replies, self._replies = self._replies, []
        if lines and os.write(self._taken, lines) != len(lines):
            sys.exit("the sink's record could not be written: is the disk full?")
        for reply in replies:
            reply()

    def refuse(self, answer: Answer, address: str, body: bytes) -> None:
        """Record a message that is turned away for good, or count one that is asked to come again."""
        if answer.code < 500:
            self.counts["deferred"] += 1
            return
        os.write(
            self._refused, f"{_message_id(body)} {time.time():.3f} {address} {answer.code} {answer.text}\n".encode()
        )
        self.counts["refused"] += 1


def _message_id(body: bytes) -> str:
    """The id in the header X-Fanfare-Message, or dashes."""
    end = body.find(b"\r\n\r\n", 0, MOST_HEADER)
    at = body.find(MESSAGE, 0, end if end >= 0 else MOST_HEADER)
    name = body[at + len(MESSAGE) : at + len(MESSAGE) + 32] if at >= 0 else b""
    return name.decode() if ID.fullmatch(name) else "-" * 32


class Session(asyncio.Protocol):
    """One SMTP connection."""

    def __init__(self, sink: Sink, tls: ssl.SSLContext | None, login: str) -> None:
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
        self._transport.write(b"220 sink.fanfare.localhost ESMTP\r\n")

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
        answer = self._sink.verdict(address)
        if answer is not None:
            self._sink.refuse(answer, address, body)
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


async def serve(
    sink: Sink, port: int, *, tls: ssl.SSLContext | None = None, login: str = "", host: str = LOOPBACK
) -> asyncio.Server:
    """Listen on *host*."""
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: Session(sink, tls, login), host, port, backlog=512)


async def _run(given: argparse.Namespace) -> None:
    realistic = given.behaviour == "realistic"
    sink = Sink(given.record, realistic=realistic, seed=given.seed, latency=given.latency / 1000)
    tls = None
    if given.tls_cert:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(given.tls_cert, given.tls_key)
    user, _, password = given.auth.partition(":")
    login = base64.b64encode(f"\0{user}\0{password}".encode()).decode() if given.auth else ""
    server = await serve(sink, given.port, tls=tls, login=login, host=given.host)
    runner = await control(sink, given.control_port) if given.control_port else None
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    await stopped.wait()
    server.close()
    if runner is not None:
        await runner.cleanup()


def main() -> None:
    """Run until SIGTERM."""
    parser = argparse.ArgumentParser(prog="app.local.sink", description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--host", default=LOOPBACK, help="where to listen; in a container 0.0.0.0")
    parser.add_argument("--port", type=int, default=2525)
    parser.add_argument("--record", type=Path, required=True)
    parser.add_argument("--behaviour", choices=("realistic", "accept"), default="realistic")
    parser.add_argument("--latency", type=float, default=0.0, help="milliseconds before each reply")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tls-cert", type=Path, help="offer STARTTLS with this certificate (PEM)")
    parser.add_argument("--tls-key", type=Path, help="its key, when it is not in the same file")
    parser.add_argument("--auth", default="", help="user:password that clients must give")
    parser.add_argument("--control-port", type=int, default=0, help="HTTP on loopback: counts, messages, behaviour")
    given = parser.parse_args()
    try:
        uvloop.run(_run(given))
    except OSError as error:
        sys.exit(f"the mail sink cannot listen on port {given.port}: {error}. Set FANFARE_SINK_PORT to a free one.")


if __name__ == "__main__":
    main()
