"""Which limit a bucket or cap belongs to, by its name, and what is shown of it."""

import pytest

from app.delivery.limits.usage import MOST_SHOWN, counted_by, in_force, usage_of
from app.routes import LimitSet, LimitStatus

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("pool|main|gmail", ("pool", "main", "gmail")),
        ("group|gmail", ("group", "gmail", "")),
        ("day|account|acme", ("account", "acme", "")),
        ("hour|pool|main|gmail", ("pool", "main", "gmail")),
        ("warm-up|pool|main|gmail", ("pool", "main", "gmail")),
        ("on the way|route|smtp", ("route", "smtp", "")),
        ("campaign|c_1|", None),
        ("campaign|c_1|route|smtp", None),
        ("on the way|campaign|c_1", None),
    ],
)
def test_what_a_name_counts(name: str, key: tuple[str, str, str] | None) -> None:
    """The names are those that pacing gives its buckets and caps."""
    assert counted_by(name) == key


@pytest.mark.parametrize(
    ("limits", "rules"),
    [
        ([("pool", "main", "gmail"), ("pool", "*", "gmail")], ("pool", "main", "gmail")),
        ([("pool", "main", "*"), ("pool", "*", "gmail")], ("pool", "main", "*")),
        ([("pool", "*", "*"), ("pool", "*", "gmail")], ("pool", "*", "gmail")),
        ([("pool", "*", "*"), ("pool", "main", "")], ("pool", "*", "*")),
        ([("pool", "main", "yahoo"), ("route", "main", "gmail")], None),
    ],
)
def test_its_own_limit_goes_before_that_of_each(
    limits: list[tuple[str, str, str]], rules: tuple[str, str, str] | None
) -> None:
    """Of those that could count only one does."""
    assert in_force(("pool", "main", "gmail"), limits) == rules


def test_the_long_tail_is_no_thing_that_a_star_stands_for() -> None:
    """A limit for each domain is none for all the others together."""
    assert in_force(("group", "other", ""), [("group", "*", "")]) is None
    assert in_force(("pool", "main", "other"), [("pool", "*", "*")]) is None
    assert in_force(("group", "other", ""), [("group", "other", "")]) == ("group", "other", "")


def test_only_so_many_are_shown() -> None:
    """A limit for each domain has thousands of counts."""
    limit = LimitSet(scope="group", name="*", daily=5)
    statuses = [LimitStatus(name=f"day|group|d{n}.example", used=1, most=5, resets_at=NOW + 9) for n in range(500)]
    assert len(usage_of(limit, [limit.key], statuses, NOW)) == MOST_SHOWN
    own = LimitSet(scope="group", name="d7.example", daily=5)
    found = usage_of(own, [limit.key, own.key], statuses, NOW)
    assert [each.name for each in found] == ["day|group|d7.example"]
