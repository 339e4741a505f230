"""The REST API under /v1: campaigns as commands, status and messages as views."""

import secrets
from typing import Any

from aiohttp import web
from pydantic import BaseModel, ValidationError

from app.commands import CampaignEntry, Command, CommandKind
from app.control import Done, describe
from app.delivery.outcomes import Status
from app.specs import CampaignSpec, Content, Name
from app.web.keys import LINK, VIEWS
from app.web.problems import problem, refuse

ACTIONS: dict[str, CommandKind] = {
    "start": "campaign.start",
    "pause": "campaign.pause",
    "resume": "campaign.resume",
    "cancel": "campaign.cancel",
}
TITLES = {404: "No such campaign", 409: "Not in this state", 422: "Invalid"}
MOST_ROWS = 10_000


class NewCampaign(BaseModel, extra="forbid"):
    """Body of POST /v1/campaigns: the fields of a campaign.create command."""

    spec: CampaignSpec
    content: Content
    start: bool = False
    account: Name = "default"
    id: str = ""  # idempotency key; the header Idempotency-Key comes first


def add_routes(router: web.UrlDispatcher) -> None:
    """Add the API to *router*."""
    router.add_get("/v1/campaigns", list_campaigns)
    router.add_post("/v1/campaigns", create_campaign)
    router.add_post("/v1/campaigns/{id}/{action:start|pause|resume|cancel}", order)
    router.add_get("/v1/campaigns/{id}/status", campaign_status)
    router.add_get("/v1/campaigns/{id}/messages", campaign_messages)


async def list_campaigns(request: web.Request) -> web.Response:
    """The live campaigns, newest first."""
    control = request.app[LINK].control
    entries = sorted(control.campaigns.values(), key=lambda each: -each.created_at)
    return web.json_response({"campaigns": [describe(each, control.picture(each.id)) for each in entries]})


async def create_campaign(request: web.Request) -> web.Response:
    """201 with the id of the campaign, and its address in Location."""
    if request.content_type != "application/json":
        raise refuse(415, "Not JSON", "send Content-Type: application/json")
    try:
        body = NewCampaign.model_validate_json(await request.read())
    except ValidationError as error:
        raise _invalid(error) from error
    command = Command(
        id=_key(request, body.id),
        account=body.account,
        kind="campaign.create",
        spec=body.spec,
        content=body.content,
        start=body.start,
    )
    done = await request.app[LINK].control.send(command)
    response = _answered(done, 201)
    if response.status == 201:
        response.headers["Location"] = f"/v1/campaigns/{done.answer.campaign}/status"
    return response


async def order(request: web.Request) -> web.Response:
    """200 when it is done; 202 when it is decided, but not every sender has confirmed to have heard it."""
    control = request.app[LINK].control
    campaign = request.match_info["id"]
    entry = control.campaigns.get(campaign)
    account = request.query.get("account") or (entry.account if entry else "default")
    kind = ACTIONS[request.match_info["action"]]
    done = await control.send(Command(id=_key(request), account=account, kind=kind, campaign=campaign))
    return _answered(done, 202 if done.effective is False else 200)


async def campaign_status(request: web.Request) -> web.Response:
    """State and live counts."""
    entry = live_entry(request)
    return web.json_response(describe(entry, request.app[LINK].control.picture(entry.id)))


async def campaign_messages(request: web.Request) -> web.Response:
    """Messages by status, from ClickHouse."""
    status = request.query.get("status", "").upper()
    if status and status not in Status.__members__:
        raise refuse(400, "Unknown status", f"one of {', '.join(Status)}", field="status")
    try:
        limit = int(request.query.get("limit", "100"))
    except ValueError:
        limit = 0
    if not 1 <= limit <= MOST_ROWS:
        raise refuse(400, "Invalid limit", f"a number from 1 to {MOST_ROWS}", field="limit")
    rows = await request.app[VIEWS].messages(request.match_info["id"], status, limit)
    return web.json_response({"messages": rows}, dumps=_dumps)


def live_entry(request: web.Request) -> CampaignEntry:
    """The campaign in the path; 404 when it is not live."""
    entry = request.app[LINK].control.campaigns.get(request.match_info["id"])
    if entry is None:
        raise refuse(404, "No such campaign", "live campaigns are listed at /v1/campaigns; ended ones stay for a day")
    return entry


def _key(request: web.Request, given: str = "") -> str:
    key = request.headers.get("Idempotency-Key") or given or f"rest-{secrets.token_hex(12)}"
    if len(key) > 200:
        raise refuse(400, "Idempotency-Key too long", "at most 200 characters")
    return key


def _answered(done: Done, status: int) -> web.Response:
    answer = done.answer
    if answer.status >= 400:
        title = TITLES.get(answer.status, "Refused")
        return problem(answer.status, title, answer.error, field=answer.field, campaign=answer.campaign)
    body: dict[str, Any] = {"campaign": answer.campaign, "state": answer.state, "command": answer.id}
    if done.effective is not None:
        body["effective"] = done.effective
    return web.json_response(body, status=status)


def _invalid(error: ValidationError) -> Exception:
    found = error.errors(include_url=False, include_context=False, include_input=False)
    errors = [{"field": ".".join(map(str, each["loc"])), "message": each["msg"]} for each in found]
    first = errors[0]
    return refuse(
        422, "Invalid", f"{first['field'] or 'body'}: {first['message']}", field=first["field"], errors=errors
    )


def _dumps(value: Any) -> str:
    import orjson

    return orjson.dumps(value, default=str).decode()
