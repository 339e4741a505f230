"""Times on the command line: what is taken, and what is refused with a way out."""

import pytest

from app.cli.failures import CommandError
from app.cli.times import end_of

NOW = 1_795_000_000.0  # 2026-11-18


def test_an_end_is_a_moment_to_come_or_a_span() -> None:
    """Both are seconds since 1970."""
    assert end_of("90d", "--until", NOW) == NOW + 90 * 86_400
    assert end_of("2027-01-01T00:00Z", "--until", NOW) == 1_798_761_600


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("2020-01-01T00:00Z", "name a moment to come, or a span such as 90d"),  # it would suppress nobody
        ("2027-01-01", "write 2027-01-01T00:00Z, or a span such as 90d"),
        ("2027-01-01T00:00", "write 2027-01-01T00:00Z for UTC, or 2027-01-01T00:00+01:00"),
        ("soon", "write it as 45s, 30m, 12h or 90d"),
    ],
)
def test_what_is_no_end_is_refused(text: str, advice: str) -> None:
    """With what to write instead."""
    with pytest.raises(CommandError) as refused:
        end_of(text, "--until", NOW)
    assert refused.value.advice == advice
