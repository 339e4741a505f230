"""What providers' replies mean."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.delivery.outcomes import Kind
from app.delivery.smtp_replies import HARD, classify


@pytest.mark.parametrize(
    ("code", "text", "group", "kind", "klass"),
    [
        (550, "5.4.1 Recipient address rejected: Access denied", "outlook", Kind.REFUSED, "unknown_user"),
        (550, "5.4.1 Recipient address rejected: Access denied", "other", Kind.BLOCKED, "policy"),
        (550, "5.5.0 Requested action not taken: mailbox unavailable", "outlook", Kind.REFUSED, "unknown_user"),
        (421, "4.7.1 [HCM1] refused", "apple", Kind.THROTTLED, "throttle"),
        (553, "5.7.1 [BL21] Connections not accepted", "yahoo", Kind.BLOCKED, "reputation"),
        (550, "5.7.515 Access denied, does not meet the required authentication level", "outlook", Kind.BLOCKED,
         "authentication"),
        (550, "5.1.8 sender domain not found", "other", Kind.BLOCKED, "sender"),
        (550, "rejected", "other", Kind.BLOCKED, "policy"),
    ],
)  # fmt: skip
def test_each_provider_is_read_in_its_own_words(code: int, text: str, group: str, kind: Kind, klass: str) -> None:
    """Only a refusal of the address may suppress it; one of our domain or fame may not."""
    meaning = classify(code, text, group)
    assert (meaning.kind, meaning.klass) == (kind, klass)


KNOWN = [
    line.split("\t")
    for line in Path(__file__).with_name("smtp_replies.tsv").read_text().splitlines()
    if not line.startswith("#")
]


@pytest.mark.parametrize(("group", "reply", "kind", "klass"), KNOWN, ids=[f"{row[0]}-{row[1][:40]}" for row in KNOWN])
def test_documented_replies_are_understood(group: str, reply: str, kind: str, klass: str) -> None:
    """A table of what the providers document: one misread line suppresses good people, or keeps mailing bad ones."""
    meaning = classify(int(reply[:3]), reply[4:], group)
    assert (meaning.kind, meaning.klass) == (kind, klass)


@given(st.integers(400, 599), st.text(max_size=200), st.sampled_from(["gmail", "outlook", "yahoo", "apple", "other"]))
def test_any_reply_has_a_meaning_that_fits_its_code(code: int, text: str, group: str) -> None:
    """4xx is never final, and 5xx always is."""
    meaning = classify(code, text, group)
    if code < 500:
        assert meaning.kind in (Kind.DEFERRED, Kind.THROTTLED)
    else:
        assert meaning.kind == (Kind.REFUSED if meaning.klass in HARD else Kind.BLOCKED)
