"""Many letters over few connections, each announced with the one before, against relays that misbehave."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from app.delivery.outcomes import Kind
from app.local.sink import Sink, serve
from app.local.sink_read import duplicates, load
from app.transport.smtp import Letter, SmtpPool
from tests.transport.letters import Letters


@asynccontextmanager
async def relay(tmp_path: Path, **options: object) -> AsyncIterator[tuple[Sink, SmtpPool]]:
    sink = Sink(tmp_path / "sink.txt", realistic=False, seed=1, latency=0.0)
    server = await serve(sink, 0)
    settings: dict[str, object] = {"size": 4, "per_connection": 100, "timeout": 2.0} | options
    pool = SmtpPool("127.0.0.1", server.sockets[0].getsockname()[1], **settings)  # type: ignore[arg-type]
    try:
        yield sink, pool
    finally:
        await pool.close()
        server.close()


class Capricious:
    """A relay that ends each connection after some messages, at a step it draws; takes what it answers."""

    def __init__(self, seed: int, ends: tuple[str, ...], most: int = 5) -> None:
        self._dice = random.Random(seed)
        self._ends, self._most = ends, most
        self.taken: list[str] = []
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        left, end = self._dice.randint(1, self._most), self._dice.choice(self._ends)
        writer.write(b"220 capricious\r\n")
        try:
            while line := await reader.readline():
                verb = line[:4].upper()
                if verb == b"EHLO":
                    writer.write(b"250-capricious\r\n250 PIPELINING\r\n")
                elif left == 0 and end == verb.decode():
                    return
                elif left == 0 and end == "421" and verb == b"MAIL":
                    writer.write(b"421 4.7.0 enough for one connection\r\n")
                    return
                elif verb == b"DATA":
                    writer.write(b"354 go\r\n")
                    text = await reader.readuntil(b"\r\n.\r\n")
                    if left == 0 and end == "text":
                        return
                    self.taken.append(text.split(b"Message: ")[1][:32].decode())
                    writer.write(b"250 ok\r\n")
                    left -= 1
                else:
                    writer.write(b"250 ok\r\n")
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client left
        finally:
            writer.close()


async def test_a_thousand_letters_share_a_few_connections_and_none_is_lost(tmp_path: Path) -> None:
    """Reuse, the cap of messages a connection, and every outcome in its place."""
    async with relay(tmp_path, per_connection=37) as (_, pool):
        letters = Letters(1000)
        await pool.deliver(letters, 8)
    record = load(tmp_path / "sink.txt")
    assert {m.address: m.message for m in record} == {f"p{n}@x.org": f"{n:032x}" for n in range(1000)}
    assert letters.each_ended_once() and letters.kinds() == {"accepted": 1000} and not duplicates(record)


@pytest.mark.parametrize("end", ["MAIL", "RCPT", "DATA", "421"])
async def test_a_relay_that_ends_connections_between_messages_costs_no_letter_an_attempt(end: str) -> None:
    """Many relays take some messages a connection and then just hang up: that says nothing of the next letter."""
    server_side = Capricious(1, (end,))
    server = await asyncio.start_server(server_side.serve, "127.0.0.1", 0)
    pool = SmtpPool("127.0.0.1", server.sockets[0].getsockname()[1], size=3, per_connection=100, timeout=2.0)
    letters = Letters(60)
    await pool.deliver(letters, 3)
    assert letters.each_ended_once() and letters.kinds() == {"accepted": 60}
    assert len(server_side.taken) == len(set(server_side.taken)) == 60 and server_side.connections >= 12
    await pool.close()
    server.close()


@pytest.mark.parametrize("seed", range(20))
async def test_whatever_the_relay_does_no_letter_is_begun_twice(seed: int) -> None:
    """A letter put back to another connection must be one that never was on the wire."""
    server_side = Capricious(seed, ("MAIL", "RCPT", "DATA", "421", "text"))
    server = await asyncio.start_server(server_side.serve, "127.0.0.1", 0)
    pool = SmtpPool("127.0.0.1", server.sockets[0].getsockname()[1], size=4, per_connection=7, timeout=2.0)
    letters = Letters(80)
    await pool.deliver(letters, 4)
    assert letters.each_ended_once() and letters.kinds().keys() <= {"accepted", "uncertain"}
    accepted = {f"{n:032x}" for n, outcome in letters.outcomes.items() if outcome.kind == Kind.ACCEPTED}
    assert accepted <= set(server_side.taken) and len(server_side.taken) == len(set(server_side.taken))
    await pool.close()
    server.close()


async def test_what_is_noted_is_noted_before_the_message_leaves(tmp_path: Path) -> None:
    """The journal's note is what a restart believes: a message that left without one would be mailed twice."""
    begun: set[str] = set()
    safe: set[str] = set()

    def note(letter: Letter) -> bool:
        begun.add(f"{letter.number:032x}")
        return True

    async with relay(tmp_path, before_write=lambda: safe.update(begun)) as (sink, pool):
        taken = sink.take

        def take(address: str, body: bytes) -> str:
            assert body.split(b"Message: ")[1][:32].decode() in safe
            return taken(address, body)

        sink.take = take  # type: ignore[method-assign]
        letters = Letters(200, note)
        await pool.deliver(letters, 4)
    assert letters.kinds() == {"accepted": 200}


async def test_what_cannot_be_noted_is_not_sent(tmp_path: Path) -> None:
    """A full disk stops the mail, and what was not sent is told as such."""

    def full() -> None:
        raise OSError("no space left on device")

    async with relay(tmp_path, before_write=full) as (_, pool):
        letters = Letters(10)
        await pool.deliver(letters, 2)
        assert letters.each_ended_once() and letters.kinds() == {"returned": 10}
    assert not load(tmp_path / "sink.txt")


async def test_a_mailing_that_is_stopped_sends_nothing_more(tmp_path: Path) -> None:
    """Pause: what was announced but not begun stays unsent."""
    async with relay(tmp_path) as (_, pool):
        letters = Letters(50, lambda letter: letter.number < 20)
        await pool.deliver(letters, 2)
    assert letters.each_ended_once() and letters.kinds() == {"accepted": 20, "returned": 30}
    assert len(load(tmp_path / "sink.txt")) == 20


async def test_an_urgent_letter_does_not_wait_for_a_long_mailing(tmp_path: Path) -> None:
    """A password reset must not stand behind a newsletter that holds every connection."""
    async with relay(tmp_path, size=1, per_connection=10_000) as (_, pool):
        bulk = asyncio.create_task(pool.deliver(Letters(2_000), 4))
        while not load(tmp_path / "sink.txt"):  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        outcome = await pool.send("a@acme.example", "urgent@x.org", b"Subject: x\r\n\r\nhi\r\n", lambda: None, 0)
        assert outcome.kind == Kind.ACCEPTED and not bulk.done()
        await bulk
    addresses = [each.address for each in load(tmp_path / "sink.txt")]
    assert len(addresses) == 2_001 and addresses.index("urgent@x.org") < 1_900


async def test_mailings_take_turns_and_none_waits_for_a_connection_it_no_longer_needs(tmp_path: Path) -> None:
    """A release ends when its letters have, however many others queue."""
    async with relay(tmp_path, size=2) as (_, pool):
        mailings = [Letters(30) for _ in range(10)]
        await asyncio.wait_for(asyncio.gather(*(pool.deliver(each, 8) for each in mailings)), 10)
    assert all(each.each_ended_once() and each.kinds() == {"accepted": 30} for each in mailings)
