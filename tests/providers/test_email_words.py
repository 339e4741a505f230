"""What servers say, as providers pass it on: whose fault it is."""

import pytest

from app.providers.email_words import excuse_in


@pytest.mark.parametrize(
    "words",
    [
        "550 5.1.0 <news@acme.example> sender rejected", "550 verify your sending domain",
        "550 too many invalid recipients", "550 administrative prohibition", "550 temporarily not accepted, try again",
        "550 your IP is not welcome", "550 mail from acme.example refused",
    ],
)  # fmt: skip
def test_what_is_said_of_us_or_for_now_suppresses_nobody(words: str) -> None:
    """Providers call it permanent all the same, for the server gave 550."""
    assert excuse_in(0, "", words) in ("block", "technical")


@pytest.mark.parametrize(
    "words",
    [
        "550 5.1.1 user unknown", "550 5.1.1 <a@x.org>: no such user here", "550 5.1.10 RESOLVER.ADR.RecipientNotFound",
        "550 5.1.1 user unknown, tell the sender", "", "550",
    ],
)  # fmt: skip
def test_who_is_unknown_has_no_excuse(words: str) -> None:
    """Nor is there one where nothing is said."""
    assert excuse_in(0, "", words) == ""
