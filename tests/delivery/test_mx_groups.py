"""MX groups: whose servers take the mail, by name and by MX hosts; and what may be a group by itself."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.delivery.mx_groups import (
    GROUPS,
    LONGEST_GROUP,
    NAMES,
    OTHER,
    OWN_GROUP,
    destination,
    group_of,
    group_of_hosts,
    is_domain,
    own_group,
    own_groups,
)

LABEL = st.text("abcxyz019-", min_size=1, max_size=12)
DOMAIN = st.lists(LABEL, min_size=1, max_size=5).map(".".join)


@pytest.mark.parametrize(
    ("domain", "group"),
    [
        ("gmail.com", "gmail"), ("GMAIL.COM", "gmail"), ("gmail.com.", "gmail"), ("hotmail.co.uk", "outlook"),
        ("gmx.de", "gmx"), ("example.org", "other"), ("notgmail.com", "other"), ("", "other"),
    ],
)  # fmt: skip
def test_group_of_a_domain(domain: str, group: str) -> None:
    """Limits by mailbox provider hold for all of its domains."""
    assert group_of(domain) == group


@pytest.mark.parametrize(
    ("hosts", "group"),
    [
        ([(1, "aspmx.l.google.com."), (5, "alt1.aspmx.l.google.com")], "gmail"),
        ([(0, "firm-de.mail.protection.outlook.com")], "outlook"),
        ([(10, "firm-de.a-v1.mx.microsoft")], "outlook"),
        ([(1, "mta5.am0.yahoodns.net")], "yahoo"),
        ([(10, "MX01.MAIL.ICLOUD.COM.")], "apple"),
        ([(10, "mxa-00123.gslb.pphosted.com")], "proofpoint"),
        ([(10, "mx00.kundenserver.de"), (10, "mx01.kundenserver.de")], "ionos"),
        ([(10, "mail.firm.example"), (20, "aspmx.l.google.com")], ""),  # gmail only where their own server is down
        ([(10, "mail.firm.example"), (10, "aspmx.l.google.com")], "gmail"),
        ([(10, "mail.notgoogle.com"), (10, "google.com.example")], ""),
        ([(10, "google"), (10, "com"), (10, ""), (10, ".")], ""),
        ([], ""),
    ],
)  # fmt: skip
def test_group_of_mx_hosts(hosts: list[tuple[int, str]], group: str) -> None:
    """A company whose mail is with a big provider counts towards the limits of that provider."""
    assert group_of_hosts(hosts) == group


@given(st.lists(st.tuples(st.integers(0, 65_535), st.text(max_size=60)), max_size=8))
def test_hosts_of_any_kind_have_a_group_or_none(hosts: list[tuple[int, str]]) -> None:
    """What DNS says is written by whoever owns the domain."""
    assert group_of_hosts(hosts) in NAMES - {OTHER} | {""}
    assert group_of_hosts(hosts) == group_of_hosts(list(reversed(hosts)))


@given(st.one_of(st.text(max_size=120), DOMAIN, st.sampled_from(sorted(GROUPS))))
def test_a_group_of_its_own_is_no_name_of_another_and_goes_anywhere(text: str) -> None:
    """Groups stand in keys, statements and pages as they are; the gate takes no longer ones."""
    group = own_group(text)
    if group:
        assert re.fullmatch("[a-z0-9.-]+", group) and "." in group and len(group) <= LONGEST_GROUP
        assert group not in NAMES and group_of(group) == OTHER and own_group(group) == group
        assert re.search(OWN_GROUP, group)  # what a limit can name, sealing can make


@pytest.mark.parametrize(
    "text",
    [
        "gmail.com",
        "gmail",
        "",
        "*",
        "a b.com",
        "x.com\n",
        "ä.com",
        "a'.com",
        "1.2.3.4",
        "-.com",
        f"{'a' * 97}.com",
        "a..b",
    ],
)
def test_what_is_no_group_of_its_own(text: str) -> None:
    """A limit for such a name would never find a message."""
    assert own_group(text) == ""


def test_domains_among_the_names_of_limits() -> None:
    """Providers and stars are no domains; the number is bounded."""
    assert own_groups(["*", "gmail", "B.example", "a.example", "b.example", "gmx.de", ""], 9) == [
        "a.example",
        "b.example",
    ]
    assert own_groups(["b.example", "a.example"], 1) == ["a.example"]


@pytest.mark.parametrize(
    ("domain", "can"),
    [
        ("firm.de", True), ("xn--mnchen-3ya.de", True), ("a.b.co.uk", True),
        ("localhost", False), ("firm.example", False), ("mail.example.com", False), ("printer.local", False),
        ("10.0.0.1", False), ("firm.de.", False), ("Firm.de", False), ("f_irm.de", False), ("a" * 64 + ".de", False),
        (".".join(["a" * 60] * 5) + ".de", False), ("firm.de\n", False), ("", False), ("*.de", False),
    ],
)  # fmt: skip
def test_what_dns_is_asked_for(domain: str, can: bool) -> None:
    """Names of private networks and of examples stay inside."""
    assert is_domain(domain) is can


def test_a_single_message_goes_by_name_then_limit_then_look_up() -> None:
    """A limit that names a domain holds for it also where a big provider hosts it: somebody has said so."""
    hosted = {"firm.de": "gmail", "named.de": "outlook", "gmx.de": "ionos"}
    found = [destination(each, {"named.de"}, hosted) for each in ("Gmx.de", "NAMED.de.", "firm.de", "else.de")]
    assert found == ["gmx", "named.de", "gmail", "other"]
