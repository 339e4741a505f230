"""Campaigns over REST: created, changed and told what to do, by commands to their owner."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from app.clickhouse.lists import missing_list
from app.commands import CommandKind
from app.control import Done
from app.specs import CampaignSpec, Strict
from app.web.api.campaign_bodies import (
    FLAT_NAMES,
    CampaignFields,
    FlatCampaign,
    NewCampaign,
    flat_names,
)
from app.web.api.campaign_reads import ONE, SCOPE, TAG, entry_of
from app.web.api.campaign_shown import Told, campaign_shown
from app.web.campaigns_seen import known_campaign
from app.web.etags import etag
from app.web.problems import refuse
from app.web.reading import renamed, validated
from app.web.rest import Call, Endpoint, Handler, Reply


class Clone(Strict):
    """What is to be different in a clone."""

    name: str | None = Field(default=None, min_length=1, max_length=200, description="Default: that of the original")


class Winner(Strict):
    """The variant of an experiment that goes to everybody else."""

    winner: str = Field(min_length=1, max_length=20)


async def create_campaign(call: Call) -> Reply:
    """Create a campaign, and start it unless it is to be a DRAFT.

    The body is flat (from, subject, template_id, recipient_list_id, send_window, throttle, ...), or {spec, content,
    start} as in a command. `start` is true by default when a send_window or a schedule is given: then the campaign is
    SCHEDULED, or runs at once when the time is past. Without it the campaign is a DRAFT until POST .../start.
    """
    asked = call.body.root
    if isinstance(asked, FlatCampaign):
        spec, content, start = validated(CampaignSpec, asked.to_spec()), asked.own_content(), asked.starts
        names = flat_names(asked)
    else:
        spec, content, start, names = asked.spec, asked.content, asked.start, {}
    await _check_lists(call, spec, names)
    done = await call.command("campaign.create", names=names, spec=spec, content=content, start=start)
    reply = await told_of(call, done, 201)
    reply.headers["Location"] = f"/v1/campaigns/{done.answer.campaign}"
    return reply


async def change_campaign(call: Call) -> Reply:
    """Change the fields that are sent. Before the start everything can be changed, after it the throttle.

    Nested objects replace what was there, but throttle: of it, too, only what is sent is changed.
    """
    asked: CampaignFields = call.body
    entry = await entry_of(call)
    match = call.if_match()
    changes = asked.changes() if asked.model_fields_set else {}
    throttle = asked.throttle.changes() if asked.throttle is not None else {}
    if not changes and not throttle and asked.own_content() is None:
        raise refuse(422, "Invalid", "nothing is to be changed: send the fields that are", field="")
    old = entry.spec.model_dump()
    spec = validated(CampaignSpec, old | without_none(changes) | {"throttle": old["throttle"] | throttle})
    await _check_lists(call, spec, flat_names(asked))
    if asked.model_fields_set == {"throttle"}:
        done = await call.command(
            "campaign.throttle", names=FLAT_NAMES, campaign=entry.id, throttle=spec.throttle, match=match
        )
    else:
        # What is changed was read at this revision: another edit since then must not be undone.
        done = await call.command(
            "campaign.update", names=flat_names(asked), campaign=entry.id, spec=spec, content=asked.own_content(),
            match=match or entry.revision,
        )  # fmt: skip
    return await told_of(call, done, 200)


def order(kind: CommandKind, text: str) -> Handler:
    """A handler: 200 when it is done; 202 when it is decided, but not every sender has confirmed to have heard it."""

    async def ordered(call: Call) -> Reply:
        done = await call.command(kind, names=FLAT_NAMES, campaign=call.path("id"), match=call.if_match())
        return await told_of(call, done, 202 if done.effective is False else 200)

    ordered.__doc__ = text
    return ordered


async def clone_campaign(call: Call) -> Reply:
    """A new DRAFT with content, audience and limits of this one; its schedule and its end are left out."""
    asked: Clone = call.body
    original = await entry_of(call)
    spec = None
    if asked.name is not None or known_campaign(call.control, call.account, original.id) is None:
        changes = {"schedule": None, "expires_at": None} | ({"name": asked.name} if asked.name else {})
        spec = validated(CampaignSpec, original.spec.model_dump() | changes)
    done = await call.command("campaign.clone", names=FLAT_NAMES, campaign=original.id, spec=spec)
    reply = await told_of(call, done, 201)
    reply.headers["Location"] = f"/v1/campaigns/{done.answer.campaign}"
    return reply


async def decide_experiment(call: Call) -> Reply:
    """Name the winner of an experiment by hand: it goes to everybody who is not in the test."""
    winner = call.body.winner
    done = await call.command("campaign.decide", names=FLAT_NAMES, campaign=call.path("id"), winner=winner)
    return await told_of(call, done, 200)


async def _check_lists(call: Call, spec: CampaignSpec, names: Mapping[str, str]) -> None:
    """404 for a list that there is not. Without ClickHouse nobody knows: then it shows at the start."""
    missing = await missing_list(call.views.client, call.account, spec)
    if missing is not None:
        field, name = missing
        text = f"your account has no list {name!r}: create it (/v1/lists), or import people into it"
        raise refuse(404, "No such list", text, field=renamed(field, names))


async def told_of(call: Call, done: Done, status: int) -> Reply:
    """The campaign as the command left it: this edge has read so far, or says what the owner said."""
    answer = done.answer
    entry = known_campaign(call.control, call.account, answer.campaign)
    body: dict[str, Any] = {"id": answer.campaign, "campaign": answer.campaign, "state": answer.state}
    if entry is not None:
        body = campaign_shown(entry)
    headers = {"ETag": etag(entry.revision)} if entry is not None else {}
    return Reply(body | {"command": answer.id, "effective": done.effective, "notes": answer.notes}, status, headers)


def without_none(changes: dict[str, Any]) -> dict[str, Any]:
    """None takes back what may be without a value, and is the default of everything else."""
    defaults = {name: each.get_default(call_default_factory=True) for name, each in _FIELDS.items()}
    return {name: defaults[name] if value is None else value for name, value in changes.items()}


_FIELDS = CampaignSpec.model_fields
_FLAT = {
    "from": "news@example.com", "from_name": "Example News", "subject": "Spring is here", "template_id": "t_spring",
    "recipient_list_id": "customers",
    "send_window": {"start": "2027-03-01T09:00:00+01:00", "end": "2027-03-02T18:00:00+01:00"},
    "throttle": {"global_rps": 500, "per_mx_rps": {"gmail": 100, "*": 50}, "concurrency": 200},
    "retry_policy": {"max_attempts": 4}, "tracking": True, "project_id": "spring",
}  # fmt: skip


def _order(name: str, kind: CommandKind, summary: str, text: str) -> Endpoint:
    return Endpoint(
        "POST", f"{ONE}/{name}", order(kind, text), summary, SCOPE, TAG, answer=Told, errors=(404, 409, 412)
    )


ENDPOINTS = [
    Endpoint("POST", "/v1/campaigns", create_campaign, "Create a campaign", SCOPE, TAG,
             body=NewCampaign, answer=Told, status=201, errors=(404, 413), most_bytes=2_500_000, example=_FLAT),
    Endpoint("PATCH", ONE, change_campaign, "Change a campaign", SCOPE, TAG,
             body=CampaignFields, answer=Told, errors=(404, 409, 412, 413), most_bytes=2_500_000,
             example={"throttle": {"global_rps": 200}}),
    _order("start", "campaign.start", "Start a campaign",
           "Start it: at its schedule, or at once. It may wait for approval, an undo delay, or its turn."),
    _order("unschedule", "campaign.unschedule", "Take a start back",
           "Back to DRAFT, as long as it has not begun to send."),
    _order("approve", "campaign.approve", "Approve a start",
           "Approve a start that another API key asked for, where the account wants it."),
    _order("pause", "campaign.pause", "Pause a campaign",
           "200: no sender begins another message. 202: decided, but not every sender has confirmed it yet."),
    _order("resume", "campaign.resume", "Resume a campaign", "Go on exactly where it stopped."),
    _order("cancel", "campaign.cancel", "Cancel a campaign", "End it: whoever has not been sent to will not be."),
    Endpoint("POST", f"{ONE}/clone", clone_campaign, "Clone a campaign", SCOPE, TAG,
             body=Clone, optional=True, answer=Told, status=201, errors=(404,), example={"name": "Spring, again"}),
    Endpoint("POST", f"{ONE}/decide", decide_experiment, "Decide an experiment", SCOPE, TAG,
             body=Winner, answer=Told, errors=(404, 409), example={"winner": "B"}),
]  # fmt: skip
