"""What providers reported of a campaign, over REST."""

from typing import Literal

from pydantic import Field

from app.clickhouse.report_queries import fates_by, reasons_of
from app.specs import Strict
from app.web.api.campaign_reads import entry_of
from app.web.rest import Call, Endpoint, Reply


class ReportsQuery(Strict):
    """How to group."""

    by: Literal["route", "provider"] = Field(default="route", description="provider: the mailbox provider, or country")


class Fates(Strict):
    """Messages that went out, by what became of them."""

    name: str = Field(description="Of the route or mailbox provider; empty: of all")
    sent: int
    delivered: int = Field(description="Whatever their readers did with them")
    bounced: int
    blocked: int
    failed: int = Field(description="By a fault of the provider or the account, or in time")
    not_reported: int = Field(description="The provider took them, and has told nothing more yet")
    hard: int = Field(description="Of those bounced: for good")
    complained: int
    opened: int = Field(description="By people")
    clicked: int = Field(description="By people")
    was_read: int


class Reason(Strict):
    """Why messages did not arrive."""

    class_: str = Field(alias="class")
    reason: str
    fate: str
    messages: int
    example: str = Field(description="What a server said")


class Reports(Strict):
    """What providers reported."""

    total: Fates | None = Field(description="None: nothing went out")
    rows: list[Fates]
    reasons: list[Reason]


async def campaign_reports(call: Call) -> Reply:
    """What became of messages after providers took them, from ClickHouse: a few seconds behind."""
    entry, client = await entry_of(call), call.views.client
    total = await fates_by(client, call.account, entry.id)
    rows = await fates_by(client, call.account, entry.id, call.query.by)
    reasons = await reasons_of(client, call.account, entry.id)
    return Reply({"total": total[0] if total else None, "rows": rows, "reasons": reasons})


ENDPOINTS = [
    Endpoint("GET", "/v1/campaigns/{id}/reports", campaign_reports, "What providers reported", "campaigns", "Campaigns",
             query=ReportsQuery, answer=Reports, errors=(404,)),
]  # fmt: skip
