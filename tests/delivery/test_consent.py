"""What people have said about a channel."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.delivery.people.consent import consent_in, said


@pytest.mark.parametrize(
    ("value", "told"),
    [(True, True), ("Yes", True), ("0", False), (0, False), ("2026-01-01T10:00:00Z", True), (1_700_000_000, True),
     ("maybe", None), (None, None), ("", None), (17, None), ({}, None), (float("inf"), None)],
)  # fmt: skip
def test_a_yes_is_true_or_a_time(value: Any, told: bool | None) -> None:
    """
    What is neither yes nor no counts as nothing: who may be written to is not guessed.
    """
    assert said(value) is told


@given(st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=30) | st.binary(max_size=5))
def test_what_is_kept_says_the_same(value: Any) -> None:
    """
    Contacts keep what consent_in makes of a value; it may be read again.
    """
    try:
        kept = consent_in(value)
    except ValueError:
        assert said(value) is None
    else:
        assert consent_in(kept) == kept
