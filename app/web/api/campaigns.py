"""Campaigns over REST: created and told what to do by commands, seen in the directory and in ClickHouse."""

from typing import Any, Literal

from pydantic import Field

from app.clickhouse import message_queries
from app.commands import CampaignEntry, CommandKind, State
from app.control import Done
from app.delivery.lifecycle import LIVE
from app.delivery.outcomes import Status
from app.specs import CampaignSpec, Strict
from app.web import cursors
from app.web.api.campaign_bodies import (
    FLAT_NAMES,
    CampaignFields,
    FlatCampaign,
    NewCampaign,
    flat_names,
)
from app.web.api.campaign_shown import CampaignShown, CampaignStatus, Told, When, campaign_shown, iso, status_shown
from app.web.campaigns_seen import CampaignFilter, campaign_page, find_campaign, known_campaign
from app.web.cursors import PageQuery
from app.web.etags import etag
from app.web.forecasts import forecast_of
from app.web.keys import FEED
from app.web.problems import refuse
from app.web.reading import validated
from app.web.rest import Call, Endpoint, Handler, Reply

SCOPE, TAG = "campaigns", "Campaigns"


class CampaignQuery(PageQuery):
    """Which campaigns."""

    state: list[State] = Field(default_factory=list, max_length=20, description="In one of these states")
    project: str = Field(default="", max_length=200)
    name: str = Field(default="", max_length=200, description="Somewhere in the name, whatever its case")


class Campaigns(Strict):
    """Campaigns, the newest first."""

    campaigns: list[CampaignShown]
    next: str = Field(description="`cursor` of the next page; empty on the last")
    complete: bool = Field(description="False while ClickHouse is away: only campaigns of these days are listed")


class Clone(Strict):
    """What is to be different in a clone."""

    name: str | None = Field(default=None, min_length=1, max_length=200, description="Default: that of the original")


class MessageQuery(PageQuery):
    """Which messages of a campaign."""

    status: Literal["", *Status] = Field(default="", description="Only those with this status")  # type: ignore[valid-type]


class MessageRow(Strict):
    """A message and what became of it."""

    message: str = Field(description="Its id: GET /v1/messages/{id} tells its story")
    address: str = Field(description="Empty when the contact is gone")
    status: str
    provider: str = Field(description="The MX group")
    route: str
    attempts: int
    code: int = Field(description="The last reply code of SMTP, or 0")
    # A word of Python: only the JSON has it as it is.
    class_: str = Field(alias="class", description="Why it bounced or was blocked or dropped")
    detail: str = Field(description="The last words of the provider")
    changed_at: When


class Messages(Strict):
    """Messages, the latest change first."""

    messages: list[MessageRow]
    next: str = Field(description="`cursor` of the next page; empty on the last")


class Winner(Strict):
    """The variant of an experiment that goes to everybody else."""

    winner: str = Field(min_length=1, max_length=20)


async def list_campaigns(call: Call) -> Reply:
    """Campaigns, the newest first; drafts and those that ended long ago, too."""
    asked: CampaignQuery = call.query
    wanted = CampaignFilter(tuple(asked.state), asked.project, asked.name)
    before = cursors.decode(asked.cursor, int, str)
    page = await campaign_page(call.control, call.views, call.account, wanted, before, asked.limit)
    return Reply({
        "campaigns": [campaign_shown(each) for each in page.entries],
        "next": cursors.encode(*page.following) if page.following else "",
        "complete": page.complete,
    })  # fmt: skip


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
    done = await call.command("campaign.create", names=names, spec=spec, content=content, start=start)
    reply = await _told(call, done, 201)
    reply.headers["Location"] = f"/v1/campaigns/{done.answer.campaign}"
    return reply


async def get_campaign(call: Call) -> Reply:
    """A campaign. Its ETag is the revision to send with If-Match."""
    entry = await _entry(call)
    return Reply(campaign_shown(entry), headers={"ETag": etag(entry.revision)})


async def change_campaign(call: Call) -> Reply:
    """Change the fields that are sent. Before the start everything can be changed, after it the throttle.

    Nested objects replace what was there, but throttle: of it, too, only what is sent is changed.
    """
    asked: CampaignFields = call.body
    entry = await _entry(call)
    match = call.if_match()
    changes = asked.changes() if asked.model_fields_set else {}
    throttle = asked.throttle.changes() if asked.throttle is not None else {}
    if not changes and not throttle and asked.own_content() is None:
        raise refuse(422, "Invalid", "nothing is to be changed: send the fields that are", field="")
    old = entry.spec.model_dump()
    spec = validated(CampaignSpec, old | _without_none(changes) | {"throttle": old["throttle"] | throttle})
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
    return await _told(call, done, 200)


def order(kind: CommandKind, text: str) -> Handler:
    """A handler: 200 when it is done; 202 when it is decided, but not every sender has confirmed to have heard it."""

    async def ordered(call: Call) -> Reply:
        done = await call.command(kind, names=FLAT_NAMES, campaign=call.path("id"), match=call.if_match())
        return await _told(call, done, 202 if done.effective is False else 200)

    ordered.__doc__ = text
    return ordered


async def clone_campaign(call: Call) -> Reply:
    """A new DRAFT with content, audience and limits of this one; its schedule and its end are left out."""
    asked: Clone = call.body
    original = await _entry(call)
    spec = None
    if asked.name is not None or known_campaign(call.control, call.account, original.id) is None:
        changes = {"schedule": None, "expires_at": None} | ({"name": asked.name} if asked.name else {})
        spec = validated(CampaignSpec, original.spec.model_dump() | changes)
    done = await call.command("campaign.clone", names=FLAT_NAMES, campaign=original.id, spec=spec)
    reply = await _told(call, done, 201)
    reply.headers["Location"] = f"/v1/campaigns/{done.answer.campaign}"
    return reply


async def decide_experiment(call: Call) -> Reply:
    """Name the winner of an experiment by hand: it goes to everybody who is not in the test."""
    winner = call.body.winner
    done = await call.command("campaign.decide", names=FLAT_NAMES, campaign=call.path("id"), winner=winner)
    return await _told(call, done, 200)


async def campaign_status(call: Call) -> Reply:
    """State, place in the queue, counts, rate and forecast."""
    entry = await _entry(call)
    picture = call.control.picture_of(entry)
    feed = call.request.app[FEED]
    rate = feed.rate(entry, picture.final)
    providers = feed.providers(entry.id) if entry.state in LIVE else []
    forecast = forecast_of(call.control, entry, picture, rate, providers or [])
    return Reply(status_shown(entry, picture, list(call.control.campaigns.values()), rate, forecast))


async def campaign_messages(call: Call) -> Reply:
    """Messages with what became of them, from ClickHouse: a few seconds behind. For example status=BOUNCED."""
    asked: MessageQuery = call.query
    entry = await _entry(call)
    before = cursors.decode(asked.cursor, int, str)
    rows, following = await message_queries.message_page(
        call.views.client, call.account, entry.id, status=asked.status, before=before, limit=asked.limit
    )
    shown = [row | {"changed_at": iso(row["changed_at"])} for row in rows]
    return Reply({"messages": shown, "next": cursors.encode(*following) if following else ""})


async def _entry(call: Call) -> CampaignEntry:
    return await find_campaign(call.control, call.views, call.account, call.path("id"))


async def _told(call: Call, done: Done, status: int) -> Reply:
    """The campaign as the command left it: this edge has read so far, or says what the owner said."""
    answer = done.answer
    entry = known_campaign(call.control, call.account, answer.campaign)
    body: dict[str, Any] = {"id": answer.campaign, "campaign": answer.campaign, "state": answer.state}
    if entry is not None:
        body = campaign_shown(entry)
    headers = {"ETag": etag(entry.revision)} if entry is not None else {}
    return Reply(body | {"command": answer.id, "effective": done.effective}, status, headers)


def _without_none(changes: dict[str, Any]) -> dict[str, Any]:
    """None takes back what may be without a value, and is the default of everything else."""
    defaults = {name: each.get_default(call_default_factory=True) for name, each in _FIELDS.items()}
    return {name: defaults[name] if value is None else value for name, value in changes.items()}


_FIELDS = CampaignSpec.model_fields
_ONE = "/v1/campaigns/{id}"
_FLAT = {
    "from": "news@example.com", "from_name": "Example News", "subject": "Spring is here", "template_id": "t_spring",
    "recipient_list_id": "customers",
    "send_window": {"start": "2027-03-01T09:00:00+01:00", "end": "2027-03-02T18:00:00+01:00"},
    "throttle": {"global_rps": 500, "per_mx_rps": {"gmail": 100, "*": 50}, "concurrency": 200},
    "retry_policy": {"max_attempts": 4}, "tracking": True, "project_id": "spring",
}  # fmt: skip


def _order(name: str, kind: CommandKind, summary: str, text: str) -> Endpoint:
    return Endpoint(
        "POST", f"{_ONE}/{name}", order(kind, text), summary, SCOPE, TAG, answer=Told, errors=(404, 409, 412)
    )


ENDPOINTS = [
    Endpoint("GET", "/v1/campaigns", list_campaigns, "List campaigns", SCOPE, TAG,
             query=CampaignQuery, answer=Campaigns),
    Endpoint("POST", "/v1/campaigns", create_campaign, "Create a campaign", SCOPE, TAG,
             body=NewCampaign, answer=Told, status=201, errors=(404, 413), most_bytes=2_500_000, example=_FLAT),
    Endpoint("GET", _ONE, get_campaign, "A campaign", SCOPE, TAG, answer=CampaignShown, errors=(404,)),
    Endpoint("PATCH", _ONE, change_campaign, "Change a campaign", SCOPE, TAG,
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
    Endpoint("POST", f"{_ONE}/clone", clone_campaign, "Clone a campaign", SCOPE, TAG,
             body=Clone, optional=True, answer=Told, status=201, errors=(404,), example={"name": "Spring, again"}),
    Endpoint("POST", f"{_ONE}/decide", decide_experiment, "Decide an experiment", SCOPE, TAG,
             body=Winner, answer=Told, errors=(404, 409), example={"winner": "B"}),
    Endpoint("GET", f"{_ONE}/status", campaign_status, "Where a campaign stands", SCOPE, TAG,
             answer=CampaignStatus, errors=(404,)),
    Endpoint("GET", f"{_ONE}/messages", campaign_messages, "Messages of a campaign", SCOPE, TAG,
             query=MessageQuery, answer=Messages, errors=(404,)),
]  # fmt: skip
