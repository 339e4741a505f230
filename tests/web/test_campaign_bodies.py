"""Campaigns as people write them in a request, and the specs they become."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.admission import wrong_form
from app.commands import CampaignEntry, Command
from app.delivery.campaigns.things import Refusal
from app.specs import CampaignSpec, Retries
from app.things import Account
from app.web import cursors
from app.web.api.campaign_bodies import (
    FLAT_NAMES,
    CampaignFields,
    FlatCampaign,
    NewCampaign,
    RetryPolicy,
    SendWindow,
    flat_names,
)
from app.web.api.campaign_reads import MessageQuery
from app.web.api.campaign_shown import campaign_shown
from app.web.problems import RefusedError
from app.web.reading import in_request, renamed, validated
from app.web.rest import NEVER_SENT

BRIEF: dict[str, Any] = {
    "from": "news@example.com",
    "subject": "Spring is here",
    "template_id": "tpl_spring",
    "recipient_list_id": "customers",
    "send_window": {"start": "2027-03-01T09:00:00+01:00", "end": "2027-03-02T18:00:00+01:00"},
    "throttle": {"global_rps": 500, "per_mx_rps": 50, "per_provider_rps": {"smtp": 300}, "concurrency": 200},
    "from_name": "Example",
    "reply_to": "desk@example.com",
    "project_id": "spring",
    "retry_policy": {"max_attempts": 3, "delays": [30]},
    "tracking": False,
}


def flat(**fields: Any) -> FlatCampaign:
    """A new campaign with the least it needs, and *fields*."""
    least = {"from": "news@example.com", "recipient_list_id": "customers", "text": "Hello"}
    body = validated(NewCampaign, least | fields).root
    assert isinstance(body, FlatCampaign)
    return body


def spec_of(body: FlatCampaign) -> CampaignSpec:
    """The spec that it becomes."""
    return CampaignSpec.model_validate(body.to_spec())


def test_content_field_by_field_has_its_defaults() -> None:
    """The first file that somebody writes, after the README: a text for who has no first name."""
    body = flat(subject="{{ first_name }}", defaults={"first_name": "friend"}, route_tags=["vip"])
    content = body.own_content()
    assert content is not None
    assert content.defaults == {"first_name": "friend"}
    assert spec_of(body).route_tags == ["vip"]
    with pytest.raises(RefusedError, match="those of a template stand in the template"):
        validated(NewCampaign, BRIEF | {"defaults": {"first_name": "friend"}})


def test_what_the_design_brief_sends_becomes_a_spec() -> None:
    """
    Whoever wrote to it before must not learn new names.
    """
    body = validated(NewCampaign, BRIEF).root
    assert isinstance(body, FlatCampaign)
    spec = spec_of(body)
    assert (spec.from_email, spec.from_name, spec.reply_to) == ("news@example.com", "Example", "desk@example.com")
    assert (spec.subject, spec.template_id, spec.lists, spec.project) == (
        "Spring is here", "tpl_spring", ["customers"], "spring",
    )  # fmt: skip
    assert spec.throttle.model_dump() == {
        "rate": 500, "burst": None, "per_group": {"*": 50}, "per_route": {"smtp": 300}, "concurrency": 200,
    }  # fmt: skip
    assert spec.retries.transient == [30, 30]
    assert (spec.tracking.opens, spec.tracking.clicks) == (False, False)
    assert spec.schedule is not None
    assert (spec.schedule.at, spec.expires_at) == (1_803_888_000.0, 1_804_006_800.0)
    assert body.starts  # there is no call to start it in the brief


def test_a_start_that_is_past_counts_until_the_window_ends() -> None:
    """
    Inside of its window no start is too late: it is sent at once.
    """
    spec = spec_of(flat(send_window={"start": 1_800_000_000.0, "end": 1_800_500_000.0}))
    assert spec.schedule is not None
    assert (spec.schedule.at, spec.schedule.late_after) == (1_800_000_000.0, 500_000.0)


def test_a_send_window_of_times_of_day_is_a_daily_one() -> None:
    """
    09:00 to 18:00 means every day.
    """
    spec = spec_of(flat(send_window={"start": "09:00", "end": "18:00", "days": ["mon"], "local": True}))
    assert spec.schedule is None and spec.window is not None
    assert spec.window.model_dump() == {"opens": "09:00", "closes": "18:00", "days": ["mon"], "local": True}


def test_what_decides_at_a_frequency_cap_is_taken_over() -> None:
    """
    A field that a body takes and the spec never sees would be a promise that nobody keeps.
    """
    said = spec_of(flat(priority=90, capped="defer"))
    assert (said.priority, said.capped) == (90, "defer")
    assert (spec_of(flat()).priority, spec_of(flat()).capped) == (50, "drop")


@pytest.mark.parametrize(
    ("fields", "starts"),
    [
        ({}, False),
        ({"start": True}, True),
        ({"schedule": {"at": "2030-01-01T00:00:00Z"}}, True),
        ({"send_window": {"start": "09:00", "end": "10:00"}}, True),
        ({"schedule": {"at": 2_000_000_000}, "start": False}, False),
    ],
)
def test_who_names_a_time_wants_it_sent(fields: dict[str, Any], starts: bool) -> None:
    """
    Without a time and without `start` it is a draft: nothing leaves by accident.
    """
    assert flat(**fields).starts is starts


def test_content_in_the_body_carries_its_subject() -> None:
    """
    A campaign without a template is one call.
    """
    body = flat(subject="Hi", html="<p>Hi</p>", preheader="there")
    content = body.own_content()
    assert content is not None
    assert (content.subject, content.html, content.text, content.preheader) == ("Hi", "<p>Hi</p>", "Hello", "there")
    assert spec_of(body).subject == ""


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"send_window": {"start": "09:00", "end": "2027-03-01T09:00:00Z"}}, "send_window"),
        ({"send_window": {"start": 1_800_000_020, "end": 1_800_000_010}}, "send_window"),
        ({"send_window": {"start": "09:00"}}, "send_window"),
        ({"send_window": {"start": "25:00", "end": "26:00"}}, "send_window.start"),
        ({"send_window": {"start": "yesterday"}}, "send_window.start"),
        ({"send_window": {"start": 1_800_000_010}, "expires_at": 1_800_000_020}, ""),
        ({"template_id": "tpl_a"}, ""),
        ({"throttle": {"global_rps": 0}}, "throttle.global_rps"),
        ({"throttle": {"per_provider_rps": {"smtp": -1}}}, "throttle.per_provider_rps.smtp"),
        ({"retry_policy": {"max_attempts": 0}}, "retry_policy.max_attempts"),
        ({"tracking": "perhaps"}, "tracking"),
        ({"from_mail": "x"}, "from_mail"),
    ],
)
def test_what_is_wrong_is_named_as_it_was_sent(fields: dict[str, Any], field: str) -> None:
    """
    "Value error in spec" would send people to our source.
    """
    with pytest.raises(RefusedError) as caught:
        flat(**fields)
    assert (caught.value.status, caught.value.more["field"]) == (422, field)
    assert "function-" not in caught.value.detail


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"send_window": {"start": "9"}}, "send_window.start: write HH:MM, or ISO 8601 with an offset"),
        ({"send_window": {"start": "tomorrow"}}, "such as 2027-03-01T09:00:00Z"),
        ({"send_window": {"start": "25:00", "end": "26:00"}}, "send_window.start: write HH:MM, or ISO 8601"),
        ({"expires_at": 86_400}, "expires_at: write ISO 8601 with an offset"),
        ({"schedule": {"local": "09:00"}}, "schedule.local: write a date and a time of day without a zone"),
        ({"window": {"opens": "9"}}, "window.opens: write HH:MM"),
        ({"time_zone": "Mars/X"}, "there is no time zone 'Mars/X': use an IANA name such as Europe/Lisbon"),
        ({"from_nam": "Acme"}, "from_nam: unknown field; there are: from_name, "),
        ({"throttle": {"global_rsp": 5}}, "throttle.global_rsp: unknown field; there are: global_rps, "),
        ({"content": {"locales": {"pt": {"txt": ""}}}, "text": None}, "unknown field; there are: text, "),
        ({"schedule": 9}, "schedule: an object is expected"),
        ({"lists": "all"}, "lists: a list is expected"),
        ({"weight": "heavy"}, "weight: a whole number is expected"),
        ({"unknown": "ask"}, "unknown: one of 'hold' or 'resend' is expected"),
    ],
)
def test_what_is_wrong_is_told_in_words_of_json_and_how_to_mend_it(fields: dict[str, Any], words: str) -> None:
    """
    Names of classes and regular expressions mean nothing to who wrote the request.
    """
    with pytest.raises(RefusedError) as caught:
        flat(**fields)
    assert words in caught.value.detail
    assert not any(each in str(caught.value.more) for each in ("Input", "instance", "pattern", "Extra"))


def test_a_campaign_that_was_stored_with_what_is_now_refused_is_still_read() -> None:
    """
    A zone may be renamed: nobody must lose a campaign for it.
    """
    stored = {"from_email": "a@b.org", "lists": ["l"], "time_zone": "Mars/X", "schedule": {"at": 9.0}, "expires_at": 1}
    assert CampaignSpec.model_validate(stored).time_zone == "Mars/X"
    wrong = wrong_form(Command(id="1", kind="campaign.update", spec=CampaignSpec.model_validate(stored)))
    assert wrong is not None and wrong.field == "spec.expires_at"
    account = wrong_form(Command(id="1", kind="account.set", settings=Account(name="a", time_zone="Mars/X")))
    assert account is not None and (account.status, account.field) == (422, "settings.time_zone")
    zone = CampaignSpec.model_validate({**stored, "schedule": None, "expires_at": None})
    assert wrong_form(Command(id="1", kind="campaign.update", spec=zone)) == Refusal(
        422, "there is no time zone 'Mars/X': use an IANA name such as Europe/Lisbon", "spec.time_zone"
    )


def test_a_sender_with_a_name_is_told_where_the_name_goes() -> None:
    """
    Every mail program writes it so.
    """
    spec = CampaignSpec(from_email="Acme <news@acme.example>", lists=["l"])
    wrong = wrong_form(Command(id="1", kind="campaign.update", spec=spec))
    assert wrong is not None and "from_name" in wrong.error
    told = in_request(wrong.error, wrong.field, FLAT_NAMES)
    assert told[1] == "from" and told[0].startswith("from: not an email address")
    assert in_request("a campaign that is DRAFT cannot pause", "kind", NEVER_SENT)[1] == ""


@pytest.mark.parametrize("status", [["bounced, Sent"], ["BOUNCED", "sent"]])
def test_messages_are_asked_for_by_statuses_in_any_case(status: list[str]) -> None:
    """
    People type them by hand.
    """
    assert validated(MessageQuery, {"status": status}).status == ["BOUNCED", "SENT"]
    with pytest.raises(RefusedError, match="status: one of QUEUED, SENT, ") as caught:
        validated(MessageQuery, {"status": [*status, "FOO"]})
    assert "Status" not in caught.value.detail


def test_an_experiment_is_shown_with_iso_times_and_without_a_time_when_a_person_decides() -> None:
    """
    A bare number is read as milliseconds by one and as seconds by another.
    """
    experiment = {"variants": [{"name": "a"}, {"name": "b", "subject": "B"}]}
    base = {"id": "c", "account": "a", "state": "RUNNING", "created_at": 1.0, "trial": {"decide_at": 1_800_000_000}}
    spec = {"from_email": "a@b.org", "lists": ["l"]}
    timed = campaign_shown(CampaignEntry.model_validate({**base, "spec": {**spec, "experiment": experiment}}))
    assert timed["trial"]["decide_at"] == "2027-01-15T08:00:00Z" and "decide" in timed["allowed"]
    by_hand = {**spec, "experiment": {**experiment, "metric": "by_hand"}}
    assert campaign_shown(CampaignEntry.model_validate({**base, "spec": by_hand}))["trial"]["decide_at"] is None
    plain = campaign_shown(CampaignEntry.model_validate({**base, "trial": None, "spec": spec}))
    assert "decide" not in plain["allowed"]


@given(st.integers(0, 40), st.integers(1, 10))
def test_pages_end_with_the_last_row(rows: int, limit: int) -> None:
    """
    A program that is told to go on asks once more for nothing.
    """
    everything, seen, pages = list(range(rows)), list[int](), 0
    cursor = ""
    while pages == 0 or cursor:
        place = cursors.decode(cursor, int) or (-1,)
        found = [each for each in everything if each > place[0]][: limit + 1]
        cursor = cursors.following(found, limit, lambda last: (last,))
        seen += found[:limit]
        pages += 1
    assert seen == everything and pages == max(1, -(-rows // limit))


def test_a_refusal_of_the_owner_names_the_field_of_the_request() -> None:
    """
    It speaks of spec.lists.0 where the request said recipient_list_id.
    """
    names = flat_names(flat(send_window={"start": 1_800_000_010, "end": 1_800_000_020}))
    told = {
        "spec.template_id": "template_id",
        "spec.lists.0": "recipient_list_id",
        "spec.from_email": "from",
        "spec.schedule": "send_window.start",
        "spec.throttle.burst": "throttle.burst",
        "spec.throttle.rate": "throttle.global_rps",
        "content.html": "html",
        "spec.experiment.variants.1.template_id": "experiment.variants.1.template_id",
        "match": "If-Match",
        "other": "other",
    }
    assert {field: renamed(field, names) for field in told} == told


DELAYS = st.none() | st.lists(st.floats(0, 1000), max_size=20)


@given(st.integers(1, 21), DELAYS, DELAYS)
def test_a_retry_policy_has_as_many_attempts_as_it_says(
    attempts: int, delays: list[float] | None, soft: list[float] | None
) -> None:
    """
    One attempt more is a mail that nobody wanted; one fewer is one that is missing.
    """
    said = validated(RetryPolicy, {"max_attempts": attempts, "delays": delays, "soft": soft}).changes()
    assert len(said["transient"]) == len(said["soft"]) == attempts - 1


def test_a_retry_policy_leaves_what_it_does_not_name_to_the_installation() -> None:
    """
    Who sets how long a throttle waits means nothing about full mailboxes.
    """
    spec = spec_of(flat(retry_policy={"throttle": 30, "give_up_after": 3_600, "soft": [600]}))
    assert spec.retries == Retries(soft=[600], throttle=30, give_up_after=3_600)
    assert spec_of(flat(retry_policy={"transient": [5]})).retries == Retries(transient=[5])
    spec = spec_of(flat(unknown_after=900, unknown_then="resend"))
    assert (spec.unknown, spec.unknown_after, spec.unknown_then) == ("hold", 900, "resend")


@given(st.floats(1e9, 9e9), st.floats(0.001, 1e9))
def test_every_window_of_two_moments_makes_a_valid_spec(start: float, length: float) -> None:
    """
    What the form lets through must not fail one step later, where its names are others.
    """
    end = start + length
    if not start < end < 1e10:
        return
    window = SendWindow.model_validate({"start": start, "end": end})
    spec = spec_of(flat(send_window=window.model_dump()))
    assert spec.schedule is not None and spec.expires_at == end


def test_an_edit_says_only_what_it_changes() -> None:
    """
    Fields that are not sent stay as they are.
    """
    change = validated(CampaignFields, {"name": "New", "throttle": {"global_rps": None}})
    assert change.changes() == {"name": "New"}
    assert change.throttle is not None and change.throttle.changes() == {"rate": None}
