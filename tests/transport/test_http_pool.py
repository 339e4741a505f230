"""Messages over an HTTP API: each ends once, with what is known of it, and nothing leaves that was not begun."""

import asyncio
import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from email.utils import formatdate
from pathlib import Path

import pytest

from app.delivery.outcomes import Kind
from app.provider_accounts import HttpAccount, SendGrid
from app.providers.contract import MOST_ANSWER, Answer, Message, Request
from app.records import Outcome
from app.transport.http_client import HttpClient, NotSentError
from app.transport.http_pool import HttpPool
from app.transport.secrets import SecretKeeper
from tests.transport.api_server import OK, Came, answer, api
from tests.transport.parcels import Batched, Parcels, Plain
from tests.transport.test_smtp_relays import certificate


def pool_at(port: int, adapter: Plain | None = None, scheme: str = "http", **options: object) -> HttpPool:
    """A pool of an account on this machine."""
    told = {"url": f"{scheme}://127.0.0.1:{port}", "connections": 8, "timeout": 5.0}
    trusted, before_write = options.pop("trusted", None), options.pop("before_write", lambda: None)
    return HttpPool(
        adapter or Plain(), HttpAccount.model_validate(told | options), SecretKeeper(),
        before_write=before_write, trusted=trusted,  # type: ignore[arg-type]
    )  # fmt: skip


def free_port() -> int:
    """A port at which nobody listens."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


async def test_every_message_goes_once_over_few_connections_that_are_kept() -> None:
    """Requests at once are bounded by the account and by what a release may have."""
    async with api() as server:
        pool, mailing = pool_at(server.port), Parcels(200)
        await pool.deliver(mailing, 4)
        assert mailing.kinds() == {Kind.ACCEPTED}
        assert sorted(int(came.body) for came in server.came) == list(range(200)) == sorted(mailing.begun)
        assert server.connections <= 4 >= server.most_open
        assert mailing.outcomes[0].ref == "ref-1"
        await pool.close()


async def test_what_leaves_is_what_was_signed() -> None:
    """No header is added, and no escape of the URL is written otherwise: a signature covers both."""
    async with api() as server:
        pool = pool_at(server.port)
        await pool.deliver(Parcels(1), 1)
        (came,) = server.came
        assert came.line == "POST /send%2Fit?a=%20b HTTP/1.1"
        assert sorted(came.names) == ["Authorization", "Content-Length", "Host", "X-At"]
        await pool.close()


async def test_a_redirect_is_not_followed_and_a_cookie_not_kept() -> None:
    """Secrets would go wherever an answer says."""
    async with api(lambda _: answer(302, Location="http://127.0.0.1:1/", Set_Cookie="a=b")) as server:
        pool, mailing = pool_at(server.port), Parcels(2)
        await pool.deliver(mailing, 1)
        assert mailing.kinds() == {Kind.UNAVAILABLE} and len(server.came) == 2
        assert all("cookie" not in came.headers for came in server.came)
        await pool.close()


async def test_nobody_there_takes_nothing_and_is_left_alone_for_a_moment() -> None:
    """No connection says nothing of a message; while there is none, nobody waits for one."""
    pool, mailing = pool_at(free_port()), Parcels(50)
    await pool.deliver(mailing, 4)
    assert mailing.kinds() == {Kind.UNAVAILABLE} and not mailing.begun and not pool.healthy
    assert {outcome.klass for outcome in mailing.outcomes.values()} == {"connection"}
    await pool.close()


@pytest.mark.parametrize("name", ["nobody.invalid", "no such name"])
async def test_a_name_that_is_none_takes_nothing(name: str) -> None:
    """Nothing can have left."""
    client = HttpClient(connections=1, timeout=5.0)
    with pytest.raises(NotSentError):
        await client.ask(Request("POST", f"https://{name}/", {}, b"x"))
    await client.close()


async def test_without_tls_only_this_machine_is_asked() -> None:
    """Secrets and messages would go over the network for everybody to read."""
    client = HttpClient(connections=1, timeout=5.0)
    for url in ("http://example.com/", "http://127.0.0.1.example.com/", "ftp://127.0.0.1/", "file:///etc/passwd"):
        with pytest.raises(NotSentError, match="https"):
            await client.ask(Request("POST", url, {}, b"x"))
    await client.close()


async def test_a_connection_that_breaks_before_the_answer_leaves_it_uncertain() -> None:
    """The provider may have taken the message: it is not sent again on a guess."""
    async with api(lambda _: None) as server:
        pool, mailing = pool_at(server.port), Parcels(5)
        await pool.deliver(mailing, 2)
        assert mailing.kinds() == {Kind.UNCERTAIN} and len(server.came) == 5, "nothing is repeated"
        await pool.close()


async def test_an_answer_that_does_not_come_leaves_it_uncertain() -> None:
    """Accepted and then silent looks just like this."""
    async with api() as server:
        server.delay = 60.0
        pool, mailing = pool_at(server.port, timeout=1.0), Parcels(2)
        await pool.deliver(mailing, 2)
        assert mailing.kinds() == {Kind.UNCERTAIN}
        await pool.close()


async def test_nothing_more_starts_once_the_campaign_is_paused() -> None:
    """Asked at the last moment: not one byte of the others is written."""
    async with api() as server:
        pool = pool_at(server.port)
        mailing = Parcels(50, may=lambda _: len(server.came) < 10)
        await pool.deliver(mailing, 1)
        assert len(server.came) == 10 == len(mailing.begun)
        assert [outcome.kind for outcome in mailing.outcomes.values()].count(Kind.RETURNED) == 40
        assert server.raw.count(b"POST") == 10
        await pool.close()


async def test_what_cannot_be_noted_does_not_go() -> None:
    """After a kill nobody would know of it."""

    def full() -> None:
        raise OSError("the disk is full")

    async with api() as server:
        pool, mailing = pool_at(server.port, before_write=full), Parcels(5)
        await pool.deliver(mailing, 2)
        assert mailing.kinds() == {Kind.RETURNED} and not server.raw
        await pool.close()


async def test_notes_come_before_the_bytes() -> None:
    """Begun, flushed, written: in this order for each request."""
    seen: list[str] = []

    def note(came: Came) -> bytes:
        seen.append(f"came {came.body.decode()}")
        return OK

    async with api(note) as server:
        pool = pool_at(server.port, before_write=lambda: seen.append("flushed"))
        mailing = Parcels(3, may=lambda parcel: seen.append(f"begun {parcel.number}") is None)
        await pool.deliver(mailing, 1)
        for number in range(3):
            begun = seen.index(f"begun {number}")
            assert seen[begun + 1 : begun + 3] == ["flushed", f"came {number}"]
        await pool.close()


@pytest.mark.parametrize(("name", "written"), [
    ("Retry_After", lambda _: "30"), ("Retry_After", lambda now: formatdate(now + 45, usegmt=True)),
    ("X_RateLimit_Reset", lambda now: str(int(now + 40))),
])  # fmt: skip
async def test_a_pause_that_is_asked_for_is_kept(name: str, written: Callable[[float], str]) -> None:
    """The rest of the messages are throttled, too, and nobody is asked."""
    async with api(lambda _: answer(429, **{name: written(time.time())})) as server:
        pool, mailing = pool_at(server.port), Parcels(20)
        await pool.deliver(mailing, 1)
        assert mailing.kinds() == {Kind.THROTTLED} and len(server.came) == 1
        await pool.close()


@pytest.mark.parametrize("told", [{}, {"Retry_After": "soon"}, {"Retry_After": "-5"}, {"X_RateLimit_Reset": "12"},
                                  {"Retry_After": "9" * 90}])  # fmt: skip
async def test_a_pause_is_bounded_and_nonsense_is_none(told: dict[str, str]) -> None:
    """A provider that asks for a year is asked again in a minute."""
    async with api(lambda _: answer(429, **told)) as server:
        pool = pool_at(server.port)
        await pool.deliver(Parcels(1), 1)
        assert pool._quiet_until - time.monotonic() < 61
        await pool.close()


async def test_messages_that_can_go_together_do() -> None:
    """Each with its like, up to the most of a request; whoever goes alone does not wait for them."""
    async with api() as server:
        pool, mailing = pool_at(server.port, Batched()), Parcels(100)
        await pool.deliver(mailing, 4)
        assert mailing.kinds() == {Kind.ACCEPTED}
        sent = [[int(number) for number in came.body.split(b",")] for came in server.came]
        assert sorted(number for numbers in sent for number in numbers) == list(range(100))
        assert all(len(numbers) == 1 for numbers in sent if numbers[0] % 7 == 0)
        assert all(len({number % 2 for number in numbers}) == 1 for numbers in sent)
        assert len(sent) == 15 + 10 and max(map(len, sent)) == 10
        await pool.close()


async def test_a_batch_of_which_one_may_not_start_does_not_start() -> None:
    """Its bytes are one: without him they would be others."""
    async with api() as server:
        pool, mailing = pool_at(server.port, Batched()), Parcels(9, may=lambda parcel: parcel.number != 3)
        await pool.deliver(mailing, 1)
        kinds = {number: outcome.kind for number, outcome in mailing.outcomes.items()}
        assert {number for number, kind in kinds.items() if kind == Kind.RETURNED} == {1, 3, 5}
        assert len(server.came) == 3
        await pool.close()


async def test_a_batch_that_is_refused_for_somebody_unnamed_is_sent_one_by_one() -> None:
    """He alone is refused, and the others arrive, once each."""

    class Vague(Batched):
        def result_of(self, messages: Sequence[Message], answer: Answer, at: float) -> list[Outcome]:
            kind = Kind.ACCEPTED if answer.status < 300 else Kind.RETURNED if len(messages) > 1 else Kind.REFUSED
            return [Outcome(kind, at)] * len(messages)

    def decide(came: Came) -> bytes:
        return answer(400) if b"4" in came.body.split(b",") else OK

    async with api(decide) as server:
        pool, mailing = pool_at(server.port, Vague()), Parcels(9)
        await pool.deliver(mailing, 2)
        assert {number for number, outcome in mailing.outcomes.items() if outcome.kind == Kind.REFUSED} == {4}
        assert mailing.kinds() == {Kind.REFUSED, Kind.ACCEPTED}
        await pool.close()


async def test_a_clock_that_differs_is_corrected_once() -> None:
    """The request was refused for its time: with the provider's own it passes, and so do those that follow."""
    ahead = 4_000

    def strict(came: Came) -> bytes:
        right = abs(int(came.headers["x-at"]) - time.time() - ahead) < 100
        return OK if right else answer(403, X_Time=str(time.time() + ahead))

    async with api(strict) as server:
        pool, mailing = pool_at(server.port, Batched()), Parcels(21)
        await pool.deliver(mailing, 1)
        assert mailing.kinds() == {Kind.ACCEPTED}
        assert len(server.came) == 6, "five requests, one of them twice"
        server.decide = lambda _: answer(403, X_Time=str(time.time() + ahead))
        refused = Parcels(1)
        await pool.deliver(refused, 1)
        assert refused.kinds() == {Kind.UNAVAILABLE} and len(server.came) == 7
        await pool.close()


async def test_an_answer_is_read_up_to_a_bound() -> None:
    """What it says is known from its status: the rest is not waited for, nor kept."""
    endless = b"HTTP/1.1 400 Bad\r\nContent-Length: 99999999999\r\n\r\n" + b"x" * (MOST_ANSWER + 100_000)
    async with api(lambda _: endless) as server:
        client = HttpClient(connections=1, timeout=5.0)
        found = await client.ask(Request("POST", f"http://127.0.0.1:{server.port}/", {}, b"x"))
        assert found.status == 400 and len(found.body) == MOST_ANSWER
        await client.close()


ODD = [
    b"\x00\x01\x02", b"HTTP/1.1 abc\r\n\r\n", b"HTTP/9.9 200 OK\r\n\r\n", b"220 smtp\r\n",
    b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",
]  # fmt: skip


@pytest.mark.parametrize("said", ODD)
async def test_an_answer_that_is_none_leaves_it_uncertain(said: bytes) -> None:
    """It was begun, and somebody has it."""
    calls = iter([said])
    async with api(lambda _: next(calls, None)) as server:
        pool, mailing = pool_at(server.port, timeout=1.0), Parcels(1)
        await pool.deliver(mailing, 1)
        assert mailing.kinds() == {Kind.UNCERTAIN}
        await pool.close()


async def test_a_truncated_answer_still_has_its_status() -> None:
    """202 was said: that the rest is missing makes it no less true."""
    calls = iter([b"HTTP/1.1 202 OK\r\nX-Message-Id: a\r\nContent-Length: 50\r\n\r\n{", None])
    async with api(lambda _: next(calls)) as server:
        server.delay = 0.0
        pool, mailing = pool_at(server.port, timeout=1.0), Parcels(1)
        await pool.deliver(mailing, 1)
        assert mailing.kinds() == {Kind.ACCEPTED}
        await pool.close()


async def test_the_urgent_come_first() -> None:
    """A password reset does not wait for a campaign: it gets the next place, or one that is kept for it."""
    async with api() as server:
        server.delay = 0.02
        pool, bulk, urgent = pool_at(server.port, connections=2), Parcels(40), Parcels(1)
        running = asyncio.create_task(pool.deliver(bulk, 2))
        while len(server.came) < 4:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        await pool.deliver(urgent, 1, 0)
        assert len(bulk.outcomes) < 20
        await running
        assert bulk.kinds() == {Kind.ACCEPTED}
        await pool.close()


async def test_a_certificate_of_nobody_is_not_believed(tmp_path: Path) -> None:
    """Somebody between us and the provider would read everything."""
    cert = certificate(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(cert)
    async with api(tls=tls) as server:
        pool, mailing = pool_at(server.port, scheme="https"), Parcels(3)
        await pool.deliver(mailing, 1)
        assert mailing.kinds() == {Kind.UNAVAILABLE} and not mailing.begun and not server.raw
        await pool.close()
        trusted = ssl.create_default_context(cafile=str(cert))
        pool, mailing = pool_at(server.port, scheme="https", trusted=trusted), Parcels(3)
        await pool.deliver(mailing, 1)
        assert mailing.kinds() == {Kind.ACCEPTED}
        await pool.close()


async def test_a_secret_that_is_missing_is_the_fault_of_the_route(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read when it is used; once it is there, messages go."""
    monkeypatch.delenv("TEST_API_KEY", raising=False)
    async with api() as server:
        config = SendGrid(url=f"http://127.0.0.1:{server.port}", api_key="env:TEST_API_KEY")
        pool, mailing = HttpPool(Plain(), config, SecretKeeper()), Parcels(2)
        await pool.deliver(mailing, 1)
        assert mailing.kinds() == {Kind.UNAVAILABLE} and not server.came
        assert {outcome.klass for outcome in mailing.outcomes.values()} == {"account"}
        monkeypatch.setenv("TEST_API_KEY", "k")
        mailing = Parcels(2)
        await pool.deliver(mailing, 1)
        assert mailing.kinds() == {Kind.ACCEPTED}
        await pool.close()


@pytest.mark.parametrize("secret", ["s3cr3t", "s3cr3t\nX-Other: 1", "s3cr3t\x00", "s3cr3t\u2603"])
async def test_no_secret_stands_in_an_outcome(monkeypatch: pytest.MonkeyPatch, secret: str) -> None:
    """Also where it is one that no header can carry."""

    class Keyed(Plain):
        def request_for(
            self, config: HttpAccount, secrets: Mapping[str, str], messages: Sequence[Message], at: float
        ) -> Request:
            made = super().request_for(config, secrets, messages, at)
            keyed = Request("POST", made.url, {"Authorization": secrets["api_key"]}, made.body)
            assert "s3cr3t" not in repr(keyed)
            return keyed

    monkeypatch.setattr("app.transport.secrets.secret_at", lambda _: secret)
    async with api(lambda _: None) as server:
        config = SendGrid(url=f"http://127.0.0.1:{server.port}", api_key="env:TEST_API_KEY")
        pool, mailing = HttpPool(Keyed(), config, SecretKeeper()), Parcels(2)
        await pool.deliver(mailing, 1)
        assert mailing.kinds() <= {Kind.UNAVAILABLE, Kind.UNCERTAIN}
        assert "s3cr3t" not in repr(mailing.outcomes) and b"X-Other" not in server.raw.replace(b"s3cr3t", b"")
        await pool.close()


async def test_secrets_are_read_again_after_some_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that is changed is in force without a restart."""
    clock = [0.0]
    keeper = SecretKeeper(lambda: clock[0])
    config = SendGrid(api_key="env:TEST_API_KEY")
    monkeypatch.setenv("TEST_API_KEY", "old")
    assert (await keeper.of(config))["api_key"] == "old"
    monkeypatch.setenv("TEST_API_KEY", "new")
    assert (await keeper.of(config))["api_key"] == "old"
    clock[0] = 10.0
    assert (await keeper.of(config))["api_key"] == "new"


async def test_a_pool_that_is_let_go_finishes_what_is_under_way() -> None:
    """A route has changed: its requests do not break."""
    async with api() as server:
        server.delay = 0.05
        pool, mailing = pool_at(server.port), Parcels(3)
        running = asyncio.create_task(pool.deliver(mailing, 3))
        while not server.came:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        pool.let_go()
        await running
        assert mailing.kinds() == {Kind.ACCEPTED}
        await asyncio.sleep(0)
        assert pool._client._session is None


class Mistaken(Batched):
    """Cannot make a request of number 4, cannot read what becomes of number 6, and forgets one of a batch."""

    def request_for(
        self, config: HttpAccount, secrets: Mapping[str, str], messages: Sequence[Message], at: float
    ) -> Request:
        """A mistake."""
        if any(message.content == 4 for message in messages):
            raise KeyError("s3cret")
        return super().request_for(config, secrets, messages, at)

    def result_of(self, messages: Sequence[Message], answer: Answer, at: float) -> list[Outcome]:
        """Another one."""
        if messages[0].content == 6:
            raise ValueError("s3cret")
        return super().result_of(messages, answer, at)[: 1 if len(messages) > 1 else None]


async def test_a_mistake_of_an_adapter_costs_no_other_message_and_sends_nothing_twice() -> None:
    """What may have been taken is uncertain, what never left is refused, and the worker goes on."""
    async with api() as server:
        pool, mailing = pool_at(server.port, Mistaken()), Parcels(8)
        await pool.deliver(mailing, 2)
        kinds = {number: (outcome.kind, outcome.klass) for number, outcome in mailing.outcomes.items()}
        assert kinds[4] == (Kind.BLOCKED, "content") and kinds[6] == (Kind.UNCERTAIN, "lost_reply")
        assert {kinds[number] for number in (1, 3, 5)} == {(Kind.UNCERTAIN, "lost_reply")}
        assert {kinds[number][0] for number in (0, 2, 7)} == {Kind.ACCEPTED}
        sent = [number for came in server.came for number in came.body.split(b",")]
        assert sorted(sent) == sorted(set(sent)) and b"4" not in sent
        assert not any("s3cret" in outcome.detail for outcome in mailing.outcomes.values())
        await pool.close()
