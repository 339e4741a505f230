# ruff: noqa: E501 - mail as it is written, and letters that are counted twice
"""Whole messages: the formats of many mail systems, changed in every way that may not change what they tell."""

import json
from base64 import encodebytes
from pathlib import Path
from quopri import encodestring

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.bounces.classify import classify
from tests.bounces.formats import CASES, arf
from tests.bounces.letters import ANA, dsn, plain

SAMPLES = Path(__file__).parent.parent / "samples"


def told(message: str | bytes) -> list[tuple[str, str, str]]:
    """(recipient, action, reason) of each verdict."""
    raw = message if isinstance(message, bytes) else message.encode()
    return [(each.recipient, each.action, each.reason) for each in classify(raw)]


@pytest.mark.parametrize(("name", "message", "recipient", "action", "reason"), CASES, ids=[each[0] for each in CASES])
def test_formats_are_read(name: str, message: str, recipient: str, action: str, reason: str) -> None:
    """The original, which speaks of unknown users and spam, never decides."""
    assert told(message) == [(recipient, action, reason)]


def test_a_complaint_names_no_mail_server_but_who_reports() -> None:
    """The program that wrote the report is none."""
    assert [each.mta for each in classify(arf().encode())] == [""]
    named = arf(fields="Reporting-MTA: dns; mx.example.net\nOriginal-Rcpt-To: <ana@example.com>")
    assert [each.mta for each in classify(named.encode())] == ["mx.example.net"]


@pytest.mark.parametrize(
    ("file", "recipient", "action"),
    [("dsn-failed", "recipient@example.org", "suppress"), ("dsn-delayed", "recipient@example.org", "retry"),
     ("dsn-relayed", "recipient@example.org", "none"), ("arf-abuse", "recipient@example.net", "suppress")],
)  # fmt: skip
def test_samples_are_read(file: str, recipient: str, action: str) -> None:
    """As documented."""
    raw = json.loads((SAMPLES / f"smtp-{file}.json").read_text())["raw"]
    assert [each[:2] for each in told(raw)] == [(recipient, action)]


def _crlf(message: str) -> bytes:
    return message.replace("\n", "\r\n").encode()


def _mbox(message: str) -> bytes:
    return b"From MAILER-DAEMON Mon Nov 23 02:16:05 2026\n" + message.encode()


def _encoded(message: str, name: str) -> bytes:
    """The body of a message of one part in a transfer encoding."""
    head, _, body = message.partition("\n\n")
    if "multipart" in head:
        return message.encode()
    encode = encodebytes if name == "base64" else encodestring
    return f"{head}\nContent-Transfer-Encoding: {name}\n\n".encode() + encode(body.encode())


def _small_names(message: str) -> bytes:
    """Field names in the header in other letters."""
    head, _, body = message.partition("\n\n")
    lines = [name.upper() + sign + value for name, sign, value in (line.partition(":") for line in head.split("\n"))]
    return "\n".join(lines).replace("\tBOUNDARY", "\tboundary").encode() + (b"\n\n" + body.encode())


def _received(message: str) -> bytes:
    hops = "".join(
        f"Received: from a{at} by b{at}\n\twith ESMTP id x{at}; Mon, 23 Nov 2026 02:16:05 +0000\n" for at in range(9)
    )
    return (hops + message).encode()


CHANGES = (
    _crlf, _mbox, lambda message: _encoded(message, "base64"), lambda message: _encoded(message, "quoted-printable"),
    _small_names, _received, lambda message: b"\n\n" + message.encode(),
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(CASES), st.sampled_from(range(len(CHANGES))))
def test_how_it_travelled_changes_nothing(case: tuple[str, str, str, str, str], change: int) -> None:
    """Line ends, mbox lines, encodings, letters of field names, hops."""
    _, message, recipient, action, reason = case
    assert told(CHANGES[change](message)) == [(recipient, action, reason)]


@pytest.mark.parametrize(
    ("charset", "text"),
    [("iso-2022-jp", "宛先不明: ユーザーが存在しません"), ("shift_jis", "ユーザーが存在しません"), ("euc-jp", "宛先が見つかりません"),
     ("gb2312", "收件人不存在"), ("big5", "收件人不存在"), ("ks_c_5601-1987", "존재하지 않는 사용자"), ("koi8-r", "пользователь не найден"),
     ("windows-1251", "пользователь не найден"), ("iso-8859-1", "L'adresse n'existe pas: boîte introuvable, destinataire inexistant"),
     ("iso-8859-2", "Użytkownik nie istnieje"), ("iso-8859-9", "Kullanıcı bulunamadı"), ("iso-8859-7", "Άγνωστος χρήστης")],
)  # fmt: skip
@pytest.mark.parametrize("said", ["{}", "nonsense"])
def test_charsets_are_read(charset: str, text: str, said: str) -> None:
    """Also those that nobody declares rightly, where the bytes are UTF-8."""
    message = plain(f"<{ANA}>:\n550 {text}\n", kind=f"text/plain; charset={charset}")
    codec = {"ks_c_5601-1987": "cp949", "gb2312": "gb18030"}.get(charset, charset)
    raw = message.encode(codec) if said == "{}" else message.encode()
    assert told(raw) == [(ANA, "suppress", "userunknown")]


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_cut_off_in_the_original_it_tells_the_same(data: st.DataObject) -> None:
    """Mail systems return a part of what they got."""
    message = dsn("550 5.1.1 <ana@example.com>: User unknown", "5.1.1")
    end = data.draw(st.integers(message.index("message/rfc822"), len(message)))
    assert told(message[:end]) == [(ANA, "suppress", "userunknown")]


def test_each_recipient_has_a_verdict() -> None:
    """One dead address does not take the others along."""
    fields = "\n\n".join(
        f"Final-Recipient: rfc822; {who}@example.com\nAction: {action}\nStatus: {status}\nDiagnostic-Code: smtp; {said}"
        for who, action, status, said in (
            ("ana", "failed", "5.1.1", "550 5.1.1 user unknown"), ("bea", "failed", "5.2.2", "552 mailbox full"),
            ("cy", "delayed", "4.4.1", "connection timed out"), ("dee", "delivered", "2.0.0", "250 ok"),
        )
    )  # fmt: skip
    assert told(dsn(fields=fields)) == [
        ("ana@example.com", "suppress", "userunknown"), ("bea@example.com", "retry", "mailboxfull"),
        ("cy@example.com", "retry", "expired"), ("dee@example.com", "none", "delivered"),
    ]  # fmt: skip
    written = plain(
        "This message was created automatically by mail delivery software.\nThe following address(es) failed:\n\n"
        "  ana@example.com\n    host mx.example.com [192.0.2.9]: 550 user unknown\n"
        "  bea@example.net\n    host mx.example.net: 552 mailbox full\n",
        headers="X-Failed-Recipients: ana@example.com,\n  bea@example.net",
    )
    assert told(written) == [
        ("ana@example.com", "suppress", "userunknown"),
        ("bea@example.net", "retry", "mailboxfull"),
    ]


MORE = json.loads((Path(__file__).parent / "messages.json").read_text())


@pytest.mark.parametrize("message", MORE, ids=[each["name"] for each in MORE])
def test_more_formats_are_read(message: dict[str, object]) -> None:
    """Mail systems that nothing here was made for, and MIME that is broken."""
    assert [list(each) for each in told(str(message["raw"]))] == message["told"]


def test_who_does_not_know_our_sender_does_not_refuse_the_recipient() -> None:
    """Some servers call back to ask whether the sender exists, and tell what they heard."""
    assert told(dsn("550 5.1.1 <news@acme.example.org>: User unknown", "5.1.1")) == [(ANA, "alert", "rejected")]
    assert told(dsn("550 5.1.1 <ana@example.com>: User unknown", "5.1.1")) == [(ANA, "suppress", "userunknown")]


def test_who_sent_is_not_who_failed() -> None:
    """Bounces go to an address of their own, and name the sender that people see."""
    text = f"The message from news@shop.example.org to {ANA} could not be delivered: 550 user unknown\n"
    assert told(plain(text)) == [(ANA, "suppress", "userunknown")]
    text = f"Your message could not be delivered.\n\nnews@acme.example.org\n{ANA}: 550 user unknown\n"
    away = plain(text, original=True).replace("To: news@acme.example.org", "To: bounce+x@b.example.org", 1)
    assert told(away) == [(ANA, "suppress", "userunknown")]


def test_a_subject_that_is_quoted_does_not_make_a_bounce_a_holiday() -> None:
    """Campaigns are about holidays, and about anything else."""
    text = f"Your message could not be delivered:\n\n<{ANA}>: 550 user unknown\n\nRegards, info@isp.example.net\n"
    assert told(plain(text, subject="Undeliverable: Holiday offers")) == [(ANA, "suppress", "userunknown")]
