"""Notices over REST: what pacing did by itself, and why."""

from typing import Literal

from pydantic import Field

from app.specs import AskedMoment, Strict
from app.web.api.notice_shown import NoticeShown, notice_shown
from app.web.cursors import PageQuery, decode, following
from app.web.notices_seen import NoticeFilter, seen_notices
from app.web.rest import Call, Endpoint, Reply


class Notices(Strict):
    """Notices, the newest first."""

    notices: list[NoticeShown]
    next: str = Field(description="`cursor` of the next page; empty on the last")


class NoticeQuery(PageQuery):
    """Which notices. A key sees those that concern campaigns of its account; one of scope operator sees all."""

    since: AskedMoment | None = Field(default=None, description="Not before this moment")
    level: list[Literal["info", "warning", "alert"]] = Field(default_factory=list, max_length=3)
    route: str = Field(default="", max_length=200, description="Of this route or pool")
    campaign: str = Field(default="", max_length=200, description="That concerned this campaign")


async def list_notices(call: Call) -> Reply:
    """What pacing did by itself: breakers that opened and closed, senders that were slowed down, and why."""
    asked: NoticeQuery = call.query
    account = None if "operator" in call.key.scopes else call.account
    wanted = NoticeFilter(asked.since or 0.0, asked.level, asked.route, asked.campaign, account)
    (before,) = decode(asked.cursor, str) or ("",)
    found = await seen_notices(call.views.client, call.control.tail.overlay, wanted, before, asked.limit + 1)
    return Reply({
        "notices": [notice_shown(each) for each in found[: asked.limit]],
        "next": following(found, asked.limit, lambda last: (last.id,)),
    })  # fmt: skip


ENDPOINTS = [
    Endpoint("GET", "/v1/notices", list_notices, "What pacing did by itself", "campaigns", "Limits and routes",
             query=NoticeQuery, answer=Notices),
]  # fmt: skip
