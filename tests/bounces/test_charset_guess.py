"""Bytes without a charset, as mail systems of Russia and Eastern Asia sent them for years."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.bounces.charset_guess import guessed
from app.bounces.classify import classify
from app.bounces.encodings import text_of

WRITTEN = [
    ("koi8-r", "Ваше письмо возвращено, потому что ящик закрыт: нет такого пользователя"),
    ("cp1251", "Ваше письмо не доставлено: пользователь с таким адресом не найден"),
    ("shift_jis", "お送りいただいたメールは宛先のアドレスが存在しないため配信できませんでした"),
    ("euc_jp", "お送りいただいたメールは宛先のアドレスが存在しないため配信できませんでした"),
    ("gb2312", "您发送的邮件无法送达，原因：收件人的邮箱不存在"),
    ("big5", "您寄送的郵件無法送達，原因：收件者的信箱不存在"),
    ("euc_kr", "보내신 메일이 전송되지 못했습니다. 받는 사람의 주소가 존재하지 않습니다"),
]


@pytest.mark.parametrize(("charset", "said"), WRITTEN, ids=[each[0] for each in WRITTEN])
@pytest.mark.parametrize("label", ["", "us-ascii", "iso-8859-1", "utf-8"])
def test_what_is_written_without_a_charset_is_read(charset: str, said: str, label: str) -> None:
    """Else it is a row of odd letters in which no word is found."""
    assert text_of(f"550 {said}".encode(charset), label) == f"550 {said}"


@pytest.mark.parametrize(("charset", "said"), WRITTEN, ids=[each[0] for each in WRITTEN])
def test_a_bounce_without_a_charset_suppresses(charset: str, said: str) -> None:
    """From the message to the verdict."""
    head = "From: MAILER-DAEMON@kunde.example\nSubject: Returned mail: User unknown\n\n<ana@kunde.example>\n"
    told = classify(f"{head}{said}\n".encode(charset))
    assert [(each.recipient, each.reason, each.action) for each in told] == [
        ("ana@kunde.example", "userunknown", "suppress")
    ]


@given(st.text("abcdefghijklmnopqrstuvwxyz äöüßéèêàçñóíúãõåæøÄÖÉ.,", max_size=300))
def test_western_text_is_left_alone(said: str) -> None:
    """Letters beyond ASCII that stand alone or in pairs are no other script."""
    few = "".join(each if each.isascii() or at % 3 == 0 else "e" for at, each in enumerate(said))
    assert guessed(few.encode("cp1252")) == ""


@given(st.binary(max_size=400))
def test_any_bytes_are_looked_at(raw: bytes) -> None:
    """A guess raises for nothing."""
    assert guessed(raw) == "" or text_of(raw)
