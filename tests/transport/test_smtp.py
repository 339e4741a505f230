"""The SMTP client against the sink, over real sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.delivery.outcomes import Kind
from app.delivery.smtp_replies import classify
from app.local.sink import Sink, serve
from app.local.sink_read import load, most_in
from app.transport.smtp import Letter, SmtpPool, _refusal
from app.transport.smtp_wire import Reply, SmtpWire


def body(name: str = "ab" * 16) -> bytes:
    return f"Subject: x\r\nX-Fanfare-Message: {name}\r\n\r\nhello\r\n..dot\r\n".encode()


def nothing() -> None:
    """Nothing to note."""


@asynccontextmanager
async def relay(tmp_path: Path, **options: object) -> AsyncIterator[tuple[Sink, SmtpPool]]:
    sink = Sink(tmp_path / "sink.txt", realistic=False, seed=1, latency=0.0)
    login = str(options.pop("login", ""))
    server = await serve(sink, 0, login=login)
    port = server.sockets[0].getsockname()[1]
    settings: dict[str, object] = {"size": 4, "per_connection": 100, "timeout": 2.0} | options
    pool = SmtpPool("127.0.0.1", port, **settings)  # type: ignore[arg-type]
    try:
        yield sink, pool
    finally:
        await pool.close()
        server.close()


async def test_a_message_arrives_as_it_was_composed(tmp_path: Path) -> None:
    """The sink's record is the oracle of everything else."""
    async with relay(tmp_path) as (sink, pool):
        outcome = await pool.send("a@acme.example", "b@x.org", body(), nothing)
        assert (outcome.kind, outcome.code) == (Kind.ACCEPTED, 250) and outcome.ref == "00000001"
        assert [(m.message, m.address) for m in load(tmp_path / "sink.txt")] == [("ab" * 16, "b@x.org")]
        assert sink.latest[0][1] == body()


async def test_a_lost_reply_is_uncertain_never_a_guess(tmp_path: Path) -> None:
    """The message may be out: saying "failed" would mail twice, "sent" might lose."""
    async with relay(tmp_path) as (sink, pool):
        sink.drop_replies = 1
        outcome = await pool.send("a@acme.example", "b@x.org", body(), nothing)
        assert outcome.kind == Kind.UNCERTAIN
        assert len(load(tmp_path / "sink.txt")) == 1
        assert (await pool.send("a@acme.example", "b@x.org", body(), nothing)).kind == Kind.ACCEPTED


async def test_a_silent_relay_is_unavailable_before_the_message_and_uncertain_after(tmp_path: Path) -> None:
    """Time-outs are outcomes, with the same care."""
    async with relay(tmp_path, timeout=1.0) as (sink, pool):
        assert (await pool.send("a@acme.example", "b@x.org", body(), nothing)).kind == Kind.ACCEPTED
        sink.silent = True
        assert (await pool.send("a@acme.example", "b@x.org", body(), nothing)).kind == Kind.UNAVAILABLE
        sink.silent = False

        def go_silent() -> None:
            sink.silent = True

        assert (await pool.send("a@acme.example", "b@x.org", body(), go_silent)).kind == Kind.UNCERTAIN


async def test_what_the_caller_stops_is_not_sent(tmp_path: Path) -> None:
    """Pause is asked right before the message exists."""
    async with relay(tmp_path) as (_, pool):

        def stop() -> None:
            raise RuntimeError("paused")

        assert (await pool.send("a@acme.example", "b@x.org", body(), stop)).kind == Kind.RETURNED
        assert not load(tmp_path / "sink.txt")
        assert (await pool.send("a@acme.example", "b@x.org", body(), nothing)).kind == Kind.ACCEPTED


async def test_a_refused_recipient_inside_a_pipeline_sends_nothing(tmp_path: Path) -> None:
    """RFC 2920: DATA may have been accepted by then."""
    async with relay(tmp_path) as (_, pool):
        assert (await pool.send("a@acme.example", "nobody", body(), nothing)).kind in (Kind.REFUSED, Kind.BLOCKED)
        assert not load(tmp_path / "sink.txt")
        assert (await pool.send("a@acme.example", "b@x.org", body(), nothing)).kind == Kind.ACCEPTED


async def test_an_address_cannot_smuggle_a_command(tmp_path: Path) -> None:
    """A contact list is input from strangers."""
    async with relay(tmp_path) as (_, pool):
        outcome = await pool.send("a@acme.example", "b@x.org>\r\nRCPT TO:<c@x.org", body(), nothing)
        assert outcome.kind == Kind.REFUSED and not load(tmp_path / "sink.txt")


async def test_a_relay_that_is_down_takes_nothing_and_is_not_hammered() -> None:
    """Nothing is lost, no message has had an attempt, and nobody tries to connect once a message."""
    pool = SmtpPool("127.0.0.1", 1, size=4, per_connection=10, timeout=1.0)
    outcomes = await asyncio.gather(*(pool.send("a@b.c", "b@x.org", body(), nothing) for _ in range(50)))
    assert {(outcome.kind, outcome.klass) for outcome in outcomes} == {(Kind.UNAVAILABLE, "connection")}
    assert {outcome.detail for outcome in outcomes} == {"127.0.0.1:1: Connection refused"}


@pytest.mark.parametrize(("password", "kind"), [("secret", Kind.ACCEPTED), ("wrong", Kind.UNAVAILABLE)])
async def test_a_relay_that_asks_for_a_password_gets_it(tmp_path: Path, password: str, kind: Kind) -> None:
    """Wrong credentials are our trouble: the mail waits."""
    login = "AHVzZXIAc2VjcmV0"  # \0user\0secret
    async with relay(tmp_path, login=login, user="user", password=password) as (_, pool):
        assert (await pool.send("a@acme.example", "b@x.org", body(), nothing)).kind == kind


async def test_realistic_answers_are_the_same_each_time(tmp_path: Path) -> None:
    """Greylisting ends, a missing mailbox does not; the record knows both."""
    sink = Sink(tmp_path / "sink.txt", realistic=True, seed=1, latency=0.0)
    answers = {
        f"p{i}@gmail.com": (sink.verdict(f"p{i}@gmail.com"), sink.verdict(f"p{i}@gmail.com")) for i in range(5000)
    }
    codes = [first.code for first, _ in answers.values() if first is not None]
    assert {550, 451} <= set(codes) and 50 < len(codes) < 250
    assert all(second is None for first, second in answers.values() if first is not None and first.code == 451)
    assert all(second == first for first, second in answers.values() if first is not None and first.code == 550)


@pytest.mark.parametrize(
    ("code", "text", "kind", "klass"),
    [
        (550, "5.1.1 The email account that you tried to reach does not exist. gsmtp", Kind.REFUSED, "unknown_user"),
        (552, "5.2.2 mailbox full", Kind.REFUSED, "mailbox_full"),
        (451, "4.7.1 Greylisted, try later", Kind.DEFERRED, "greylisted"),
        (421, "4.7.28 unusual rate of mail", Kind.THROTTLED, "throttle"),
        (550, "5.7.1 blocked by Spamhaus", Kind.BLOCKED, "reputation"),
        (554, "no", Kind.BLOCKED, "policy"),
        (550, "no", Kind.BLOCKED, "policy"),
        (450, "5 cats", Kind.DEFERRED, "temporary"),
    ],
)
def test_replies_mean_what_providers_say_they_mean(code: int, text: str, kind: Kind, klass: str) -> None:
    """A block is not a bounce: the address is good, and must not be suppressed for our reputation."""
    meaning = classify(code, text)
    assert (meaning.kind, meaning.klass) == (kind, klass)


@pytest.mark.parametrize(
    ("to", "group", "klass"),
    [("a@firm.de", "apple", "throttle"), ("a@firm.de", "", "temporary"), ("a@me.com", "", "throttle"),
     ("a@gmail.com", "apple", "temporary"), ("a@firm.de", "firm.de", "temporary")],
)  # fmt: skip
def test_a_reply_is_read_by_the_rules_of_whoever_takes_the_mail(to: str, group: str, klass: str) -> None:
    """A company hosted by a big provider answers in the words of that provider."""
    assert _refusal(Reply(450, "4.2.0 [HCM1] wait"), Letter(0, to, b"", group)).klass == klass


@given(st.lists(st.integers(1, 40), max_size=30))
def test_replies_may_be_cut_anywhere(cuts: list[int]) -> None:
    """TCP cuts where it likes."""
    stream = b"220 hello\r\n250-one\r\n250-two\r\n250 three\r\n354 go\r\n250 2.0.0 Ok: queued as X\r\n"
    wire = SmtpWire()
    at = 0
    for cut in cuts:
        wire.data_received(stream[at : at + cut])
        at += cut
    wire.data_received(stream[at:])
    assert [reply.code for reply in wire._replies] == [220, 250, 354, 250]
    assert wire._replies[1].text == "one two three"


def test_a_window_counts_what_came_in_it() -> None:
    """Rate limits are judged by this."""
    assert most_in([0.0, 0.1, 0.9, 1.05, 3.0], 1.0) == 3
