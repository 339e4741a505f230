"""The life of a campaign: what each command does in each state, and what people are told when it cannot."""

from typing import get_args

import pytest

from app.commands import CampaignEntry, Command, LimitSet, Seal, State
from app.delivery.lifecycle import ALREADY, ENDED, TRANSITIONS, campaign_id, decide, expected, moved, sealed
from app.specs import CampaignSpec, Throttle

NOW = 1_000_000.0
SPEC = CampaignSpec(from_email="a@b.c", lists=["l"])
STATES: tuple[State, ...] = get_args(State)


def entry(state: State = "RUNNING") -> CampaignEntry:
    return CampaignEntry(id="c_1", account="acme", state=state, spec=SPEC, created_at=NOW)


def command(kind: str, **fields: object) -> Command:
    return Command.model_validate({"id": "k1", "account": "acme", "kind": kind, "campaign": "c_1"} | fields)


def test_a_campaign_lives_from_draft_to_completed() -> None:
    """The road that nearly every campaign takes."""
    created = decide(None, command("campaign.create", campaign="", spec=SPEC), NOW)
    assert created.status == 201 and created.entry is not None and created.entry.state == "DRAFT"
    started = decide(created.entry, command("campaign.start"), NOW)
    assert started.entry is not None and started.entry.state == "SEALING"
    running = sealed(started.entry, Seal(id="s", count=3, digest="d", day=1, groups=[("gmail", 3)]), NOW + 1)
    assert running is not None and running.state == "RUNNING" and running.started_at == NOW + 1
    assert moved(running, TRANSITIONS["RUNNING", "all_final"], NOW + 9).finished_at == NOW + 9


def test_the_same_create_makes_the_same_campaign_and_changes_nothing() -> None:
    """A client that lost the answer asks again: it must not get a second campaign."""
    create = command("campaign.create", campaign="", spec=SPEC, start=True)
    first = decide(None, create, NOW)
    assert first.entry is not None and first.entry.id == campaign_id(create) and first.entry.state == "SEALING"
    again = decide(first.entry, create, NOW + 5)
    assert again.status == 200 and again.entry is None


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("event", ["start", "pause", "resume", "cancel"])
def test_every_command_is_carried_out_or_refused_with_words_in_every_state(state: State, event: str) -> None:
    """No pair of state and command is forgotten, and a refusal says what to do."""
    decision = decide(entry(state), command(f"campaign.{event}"), NOW)
    if state in ALREADY[event]:
        assert decision.status == 200 and decision.entry is None
    elif (state, event) in TRANSITIONS:
        assert decision.status == 200 and decision.entry is not None
        assert decision.entry.state == TRANSITIONS[state, event]
    else:
        assert decision.status == 409 and decision.entry is None
        assert state in decision.error and event in decision.error and len(decision.error) > 40


def test_nothing_leads_out_of_an_ended_state() -> None:
    """What is over stays over: its numbers are final."""
    assert not [pair for pair in TRANSITIONS if pair[0] in ENDED]


def test_a_campaign_of_another_account_looks_like_none() -> None:
    """One account learns nothing of another."""
    assert decide(entry(), command("campaign.pause", account="other"), NOW).status == 404
    assert decide(None, command("campaign.pause"), NOW).status == 404


def test_a_seal_that_comes_after_a_cancel_starts_nothing() -> None:
    """The audience may be fixed a moment after people changed their mind."""
    assert sealed(entry("CANCELLED"), Seal(id="s", count=1, digest="", day=1, groups=[]), NOW) is None


def test_a_burst_that_cannot_be_kept_is_refused_when_it_is_set() -> None:
    """A limit that would silently be something else is worse than a clear no."""
    wrong = Throttle(rate=100.0, burst=5.0)
    assert decide(entry(), command("campaign.throttle", throttle=wrong), NOW).status == 422
    limit = LimitSet(scope="account", name="acme", rate=100.0, burst=5.0)
    assert decide(None, command("limit.set", limit=limit), NOW).field == "limit.burst"
    right = decide(entry(), command("campaign.throttle", throttle=Throttle(rate=100.0, burst=50.0)), NOW)
    assert right.entry is not None and right.entry.spec.throttle.rate == 100.0


def test_a_transactional_campaign_runs_at_once_and_ends_only_when_it_is_cancelled() -> None:
    """It has no audience to fix, and none that could be complete: its messages come one by one."""
    spec = CampaignSpec(from_email="a@b.c", kind="transactional")
    created = decide(None, command("campaign.create", campaign="", spec=spec, start=True), NOW).entry
    assert created is not None and created.state == "RUNNING" and created.started_at == NOW
    draft = decide(None, command("campaign.create", campaign="", spec=spec), NOW).entry
    started = decide(draft, command("campaign.start"), NOW).entry
    assert started is not None and started.state == "RUNNING"
    assert expected(created, 7, 0) is None
    assert expected(moved(created, "CANCELLING", NOW), 7, 0) == 7


@pytest.mark.parametrize(("kind", "lists"), [("campaign", []), ("transactional", ["l"])])
def test_a_campaign_has_lists_and_a_transactional_one_has_none(kind: str, lists: list[str]) -> None:
    """A misunderstanding of what will be sent to whom is told before anything is."""
    with pytest.raises(ValueError, match="needs a list"):
        CampaignSpec.model_validate({"from_email": "a@b.c", "kind": kind, "lists": lists})
