"""The sink misbehaves as it is told: what it says then is what the transport has to understand."""

import asyncio
import json
from pathlib import Path

import pytest

from app.delivery.outcomes import Kind
from app.local.ports import free_ports
from app.local.sink import Sink, serve
from app.local.sink_behaviour import TROUBLES, Throttles
from app.local.sink_orders import Orders, follow, orders_in
from app.local.sink_read import load
from app.records import Outcome
from app.transport.smtp import SmtpPool

BODY = b"Subject: x\r\nX-Fanfare-Message: " + b"ab" * 16 + b"\r\n\r\nhello\r\n"

# What becomes of a message that meets each trouble.
OUTCOMES = {
    "refuse": (Kind.UNAVAILABLE, "connection"),
    "busy": (Kind.UNAVAILABLE, "service"),
    "closed": (Kind.UNAVAILABLE, "service"),
    "no-service": (Kind.UNAVAILABLE, "service"),
    "defer": (Kind.DEFERRED, "temporary"),
    "block": (Kind.BLOCKED, "content"),
    "silent": (Kind.UNAVAILABLE, "connection"),
    "slow": (Kind.ACCEPTED, ""),
    "drop": (Kind.UNCERTAIN, "lost_reply"),
    "throttle": (Kind.ACCEPTED, ""),
}


async def sent(port: int, to: str = "p@gmail.com", timeout: float = 5.0) -> Outcome:
    """What becomes of a message."""
    pool = SmtpPool("127.0.0.1", port, size=1, per_connection=100, timeout=timeout)
    outcome = await pool.send("a@acme.example", to, BODY, lambda: None)
    await pool.close()
    await asyncio.sleep(0.01)  # the sink hears of it
    return outcome


@pytest.mark.parametrize("name", sorted(TROUBLES))
async def test_every_trouble_is_understood_and_ends(tmp_path: Path, name: str) -> None:
    """Each stands for something that providers do; a sink that stays broken would spoil what is tried next."""
    port = free_ports()
    sink = Sink(tmp_path / "sink.txt", realistic=False, seed=1, latency=0.0)
    server: asyncio.Server | None = await serve(sink, port)

    async def door(is_open: bool) -> None:
        nonlocal server
        if server is not None:
            server.close()
        server = await serve(sink, port) if is_open else None

    sink.door = door
    await sink.behave(orders_in({"trouble": name}, sink.orders()))
    outcome = await sent(port, timeout=0.3 if name == "silent" else 5.0)
    assert (outcome.kind, outcome.klass) == OUTCOMES[name], outcome
    await sink.behave(orders_in({"trouble": ""}, sink.orders()))
    assert sink.orders() == Orders()
    assert (await sent(port)).kind == Kind.ACCEPTED
    assert server is not None
    server.close()


async def test_a_file_tells_a_sink_how_to_behave(tmp_path: Path) -> None:
    """This is how an installation's own sinks are broken and mended, without a port that anybody could use."""
    orders = tmp_path / "orders.json"
    sink = Sink(tmp_path / "sink.txt", realistic=True, seed=1, latency=0.0)
    following = asyncio.create_task(follow(sink, orders))

    async def until(silent: bool) -> None:
        async with asyncio.timeout(10):
            while sink.silent is not silent:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    orders.write_text(json.dumps({"trouble": "silent"}))
    await until(True)
    assert sink.realistic
    orders.write_text("no JSON")
    orders.write_text("{}")
    await until(False)
    orders.write_text(json.dumps({"trouble": "silent"}))
    await until(True)
    orders.unlink()
    await until(False)
    following.cancel()


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"trouble": "flood"}, "no trouble 'flood'"),
        ({"nonsense": 1}, "nonsense"),
        ({"answers": {"MAIL": "go away"}}, "answers.MAIL"),
        ({"throttles": {"*": 0}}, "throttles"),
        ([], "JSON object"),
    ],
)
def test_an_order_that_is_none_is_refused_in_words(wish: object, words: str) -> None:
    """Tests and people write them by hand."""
    with pytest.raises(ValueError, match=words.replace("*", ".")):
        orders_in(wish, Orders())


def test_a_throttle_takes_so_many_a_second_from_each_client() -> None:
    """As mailbox providers do: by source address, with the words of the provider."""
    throttles = Throttles({"gmail": 5, "*": 2})
    taken = [throttles.verdict("p@gmail.com", "1", 100.0 + n / 100) for n in range(400)]
    assert 5 + 4 * 5 - 1 <= sum(each is None for each in taken) <= 5 + 4 * 5
    refused = next(each for each in taken if each is not None)
    assert (refused.code, refused.text[:6]) == (421, "4.7.28")
    assert throttles.verdict("p@gmail.com", "2", 104.0) is None, "another address has its own"
    assert [throttles.verdict("p@yahoo.com", "1", 104.0) is None for _ in range(3)] == [True, True, False]
    assert throttles.verdict("p@gmx.de", "1", 104.0) is None, "each of the others has its own"


async def test_a_throttled_message_is_told_to_slow_down_and_comes_later(tmp_path: Path) -> None:
    """The pace is asked for of a sender and mailbox provider; the message itself is fine."""
    sink = Sink(tmp_path / "sink.txt", realistic=False, seed=1, latency=0.0)
    server = await serve(sink, 0)
    port = server.sockets[0].getsockname()[1]
    sink.throttles = Throttles({"gmail": 1})
    first, second, other = await sent(port), await sent(port), await sent(port, "p@gmx.de")
    assert (first.kind, other.kind) == (Kind.ACCEPTED, Kind.ACCEPTED)
    assert (second.kind, second.klass, second.code) == (Kind.THROTTLED, "throttle", 421)
    assert len(load(tmp_path / "sink.txt")) == 2 and sink.counts["deferred"] == 1
    server.close()
