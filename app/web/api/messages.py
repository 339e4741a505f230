"""Single messages: taken in on the transactional lane, and looked up by id."""

from pydantic import BaseModel

from app.control.message_campaigns import MessageError
from app.control.messages import NewMessages
from app.web.keys import MESSAGES
from app.web.problems import refuse
from app.web.rest import TITLES, Call, Endpoint, Reply


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


ENDPOINTS = [
    Endpoint(
        "POST", "/v1/messages", send_messages, "Send a message, or up to 1,000", "messages", "Messages",
        body=NewMessages, answer=TakenMessages, status=202, errors=(404, 409, 413),
        example={
            "from": "orders@example.com", "to": "ann@example.com", "subject": "Your code is {{ code }}",
            "text": "{{ code }} is good for ten minutes.", "variables": {"code": "493017"},
        },
    ),
]  # fmt: skip
