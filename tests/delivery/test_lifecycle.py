"""The life of a campaign: what each command does in each state, and what people are told when it cannot."""

import re
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.commands import CampaignEntry, Command, Resolution, Seal, Section, State, Trial
from app.delivery.campaigns.decisions import Decision, campaign_id, decide
from app.delivery.campaigns.lifecycle import (
    ALREADY,
    COMMANDS,
    ENDED,
    STAYS,
    STOPPING,
    TRANSITIONS,
    Around,
    allowed,
    by_itself,
    expected,
    moved,
    seal_failed,
    sealed,
)
from app.specs import CampaignSpec, Content, Schedule, Throttle
from app.things import Account

NOW = 1_000_000.0
SPEC = CampaignSpec(from_email="a@b.c", lists=["l"])
STATES: tuple[State, ...] = get_args(State)
FULL = Around(room=False)
TOLD = Resolution(outcome="sent")
CAREFUL = Around(Account(name="acme", approval=True, undo=60.0))
PLAIN = Around(Account(name="acme"))


def entry(state: State = "RUNNING", **spec: object) -> CampaignEntry:
    times = {"SCHEDULED": {"due_at": NOW + 500}, "QUEUED": {"queued_at": NOW}}.get(state, {})
    made = CampaignSpec.model_validate({"from_email": "a@b.c", "lists": ["l"]} | spec)
    return CampaignEntry(id="c_1", account="acme", state=state, spec=made, created_at=NOW, **times)


def command(kind: str, **fields: object) -> Command:
    return Command.model_validate({"id": "k1", "account": "acme", "kind": kind, "campaign": "c_1"} | fields)


def after(decision: Decision) -> CampaignEntry:
    assert decision.entry is not None, decision.error
    return decision.entry


def test_a_campaign_lives_from_draft_to_completed() -> None:
    """The road that nearly every campaign takes."""
    created = decide(None, command("campaign.create", campaign="", spec=SPEC), NOW)
    assert created.status == 201 and after(created).state == "DRAFT"
    started = after(decide(created.entry, command("campaign.start"), NOW))
    assert (started.state, started.revision) == ("SEALING", 2)
    running = sealed(started, Seal(id="s", count=3, digest="d", day=1, groups=[Section("gmail", 3)]), NOW + 1)
    assert running is not None and running.state == "RUNNING" and running.started_at == NOW + 1
    assert moved(running, TRANSITIONS["RUNNING", "all_final"], NOW + 9).finished_at == NOW + 9


def test_the_same_create_makes_the_same_campaign_and_changes_nothing() -> None:
    """A client that lost the answer asks again: it must not get a second campaign."""
    create = command("campaign.create", campaign="", spec=SPEC, start=True)
    first = after(decide(None, create, NOW))
    assert first.id == campaign_id(create) and first.state == "SEALING" and first.revision == 1
    again = decide(first, create, NOW + 5)
    assert again.status == 200 and again.entry is None


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("event", COMMANDS)
def test_every_command_is_carried_out_or_refused_with_words_in_every_state(state: State, event: str) -> None:
    """No pair of state and command is forgotten, and a refusal says what to do and what can be done."""
    before = entry(state)
    fields = {
        "update": {"spec": SPEC}, "throttle": {"throttle": Throttle(rate=5.0)}, "resolve": {"resolution": TOLD}
    }.get(event, {})  # fmt: skip
    decision = decide(before, command(f"campaign.{event}", actor="k2", **fields), NOW, CAREFUL, original=before)
    if event == "clone":
        assert decision.status == 200  # here *before* is the clone, and exists
    elif state in ALREADY.get(event, ()) or (event == "resolve" and state in STAYS["resolve"]):
        assert decision.status == 200 and decision.entry is None
    elif (state, event) in TRANSITIONS or (state in STAYS.get(event, ()) and event != "decide"):
        assert after(decision).revision == before.revision + 1
        assert event not in ("pause", "cancel") or after(decision).state == TRANSITIONS[state, event]
    elif event == "decide" and state in STAYS["decide"]:
        assert decision.field == "winner"
    else:
        assert decision.status == 409 and decision.entry is None
        assert state in decision.error and event in decision.error and len(decision.error) > 40
        assert list(decision.allowed) == allowed(state, before.spec.experiment) and event not in decision.allowed


@pytest.mark.parametrize("state", STATES)
def test_every_state_but_the_first_is_reached_and_every_one_ends(state: State) -> None:
    """A state that nothing leads to is a word without meaning; one that nothing leads out of keeps people waiting."""
    assert state == "DRAFT" or state in TRANSITIONS.values()
    seen, fresh = {state}, {state}
    while fresh:
        fresh = {to for (of, _), to in TRANSITIONS.items() if of in fresh} - seen
        seen |= fresh
    assert seen & set(ENDED)
    assert state in ENDED or "cancel" in allowed(state, None) or state in STOPPING


def test_nothing_leads_out_of_an_ended_state() -> None:
    """What is over stays over: its numbers are final."""
    assert not [pair for pair in TRANSITIONS if pair[0] in ENDED]


def test_a_campaign_of_another_account_looks_like_none() -> None:
    """One account learns nothing of another."""
    assert decide(entry(), command("campaign.pause", account="other"), NOW).status == 404
    assert decide(None, command("campaign.pause"), NOW).status == 404
    foreign = command("campaign.clone", account="other")
    assert decide(None, foreign, NOW, original=entry()).status == 404


def test_a_seal_that_comes_after_a_cancel_starts_nothing() -> None:
    """The audience may be fixed a moment after people changed their mind."""
    assert sealed(entry("CANCELLED"), Seal(id="s", count=1, digest="", day=1, groups=[]), NOW) is None


def test_a_pause_holds_while_the_audience_is_fixed() -> None:
    """Who has second thoughts right after the start must not wait for the database before they count."""
    seal = Seal(id="s", count=1, digest="", day=1, groups=[Section("gmail", 1)])
    paused = after(decide(entry("SEALING"), command("campaign.pause"), NOW))
    assert paused.state == "PAUSED" and expected(paused, 0, 0) is None
    fixed = sealed(paused, seal, NOW)
    assert fixed is not None and (fixed.state, fixed.seal, fixed.started_at) == ("PAUSED", seal, None)
    assert sealed(fixed, seal, NOW) is None and seal_failed(fixed, "nobody", NOW) is None
    running = after(decide(fixed, command("campaign.resume"), NOW + 1))
    assert (running.state, running.started_at, running.revision) == ("RUNNING", NOW + 1, fixed.revision + 1)
    assert after(decide(paused, command("campaign.resume"), NOW)).state == "SEALING"
    failed = seal_failed(paused, "nobody is on l", NOW)
    assert failed is not None and (failed.state, failed.reason) == ("FAILED", "nobody is on l")
    cancelled = after(decide(paused, command("campaign.cancel"), NOW))
    assert cancelled.state == "CANCELLING" and expected(cancelled, 0, 0) == 0


def test_a_start_waits_for_approval_by_another_key_and_then_can_be_undone() -> None:
    """One person alone cannot write to a million people, and a slip of the finger is taken back."""
    asked = after(decide(entry("DRAFT"), command("campaign.start", actor="ann"), NOW, CAREFUL))
    assert (asked.state, asked.started_by) == ("APPROVAL", "ann")
    own = decide(asked, command("campaign.approve", actor="ann"), NOW, CAREFUL)
    assert own.status == 403 and own.field == "actor"
    approved = after(decide(asked, command("campaign.approve", actor="bob"), NOW + 5, CAREFUL))
    assert (approved.state, approved.approved_by, approved.due_at) == ("SCHEDULED", "bob", NOW + 65)
    assert by_itself(approved, NOW + 64, CAREFUL) is None
    undone = after(decide(approved, command("campaign.unschedule"), NOW + 6, CAREFUL))
    assert (undone.state, undone.due_at, undone.started_by) == ("DRAFT", None, "")
    on = by_itself(approved, NOW + 65, CAREFUL)
    assert on is not None and (on.state, on.revision) == ("SEALING", approved.revision + 1)


def test_the_operator_approves_what_others_started_and_not_its_own() -> None:
    """The operator has no key: its own start is as much one person's as any."""
    theirs = after(decide(entry("DRAFT"), command("campaign.start", actor="ann"), NOW, CAREFUL))
    assert after(decide(theirs, command("campaign.approve"), NOW, CAREFUL)).state == "SCHEDULED"
    own = after(decide(entry("DRAFT"), command("campaign.start"), NOW, CAREFUL))
    assert decide(own, command("campaign.approve"), NOW, CAREFUL).status == 403


def test_an_update_after_the_start_needs_a_new_approval_and_starts_nothing_by_surprise() -> None:
    """What was approved is what is sent; and a forgotten schedule must not send at once."""
    later = {"at": NOW + 5_000}
    draft = entry("DRAFT", schedule=later)
    asked = after(decide(draft, command("campaign.start", actor="ann"), NOW, CAREFUL))
    approved = after(decide(asked, command("campaign.approve", actor="bob"), NOW, CAREFUL))
    assert approved.due_at == NOW + 5_000
    spec = draft.spec.model_copy(update={"name": "other", "content_id": "", "schedule": Schedule(at=NOW + 9_000)})
    again = after(decide(approved, command("campaign.update", actor="bob", spec=spec), NOW, CAREFUL))
    assert (again.state, again.started_by, again.approved_by) == ("APPROVAL", "bob", "")
    plain = after(decide(draft, command("campaign.start"), NOW, PLAIN))
    moved_on = after(decide(plain, command("campaign.update", spec=spec), NOW, PLAIN))
    assert (moved_on.state, moved_on.due_at, moved_on.revision) == ("SCHEDULED", NOW + 9_000, plain.revision + 1)
    surprise = decide(plain, command("campaign.update", spec=SPEC), NOW, PLAIN)
    assert (surprise.status, surprise.field) == (422, "spec.schedule")


def test_an_update_keeps_content_of_its_own_until_there_is_another() -> None:
    """Who changes the sender does not send the letter again."""
    draft = entry("DRAFT", content_id="t_1")
    assert after(decide(draft, command("campaign.update", spec=SPEC), NOW)).spec.content_id == "t_1"
    content = Content(subject="s", text="t")
    assert after(decide(draft, command("campaign.update", content=content), NOW)).spec.content_id == content.id
    templated = SPEC.model_copy(update={"template_id": "tpl"})
    assert after(decide(draft, command("campaign.update", spec=templated), NOW)).spec.content_id == ""
    assert decide(draft, command("campaign.update"), NOW).status == 422


def test_who_edits_an_old_revision_is_told() -> None:
    """Two people edit one campaign: the second must not undo the first unseen."""
    draft = entry("DRAFT")
    first = after(decide(draft, command("campaign.update", spec=SPEC, match=1), NOW))
    assert decide(first, command("campaign.update", spec=SPEC, match=1), NOW).status == 412
    assert decide(first, command("campaign.update", spec=SPEC, match=2), NOW).status == 200


def test_a_schedule_that_was_missed_is_refused_and_one_that_is_missed_ends() -> None:
    """Greetings for yesterday's holiday are worse than none."""
    past = entry("DRAFT", schedule={"at": NOW - 4_000})
    refused = decide(past, command("campaign.start"), NOW)
    assert (refused.status, refused.field) == (422, "spec.schedule")
    assert decide(entry("DRAFT", expires_at=NOW - 1), command("campaign.start"), NOW).field == "spec.expires_at"
    waiting = after(decide(entry("DRAFT", schedule={"at": NOW + 10}), command("campaign.start"), NOW))
    late = by_itself(waiting, NOW + 3_609, PLAIN)
    assert late is not None and late.state == "SEALING"
    missed = by_itself(waiting, NOW + 3_611, PLAIN)
    assert missed is not None and missed.state == "MISSED" and "3601 s" in missed.reason
    unapproved = after(decide(entry("DRAFT", schedule={"at": NOW + 10}), command("campaign.start"), NOW, CAREFUL))
    over = by_itself(unapproved, NOW + 3_611, CAREFUL)
    assert over is not None and over.state == "MISSED"


@pytest.mark.parametrize("state", STATES)
def test_when_its_time_is_over_a_campaign_closes_or_was_missed(state: State) -> None:
    """expires_at holds in every state: a campaign that is paused or waits in a queue does not outlive it."""
    over = by_itself(entry(state, expires_at=NOW), NOW, FULL)
    reached = {
        "RUNNING": "CLOSING",
        "PAUSED": "CLOSING",
        "APPROVAL": "MISSED",
        "SCHEDULED": "MISSED",
        "QUEUED": "MISSED",
    }
    assert (over.state if over is not None else None) == reached.get(state)


def test_a_campaign_waits_in_the_queue_until_there_is_room() -> None:
    """The cap of its account holds for a start, and for the end of a schedule alike."""
    queued = after(decide(entry("DRAFT"), command("campaign.start"), NOW, FULL))
    assert (queued.state, queued.queued_at) == ("QUEUED", NOW)
    assert by_itself(queued, NOW + 9, FULL) is None
    on = by_itself(queued, NOW + 9, PLAIN)
    assert on is not None and on.state == "SEALING"


def test_a_clone_is_a_new_draft_without_the_times_of_its_original() -> None:
    """Last month's campaign, once more: not at last month's hour."""
    original = entry("COMPLETED", schedule={"at": NOW}, expires_at=NOW + 50, project="spring", content_id="t_1")
    copy = after(decide(None, command("campaign.clone"), NOW + 99, original=original))
    assert (copy.state, copy.revision, copy.run, copy.created_at) == ("DRAFT", 1, 1, NOW + 99)
    assert (copy.spec.schedule, copy.spec.expires_at) == (None, None)
    assert (copy.spec.project, copy.spec.content_id) == ("spring", "t_1")
    assert copy.id == campaign_id(command("campaign.clone")) != original.id
    from_memory = decide(None, command("campaign.clone", spec=SPEC), NOW)
    assert after(from_memory).spec == SPEC
    assert decide(None, command("campaign.clone"), NOW).status == 404


def test_a_winner_is_named_by_hand_once() -> None:
    """A second opinion after the rest was sent would be a lie in the report."""
    running = entry(experiment={"variants": [{"name": "a"}, {"name": "b"}]})
    assert decide(running, command("campaign.decide", winner="a"), NOW).status == 422
    trial = running.model_copy(update={"trial": Trial(phase="waiting")})
    assert decide(trial, command("campaign.decide", winner="c"), NOW).field == "winner"
    won = after(decide(trial, command("campaign.decide", winner="b"), NOW))
    assert won.trial is not None and (won.trial.phase, won.trial.winner) == ("decided", "b")
    assert won.version == trial.version + 1
    assert decide(won, command("campaign.decide", winner="b"), NOW).entry is None
    assert decide(won, command("campaign.decide", winner="a"), NOW).status == 409


def test_a_burst_that_cannot_be_kept_is_refused_when_it_is_set() -> None:
    """A limit that would silently be something else is worse than a clear no."""
    wrong = Throttle(rate=100.0, burst=5.0)
    assert decide(entry(), command("campaign.throttle", throttle=wrong), NOW).status == 422
    none = Throttle(per_route={"smtp": 0.0})
    assert "per_route" in decide(entry(), command("campaign.throttle", throttle=none), NOW).error
    right = decide(entry(), command("campaign.throttle", throttle=Throttle(rate=100.0, burst=50.0)), NOW)
    assert after(right).spec.throttle.rate == 100.0


def test_a_transactional_campaign_runs_at_once_and_ends_only_when_it_is_stopped() -> None:
    """It has no audience to fix, and none that could be complete: its messages come one by one."""
    spec = CampaignSpec(from_email="a@b.c", kind="transactional")
    created = after(decide(None, command("campaign.create", campaign="", spec=spec, start=True), NOW, FULL))
    assert created.state == "RUNNING" and created.started_at == NOW
    careful = after(decide(None, command("campaign.create", campaign="", spec=spec, start=True), NOW, CAREFUL))
    assert careful.state == "RUNNING"
    draft = decide(None, command("campaign.create", campaign="", spec=spec), NOW).entry
    assert after(decide(draft, command("campaign.start"), NOW)).state == "RUNNING"
    assert expected(created, 7, 0) is None
    for state in STOPPING:
        assert expected(moved(created, state, NOW), 7, 0) == 7


EVENTS = st.lists(
    st.tuples(st.sampled_from([*COMMANDS[:7], "time"]), st.sampled_from(["", "ann", "bob"]), st.floats(0, 2_000)),
    max_size=30,
)


@given(EVENTS, st.booleans(), st.booleans(), st.sampled_from([None, 500.0, 9_000.0]))
def test_whatever_happens_a_campaign_moves_along_the_table_one_revision_at_a_time(
    events: list[tuple[str, str, float]], careful: bool, room: bool, expires: float | None
) -> None:
    """No order of commands and times leads to a state that the table does not name, or loses count of revisions."""
    around = Around(CAREFUL.account if careful else PLAIN.account, room)
    now = NOW
    it = entry("DRAFT", expires_at=None if expires is None else NOW + expires)
    reachable = {(of, to) for (of, _), to in TRANSITIONS.items()}
    for event, actor, pause in events:
        now += pause
        before = it
        spec = SPEC if event == "update" else None
        decision = (
            decide(it, command(f"campaign.{event}", actor=actor, spec=spec), now, around) if event != "time" else None
        )
        it = (decision.entry if decision is not None else by_itself(it, now, around)) or it
        assert it is before or it.revision == before.revision + 1
        steps = {before.state}
        for _ in range(4):
            steps |= {to for of, to in reachable if of in steps}
        assert it.state in steps
        assert (it.finished_at is not None) == (it.state in ENDED)
        assert (it.due_at is None) or it.state not in ("DRAFT", "APPROVAL")
        assert not careful or it.state in ("DRAFT", "APPROVAL", "CANCELLED", "MISSED") or it.due_at is not None


def test_the_page_draws_and_lists_every_transition() -> None:
    """A drawing that is not the table misleads whoever has to explain why a campaign did not start."""
    page = (Path(__file__).parents[2] / "docs" / "lifecycle.md").read_text()
    drawn = {
        (of, event.strip()): to
        for of, to, events in re.findall(r"^    ([A-Z]+) --> ([A-Z]+): (.+)$", page, re.MULTILINE)
        for event in events.split(",")
    }
    listed = {
        (of, event.strip()): to.strip()
        for of, events, targets in re.findall(r"^\| ([A-Z]+) \| (.+?) \| (.+?) \|$", page, re.MULTILINE)
        for group, to in zip(events.split("/"), targets.split("/"), strict=True)
        for event in group.split(" or ")
    }
    assert drawn == TRANSITIONS == listed
