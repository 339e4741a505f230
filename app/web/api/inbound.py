"""What people have written, over REST."""

from typing import Literal

from pydantic import Field

from app.clickhouse.inbound import inbound_page
from app.specs import AskedMoment, Strict
from app.web.api.moments_shown import iso
from app.web.api.people_in_requests import secret_of
from app.web.cursors import PageQuery, decode, encode
from app.web.named_people import named_people
from app.web.problems import refuse
from app.web.rest import Call, Endpoint, Reply


class InboundShown(Strict):
    """Something that somebody has written to a number of the account."""

    id: str
    at: str
    channel: str
    recipient_id: str
    address: str = Field(description="Empty where the account has no such contact")
    number: str = Field(description="That it was written to")
    text: str
    wish: str = Field(description="unsubscribed, resubscribed, help, or empty: it asks for none of these")
    route: str
    known_by: str = Field(
        description="Why it is this account's: number, route, last (who wrote to them last), many, nobody"
    )


class InboundPage(Strict):
    """What was written, the latest first."""

    inbound: list[InboundShown]
    next: str = Field(default="", description="`cursor` of the next page; empty on the last")


class InboundQuery(PageQuery):
    """Which of it; without a filter all of the account in the last 90 days."""

    since: AskedMoment | None = Field(default=None, description="Not before this moment")
    channel: Literal["", "sms", "whatsapp", "email", "voice"] = ""
    wish: Literal["", "unsubscribed", "resubscribed", "help"] = ""
    number: str = Field(default="", max_length=50, description="Written to this number of the account")
    address: str = Field(default="", max_length=320, description="By this person: phone number with +, or id")
    shared: bool = Field(default=False, description="What no account is known for; with a key of scope operator only")


async def list_inbound(call: Call) -> Reply:
    """What people have written to the account: wishes, and anything else; some seconds after it came."""
    asked: InboundQuery = call.query
    if asked.shared and "operator" not in call.key.scopes:
        raise refuse(403, "Not allowed", "what no account is known for, only the operator reads", field="shared")
    recipient = ""
    if asked.address:
        named = named_people([asked.address], secret_of(call))
        if not named.people:
            raise refuse(422, "Invalid", f"address: {named.problems[0].reason}", field="address")
        recipient = next(iter(named.people)).hex()
    found, last = await inbound_page(
        call.views.client, "" if asked.shared else call.account, since=asked.since or 0.0, channel=asked.channel,
        wish=asked.wish, number=asked.number, recipient=recipient, before=_place(asked.cursor), limit=asked.limit,
    )  # fmt: skip
    shown = [{**each, "at": iso(each["at"])} for each in found]
    return Reply({"inbound": shown, "next": encode(*last) if last else ""})


def _place(cursor: str) -> tuple[int, str, str] | None:
    found = decode(cursor, int, str, str)
    return None if found is None else (found[0], found[1], found[2])


ENDPOINTS = [
    Endpoint("GET", "/v1/inbound", list_inbound, "What people have written", "messages", "Messages",
             query=InboundQuery, answer=InboundPage),
]  # fmt: skip
