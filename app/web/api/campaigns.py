"""The REST API under /v1: campaigns as commands, status and messages as views."""

from typing import Any

from pydantic import Field

from app.commands import CampaignEntry, CommandKind
from app.control import Done, describe
from app.delivery.outcomes import Status
from app.specs import CampaignSpec, Content, Strict
from app.web.problems import refuse
from app.web.rest import Call, Endpoint, Handler, Reply

MOST_ROWS = 10_000


class NewCampaign(Strict):
    """Body of POST /v1/campaigns: the fields of a campaign.create command."""

    spec: CampaignSpec
    content: Content
    start: bool = False


class MessageQuery(Strict):
    """Which messages of a campaign."""

    status: str = Field(default="", description=f"One of {', '.join(Status)}")
    limit: int = Field(default=100, ge=1, le=MOST_ROWS)


async def list_campaigns(call: Call) -> Reply:
    """The live campaigns, newest first."""
    mine = [each for each in call.control.campaigns.values() if each.account == call.account]
    entries = sorted(mine, key=lambda each: -each.created_at)
    return Reply({"campaigns": [describe(each, call.control.picture(each.id)) for each in entries]})


async def create_campaign(call: Call) -> Reply:
    """201 with the id of the campaign, and its address in Location."""
    asked: NewCampaign = call.body
    done = await call.command("campaign.create", spec=asked.spec, content=asked.content, start=asked.start)
    reply = _done(done, 201)
    reply.headers["Location"] = f"/v1/campaigns/{done.answer.campaign}"
    return reply


def order(kind: CommandKind) -> Handler:
    """A handler: 200 when it is done; 202 when it is decided, but not every sender has confirmed to have heard it."""

    async def ordered(call: Call) -> Reply:
        done = await call.command(kind, campaign=call.path("id"))
        return _done(done, 202 if done.effective is False else 200)

    return ordered


async def campaign_status(call: Call) -> Reply:
    """State and live counts."""
    entry = _entry(call)
    return Reply(describe(entry, call.control.picture(entry.id)))


async def campaign_messages(call: Call) -> Reply:
    """Messages by status, from ClickHouse."""
    asked: MessageQuery = call.query
    status = asked.status.upper()
    if status and status not in Status.__members__:
        raise refuse(422, "Unknown status", f"one of {', '.join(Status)}", field="status")
    return Reply({"messages": await call.views.messages(_entry(call).id, status, asked.limit)})


def _entry(call: Call) -> CampaignEntry:
    entry = call.control.campaigns.get(call.path("id"))
    if entry is None or entry.account != call.account:
        raise refuse(404, "No such campaign", "live campaigns are listed at /v1/campaigns; ended ones stay for a day")
    return entry


def _done(done: Done, status: int) -> Reply:
    answer = done.answer
    body: dict[str, Any] = {"campaign": answer.campaign, "state": answer.state, "command": answer.id}
    if done.effective is not None:
        body["effective"] = done.effective
    return Reply(body, status)


def _action(name: str, kind: CommandKind) -> Endpoint:
    path, summary = f"/v1/campaigns/{{id}}/{name}", f"{name.capitalize()} a campaign"
    return Endpoint("POST", path, order(kind), summary, "campaigns", "Campaigns", errors=(404, 409))


ENDPOINTS = [
    Endpoint("GET", "/v1/campaigns", list_campaigns, "List campaigns", "campaigns", "Campaigns"),
    Endpoint(
        "POST", "/v1/campaigns", create_campaign, "Create a campaign", "campaigns", "Campaigns",
        body=NewCampaign, status=201,
    ),
    Endpoint(
        "GET", "/v1/campaigns/{id}/status", campaign_status, "State and counts", "campaigns", "Campaigns",
        errors=(404,),
    ),
    Endpoint(
        "GET", "/v1/campaigns/{id}/messages", campaign_messages, "Messages", "campaigns", "Campaigns",
        query=MessageQuery, errors=(404,),
    ),
    _action("start", "campaign.start"),
    _action("pause", "campaign.pause"),
    _action("resume", "campaign.resume"),
    _action("cancel", "campaign.cancel"),
]  # fmt: skip
