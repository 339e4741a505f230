"""Retry only the failed: a new campaign to those whom an ended one did not reach."""

from typing import Literal

from pydantic import Field

from app.clickhouse.retry_audience import audience_before, gone
from app.delivery.campaigns.lifecycle import allowed
from app.delivery.campaigns.retry_campaign import retry_spec, why_not
from app.specs import Content, Strict
from app.web.api.campaign_bodies import FLAT_NAMES
from app.web.api.campaign_reads import ONE, SCOPE, TAG, entry_of
from app.web.api.campaign_shown import Told
from app.web.api.campaigns import told_of
from app.web.problems import refuse
from app.web.rest import Call, Endpoint, Reply


class Retry(Strict):
    """Whom to try again."""

    outcomes: list[Literal["given_up", "blocked", "unknown"]] = Field(
        default=["given_up"], min_length=1, max_length=3,
        description="given_up: no retry was left; blocked: refused for content, reputation or policy; unknown: lost",
    )  # fmt: skip
    start: bool = Field(default=False, description="Start it, too; else it is a DRAFT that can be changed")
    name: str = Field(default="", max_length=200, description="Default: that of the original, and (retry)")
    content: Content | None = Field(
        default=None, description="Where the original ended over a day ago and was sent with content of its own"
    )


async def retry_campaign(call: Call) -> Reply:
    """A new campaign with content and limits of this one, to those whom it has failed. It must have ended.

    Its people are taken from the audience of this one, which stays for 7 days after its end; who was suppressed since
    then is left out. Bounces are never tried again.
    """
    asked: Retry = call.body
    original = await entry_of(call)
    wrong = why_not(original, asked.outcomes)
    if wrong:
        raise refuse(
            409, "Not in this state", wrong, state=original.state, field="outcomes",
            allowed=allowed(original.state, original.spec.experiment),
        )  # fmt: skip
    if not await audience_before(call.views.client, call.account, original.id):
        raise refuse(409, "Too late", gone(original.id), state=original.state, field="id")
    done = await call.command(
        "campaign.clone", names=FLAT_NAMES, campaign=original.id, content=asked.content, start=asked.start,
        spec=retry_spec(original, asked.outcomes, asked.name),
    )  # fmt: skip
    reply = await told_of(call, done, 201)
    reply.headers["Location"] = f"/v1/campaigns/{done.answer.campaign}"
    return reply


ENDPOINTS = [
    Endpoint("POST", f"{ONE}/retry", retry_campaign, "Retry the failed of a campaign", SCOPE, TAG,
             body=Retry, optional=True, answer=Told, status=201, errors=(404, 409, 413), most_bytes=2_500_000,
             example={"outcomes": ["given_up", "blocked"], "start": True}),
]  # fmt: skip
