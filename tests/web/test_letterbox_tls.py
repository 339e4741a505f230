"""The letterbox with STARTTLS: offered or required, and nobody gets around it or holds on to what it takes."""

import asyncio
import smtplib
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from app.local.failure import LocalError
from app.settings import Settings
from app.web import letterbox_session
from app.web.letterbox_session import Door, serve
from app.web.letterbox_tls import Certificate, certificate_of, self_made
from tests.bounces.letters import dsn
from tests.web.test_letterbox import ADDRESS, DOMAIN, Kept, box_of, talk

LETTER = dsn("550 5.1.1 user unknown", "5.1.1").encode()


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return self_made(tmp_path_factory.mktemp("keys") / "letterbox.pem", [DOMAIN])


@pytest.fixture
def trusting(pem: Path) -> ssl.SSLContext:
    """Of a client that believes our certificate, for our name."""
    return ssl.create_default_context(cafile=str(pem))


@asynccontextmanager
async def listening(
    kept: Kept, pem: Path, *, door: Door | None = None, secure: bool = False, protocol: str = "smtp"
) -> AsyncIterator[int]:
    server = await serve(
        box_of(kept), "127.0.0.1", 0, certificate=Certificate(pem, pem), secure=secure, protocol=protocol, door=door
    )
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def secured(client: smtplib.SMTP, trusting: ssl.SSLContext) -> None:
    """With the name that the certificate has, whatever address was called."""
    client._host = DOMAIN  # type: ignore[attr-defined]
    client.starttls(context=trusting)


@pytest.mark.parametrize(("protocol", "kind"), [("smtp", smtplib.SMTP), ("lmtp", smtplib.LMTP)])
async def test_mail_comes_in_over_tls_and_in_clear(
    pem: Path, trusting: ssl.SSLContext, protocol: str, kind: type[smtplib.SMTP]
) -> None:
    """What was said before counts for nothing (RFC 3207, 4.2), and TLS is not offered twice."""
    kept, door = Kept(), Door()

    def over_tls(client: smtplib.SMTP) -> None:
        client.ehlo()
        client.mail("")
        secured(client, trusting)
        assert client.docmd("RCPT", f"TO:<{ADDRESS}>")[0] == 503
        client.ehlo()
        assert not client.has_extn("starttls") and client.docmd("STARTTLS")[0] == 503
        assert door.held >= letterbox_session.TLS_COSTS
        client.sendmail("", [ADDRESS], LETTER)
        assert isinstance(client.sock, ssl.SSLSocket) and client.sock.version() in ("TLSv1.2", "TLSv1.3")

    async with listening(kept, pem, door=door, protocol=protocol) as port:
        await talk(port, over_tls, kind)
        await talk(port, lambda client: client.sendmail("", [ADDRESS], LETTER), kind)
        await gone(door)
    assert [each.body for each in kept.reports] == [kept.reports[0].body] * 2


async def test_where_tls_is_required_nothing_is_taken_in_clear(pem: Path, trusting: ssl.SSLContext) -> None:
    """It is the choice of who runs it: some senders will never come."""
    kept = Kept()

    def in_clear(client: smtplib.SMTP) -> int:
        client.ehlo()
        assert client.has_extn("starttls")
        return client.mail("")[0]

    def over_tls(client: smtplib.SMTP) -> None:
        secured(client, trusting)
        client.sendmail("", [ADDRESS], LETTER)

    async with listening(kept, pem, secure=True) as port:
        assert await talk(port, in_clear) == 530
        await talk(port, over_tls)
    assert len(kept.reports) == 1


async def test_what_is_sent_in_clear_behind_starttls_is_not_carried_out(pem: Path, trusting: ssl.SSLContext) -> None:
    """Else somebody on the way would put commands into the session of another."""

    def injected(port: int) -> bytes:
        with socket.create_connection(("127.0.0.1", port), 10) as plain:
            plain.recv(1_000)
            plain.sendall(b"EHLO x\r\nSTARTTLS\r\nNOOP\r\nHELO injected\r\nMAIL FROM:<>\r\n")
            heard = b""
            while b"220 2.0.0" not in heard:
                heard += plain.recv(1_000)
            with trusting.wrap_socket(plain, server_hostname=DOMAIN) as tls:
                tls.sendall(b"MAIL FROM:<>\r\nQUIT\r\n")
                answers = b""
                while b"221" not in answers:
                    answers += tls.recv(1_000)
                return answers

    async with listening(Kept(), pem) as port:
        answers = await asyncio.to_thread(injected, port)
    assert answers.startswith(b"503") and answers.count(b"\n") == 2


@pytest.mark.parametrize("said", [b"no TLS at all\r\n" * 100, b"\x16\x03\x01\x02\x00\x01", b"", None])
async def test_a_handshake_that_fails_or_never_comes_holds_nothing(
    pem: Path, said: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """*said* None: gone at once. The next one is served."""
    monkeypatch.setattr(letterbox_session, "HANDSHAKE", 0.3)
    kept, door = Kept(), Door()

    def half(port: int) -> None:
        with socket.create_connection(("127.0.0.1", port), 10) as plain:
            plain.recv(1_000)
            plain.sendall(b"EHLO x\r\nSTARTTLS\r\n")
            answers = b""
            while b"220 2.0.0" not in answers:
                answers += plain.recv(1_000)
            if said is None:
                return
            plain.sendall(said)
            while plain.recv(1_000):
                pass

    async with listening(kept, pem, door=door) as port:
        await asyncio.to_thread(half, port)
        await gone(door)
        await talk(port, lambda client: client.sendmail("", [ADDRESS], LETTER))
    assert len(kept.reports) == 1


async def gone(door: Door) -> None:
    """Until nobody is connected, and nothing held."""
    async with asyncio.timeout(10):
        while not door.is_empty:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.01)


def test_a_renewed_certificate_is_read_again_and_a_broken_one_never_taken(pem: Path, tmp_path: Path) -> None:
    """Certificates live for weeks, and the letterbox runs for months."""
    own = tmp_path / "chain.pem"
    own.write_bytes(pem.read_bytes())
    certificate = Certificate(own, own)
    first = certificate.context()
    assert certificate.context() is first
    own.write_bytes(b"half of a certi")
    assert certificate.context() is first
    own.unlink()
    assert certificate.context() is first
    own.write_bytes(self_made(tmp_path / "new.pem", [DOMAIN]).read_bytes())
    assert certificate.context() is not first


def test_a_self_made_certificate_is_made_once_and_its_key_is_nobody_elses(tmp_path: Path) -> None:
    path = self_made(tmp_path / "keys" / "letterbox.pem", [DOMAIN, "b.other.example"])
    assert path.stat().st_mode & 0o777 == 0o600
    before = path.read_bytes()
    assert self_made(path, [DOMAIN]).read_bytes() == before
    path.write_bytes(b"broken")
    assert self_made(path, [DOMAIN]).read_bytes() not in (before, b"broken")


def made(tmp_path: Path, **said: str) -> Certificate | None:
    return certificate_of(Settings(state_dir=tmp_path, bounce_domain=DOMAIN, **said))  # type: ignore[arg-type]


def test_certificates_are_asked_for_in_words(pem: Path, tmp_path: Path) -> None:
    """None unless one is named; and what cannot work is refused when it starts, not when mail comes."""
    assert made(tmp_path) is None
    assert made(tmp_path, bounce_certificate="self-made") is not None
    assert made(tmp_path, bounce_certificate=str(pem)) is not None
    (tmp_path / "half.pem").write_text("half")
    for said, words in (
        ({"bounce_tls": "required"}, "no certificate"),
        ({"bounce_certificate": "self-made", "bounce_host": "0.0.0.0"}, "for this machine alone"),
        ({"bounce_certificate": "self-made", "bounce_tls": "required", "bounce_protocol": "lmtp"}, "for SMTP"),
        ({"bounce_certificate": str(tmp_path / "none.pem")}, "cannot be read"),
        ({"bounce_certificate": str(tmp_path / "half.pem")}, "cannot be read"),
        ({"bounce_certificate": str(pem), "bounce_key": str(tmp_path / "half.pem")}, "cannot be read"),
    ):
        with pytest.raises(LocalError, match=words):
            made(tmp_path, **said)
