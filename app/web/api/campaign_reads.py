"""Campaigns as they are seen over REST: lists, one, where it stands, its messages, its audience."""

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from app.clickhouse import message_queries
from app.clickhouse.audience_pages import LEFT_OUT, audience_page, is_reason
from app.clickhouse.audience_sql import OF_ADDRESSES
from app.commands import CampaignEntry, State
from app.content.address import AddressError
from app.control.held import held_of
from app.delivery.campaigns.lifecycle import LIVE
from app.delivery.outcomes import DropReason, Status
from app.specs import Strict
from app.web import cursors
from app.web.api.campaign_shown import CampaignShown, CampaignStatus, campaign_shown, status_shown
from app.web.api.explained import Explained, explained
from app.web.api.moments_shown import When, iso
from app.web.api.people_in_requests import secret_of
from app.web.campaigns_seen import CampaignFilter, campaign_page, find_campaign
from app.web.cursors import PageQuery
from app.web.etags import etag
from app.web.explaining import Explaining
from app.web.forecasts import forecast_of
from app.web.keys import FEED
from app.web.named_people import recipient_of
from app.web.notices_seen import of_campaign
from app.web.problems import refuse
from app.web.rest import Call, Endpoint, Reply

MESSAGE_ID = re.compile("[0-9a-f]{32}")
STATUSES = tuple(each.value for each in Status)
GATE_REASONS = tuple(DropReason)  # for which a message is dropped later
REASONS = (
    "*, removed, holdout, excluded_list:NAME, excluded_segment:ID, "
    f"{', '.join(OF_ADDRESSES)}, {', '.join(GATE_REASONS)}"
)
SCOPE, TAG, ONE = "campaigns", "Campaigns", "/v1/campaigns/{id}"


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


def _statuses(values: object) -> object:
    """The statuses in a list of texts, each of one or, divided by commas, of several; in any case."""
    if not isinstance(values, list):
        return values
    found = [part.strip().upper() for each in values for part in str(each).split(",") if part.strip()]
    if not set(found) <= set(STATUSES):
        raise ValueError(f"one of {', '.join(STATUSES)}; or several, divided by commas")
    return found


class MessageQuery(PageQuery):
    """Which messages of a campaign."""

    status: Annotated[list[Literal[*STATUSES]], BeforeValidator(_statuses)] = Field(  # type: ignore[valid-type]
        default_factory=list, max_length=100, description="Only those with this status, or one of several: SENT,BOUNCED"
    )


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


class AudienceQuery(PageQuery):
    """Whom of an audience."""

    reason: Annotated[str, StringConstraints(max_length=300, pattern=r"^[^\x00-\x1f\x7f]*$")] = Field(
        default="",
        description=f"Empty: who is in it; else who was left out when it was fixed ('{LEFT_OUT}': for any reason), or "
        f"whose message was dropped later. One of {REASONS}",
    )


class AudiencePerson(Strict):
    """Somebody of an audience, or with a reason somebody who was left out of it."""

    id: str = Field(description="The recipient id, as events have it")
    address: str
    group: str = Field(description="The MX group")
    due: When | None = Field(description="None: at once")
    variant: int = Field(description="Of an experiment, from 1; 0 for who gets the winner")
    zone: str
    reason: str = Field(
        description="Why not; of messages that were dropped later, `due`, `variant` and `zone` are not told"
    )


class Audience(Strict):
    """People of an audience."""

    people: list[AudiencePerson]
    next: str = Field(description="`cursor` of the next page; empty on the last")
    audience: int | None = Field(description="How many it goes to, once that is fixed")
    left_out: dict[str, int] = Field(description="How many were left out, by reason")


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


async def get_campaign(call: Call) -> Reply:
    """A campaign. Its ETag is the revision to send with If-Match."""
    entry = await entry_of(call)
    return Reply(campaign_shown(entry), headers={"ETag": etag(entry.revision)})


async def campaign_status(call: Call) -> Reply:
    """State, place in the queue, counts, rate and forecast."""
    entry = await entry_of(call)
    picture = call.control.picture_of(entry)
    feed = call.request.app[FEED]
    rate = feed.rate(entry, picture.final)
    providers = feed.providers(entry.id) if entry.state in LIVE else []
    forecast = forecast_of(call.control, entry, picture, rate, providers or [])
    notices = of_campaign(call.control.tail.notices.values(), entry.id, entry.account)
    held = held_of(call.control.tail, entry)
    return Reply(status_shown(entry, picture, list(call.control.campaigns.values()), rate, forecast, notices, held))


async def campaign_messages(call: Call) -> Reply:
    """Messages with what became of them, from ClickHouse: a few seconds behind. For example status=BOUNCED."""
    asked: MessageQuery = call.query
    entry = await entry_of(call)
    rows, following = await message_queries.message_page(
        call.views.client,
        call.account,
        entry.id,
        statuses=asked.status,
        before=place_in(asked.cursor),
        limit=asked.limit,
    )  # fmt: skip
    shown = [row | {"changed_at": iso(row["changed_at"])} for row in rows]
    return Reply({"messages": shown, "next": cursors.encode(*following) if following else ""})


async def campaign_audience(call: Call) -> Reply:
    """Whom it goes to, as it was fixed at the start; with a reason, who was left out or whose message was dropped."""
    asked: AudienceQuery = call.query
    entry = await entry_of(call)
    people, following = await (_dropped(call, entry) if asked.reason in GATE_REASONS else _sealed(call, entry))
    return Reply({
        "people": people, "next": following, "audience": entry.seal.count if entry.seal else None,
        "left_out": entry.seal.left_out if entry.seal else {},
    })  # fmt: skip


async def _sealed(call: Call, entry: CampaignEntry) -> tuple[list[dict[str, Any]], str]:
    asked: AudienceQuery = call.query
    if asked.reason and not is_reason(asked.reason):
        raise refuse(422, "Invalid", f"reason: {asked.reason[:100]!r} is none of {REASONS}", field="reason")
    after = cursors.decode(asked.cursor, int) or (-1,)
    rows = await audience_page(
        call.views.client, call.account, entry.id, reason=asked.reason, after=after[0], limit=asked.limit + 1
    )
    people = [
        {
            "id": each.id, "address": each.address, "group": each.group, "due": iso(each.due or None),
            "variant": each.variant, "zone": each.zone, "reason": each.reason,
        }
        for each in rows[: asked.limit]
    ]  # fmt: skip
    return people, cursors.following(rows, asked.limit, lambda last: (last.row,))


async def _dropped(call: Call, entry: CampaignEntry) -> tuple[list[dict[str, Any]], str]:
    """They are in the audience, and their messages were dropped later."""
    asked: AudienceQuery = call.query
    rows, following = await message_queries.dropped_page(
        call.views.client, call.account, entry.id, reason=asked.reason, before=place_in(asked.cursor), limit=asked.limit
    )
    people = [
        {
            "id": each.id, "address": each.address, "group": each.group, "due": None, "variant": 0, "zone": "",
            "reason": asked.reason,
        }
        for each in rows
    ]  # fmt: skip
    return people, cursors.encode(*following) if following else ""


async def explain_recipient(call: Call) -> Reply:
    """Why a person got the message of this campaign, or did not: by address, or by recipient id."""
    entry = await entry_of(call)
    try:
        recipient = recipient_of(call.path("recipient"), secret_of(call))
    except (AddressError, UnicodeError) as error:
        text = f"recipient: {error}: an address, or a recipient id of 32 hex digits"
        raise refuse(422, "Nobody", text, field="recipient") from error
    return Reply(explained(await Explaining(call.control, call.views.client, call.account).person(entry, recipient)))


def place_in(cursor: str) -> message_queries.Place | None:
    """Where a page of messages goes on; 400 for what is no place."""
    before = cursors.decode(cursor, int, str)
    if before is not None and not MESSAGE_ID.fullmatch(before[1]):
        raise cursors.no_cursor()
    return before


async def entry_of(call: Call) -> CampaignEntry:
    """The campaign in the path; 404 when the account has none of that id."""
    return await find_campaign(call.control, call.views, call.account, call.path("id"))


ENDPOINTS = [
    Endpoint("GET", "/v1/campaigns", list_campaigns, "List campaigns", SCOPE, TAG,
             query=CampaignQuery, answer=Campaigns),
    Endpoint("GET", ONE, get_campaign, "A campaign", SCOPE, TAG, answer=CampaignShown, errors=(404,)),
    Endpoint("GET", f"{ONE}/status", campaign_status, "Where a campaign stands", SCOPE, TAG,
             answer=CampaignStatus, errors=(404,)),
    Endpoint("GET", f"{ONE}/messages", campaign_messages, "Messages of a campaign", SCOPE, TAG,
             query=MessageQuery, answer=Messages, errors=(404,)),
    Endpoint("GET", f"{ONE}/audience", campaign_audience, "Audience of a campaign", SCOPE, TAG,
             query=AudienceQuery, answer=Audience, errors=(404,)),
    Endpoint("GET", f"{ONE}/recipients/{{recipient}}/explain", explain_recipient, "Why somebody got it or not", SCOPE,
             TAG, answer=Explained, errors=(404, 503)),
]  # fmt: skip
