"""Which mailbox provider a domain belongs to."""

import pytest

from app.delivery.mx_groups import group_of


@pytest.mark.parametrize(
    ("domain", "group"),
    [("gmail.com", "gmail"), ("Hotmail.CO.UK.", "outlook"), ("aol.com", "yahoo"), ("me.com", "apple"),
     ("acme.example", "other"), ("notgmail.com", "other"), ("", "other")],
)  # fmt: skip
def test_a_domain_is_known_by_its_whole_name(domain: str, group: str) -> None:
    """Rates are kept per group: a wrong one would slow down, or speed up, the wrong provider."""
    assert group_of(domain) == group
