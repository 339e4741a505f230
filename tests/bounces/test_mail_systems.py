"""Whole messages of many mail systems: each tells the recipient, class, reason and action that a reader would see.

The expectations were written from what the systems' words mean, before anything had classified them.
"""

from pathlib import Path

import pytest

from app.bounces.classify import classify
from app.bounces.decide import Failure, meaning_of
from tests.bounces.mail_systems import CASES, Case, cases, message_of

LISTS = Path(CASES, "dnsbl.list").read_text(encoding="ascii").split()


@pytest.mark.parametrize("case", list(cases()), ids=lambda case: case.name)
def test_reads_as_a_person_would(case: Case) -> None:
    """A message that is misread suppresses a customer, or keeps mailing nobody."""
    told = [(each.recipient, each.klass, each.reason, each.action) for each in classify(message_of(case))]
    assert sorted(told) == sorted(case.expected)


@pytest.mark.parametrize("line_end", [b"\r\n", b"\r"])
def test_line_ends_do_not_matter(line_end: bytes) -> None:
    """Mail comes with the line ends of wherever it was stored."""
    for case in cases():
        told = [(each.recipient, each.klass, each.reason, each.action)
                for each in classify(message_of(case).replace(b"\n", line_end))]  # fmt: skip
        assert sorted(told) == sorted(case.expected), case.name


@pytest.mark.parametrize("name", LISTS)
def test_a_list_of_servers_is_about_ours(name: str) -> None:
    """Whatever else stands beside the name of a list, no address is suppressed by it."""
    for said in (
        f"554 5.7.1 Service unavailable; Client host [198.51.100.7] blocked using {name}; see http://{name}/q",
        f"550 5.1.1 <ana@kunde.example>: rejected, 198.51.100.7 is listed in {name}",
        f"550 198.51.100.7 is on {name}. User unknown",
        f"571 Rejected because the sending IP is in {name}",
    ):
        meaning = meaning_of(Failure(said, recipient="ana@kunde.example"))
        assert (meaning.reason, meaning.action) == ("blocked", "alert"), said
