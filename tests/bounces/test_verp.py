"""Addresses that bounces come back to."""

from hypothesis import given
from hypothesis import strategies as st

from app.bounces.message import taken_apart
from app.bounces.origin import origin_of
from app.bounces.verp import PREFIX, Attempt, address_of, attempt_in, token_of
from tests.bounces.formats import arf
from tests.bounces.letters import dsn

KEY, OTHER = b"k" * 32, b"l" * 32
ids = st.binary(min_size=16, max_size=16)


@given(ids, st.integers(1, 254))
def test_an_address_leads_back_to_its_message(message: bytes, attempt: int) -> None:
    """Also where its letters were folded, and within what mail systems take."""
    token = token_of(KEY, message, attempt)
    assert attempt_in(KEY, token) == attempt_in(KEY, token.upper()) == Attempt(message, attempt)
    local = address_of(KEY, "b.example.com", message, attempt).partition("@")[0]
    assert local == PREFIX + token == local.lower()
    assert len(local) <= 64


@given(ids, st.integers(1, 254), st.integers(0, 39), st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
def test_a_forged_address_leads_nowhere(message: bytes, attempt: int, at: int, letter: str) -> None:
    """Who could make one could suppress anybody."""
    token = token_of(KEY, message, attempt)
    assert attempt_in(OTHER, token) is None
    changed = token[:at] + letter + token[at + 1 :]
    assert (attempt_in(KEY, changed) is None) == (changed != token)
    assert attempt_in(KEY, token[:-1]) is None


@given(st.text(max_size=60))
def test_any_text_is_looked_at(text: str) -> None:
    """Addresses come from anybody."""
    assert attempt_in(KEY, text) is None


def test_the_address_is_found_in_reports() -> None:
    """In the envelope of a bounce, and in the original of a complaint."""
    address = address_of(KEY, "b.example.com", b"m" * 16, 2)
    for message in (dsn("550 no").replace("news@acme.example.org", address, 1), dsn("550 no").replace(
            "Return-Path: <news@acme.example.org>", f"Return-Path: <{address}>"), arf().replace(
            "Version: 1", f"Version: 1\nOriginal-Mail-From: <{address}>")):  # fmt: skip
        origin = origin_of(taken_apart(message.encode()))
        assert [attempt_in(KEY, each) for each in origin.tokens] == [Attempt(b"m" * 16, 2)]
        assert origin.message_id == "m-1@acme.example.org"
