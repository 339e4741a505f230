"""A release is rendered row by row: each gets his own letter, and one that cannot be written stops nobody."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import msgspec

from agents.compose import Letters
from agents.mailing import ReleaseMailing
from agents.quarantine import Quarantine
from app.content.letterhead import Sender
from app.content.problems import ContentError, ContentProblem
from app.content.ready_made import ReadyMadeMail, ready_variables
from app.records import Outgoing, Release
from app.stream.crash_notes import CrashNotes
from app.stream.last_act import LastAct
from app.transport.journal import AttemptJournal
from tests.content.mail import LINKS, read

FIRST = ReadyMadeMail(Sender("first@acme.example", "", "", "default", "cmp_1"), LINKS)
SECOND = ReadyMadeMail(Sender("second@acme.example", "", "", "default", "cmp_1"), LINKS)


class TwoLetters:
    """Variant 1 and 2 have one each; 3 cannot be compiled."""

    def template_for(self, variant: int, _variables: Mapping[str, Any]) -> ReadyMadeMail | ContentError:
        """The letter of *variant*."""
        if variant == 3:
            return ContentError([ContentProblem("html", 1, 1, "too complex")])
        return FIRST if variant == 1 else SECOND


async def paused(campaign: str) -> None:
    """Nobody is told."""


def mailing(tmp_path: Path, rows: list[Outgoing], allowed: bool = True) -> ReleaseMailing:
    """The mailing of a release with *rows*."""
    release = Release(bytes(16), "default", "cmp_1", "bulk", "g", "r", 1, 1.0, 2.0, 1, rows)
    quarantine = Quarantine(CrashNotes(tmp_path / "notes"), LastAct(tmp_path / "act"), paused)
    letters, journal = cast(Letters, TwoLetters()), cast(AttemptJournal, None)  # nothing is begun here
    return ReleaseMailing(release, "a@acme.example", letters, lambda: allowed, journal, quarantine, lambda: 1.7e9)


def row(number: int, variant: int, variables: bytes) -> Outgoing:
    """One message."""
    return Outgoing(bytes([number]) * 16, bytes(16), f"p{number}@example.com", variables, variant)


LETTER = msgspec.json.encode(ready_variables("Hi", text="x"))


def test_each_row_gets_the_letter_of_its_variant(tmp_path: Path) -> None:
    """Two variants may stand side by side in one release."""
    release = mailing(tmp_path, [row(0, 2, LETTER), row(1, 1, LETTER), row(2, 2, LETTER)])
    senders = []
    while letter := release.next():
        senders.append((letter.to, read(letter.body)["from"]))
    assert senders == [
        ("p0@example.com", "second@acme.example"),
        ("p1@example.com", "first@acme.example"),
        ("p2@example.com", "second@acme.example"),
    ]


def test_a_row_that_cannot_be_written_is_blocked_with_its_reason_and_the_next_is_sent(tmp_path: Path) -> None:
    """Somebody's broken attributes are nobody else's."""
    wrong = [row(0, 1, b"no json"), row(1, 3, LETTER), row(2, 1, b"{}")]
    release = mailing(tmp_path, [*wrong, row(3, 1, LETTER)])
    letter = release.next()
    assert letter is not None and letter.to == "p3@example.com"
    assert release.next() is None and not release.more
    outcomes = release.outcomes()
    assert [(each.kind, each.klass) for each in outcomes] == [
        ("blocked", "variables"),
        ("blocked", "content"),
        ("blocked", "render"),
    ]
    assert "html:1:1: too complex" in outcomes[1].detail


def test_what_may_not_start_any_more_is_returned(tmp_path: Path) -> None:
    """A pause in the middle of a release costs nobody his letter."""
    release = mailing(tmp_path, [row(0, 1, LETTER)], allowed=False)
    assert release.next() is None
    assert [each.kind for each in release.outcomes()] == ["returned"]
