"""The SMTP client against relays that are odd, rude or encrypted, over real sockets."""

import asyncio
import base64
import datetime
import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app.delivery.outcomes import Kind
from app.local.sink import Sink, serve
from app.local.sink_read import load
from app.records import Outcome
from app.transport.connections import Connections
from app.transport.secrets import SecretMissingError, secret_at
from app.transport.smtp import SmtpPool
from app.transport.smtp_wire import SmtpWire

BODY = b"Subject: x\r\n\r\nhello\r\n"


class Rude:
    """A relay that gives scripted answers; None closes the connection, a 421 is said and then closes it."""

    def __init__(self, offers: str = "PIPELINING", **answers: str | None) -> None:
        self.offers, self.answers = offers, answers
        self.heard: list[str] = []
        self.connections = 0
        self.bodies = 0

    def answer(self, step: str, usual: str) -> str | None:
        return self.answers.get(step, usual)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            if await self._say(writer, self.answer("greeting", "220 rude")):
                while await self._one(reader, writer):
                    pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client left
        finally:
            writer.close()

    async def _say(self, writer: asyncio.StreamWriter, text: str | None) -> bool:
        if text is None:
            return False
        writer.write(text.encode() + b"\r\n")
        await writer.drain()
        return not text.startswith("421")

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        line = (await reader.readuntil(b"\r\n")).decode().strip()
        self.heard.append(line)
        verb = line[:4].upper()
        if verb == "DATA":
            said = self.answer("DATA", "354 go")
            if not await self._say(writer, said):
                return False
            if said is not None and said.startswith("354"):
                return await self._body(reader, writer)
            return True
        usual = {"EHLO": f"250-rude\r\n250 {self.offers}", "QUIT": None}.get(verb, "250 ok")
        return await self._say(writer, self.answer(verb, usual) if usual else None)

    async def _body(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        first = await reader.readuntil(b"\r\n")
        if first == b".\r\n":
            self.heard.append(".")
            return await self._say(writer, "554 no valid recipients")
        await reader.readuntil(b"\r\n.\r\n")
        self.bodies += 1
        return await self._say(writer, self.answer("body", "250 ok"))


@asynccontextmanager
async def to(rude: Rude, **options: object) -> AsyncIterator[SmtpPool]:
    server = await asyncio.start_server(rude.serve, "127.0.0.1", 0)
    settings: dict[str, object] = {"size": 1, "per_connection": 100, "timeout": 2.0} | options
    pool = SmtpPool("127.0.0.1", server.sockets[0].getsockname()[1], **settings)  # type: ignore[arg-type]
    try:
        yield pool
    finally:
        await pool.close()
        server.close()


async def send(pool: SmtpPool, body: bytes = BODY) -> Outcome:
    return await pool.send("a@acme.example", "b@x.org", body, lambda: None)


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        ("greeting", Kind.UNAVAILABLE), ("EHLO", Kind.UNAVAILABLE), ("MAIL", Kind.UNAVAILABLE),
        ("RCPT", Kind.DEFERRED), ("DATA", Kind.DEFERRED),
    ],
)  # fmt: skip
async def test_a_connection_dropped_before_the_message_is_no_attempt_until_the_relay_has_spoken_of_it(
    step: str, kind: Kind
) -> None:
    """Nothing was sent, so trying again is safe; a relay that breaks off at RCPT may mean this recipient."""
    rude = Rude(**{step: None})
    async with to(rude) as pool:
        assert (await send(pool)).kind == kind and not rude.bodies


@pytest.mark.parametrize(
    ("step", "answer", "fault"),
    [
        ("greeting", "421 4.3.2 too many connections", "service"),
        ("greeting", "554 no SMTP service here", "service"),
        ("EHLO", "550 who are you", "service"),
        ("MAIL", "421 4.3.0 temporary system problem", "service"),
        ("MAIL", "421 goodbye", "service"),
        ("MAIL", "452 4.3.1 insufficient system storage", "service"),
        ("MAIL", "530 5.7.0 authentication required", "login"),
    ],
)
async def test_what_a_relay_says_of_itself_is_no_verdict_on_the_message(step: str, answer: str, fault: str) -> None:
    """The route is to blame: the message keeps its attempts, and another route may have it at once."""
    async with to(Rude(**{step: answer})) as pool:
        outcome = await send(pool)
        assert (outcome.kind, outcome.klass) == (Kind.UNAVAILABLE, fault)
        assert outcome.detail.startswith("127.0.0.1:") and answer[:3] in outcome.detail


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("550 5.1.8 sender domain not found", Kind.BLOCKED), ("451 4.7.1 greylisted", Kind.DEFERRED),
        ("450 4.7.1 sender rate limited", Kind.THROTTLED), ("552 5.3.4 message too large", Kind.BLOCKED),
    ],
)  # fmt: skip
async def test_what_a_relay_says_of_the_sender_is_one(answer: str, kind: Kind) -> None:
    """It would be the same on every other route, or it asks to slow down."""
    async with to(Rude(MAIL=answer)) as pool:
        assert (await send(pool)).kind == kind


async def test_a_secret_is_read_for_each_connection_and_its_absence_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A password that is changed must not need a restart; one that is missing must not look like a wrong one."""
    monkeypatch.setenv("TEST_RELAY", "")
    login = base64.b64encode(b"\0me\0secret").decode()
    server = await serve(Sink(tmp_path / "sink.txt", realistic=False, seed=1, latency=0.0), 0, login=login)
    port = server.sockets[0].getsockname()[1]
    settings: dict[str, Any] = {"size": 1, "per_connection": 1, "timeout": 2.0, "user": "me"}
    pool = SmtpPool("127.0.0.1", port, password=lambda: secret_at("env:TEST_RELAY"), **settings)
    missing = await send(pool)
    assert (missing.kind, missing.klass) == (Kind.UNAVAILABLE, "login") and "TEST_RELAY is not set" in missing.detail
    await asyncio.sleep(0.25)  # the backoff
    monkeypatch.setenv("TEST_RELAY", "secret")
    assert (await send(pool)).kind == Kind.ACCEPTED
    monkeypatch.setenv("TEST_RELAY", "old")
    wrong = await send(pool)
    assert (wrong.kind, wrong.klass) == (Kind.UNAVAILABLE, "login") and "535" in wrong.detail
    assert "old" not in wrong.detail
    (tmp_path / "secret").write_text("s3cret\n")
    assert secret_at(f"file:{tmp_path / 'secret'}") == "s3cret"
    with pytest.raises(SecretMissingError, match="cannot be read"):
        secret_at(f"file:{tmp_path / 'nothing'}")
    await pool.close()
    server.close()


@pytest.mark.parametrize("coded", ["s3cret", base64.b64encode(b"\0me\0s3cret").decode()])
async def test_a_relay_that_repeats_what_it_refuses_gives_no_secret_away(coded: str) -> None:
    """What a relay says stands in events, which accounts and their programs read."""
    async with to(Rude(offers="AUTH PLAIN", AUTH=f"535 no: {coded}"), user="me", password="s3cret") as pool:
        outcome = await send(pool)
    assert "535 no: ***" in outcome.detail and coded not in outcome.detail


@pytest.mark.parametrize("host", ["relay..example", "x" * 64 + ".example"])
async def test_what_is_no_host_name_is_said(host: str) -> None:
    """Names that are written as hosts are need not be any."""
    pool = SmtpPool(host, 25, size=1, per_connection=1, timeout=2.0)
    outcome = await send(pool)
    assert (outcome.kind, outcome.klass) == (Kind.UNAVAILABLE, "connection") and "no host name" in outcome.detail


async def test_a_pool_that_is_closed_ends_each_connection_with_its_last_letter() -> None:
    """A route that is changed or deleted: what is under way finishes, and nothing stays open."""
    rude = Rude()
    async with to(rude) as pool:
        wire = await pool._connections.acquire()
        await pool.close()
        pool._connections.release(wire)
        assert wire.transport is not None and wire.transport.is_closing()
        assert (await send(pool)).kind == Kind.ACCEPTED, "a release that has begun may need another connection"


@pytest.mark.parametrize("answer", [None, "354 again", "what?"])
async def test_no_clear_answer_to_the_message_is_uncertain(answer: str | None) -> None:
    """The message may be out: neither a retry nor a success can be claimed."""
    async with to(Rude(body=answer)) as pool:
        assert (await send(pool)).kind == Kind.UNCERTAIN


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA", "body"])
async def test_a_421_in_the_middle_slows_us_down_and_a_new_connection_is_made(step: str) -> None:
    """The relay says goodbye with the reply: the reason must not be lost with the connection."""
    rude = Rude(**{step: "421 4.7.0 too many messages"})
    async with to(rude) as pool:
        outcome = await send(pool)
        assert (outcome.kind, outcome.code) == (Kind.THROTTLED, 421)
        rude.answers.clear()
        assert (await send(pool)).kind == Kind.ACCEPTED and rude.connections == 2


async def test_data_let_through_for_a_refused_recipient_ends_with_a_lone_dot() -> None:
    """RFC 2920: no mail goes out, and the connection can be used again."""
    rude = Rude(RCPT="550 5.1.1 no such user")
    async with to(rude) as pool:
        assert (await send(pool)).kind == Kind.REFUSED
        rude.answers.clear()
        assert (await send(pool)).kind == Kind.ACCEPTED
    assert rude.heard.count(".") == 1 and rude.connections == 1 and rude.bodies == 1


async def test_a_refused_sender_never_leads_to_an_empty_message() -> None:
    """RCPT was taken: a dot could be mailed. The connection is given up instead."""
    rude = Rude(MAIL="550 5.1.8 sender domain not found")
    async with to(rude) as pool:
        assert (await send(pool)).kind == Kind.BLOCKED
    assert "." not in rude.heard and not rude.bodies


async def test_a_relay_without_pipelining_is_asked_step_by_step() -> None:
    """RFC 5321 does not promise PIPELINING."""
    rude = Rude(offers="SIZE 1000", RCPT="450 4.2.1 later")
    async with to(rude) as pool:
        assert (await send(pool)).kind == Kind.DEFERRED
        assert rude.heard[-2:] == ["RCPT TO:<b@x.org>", "RSET"]
        rude.answers.clear()
        assert (await send(pool)).kind == Kind.ACCEPTED and rude.connections == 1


async def test_eight_bit_bodies_are_announced_or_not_sent() -> None:
    """A relay that strips the eighth bit would spoil the text."""
    body = "Subject: x\r\n\r\ngrüße\r\n".encode()
    able, unable = Rude(EHLO="250-rude\r\n250-PIPELINING\r\n250 8BITMIME"), Rude()
    async with to(able) as pool:
        assert (await send(pool, body)).kind == Kind.ACCEPTED
    assert "MAIL FROM:<a@acme.example> BODY=8BITMIME" in able.heard
    async with to(unable) as pool:
        assert (await send(pool, body)).klass == "eight_bit" and not unable.bodies


async def test_a_cancelled_message_gives_its_connection_back(tmp_path: Path) -> None:
    """A worker that loses a partition cancels; the pool must not run dry."""
    sink = Sink(tmp_path / "sink.txt", realistic=False, seed=1, latency=0.0)
    server = await serve(sink, 0)
    pool = SmtpPool("127.0.0.1", server.sockets[0].getsockname()[1], size=1, per_connection=100, timeout=5.0)
    assert (await send(pool)).kind == Kind.ACCEPTED
    begun = asyncio.Event()
    sink.silent = True
    task = asyncio.create_task(pool.send("a@b.c", "b@x.org", BODY, begun.set))
    queued = asyncio.create_task(send(pool))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    sink.silent = False
    assert (await queued).kind == Kind.ACCEPTED
    await pool.close()
    server.close()


async def test_the_urgent_come_first_and_newcomers_wait_their_turn() -> None:
    """A password reset must not stand behind a newsletter."""

    async def connect() -> SmtpWire:
        return SmtpWire()

    connections = Connections(connect, 1)
    wire = await connections.acquire()
    order: list[str] = []

    async def take(name: str, priority: int) -> None:
        mine = await connections.acquire(priority)
        order.append(name)
        connections.discard(mine)

    tasks = [asyncio.create_task(take("bulk", 1)), asyncio.create_task(take("reset", 0))]
    await asyncio.sleep(0)
    connections.discard(wire)
    tasks.append(asyncio.create_task(take("newcomer", 1)))
    await asyncio.gather(*tasks)
    assert order == ["reset", "bulk", "newcomer"]


async def test_some_connections_are_kept_for_the_urgent() -> None:
    """Even between two letters of a newsletter it takes some milliseconds until one of its connections is free."""

    async def connect() -> SmtpWire:
        return SmtpWire()

    connections = Connections(connect, 16)
    bulk = [await connections.acquire(1) for _ in range(14)]
    waiting = asyncio.create_task(connections.acquire(1))
    await asyncio.sleep(0)
    urgent = [await connections.acquire(0) for _ in range(2)]
    for wire in urgent:
        connections.discard(wire)
    await asyncio.sleep(0)
    assert not waiting.done()
    connections.discard(bulk.pop())
    await waiting


async def test_many_failed_tries_at_once_count_once() -> None:
    """Thirty lanes that fail together are one outage, not a backoff of half a minute."""
    pool = SmtpPool("127.0.0.1", 1, size=30, per_connection=10, timeout=1.0)
    assert pool.healthy
    await asyncio.gather(*(send(pool) for _ in range(30)))
    assert not pool.healthy and pool._connections._backoff == 0.2


def certificate(folder: Path) -> Path:
    """A self-made certificate for 127.0.0.1 with its key, in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = folder / "cert.pem"
    path.write_bytes(made.public_bytes(pem) + secret)
    return path


@pytest.mark.parametrize(("trusted", "kind"), [(True, Kind.ACCEPTED), (False, Kind.UNAVAILABLE)])
async def test_starttls_protects_mail_and_a_stranger_gets_none(tmp_path: Path, trusted: bool, kind: Kind) -> None:
    """A certificate nobody vouches for is somebody in between: the mail waits."""
    path = certificate(tmp_path)
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(path)
    sink = Sink(tmp_path / "sink.txt", realistic=False, seed=1, latency=0.0)
    server = await serve(sink, 0, tls=server_side)
    port = server.sockets[0].getsockname()[1]
    context = ssl.create_default_context(cafile=path) if trusted else None
    pool = SmtpPool(
        "127.0.0.1", port, size=1, per_connection=5, timeout=2.0, tls="starttls", tls_context=context
    )  # fmt: skip
    outcome = await send(pool)
    assert outcome.kind == kind, outcome.detail
    assert trusted or "CERTIFICATE_VERIFY_FAILED" in outcome.detail
    assert len(load(tmp_path / "sink.txt")) == trusted
    await pool.close()
    server.close()


async def test_implicit_tls_speaks_tls_from_the_first_byte(tmp_path: Path) -> None:
    """Port 465."""
    path = certificate(tmp_path)
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(path)
    rude = Rude()
    server = await asyncio.start_server(rude.serve, "127.0.0.1", 0, ssl=server_side)
    port = server.sockets[0].getsockname()[1]
    context = ssl.create_default_context(cafile=path)
    pool = SmtpPool("127.0.0.1", port, size=1, per_connection=5, timeout=2.0, tls="implicit", tls_context=context)
    assert (await send(pool)).kind == Kind.ACCEPTED and rude.bodies == 1
    await pool.close()
    server.close()


async def test_a_relay_without_starttls_gets_no_mail_when_tls_is_asked_for() -> None:
    """Stripping STARTTLS from the offer is the oldest attack there is."""
    rude = Rude()
    async with to(rude, tls="starttls") as pool:
        assert (await send(pool)).kind == Kind.UNAVAILABLE and not rude.bodies
