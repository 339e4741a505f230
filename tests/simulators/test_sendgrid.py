"""The simulated SendGrid against the official SDK, which knows nothing of us."""

import asyncio
import json
from typing import Any

import pytest
from python_http_client.exceptions import HTTPError
from sendgrid import SendGridAPIClient
from sendgrid.helpers.eventwebhook import EventWebhook
from sendgrid.helpers.mail import CustomArg, Mail, Personalization, To

from app.local.sink_read import load
from tests.simulators.conftest import MESSAGE, House


def mail_to(*addresses: str) -> Mail:
    """One mail with a personalization each."""
    mail = Mail(from_email="news@example.com", subject="Hello", html_content="<p>Hi</p>")
    for number, address in enumerate(addresses):
        one = Personalization()
        one.add_to(To(address))
        one.add_custom_arg(CustomArg("msg_id", f"{number:032x}"))
        one.add_custom_arg(CustomArg("attempt", "1"))
        mail.add_personalization(one)
    return mail


async def sent(house: House, mail: Any, key: str = "") -> tuple[int, dict[str, str], bytes]:
    """What the SDK gets for *mail*."""
    client = SendGridAPIClient(key or house.keys.text("sendgrid-api-key"), host=house.url("sendgrid"))
    try:
        answer = await asyncio.to_thread(client.send, mail)
    except HTTPError as error:
        return error.status_code, dict(error.headers), error.body
    return answer.status_code, dict(answer.headers), answer.body


async def test_the_sdk_sends_a_batch_and_believes_the_reports(house: House) -> None:
    """Answer, record, events and signature fit together as the real ones do."""
    status, headers, body = await sent(house, mail_to("ann@example.com", "bounce+1@example.com"))
    assert (status, body) == (202, b"")
    accepted = load(house.folder / "sendgrid.txt")
    assert {(each.message, each.address) for each in accepted} == {
        (f"{0:032x}", "ann@example.com"), (f"{1:032x}", "bounce+1@example.com"),
    }  # fmt: skip
    assert len(accepted) == 2
    events: list[dict[str, Any]] = []

    def all_came() -> bool:
        events[:] = [event for got in house.place.got for event in json.loads(got.body)]
        return len(events) == 4

    await house.until(all_came)
    assert {(each["msg_id"], each["event"]) for each in events} == {
        (f"{0:032x}", "processed"), (f"{0:032x}", "delivered"), (f"{1:032x}", "processed"), (f"{1:032x}", "bounce"),
    }  # fmt: skip
    assert all(each["sg_message_id"].startswith(headers["X-Message-Id"] + ".") for each in events)
    hook = EventWebhook(house.keys.sendgrid_public())
    for got in house.place.got:
        signature = got.headers["X-Twilio-Email-Event-Webhook-Signature"]
        at = got.headers["X-Twilio-Email-Event-Webhook-Timestamp"]
        assert hook.verify_signature(got.body.decode(), signature, at)
        assert not hook.verify_signature(got.body.decode() + " ", signature, at)


async def test_messages_are_looked_up(house: House) -> None:
    """A lost answer is found again by our own id; a lost report by the address."""
    _, headers, _ = await sent(house, mail_to("ann@example.com", "bounce@example.com"))
    await house.until(lambda: house.simulator("sendgrid").reports.counts["told"] == 4)
    client = SendGridAPIClient(house.keys.text("sendgrid-api-key"), host=house.url("sendgrid"))

    async def look(query: str) -> list[dict[str, Any]]:
        answer = await asyncio.to_thread(client.client.messages.get, query_params={"query": query, "limit": 10})
        found: list[dict[str, Any]] = json.loads(answer.body)["messages"]
        return found

    found = await look(f"unique_args['msg_id']=\"{1:032x}\"")
    assert [(each["to_email"], each["status"]) for each in found] == [("bounce@example.com", "not_delivered")]
    assert [each["status"] for each in await look('to_email="ann@example.com"')] == ["delivered"]
    assert len(await look(f'msg_id LIKE "{headers["X-Message-Id"]}%"')) == 2
    one = await asyncio.to_thread(client.client.messages._(found[0]["msg_id"]).get)
    assert [each["event_name"] for each in json.loads(one.body)["events"]] == ["processed", "bounced"]
    bounces = await asyncio.to_thread(client.client.suppression.bounces.get)
    assert [each["email"] for each in json.loads(bounces.body)] == ["bounce@example.com"]


def _mail(**changes: Any) -> dict[str, Any]:
    one = {"to": [{"email": "ann@example.com"}], "custom_args": {"msg_id": MESSAGE}}
    plain = [{"type": "text/plain", "value": "Hi"}]
    return {"personalizations": [one], "from": {"email": "n@example.com"}, "subject": "x", "content": plain} | changes


TO = {"to": [{"email": "ann@example.com"}]}


@pytest.mark.parametrize(
    ("mail", "field"),
    [
        (_mail(personalizations=[TO, {"to": [{"email": "nobody"}]}]), "personalizations.1.to.0.email"),
        (_mail(personalizations=[{"to": [{"email": "refused+3@example.com"}]}]), "personalizations.0.to.0.email"),
        (_mail(personalizations=[{"to": [*TO["to"], *TO["to"]]}]), "personalizations.0"),
        (_mail(personalizations=[TO] * 1_001), "personalizations"),
        (_mail(personalizations=[]), "personalizations"),
        (_mail(personalizations=[{**TO, "custom_args": {"x": "y" * 10_001}}]), "personalizations.0.custom_args"),
        (_mail(personalizations=[{**TO, "custom_args": {"x": 7}}]), "personalizations.0.custom_args...."),
        (_mail(personalizations=[{**TO, "headers": {"Subject": "x"}}]), "personalizations.0.headers.Subject"),
        (_mail(subject=None), "subject"),
        (_mail(content=[]), "content"),
        (_mail(content=[{"type": "text/html", "value": "x"}, {"type": "text/plain", "value": "x"}]), "content"),
        (_mail(categories=["x"] * 11), "categories"),
        (_mail(categories=["x" * 256]), "categories"),
        (_mail(send_at=9_999_999_999), "send_at"),
        ({"subject": "x"}, None),
    ],
)  # fmt: skip
async def test_what_the_real_one_refuses_is_refused(house: House, mail: dict[str, Any], field: str | None) -> None:
    """Nothing of a refused call is taken, and the field that is wrong is named."""
    status, _, body = await sent(house, mail)
    assert status == 400
    assert json.loads(body)["errors"][0]["field"] == field
    assert load(house.folder / "sendgrid.txt") == []


async def test_a_wrong_key_is_refused(house: House) -> None:
    """401 in the words of the real one."""
    status, _, body = await sent(house, _mail(), key="SG.wrong.key")
    assert status == 401
    assert "authorization grant is invalid" in json.loads(body)["errors"][0]["message"]


async def test_the_sandbox_takes_nothing(house: House) -> None:
    """mail_settings.sandbox_mode: checked, answered 200, not sent."""
    status, headers, _ = await sent(house, _mail(mail_settings={"sandbox_mode": {"enable": True}}))
    assert status == 200 and "X-Message-Id" not in headers
    assert load(house.folder / "sendgrid.txt") == []


async def test_a_call_too_many_names_the_time_of_the_next(house: House) -> None:
    """429 with the three headers that adapters go by."""
    await house.order("sendgrid", rate=1.0)
    answers = [await sent(house, _mail()) for _ in range(3)]
    assert answers[0][0] == 202
    status, headers, _ = answers[-1]
    assert status == 429 and headers["X-RateLimit-Remaining"] == "0" and int(headers["X-RateLimit-Reset"]) > 1e9
