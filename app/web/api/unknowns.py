"""Unknown outcomes over REST: which messages they are of, and what somebody found out."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from app.clickhouse.unknown_queries import unknown_page
from app.commands import Resolution
from app.specs import Strict
from app.web import cursors
from app.web.api.campaign_reads import ONE, SCOPE, TAG, entry_of, place_in
from app.web.api.campaign_shown import Told
from app.web.api.campaigns import told_of
from app.web.api.moments_shown import When, iso
from app.web.cursors import PageQuery
from app.web.rest import Call, Endpoint, Reply


class UnknownQuery(PageQuery):
    """Which of them."""

    standing: Literal["", "open", "waiting", "decided"] = Field(
        default="", description="open: news is awaited; waiting: is sent again; decided: nobody will learn"
    )


class UnknownRow(Strict):
    """A message whose outcome was lost."""

    message: str
    address: str = Field(description="Empty when the contact is gone")
    standing: Literal["open", "waiting", "decided"]
    provider: str = Field(description="The MX group")
    route: str
    attempts: int
    class_: str = Field(alias="class")
    detail: str = Field(description="How it was lost, or what was decided")
    changed_at: When


class Unknowns(Strict):
    """Messages whose outcome was lost, the latest change first."""

    messages: list[UnknownRow]
    next: str = Field(description="`cursor` of the next page; empty on the last")


class Resolve(Strict):
    """What became of messages whose outcome was lost."""

    outcome: Literal["sent", "not_sent", "give_up"] = Field(
        description="sent: it had gone out; not_sent: it is sent again; give_up: nobody will learn"
    )
    messages: list[Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]] = Field(
        default_factory=list, max_length=10_000, description="Ids; or say all"
    )
    all: bool = Field(default=False, description="All of the campaign that are open now")

    @model_validator(mode="after")
    def _says_which(self) -> "Resolve":
        if self.all == bool(self.messages):
            raise ValueError("name messages, or say all: true")
        return self


async def campaign_unknown(call: Call) -> Reply:
    """Messages whose outcome was lost, from ClickHouse: a few seconds behind."""
    asked: UnknownQuery = call.query
    entry = await entry_of(call)
    rows, following = await unknown_page(
        call.views.client, call.account, entry.id, wanted=asked.standing, before=place_in(asked.cursor),
        limit=asked.limit,
    )  # fmt: skip
    shown = [row | {"changed_at": iso(row["changed_at"])} for row in rows]
    return Reply({"messages": shown, "next": cursors.encode(*following) if following else ""})


async def resolve_unknown(call: Call) -> Reply:
    """Tell what became of them: by the log of a provider, or because somebody asked a recipient.

    A message that is not open (any more) stays as it is. GET .../unknown and the counts show the effect a moment later.
    """
    asked: Resolve = call.body
    resolution = Resolution(outcome=asked.outcome, messages=asked.messages)
    done = await call.command(
        "campaign.resolve", names={"campaign": "id", "resolution": ""}, campaign=call.path("id"), resolution=resolution
    )
    return await told_of(call, done, 200)


ENDPOINTS = [
    Endpoint("GET", f"{ONE}/unknown", campaign_unknown, "Unknown outcomes of a campaign", SCOPE, TAG,
             query=UnknownQuery, answer=Unknowns, errors=(404,)),
    Endpoint("POST", f"{ONE}/unknown:resolve", resolve_unknown, "Resolve unknown outcomes", SCOPE, TAG,
             body=Resolve, answer=Told, errors=(404, 409),
             example={"outcome": "not_sent", "messages": ["4f20a1d30c5e8b7790aa12bb34cc56dd"]}),
]  # fmt: skip
