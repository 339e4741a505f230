"""Retry only the failed: what the new campaign is made of, and why there is none."""

from typing import Any, get_args

import pytest

from app.commands import CampaignEntry, Command, Seal, Section, State, Trial
from app.delivery.campaigns.decisions import decide
from app.delivery.campaigns.lifecycle import ENDED
from app.delivery.campaigns.retry_campaign import failed_in, retry_spec, why_not
from app.specs import CampaignSpec

NOW = 1_800_000_000.0
SEAL = Seal(id="c_1-1.0a", count=10, digest="d", day=1, groups=[Section("gmail", 10)])
COUNTS = {"sent": 6, "given_up": 2, "blocked": 1, "unknown": 3, "unknown.decided": 1}


def ended(state: State = "COMPLETED", **more: Any) -> CampaignEntry:
    said = {"from_email": "a@x.org", "lists": ["l"], "name": "Spring", "expires_at": NOW - 5, "weight": 7}
    spec = CampaignSpec.model_validate(said | more.pop("spec", {}))
    fields = {"seal": SEAL, "counters": COUNTS} | more
    return CampaignEntry(id="c_1", account="acme", state=state, spec=spec, created_at=1.0, **fields)


def asked(spec: CampaignSpec | None, **more: Any) -> Command:
    return Command(id="k1", account="acme", kind="campaign.clone", campaign="c_1", spec=spec, **more)


@pytest.mark.parametrize("state", get_args(State))
def test_only_what_has_ended_is_tried_again(state: State) -> None:
    """
    A campaign that runs still tries them itself: a second one would double them.
    """
    before = ended(state)
    assert (why_not(before, ["given_up"]) == "") is (state in ENDED)
    decision = decide(None, asked(retry_spec(before, ["given_up"])), NOW, original=before)
    assert (decision.status == 201) is (state in ENDED)
    if state not in ENDED:
        assert state in decision.error and "cancel" in decision.error and decision.status == 409


def test_nobody_is_told_as_nobody_and_each_failure_is_counted_once() -> None:
    """
    An empty campaign that fails a minute later helps nobody.
    """
    assert failed_in(COUNTS, ["given_up", "unknown", "given_up"]) == 3
    assert "blocked or has an unknown" in why_not(ended(counters={"sent": 10}), ["blocked", "unknown"])
    assert "never had an audience" in why_not(ended(seal=None), ["given_up"])
    transactional = ended(spec={"kind": "transactional", "lists": []})
    assert "transactional" in why_not(transactional, ["given_up"])


def test_the_new_campaign_is_the_old_one_without_its_times_and_with_its_own_dedup() -> None:
    """
    With the old end it would never start, and with the old dedup key everybody of it would be a duplicate.
    """
    spec = retry_spec(
        ended(spec={"dedup": {"key": "spring", "window": 500}, "template_id": "t"}), ["blocked", "given_up", "blocked"]
    )
    assert (spec.name, spec.weight, spec.template_id, spec.lists) == ("Spring (retry)", 7, "t", ["l"])
    assert (spec.schedule, spec.expires_at, spec.dedup.key, spec.dedup.window) == (None, None, "", 500)
    assert (spec.retry_of, spec.retry_outcomes) == ("c_1", ["blocked", "given_up"])
    assert CampaignSpec.model_validate(spec.model_dump()) == spec
    assert len(retry_spec(ended(spec={"name": "x" * 200}), ["given_up"]).name) == 200


def test_who_was_in_a_test_gets_what_has_won() -> None:
    """
    Half of them would get a subject that everybody else disliked.
    """
    variants = [{"name": "a", "subject": "A"}, {"name": "b", "subject": "B", "template_id": "t_b"}]
    before = ended(
        spec={"experiment": {"variants": variants}, "template_id": "t", "template_version": 4},
        trial=Trial(phase="decided", winner="b"),
    )
    spec = retry_spec(before, ["given_up"])
    assert (spec.experiment, spec.subject, spec.template_id, spec.template_version) == (None, "B", "t_b", None)


def test_it_starts_with_the_same_command_if_asked_to() -> None:
    """
    One order and one key: a program that repeats it gets the same campaign, started once.
    """
    before = ended()
    spec = retry_spec(before, ["given_up"])
    started = decide(None, asked(spec, start=True), NOW, original=before)
    assert started.status == 201 and started.entry is not None and started.entry.state == "SEALING"
    draft = decide(None, asked(spec), NOW, original=before)
    assert draft.entry is not None and (draft.entry.state, draft.entry.revision) == ("DRAFT", 1)


@pytest.mark.parametrize(
    "wrong", [{"experiment": {"variants": [{"name": "a"}, {"name": "b"}]}}, {"schedule": {"local": "2027-03-01T09:00"}}]
)
def test_what_a_retry_cannot_have_is_refused(wrong: dict[str, Any]) -> None:
    """
    It would be ignored, and nobody would know.
    """
    spec = CampaignSpec.model_validate(retry_spec(ended(), ["given_up"]).model_dump() | wrong)
    decision = decide(None, asked(spec), NOW, original=ended())
    assert (decision.status, decision.field) == (422, "spec.retry_of")
