# ruff: noqa: E501 - mail as it is written, and letters that are counted twice
"""Nothing that comes by mail breaks the reading, or keeps it busy."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.bounces.classify import classify
from app.bounces.mailbox import messages_in
from app.bounces.message import taken_apart
from app.bounces.origin import origin_of
from app.bounces.shown import entries_of
from app.bounces.verdict import REASONS
from tests.bounces.formats import CASES

MEGABYTE = 1_000_000
HEAD = b"From: MAILER-DAEMON@example.com\nSubject: Undelivered mail\n"
PARTS = b'MIME-Version: 1.0\nContent-Type: multipart/report; boundary="b"\n\n'
STATUS = b"--b\nContent-Type: message/delivery-status\n\n"


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=2_000))
def test_any_bytes_are_read(raw: bytes) -> None:
    """No exception leaves it, and there is always a verdict."""
    verdicts = classify(raw)
    assert verdicts
    assert all(each.reason in REASONS for each in verdicts)
    assert b"".join(messages_in(raw)) == raw
    entries_of(raw, "x", b"k" * 32)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(CASES), st.data())
def test_damaged_messages_are_read(case: tuple[str, str, str, str, str], data: st.DataObject) -> None:
    """Cut, doubled, with bytes of any kind in the middle."""
    raw = case[1].encode()
    at = data.draw(st.integers(0, len(raw)))
    to = data.draw(st.integers(at, len(raw)))
    damaged = raw[:at] + data.draw(st.binary(max_size=50)) + raw[to:] + raw[at:to] * data.draw(st.integers(0, 3))
    assert classify(damaged)
    origin_of(taken_apart(damaged))


HOSTILE = {
    "blanks": HEAD + b"\n" + b" " * MEGABYTE,
    "line ends": HEAD + b"\n" + b"\n" * MEGABYTE,
    "one line": HEAD + b"\n" + b"a" * MEGABYTE,
    "at signs": HEAD + b"\n" + b"@" * MEGABYTE,
    "addresses": HEAD + b"\n" + b"a@b.cc " * (MEGABYTE // 7),
    "addresses by line": HEAD + b"\n" + b"<a%d@b.cc>: user unknown\n" * (MEGABYTE // 25),
    "dots": HEAD + b"\n" + b"a." * (MEGABYTE // 2),
    "codes": HEAD + b"\n" + b"550 5.1.1 " * (MEGABYTE // 10),
    "words": HEAD + b"\n" + b"user mailbox address account recipient " * (MEGABYTE // 39),
    "dashes": HEAD + b"\n" + b"-" * MEGABYTE,
    "dash lines": HEAD + b"\n" + b"- - - -\n" * (MEGABYTE // 8),
    "events": HEAD + b'\n{"notificationType": "Bounce", "bounce": ' + b'{"bounce":[' * (MEGABYTE // 11),
    "event of nobody": b'{"eventType": "Bounce", "bounce": {"bouncedRecipients": [1, {"emailAddress": 2}]}}',
    "list of events": b'[{"eventType": "Bounce"}]',
    "quotes": HEAD + b"\n" + b"> " * (MEGABYTE // 2),
    "encoded words": b"Subject: " + b"=?utf-8?q?" * (MEGABYTE // 10) + b"\n\nx",
    "long field": b"Subject: " + b"x" * MEGABYTE + b"\n\nx",
    "folded field": b"Subject: a" + b"\n b" * (MEGABYTE // 3) + b"\n\nx",
    "many fields": b"X-A: b\n" * (MEGABYTE // 7) + b"\nx",
    "parts": HEAD + PARTS + b"--b\n\nx\n" * (MEGABYTE // 7),
    "nested": HEAD + b"".join(b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' % (at, at) for at in range(15_000)),
    "recipients": HEAD + PARTS + STATUS + b"Final-Recipient: rfc822; a@b.cc\nAction: failed\n\n" * (MEGABYTE // 50),
    "one field": HEAD + PARTS + STATUS + b"Diagnostic-Code: smtp; " + b"550 " * (MEGABYTE // 4),
    "many told twice": HEAD + PARTS + b"".join(
        b"--b\n\n" + b"".join(b"<a%d@b.cc>: some words on it\n" % at for at in range(1_500)) for _ in range(8)
    ) + (STATUS + b"Final-Recipient: rfc822; a@b.cc\nAction: failed\nStatus: 5.0.0\n\n" * 900) * 8,
    "folded status": HEAD + PARTS + STATUS + b"Final-Recipient: rfc822; a@b.cc\nDiagnostic-Code: a\n" + b" b\n" * (MEGABYTE // 3),
    "tags": HEAD + b"Content-Type: text/html\n\n" + b"<" * MEGABYTE,
    "open tags": HEAD + b"Content-Type: text/html\n\n" + b"<style>" * (MEGABYTE // 7),
    "entities": HEAD + b"Content-Type: text/html\n\n" + b"&amp;" * (MEGABYTE // 5),
    "base64": HEAD + b"Content-Transfer-Encoding: base64\n\n" + b"QUFB" * (MEGABYTE // 4),
    "quoted": HEAD + b"Content-Transfer-Encoding: quoted-printable\n\n" + b"=41" * (MEGABYTE // 3),
    "escapes": HEAD + b"\n" + b"\x1b$B" * (MEGABYTE // 3),
    "chinese": HEAD + b"\n" + "收件人".encode() * (MEGABYTE // 9),
    "hangul": HEAD + b"\n" + "존재하지".encode() * (MEGABYTE // 12),
    "accents": HEAD + b"\n" + "é".encode() * (MEGABYTE // 2),
    "mail from": HEAD + b"\n" + b">>> MAIL " * (MEGABYTE // 9),
    "in reply": HEAD + b"\n" + b"(in reply to " * (MEGABYTE // 13),
    "urls": HEAD + b"\n" + b"http://" * (MEGABYTE // 7),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_megabyte_of_anything_is_read_in_bounded_time(name: str) -> None:
    """A regular expression that backtracks would stand still for hours; this has no second to spare, but one for slow machines."""
    begun = time.process_time()
    verdicts = classify(HOSTILE[name])
    assert time.process_time() - begun < 5
    assert 0 < len(verdicts) <= 200
    assert all(len(each.diagnostic) <= 500 for each in verdicts)


def test_an_mbox_is_split_between_messages_only() -> None:
    """A bounce that returns a message with its mbox line is one message."""
    messages = [case[1].encode() for case in CASES[:20]]
    line = b"From MAILER-DAEMON Mon Nov 23 02:16:05 2026\n"
    raw = b"\n".join(line + message for message in messages)
    assert [classify(each)[0].reason for each in messages_in(raw)] == [classify(each)[0].reason for each in messages]
    within = CASES[0][1].replace("Return-Path: <news", line.decode() + "Return-Path: <news").encode()
    assert len(list(messages_in(line + within))) == 1
