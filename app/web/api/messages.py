"""Single messages: taken in on the transactional lane, and looked up by id."""

import asyncio
import time
from typing import Any

from pydantic import BaseModel

from app import ids
from app.clickhouse import message_queries
from app.control.message_campaigns import MessageError
from app.control.messages import NewMessages
from app.web.api.explained import Explained, explained
from app.web.api.moments_shown import iso
from app.web.explaining import Explaining
from app.web.keys import MESSAGES
from app.web.problems import refuse
from app.web.rest import TITLES, Call, Endpoint, Reply

RECORD_SECONDS = 3.0  # in which a message that was just taken reaches ClickHouse, as a rule
LOOK_EVERY = 0.3
RECENT_DAYS = 1


class TakenMessage(BaseModel):
    """One message: its id, and to whom it goes."""

    id: str
    to: str


class TakenMessages(BaseModel):
    """Everything that was taken, in the order of the request."""

    messages: list[TakenMessage]


async def send_messages(call: Call) -> Reply:
    """202 once Kafka has them: from then on they are sent, or it is told why not."""
    asked: NewMessages = call.body
    key = call.command_id if "Idempotency-Key" in call.request.headers else ""
    try:
        sent = await call.request.app[MESSAGES].messages.send(
            call.account, asked, key=key, fingerprint=call.fingerprint if key else ""
        )
    except MessageError as error:
        title = TITLES.get(error.status, "Refused")
        raise refuse(error.status, title, error.error, field=error.field) from error
    return Reply({"messages": [{"id": each.id, "to": each.to} for each in sent]}, 202)


async def message_status(call: Call) -> Reply:
    """What became of one message, and everything that happened to it. One of today may be asked for too early."""
    message = _message_id(call)
    told = await message_queries.message(call.views.client, call.account, message)
    deadline = time.monotonic() + (RECORD_SECONDS if _is_recent(message) else 0.0)
    while told is None and time.monotonic() < deadline:
        await asyncio.sleep(LOOK_EVERY)
        told = await message_queries.message(call.views.client, call.account, message)
    if told is None:
        raise _unknown(call)
    events = [each | {"at": iso(each["at"])} for each in told["events"]]
    return Reply({"id": told.pop("message"), **told, "changed_at": iso(told["changed_at"]), "events": events})


async def explain_message(call: Call) -> Reply:
    """What decided on one message: a timeline in sentences, and what it waits for. As early as its status."""
    message = _message_id(call, status=422)
    explaining = Explaining(call.control, call.views.client, call.account)
    told = await explaining.message(message)
    deadline = time.monotonic() + (RECORD_SECONDS if _is_recent(message) else 0.0)
    while told is None and time.monotonic() < deadline:
        await asyncio.sleep(LOOK_EVERY)
        told = await explaining.message(message)
    if told is None:
        raise _unknown(call)
    return Reply(explained(told))


def _message_id(call: Call, status: int = 404) -> bytes:
    try:
        message = bytes.fromhex(call.path("id"))
    except ValueError:
        message = b""
    if len(message) != ids.ID_BYTES:
        raise _unknown(call, status)
    return message


def _is_recent(message: bytes) -> bool:
    return abs(int.from_bytes(message[:2], "big") - time.time() / 86_400) <= RECENT_DAYS + 1


def _unknown(call: Call, status: int = 404) -> Exception:
    text = (
        f"no message {call.path('id')[:64]!r}: an id is 32 hex digits, and events are kept for 90 days. "
        "What happened is recorded within seconds, later while ClickHouse is away: ask again for one of just now"
    )
    return refuse(status, "No such message" if status == 404 else "Not an id", text, field="id")


class ToldMessage(BaseModel, extra="allow"):
    """One message. *class* and *detail* say why, *events* what happened, the oldest first."""

    id: str
    campaign: str
    status: str
    attempts: int
    events: list[dict[str, Any]]


ENDPOINTS = [
    Endpoint(
        "GET", "/v1/messages/{id}", message_status, "What became of a message", "messages", "Messages",
        answer=ToldMessage, errors=(404, 503),
    ),
    Endpoint(
        "GET", "/v1/messages/{id}/explain", explain_message, "Why that became of a message", "messages", "Messages",
        answer=Explained, errors=(404, 503),
    ),
    Endpoint(
        "POST", "/v1/messages", send_messages, "Send a message, or up to 1,000", "messages", "Messages",
        body=NewMessages, answer=TakenMessages, status=202, errors=(404, 409, 413),
        example={
            "from": "orders@example.com", "to": "ann@example.com", "subject": "Your code is {{ code }}",
            "text": "{{ code }} is good for ten minutes.", "variables": {"code": "493017"},
        },
    ),
]  # fmt: skip
