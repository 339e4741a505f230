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
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvloop

from app.local.ports import LOOPBACK
from app.local.sink_behaviour import Answer, Throttles, answer_in, behaviour_of
from app.local.sink_control import control
from app.local.sink_orders import Orders, Step, follow, orders_in
from app.local.sink_session import Session

MESSAGE = b"\r\nX-Fanfare-Message: "
ID = re.compile(rb"[0-9a-f]{32}")
MOST_HEADER = 8_192  # bytes at the front of a message in which its id is looked for
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
        self.listening = True  # False: nobody can connect, and who was is cut off
        self.answers: dict[Step, str] = {}  # what is always said at a step
        self.throttles = Throttles({})
        self.door: Callable[[bool], Awaitable[None]] | None = None  # opens and closes the port
        self._sessions: set[Session] = set()
        self._tries: OrderedDict[str, int] = OrderedDict()
        self._lines: list[str] = []  # of the record, not written yet
        self._replies: list[Callable[[], None]] = []  # that wait for them

    async def behave(self, orders: Orders) -> None:
        """Behave as told from now on."""
        self.realistic, self.latency = orders.realistic, orders.latency_ms / 1000
        self.silent, self.drop_replies, self.answers = orders.silent, orders.drop_replies, dict(orders.answers)
        if orders.throttles != self.throttles.rates:
            self.throttles = Throttles(orders.throttles)
        if orders.listening != self.listening:
            self.listening = orders.listening
            if self.door is not None:
                await self.door(orders.listening)
            if not orders.listening:
                for session in list(self._sessions):
                    session.cut()

    def orders(self) -> Orders:
        """How it behaves now."""
        return Orders(
            realistic=self.realistic, latency_ms=self.latency * 1000, silent=self.silent,
            drop_replies=self.drop_replies, listening=self.listening, answers=self.answers,
            throttles=self.throttles.rates,
        )  # fmt: skip

    def came(self, session: Session) -> None:
        """A client has connected."""
        self._sessions.add(session)

    def left(self, session: Session) -> None:
        """It is gone."""
        self._sessions.discard(session)

    def verdict(self, address: str, client: str = "") -> Answer | None:
        """How a message to *address* from *client* is answered this time; None takes it."""
        if told := self.answers.get("message"):
            return answer_in(told)
        answer = behaviour_of(address, self._seed) if self.realistic else None
        if answer is None:
            return self.throttles.verdict(address, client, time.monotonic())
        if not answer.again:
            return answer
        tries = self._tries.get(address, 0) + 1
        self._tries[address] = tries
        if len(self._tries) > MOST_KNOWN:
            self._tries.popitem(last=False)
        if tries <= answer.again:
            return answer
        return self.throttles.verdict(address, client, time.monotonic())

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
    server: asyncio.Server | None = await serve(sink, given.port, tls=tls, login=login, host=given.host)

    async def door(is_open: bool) -> None:
        nonlocal server
        if server is not None:
            server.close()
        server = await serve(sink, given.port, tls=tls, login=login, host=given.host) if is_open else None

    sink.door = door
    if given.throttle:
        await sink.behave(orders_in({"throttles": dict(map(_throttle, given.throttle))}, sink.orders()))
    following = asyncio.create_task(follow(sink, given.orders)) if given.orders else None
    runner = await control(sink, given.control_port) if given.control_port else None
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    await stopped.wait()
    if following is not None:
        following.cancel()
    if server is not None:
        server.close()
    if runner is not None:
        await runner.cleanup()


def _throttle(text: str) -> tuple[str, float]:
    group, _, rate = text.partition("=")
    return group, float(rate)


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
    parser.add_argument("--orders", type=Path, help="JSON file that says how to behave; looked at again and again")
    parser.add_argument("--throttle", action="append", metavar="GROUP=N", help="take N a second of an MX group, or *")
    given = parser.parse_args()
    try:
        uvloop.run(_run(given))
    except OSError as error:
        sys.exit(f"the mail sink cannot listen on port {given.port}: {error}. Set FANFARE_SINK_PORT to a free one.")


if __name__ == "__main__":
    main()
