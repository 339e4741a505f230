"""What mail that came back comes to as reports."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app import ids
from app.bounces import letterbox
from app.bounces.letterbox import Found, Keys, found_in
from app.bounces.verp import Attempt, address_of, key_of
from app.provider_accounts import SmtpServer
from app.providers.contract import Unreadable
from app.providers.smtp_mail import events_in
from app.records import ReceivedReport, Told
from tests.bounces.formats import CASES, arf
from tests.bounces.letters import ANA, dsn, plain

SECRET = b"s" * 32
KEYS = Keys(SECRET, key_of(SECRET), b"l" * 32)
ROUTE = SmtpServer(host="relay.example.net", bounces="b.example.com")
MESSAGE = ids.message_id(20_000, "spring", 1, ids.recipient_id(SECRET, "email", ANA), "email")
ADDRESS = address_of(KEYS.verp, "b.example.com", MESSAGE, 2)
BEA = "bea@elsewhere.example"  # behind a forwarding
LOCAL = ADDRESS.partition("@")[0]


def read(message: str, local: str = LOCAL) -> list[Told | Unreadable]:
    """What *message* to *local* comes to, through letterbox and adapter."""
    raw = message.encode()
    found = found_in(local, raw, KEYS)
    return list(events_in(ROUTE, ReceivedReport("smtp", "r", "mail", 9.0, raw, query=found.query() if found else "")))


@pytest.mark.parametrize(
    ("message", "kind", "klass", "action"),
    [
        (dsn("550 5.1.1 user unknown", "5.1.1"), "bounced", "hard", "suppress"),
        (dsn("552 5.2.2 mailbox full", "5.2.2"), "bounced", "mailbox_full", "retry"),
        (dsn("554 5.7.1 blocked using zen.spamhaus.org", "5.7.1"), "blocked", "block", "alert"),
        (dsn("550 5.7.1 spam", "5.7.1"), "blocked", "content", "alert"),
        (dsn("550 5.7.26 DMARC failed", "5.7.26"), "blocked", "auth", "alert"),
        (dsn("421 4.4.1 timed out", "4.4.1", action="delayed"), "deferred", "technical", "retry"),
        (dsn("250 ok", "2.0.0", action="delivered"), "delivered", "", "none"),
        (dsn("250 ok", "2.0.0", action="relayed"), "accepted", "", "none"),
        (dsn("delivery time expired", "5.4.7"), "expired", "soft", "retry"),
        (dsn("550 nonsense"), "blocked", "undetermined", "alert"),
        (dsn("550 5.1.1 user unknown", to=BEA, original=BEA), "bounced", "undetermined", "none"),
        (dsn("550 5.1.1 user unknown", to=BEA, original=ANA), "bounced", "hard", "suppress"),
    ],
)  # fmt: skip
def test_a_report_of_ours_is_told(message: str, kind: str, klass: str, action: str) -> None:
    """An address behind the one that we wrote to suppresses nobody: who forwards may read as well."""
    (told,) = read(message)
    assert isinstance(told, Told)
    assert (told.message_id, told.attempt, told.kind, told.klass, told.action) == (MESSAGE, 2, kind, klass, action)


def test_a_complaint_names_its_message_by_the_original() -> None:
    """It comes to an address that all complaints come to, and often without the recipient."""
    signed = arf(fields=f"Original-Mail-From: <{ADDRESS}>\nOriginal-Rcpt-To: redacted@example.net")
    (told,) = read(signed, "fbl")
    assert isinstance(told, Told)
    assert (told.message_id, told.kind, told.action) == (MESSAGE, "complained", "suppress")
    (told,) = read(signed.replace("Feedback-Type: abuse", "Feedback-Type: not-spam"), "fbl")
    assert isinstance(told, Told)
    assert (told.kind, told.action) == ("unrecognised", "none")


def test_what_we_did_not_sign_is_kept_and_tells_nothing() -> None:
    """A forged bounce suppresses nobody."""
    forged = address_of(key_of(b"x" * 32), "b.example.com", MESSAGE, 2).partition("@")[0]
    assert letterbox.signed(LOCAL, KEYS.verp)
    assert letterbox.signed(LOCAL.upper(), KEYS.verp)
    assert not letterbox.signed(forged, KEYS.verp)
    assert not letterbox.signed("bounce+", KEYS.verp)
    for local, message in ((forged, dsn("550 5.1.1 user unknown")), ("fbl", arf())):
        (told,) = read(message, local)
        assert isinstance(told, Unreadable)
        assert told.raw == message.encode()


def test_automatic_replies_tell_nothing_and_letters_are_kept() -> None:
    """They say nothing of the delivery; what a person writes must not be lost."""
    away = plain("I am away", subject="Out of office", sender="ana@example.com", headers="Auto-Submitted: auto-replied")
    assert read(away) == []
    assert isinstance(read(plain("Hello?", subject="Hello", sender="ana@example.com"))[0], Unreadable)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(CASES), st.binary(max_size=60), st.integers(0, 3_000), st.text(max_size=80))
def test_any_mail_and_any_query_is_read(case: tuple[str, ...], more: bytes, at: int, query: str) -> None:
    """It comes from anybody."""
    raw = case[1].encode()
    raw = raw[:at] + more + raw[at:]
    for said in (query, Found(Attempt(MESSAGE, 1), at).query()):
        for told in events_in(ROUTE, ReceivedReport("smtp", "r", "mail", 9.0, raw, query=said)):
            assert isinstance(told, Unreadable) or told.message_id == MESSAGE


def test_our_own_sender_is_nobody_who_failed() -> None:
    """A bounce names where it goes to as well."""
    (told,) = read(plain(f"Your message could not be delivered.\n\n{ADDRESS}\n{ANA}: 550 user unknown\n"))
    assert isinstance(told, Told)
    assert told.action == "suppress"
