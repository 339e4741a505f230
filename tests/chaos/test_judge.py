"""The judge itself: a judge that cannot find anything proves nothing."""

from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from app.commands import CampaignEntry, Trial
from app.local.sink_read import Accepted
from app.specs import CampaignSpec
from tests.chaos.clients import Promises
from tests.chaos.experiment import wrong_phases
from tests.chaos.judge import judge
from tests.chaos.promised import judged
from tests.chaos.stage import Stage
from tests.chaos.verdict import Run


def test_the_judge_finds_what_is_wrong() -> None:
    """Lost, doubled, unknown and foreign, each counted as itself."""
    verdict = judge(["a", "b", "c", "d", "e"], ["a", "b", "b", "x"], ["c"], ["e"])
    assert (verdict.lost, verdict.duplicated, verdict.unknown, verdict.foreign) == (1, 1, 1, 1)
    assert verdict.unknown_never_sent == 1 and not verdict.clean


def test_the_judge_is_content_with_a_clean_run() -> None:
    """Everybody once."""
    assert judge(["a", "b"], ["b", "a"], [], []).clean


@dataclass
class Books:
    """What a stage would tell."""

    taken: list[tuple[str, str]]  # (message, person) in the sink
    told: dict[str, tuple[str, str]]
    turned_away: list[str] = field(default_factory=list)

    def sunk(self) -> list[Accepted]:
        """As of a stage."""
        return [Accepted(message, 1.0, f"{who}@test.corp.example") for message, who in self.taken]

    def refused(self) -> list[str]:
        """As of a stage."""
        return self.turned_away

    def rows(self, _: str, messages: list[str]) -> list[list[str]]:
        """As of a stage."""
        return [[message, *self.told[message]] for message in messages]


def on_promises(books: Books, messages: dict[str, str], unsure: tuple[str, ...] = ()) -> Run:
    """The verdict on single messages."""
    promised = {f"{who}@test.corp.example": message for who, message in messages.items()}
    promises = Promises(promised, {f"{who}@test.corp.example" for who in unsure})
    return judged(cast(Stage, books), "test", promises, Run("test", "hold", 0))


def test_a_promise_is_kept_by_a_message_or_a_reason() -> None:
    """Sent, refused, dropped with a reason, unknown; and who was promised nothing may have had it once."""
    told = {"1": ("SENT", ""), "2": ("BOUNCED", "x"), "3": ("DROPPED", "suppressed"), "4": ("UNKNOWN", "")}
    run = on_promises(Books([("1", "a"), ("9", "e")], told, ["2"]), {"a": "1", "b": "2", "c": "3", "d": "4"}, ("e",))
    assert (run.clean, run.audience, run.unknown, run.unknown_never_sent) == (True, 4, 1, 1)


@pytest.mark.parametrize(
    ("taken", "status", "lost", "twice", "mistakes"),
    [
        ([], ("BOUNCED", "x"), 1, 0, 0),
        ([], ("DROPPED", ""), 1, 0, 0),
        ([], ("SENT", ""), 1, 0, 1),
        ([("1", "a"), ("1", "a")], ("SENT", ""), 0, 1, 0),
        ([("1", "a"), ("2", "a")], ("SENT", ""), 0, 1, 1),
        ([("1", "a"), ("3", "z")], ("SENT", ""), 0, 0, 1),
        ([("1", "a")], ("DROPPED", "suppressed"), 0, 0, 1),
    ],
)
def test_a_promise_that_was_broken_is_found(
    taken: list[tuple[str, str]], status: tuple[str, str], lost: int, twice: int, mistakes: int
) -> None:
    """Nothing, nothing without a reason, a lie, twice, twice under two ids, to somebody else, and denied."""
    run = on_promises(Books(taken, {"1": status}), {"a": "1"})
    assert (run.lost, run.duplicated, len(run.mistakes)) == (lost, twice, mistakes)
    assert not run.clean


@pytest.mark.parametrize(
    ("phases", "mistakes"),
    [
        ([("testing", ""), ("testing", ""), ("waiting", ""), ("decided", "a")], 0),
        ([("testing", ""), ("decided", "a")], 0),
        ([("decided", "a"), ("decided", "b")], 1),
        ([("decided", "a"), ("waiting", "")], 2),
        ([("testing", "")], 1),
        ([], 1),
    ],
)
def test_a_phase_that_comes_twice_is_found(phases: list[Any], mistakes: int) -> None:
    """A second decision would send another letter to those who come later. By hand it may be made in the test."""
    spec = CampaignSpec(from_email="news@acme.example", lists=["all"])
    trials = [Trial(phase=phase, winner=winner) for phase, winner in phases]
    entries = [
        CampaignEntry(id="c", account="default", state="RUNNING", spec=spec, created_at=1.0, trial=each)
        for each in (None, *trials)
    ]
    assert len(wrong_phases(entries)) == mistakes
