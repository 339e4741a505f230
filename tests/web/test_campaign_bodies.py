"""Campaigns as people write them in a request, and the specs they become."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.specs import CampaignSpec
from app.web.api.campaign_bodies import CampaignFields, FlatCampaign, NewCampaign, RetryPolicy, SendWindow, flat_names
from app.web.problems import RefusedError
from app.web.reading import renamed, validated

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
    assert spec.retry_delays == [30, 30]
    assert (spec.tracking.opens, spec.tracking.clicks) == (False, False)
    assert spec.schedule is not None
    assert (spec.schedule.at, spec.expires_at) == (1_803_888_000.0, 1_804_006_800.0)
    assert body.starts  # there is no call to start it in the brief


def test_a_start_that_is_past_counts_until_the_window_ends() -> None:
    """
    Inside of its window no start is too late: it is sent at once.
    """
    spec = spec_of(flat(send_window={"start": 1_000_000.0, "end": 1_500_000.0}))
    assert spec.schedule is not None
    assert (spec.schedule.at, spec.schedule.late_after) == (1_000_000.0, 500_000.0)


def test_a_send_window_of_times_of_day_is_a_daily_one() -> None:
    """
    09:00 to 18:00 means every day.
    """
    spec = spec_of(flat(send_window={"start": "09:00", "end": "18:00", "days": ["mon"], "local": True}))
    assert spec.schedule is None and spec.window is not None
    assert spec.window.model_dump() == {"opens": "09:00", "closes": "18:00", "days": ["mon"], "local": True}


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
        ({"send_window": {"start": 20, "end": 10}}, "send_window"),
        ({"send_window": {"start": "09:00"}}, "send_window"),
        ({"send_window": {"start": "25:00", "end": "26:00"}}, "send_window.start"),
        ({"send_window": {"start": "yesterday"}}, "send_window.start"),
        ({"send_window": {"start": 10}, "expires_at": 20}, ""),
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


def test_a_refusal_of_the_owner_names_the_field_of_the_request() -> None:
    """
    It speaks of spec.lists.0 where the request said recipient_list_id.
    """
    names = flat_names(flat(send_window={"start": 10, "end": 20}))
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


@given(st.integers(1, 21), st.none() | st.lists(st.floats(0, 1000), max_size=20))
def test_a_retry_policy_has_as_many_attempts_as_it_says(attempts: int, delays: list[float] | None) -> None:
    """
    One attempt more is a mail that nobody wanted; one fewer is one that is missing.
    """
    assert len(RetryPolicy(max_attempts=attempts, delays=delays).retry_delays()) == attempts - 1


@given(st.floats(1, 9e9), st.floats(0.001, 1e9))
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
