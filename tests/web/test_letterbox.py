"""The letterbox over real connections: 250 means stored."""

import asyncio
import smtplib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

import pytest

from app import ids
from app.bounces.letterbox import Keys
from app.bounces.verp import address_of, key_of
from app.content.links import LinkSigner
from app.control import ControlError
from app.provider_accounts import SmtpServer
from app.providers.smtp_mail import events_in
from app.records import ReceivedReport, Told
from app.routes import Route
from app.web import letterbox_session
from app.web.letterbox import KEPT_UNSIGNED, Letterbox, named_by, route_for
from app.web.letterbox_session import Door, serve
from app.web.strangers import Bound
from tests.bounces.formats import arf
from tests.bounces.letters import ANA, dsn

SECRET = b"s" * 32
KEYS = Keys(SECRET, key_of(SECRET), b"l" * 32)
RECIPIENT = ids.recipient_id(SECRET, "email", ANA)
MESSAGE = ids.message_id(20_000, "spring", 1, RECIPIENT, "email")
DOMAIN = "b.example.com"
OTHER = "b.other.example"
ROUTES = {DOMAIN: "own", OTHER: "theirs"}
ADDRESS = address_of(KEYS.verp, DOMAIN, MESSAGE, 1)


class Kept:
    """What a letterbox stores and whom it suppresses."""

    def __init__(self) -> None:
        self.reports: list[ReceivedReport] = []
        self.left: list[tuple[str, bytes]] = []
        self.away = False

    async def store(self, report: ReceivedReport) -> None:
        if self.away:
            raise ControlError("Kafka does not answer", "wait")
        self.reports.append(report)

    async def leave(self, account: str, recipient: bytes, _at: float) -> None:
        if self.away:
            raise ControlError("Kafka does not answer", "wait")
        self.left.append((account, recipient))


def box_of(kept: Kept) -> Letterbox:
    """A letterbox for two domains."""
    return Letterbox(
        lambda: {DOMAIN, OTHER}, KEYS, kept.store, kept.leave, lambda domain: ROUTES.get(domain, "smtp")
    )  # fmt: skip


@asynccontextmanager
async def listening(kept: Kept, protocol: str = "smtp") -> AsyncIterator[int]:
    """A letterbox on a free port."""
    server = await serve(box_of(kept), "127.0.0.1", 0, protocol=protocol)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def talk(port: int, say: Callable[[smtplib.SMTP], object], kind: type[smtplib.SMTP] = smtplib.SMTP) -> object:
    """What *say* gets over a connection."""

    def run() -> object:
        with kind("127.0.0.1", port, timeout=10) as client:
            return say(client)

    return await asyncio.to_thread(run)


@pytest.mark.parametrize(("protocol", "kind"), [("smtp", smtplib.SMTP), ("lmtp", smtplib.LMTP)])
async def test_a_bounce_is_stored_and_names_its_message(protocol: str, kind: type[smtplib.SMTP]) -> None:
    """Also where somebody on the way has made its letters small or large."""
    kept = Kept()
    message = dsn("550 5.1.1 user unknown", "5.1.1")
    async with listening(kept, protocol) as port:
        await talk(port, lambda client: client.sendmail("", [ADDRESS.upper()], message.encode()), kind)
    (report,) = kept.reports
    (told,) = events_in(SmtpServer(host="relay.example.net"), report)
    assert isinstance(told, Told)
    assert (told.message_id, told.attempt, told.kind, told.action) == (MESSAGE, 1, "bounced", "suppress")
    assert (report.route, report.source, report.provider) == ("own", "mail", "smtp")


async def test_unsubscribe_mail_suppresses_before_it_is_answered() -> None:
    """As a mail program writes it from List-Unsubscribe."""
    kept = Kept()
    token = LinkSigner(KEYS.links, "acme", "spring").token(MESSAGE, RECIPIENT)
    mail = f"From: {ANA}\nTo: unsub@{DOMAIN}\nSubject: unsubscribe\n {token}\n\n"
    async with listening(kept) as port:
        await talk(port, lambda client: client.sendmail(ANA, [f"unsub@{DOMAIN}"], mail.encode()))
        await talk(
            port, lambda client: client.sendmail(ANA, [f"unsub@{DOMAIN}"], mail.replace(token, token[:-3] + "abc"))
        )
    assert kept.left == [("acme", RECIPIENT)]
    (told,) = events_in(SmtpServer(host="relay.example.net"), kept.reports[0])
    assert isinstance(told, Told)
    assert (told.message_id, told.kind) == (MESSAGE, "unsubscribed")
    assert kept.reports[1].query == ""


async def test_nothing_is_taken_while_it_cannot_be_stored() -> None:
    """Who sent it keeps it, and comes again."""
    kept = Kept()
    async with listening(kept) as port:
        for away, expected in ((True, 451), (False, 250)):
            kept.away = away

            def send(client: smtplib.SMTP) -> int:
                client.ehlo()
                client.mail("")
                client.rcpt(f"fbl@{DOMAIN}")
                return client.data(arf().encode())[0]

            assert await talk(port, send) == expected
    assert len(kept.reports) == 1


async def test_only_what_is_ours_is_taken() -> None:
    """It relays for nobody, and a forged address is none."""
    forged = address_of(key_of(b"x" * 32), DOMAIN, MESSAGE, 1)

    def say(client: smtplib.SMTP) -> list[int]:
        client.ehlo()
        client.mail("")
        wanted = ("ana@example.net", forged, f"ana@{DOMAIN}", f"{'a' * 900}@{DOMAIN}", ADDRESS, f"fbl@{DOMAIN}")
        return [client.rcpt(each)[0] for each in wanted]

    async with listening(Kept()) as port:
        codes = await talk(port, say)
        assert isinstance(codes, list)
        assert [code // 100 for code in codes] == [5, 5, 5, 5, 2, 4]


async def test_a_large_message_is_refused_and_a_long_one_stored_short() -> None:
    """Reports come first, what they return last."""
    kept = Kept()
    message = dsn("550 5.1.1 user unknown", "5.1.1") + ("y" * 70 + "\n") * 40_000
    message = message.replace("\n", "\r\n")
    async with listening(kept) as port:
        await talk(port, lambda client: client.sendmail("", [ADDRESS], message.encode()))
        with pytest.raises(smtplib.SMTPResponseException):
            await talk(port, lambda client: client.sendmail("", [ADDRESS], b"x\r\n" * 4_000_000))
    (report,) = kept.reports
    assert report.packed
    assert len(report.body) < 200_000


def test_the_door_lets_in_so_many_and_forgets_who_left() -> None:
    """A storm from one host leaves room for others."""
    door = Door()
    assert sum(door.come("a") for _ in range(80)) == 50
    assert sum(door.come(f"h{at}") for at in range(300)) == 150
    for _ in range(50):
        door.go("a")
    assert door.come("b")


def test_a_bounce_belongs_to_the_route_that_names_its_domain() -> None:
    """Without one, to the server of FANFARE_SMTP_*."""
    routes = {name: Route(name=name, smtp=SmtpServer(host="relay.example.net", bounces=bounces)) for name, bounces in
              (("one", ""), ("two", "B.example.com"))}  # fmt: skip
    assert route_for(DOMAIN, routes) == "two"
    assert route_for("c.example.com", routes) == "smtp"
    of_one = Route(name="one", accounts=["acme"], smtp=SmtpServer(host="relay.example.net", bounces=DOMAIN))
    assert route_for(DOMAIN, {"one": of_one}) == "smtp", "it would tell nothing of messages of others"
    assert named_by(routes | {"one": of_one}) == {DOMAIN}


async def test_each_of_several_domains_is_served_and_what_we_signed_at_any() -> None:
    """A route may have named another domain when the message went out; other mailboxes are of our domains alone."""
    kept = Kept()
    bounce = dsn("550 5.1.1 user unknown", "5.1.1").encode()
    gone = address_of(KEYS.verp, "was.example.org", MESSAGE, 2)
    async with listening(kept) as port:
        for to in (ADDRESS, address_of(KEYS.verp, OTHER.upper(), MESSAGE, 1), gone):
            await talk(port, lambda client, to=to: client.sendmail("", [to], bounce))  # type: ignore[misc]
        for to in ("fbl@was.example.org", "unsub@was.example.org"):
            with pytest.raises(smtplib.SMTPRecipientsRefused):
                await talk(port, lambda client, to=to: client.sendmail("", [to], bounce))  # type: ignore[misc]
    assert [each.route for each in kept.reports] == ["own", "theirs", "smtp"]
    told = [events_in(SmtpServer(host="relay.example.net"), each)[0] for each in kept.reports]
    assert [(each.message_id, each.attempt) for each in told if isinstance(each, Told)] == [
        (MESSAGE, 1), (MESSAGE, 1), (MESSAGE, 2),
    ]  # fmt: skip


async def test_mail_of_short_lines_fills_no_memory_and_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line of two bytes takes a hundred while it waits: ten megabytes of them would take a gigabyte."""
    monkeypatch.setattr(letterbox_session, "MOST_HELD_OF_ONE", 3_000_000)
    monkeypatch.setattr(letterbox_session, "MOST_HELD", 1_000_000)
    kept = Kept()

    def flood(client: smtplib.SMTP) -> None:
        client.ehlo()
        client.mail("")
        client.rcpt(f"postmaster@{DOMAIN}")
        client.docmd("DATA")
        for _ in range(100):
            client.send("\r\n" * 10_000)
        client.send(".\r\n")
        assert client.getreply()[0] != 250

    async with listening(kept) as port:
        for _ in range(2):
            with pytest.raises((smtplib.SMTPException, OSError)):
                await talk(port, lambda client: (flood(client), client.sendmail("", [f"fbl@{DOMAIN}"], "x")))
        # Who sends one message after another is not charged for those that were stored.
        small = ("x" * 60 + "\r\n") * 3_000

        def many(client: smtplib.SMTP) -> None:
            for _ in range(8):
                client.sendmail("", [f"fbl@{DOMAIN}"], small)

        await talk(port, many)
    assert len(kept.reports) == 8


async def test_mail_without_a_token_of_ours_is_bounded_by_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody may write to fbl@ and postmaster@; what we signed is never held up for it."""
    monkeypatch.setattr("app.web.letterbox.UNSIGNED", Bound(150_000, 0.001, 1e6, 0.001))
    kept = Kept()
    large = arf() + ("y" * 70 + "\n") * 3_000

    def send(client: smtplib.SMTP) -> list[int]:
        client.ehlo()
        codes = []
        for to, text in ((f"fbl@{DOMAIN}", large), (f"postmaster@{DOMAIN}", large), (f"fbl@{DOMAIN}", large)):
            client.mail("")
            client.rcpt(to)
            codes.append(client.data(text.encode())[0])
        client.sendmail("", [ADDRESS], dsn("550 5.1.1 user unknown", "5.1.1"))
        return codes

    async with listening(kept) as port:
        assert await talk(port, send) == [250, 250, 452]
    assert [len(each.body) for each in kept.reports[:2]] == [KEPT_UNSIGNED] * 2 and len(kept.reports) == 3


async def test_a_mistake_of_ours_refuses_no_mail_for_good() -> None:
    """A 500 would have the sender throw it away."""
    kept = Kept()

    async def broken(_: ReceivedReport) -> None:
        raise KeyError("a bug")

    kept.store = broken  # type: ignore[method-assign, assignment]
    async with listening(kept) as port:

        def send(client: smtplib.SMTP) -> tuple[int, bytes]:
            client.ehlo()
            client.mail("")
            client.rcpt(f"fbl@{DOMAIN}")
            return client.data(arf().encode())

        status, words = cast(tuple[int, bytes], await talk(port, send))
    assert status == 451 and b"bug" not in words
