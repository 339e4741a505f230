"""The simulated Twilio against the official SDK, which knows nothing of us."""

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from app.local.sink_read import load
from tests.simulators.conftest import MESSAGE, Got, House

REAL = "https://api.twilio.com"


class ElsewhereClient(TwilioHttpClient):
    """Talks to another host."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url

    def request(self, method: str, url: str, *given: Any, **named: Any) -> Any:
        """The same request, there."""
        return super().request(method, url.replace(REAL, self._url), *given, **named)


def client_of(house: House, token: str = "") -> Client:
    """The SDK with our account."""
    account, right = house.keys.text("twilio-account-sid"), house.keys.text("twilio-auth-token")
    return Client(account, token or right, http_client=ElsewhereClient(house.url("twilio")))


async def call(house: House, make: Callable[[Client], Any], token: str = "") -> Any:
    """What *make* of the SDK gives."""
    return await asyncio.to_thread(make, client_of(house, token))


def form_of(got: Got) -> dict[str, str]:
    """The fields of a callback."""
    return dict(parse_qsl(got.body.decode(), keep_blank_values=True))


async def send(house: House, to: str, **more: Any) -> Any:
    """A message with a callback that carries our id."""
    callback = f"{house.place.url}?m={MESSAGE}&a=1"
    said = {"from_": "+15005550006", "body": "Hello", "status_callback": callback} | more
    return await call(house, lambda client: client.messages.create(to=to, **said))


async def test_the_sdk_sends_and_believes_the_callbacks(house: House) -> None:
    """Answer, record, statuses and signature fit together as the real ones do."""
    message = await send(house, "+14155550100", body="Grüße €" * 20)
    assert (message.status, message.num_segments, message.sid[:2]) == ("queued", "1", "SM")
    assert [(each.message, each.address) for each in load(house.folder / "twilio.txt")] == [(MESSAGE, "+14155550100")]
    await house.until(lambda: len(house.place.got) == 2)
    assert [form_of(got)["MessageStatus"] for got in house.place.got] == ["sent", "delivered"]
    validator = RequestValidator(house.keys.text("twilio-auth-token"))
    for got in house.place.got:
        assert f"m={MESSAGE}&a=1" in got.url
        assert validator.validate(got.url, form_of(got), got.headers["X-Twilio-Signature"])
        assert not validator.validate(got.url + "1", form_of(got), got.headers["X-Twilio-Signature"])


@pytest.mark.parametrize(
    ("ends", "status", "code"),
    [
        ("0001", "undelivered", 30003),
        ("0002", "undelivered", 30005),
        ("0005", "undelivered", 30007),
        ("0006", "sent", None),
    ],
)
async def test_a_number_says_what_becomes_of_its_messages(
    house: House, ends: str, status: str, code: int | None
) -> None:
    """What is reported and what is looked up is the same."""
    message = await send(house, f"+1415555{ends}")
    last = 1 if status == "sent" else 2
    await house.until(lambda: len(house.place.got) == last)
    told = form_of(house.place.got[-1])
    assert told["MessageStatus"] == status and told.get("ErrorCode") == (str(code) if code else None)
    fetched = await call(house, lambda client: client.messages(message.sid).fetch())
    assert (fetched.status, fetched.error_code) == (status, code)


@pytest.mark.parametrize(
    ("to", "more", "code"),
    [
        ("0100", {}, 21211), ("+14155550100", {"from_": None}, 21603), ("+14155550100", {"from_": "no number!"}, 21212),
        ("+14155550100", {"body": None}, 21602), ("+14155550100", {"body": "x" * 1_601}, 21617),
        ("+14155550100", {"status_callback": "nowhere"}, 21609), ("+14155550100", {"validity_period": 36_001}, 20422),
        ("+14155550009", {}, 21610), ("+14155550010", {}, 21211),
    ],
)  # fmt: skip
async def test_what_the_real_one_refuses_is_refused(house: House, to: str, more: dict[str, Any], code: int) -> None:
    """By its code, which is what adapters go by."""
    with pytest.raises(TwilioRestException) as refused:
        await send(house, to, **more)
    assert (refused.value.code, refused.value.status) == (code, 400)
    assert load(house.folder / "twilio.txt") == []


async def test_a_wrong_token_is_refused(house: House) -> None:
    """20003."""
    with pytest.raises(TwilioRestException) as refused:
        await call(
            house, lambda client: client.messages.create(to="+14155550100", from_="+15005550006", body="x"), "no"
        )
    assert (refused.value.code, refused.value.status) == (20003, 401)


async def test_messages_are_listed_page_by_page(house: House) -> None:
    """The SDK follows next_page_uri to the end; To narrows it to one phone."""
    for number in range(5):
        await send(house, f"+1415555010{number}")
    listed = await call(house, lambda client: client.messages.list(page_size=2))
    assert [each.to for each in listed] == [f"+1415555010{number}" for number in (4, 3, 2, 1, 0)]
    to = await call(house, lambda client: client.messages.list(to="+14155550103"))
    assert [each.body for each in to] == ["Hello"]


async def test_a_reply_comes_in_and_stop_is_remembered(house: House) -> None:
    """Who wrote STOP is refused with 21610 until START."""
    number = {"from": "+14155550100", "to": "+15005550006"}
    for text in ("STOP", "START"):
        control = f"http://127.0.0.1:{house.port}/control/twilio/inbound"
        async with house.session.post(control, json=number | {"text": text}) as answer:
            assert answer.status == 200
        await house.until(lambda: len(house.place.got) == 1)
        got = house.place.got.pop()
        form = form_of(got)
        assert (form["Body"], form["OptOutType"], form["SmsStatus"]) == (text, text, "received")
        validator = RequestValidator(house.keys.text("twilio-auth-token"))
        assert validator.validate(got.url, form, got.headers["X-Twilio-Signature"])
        if text == "STOP":
            with pytest.raises(TwilioRestException) as refused:
                await send(house, "+14155550100")
            assert refused.value.code == 21610
    await send(house, "+14155550100")


async def test_a_call_rings_is_answered_and_ends(house: House) -> None:
    """In the order of SequenceNumber, with the finding of the machine detection."""
    made = await call(
        house,
        lambda client: client.calls.create(
            to="+14155550004", from_="+15005550006", twiml="<Response><Say>Hello</Say></Response>",
            status_callback=f"{house.place.url}?m={MESSAGE}&a=2", machine_detection="DetectMessageEnd",
            status_callback_event=["initiated", "ringing", "answered", "completed"], async_amd="true",
            async_amd_status_callback=f"{house.place.url}?m={MESSAGE}&a=2&amd=1",
        ),
    )  # fmt: skip
    assert (made.status, made.sid[:2]) == ("queued", "CA")
    await house.until(lambda: len(house.place.got) == 5)
    forms = [form_of(got) for got in house.place.got]
    progress = sorted((form for form in forms if "CallStatus" in form), key=lambda form: int(form["SequenceNumber"]))
    assert [form["CallStatus"] for form in progress] == ["initiated", "ringing", "in-progress", "completed"]
    assert [form["AnsweredBy"] for form in forms if "CallStatus" not in form] == ["machine_end_beep"]
    fetched = await call(house, lambda client: client.calls(made.sid).fetch())
    assert (fetched.status, fetched.answered_by) == ("completed", "machine_end_beep")


async def test_a_busy_phone_is_told_as_completed(house: House) -> None:
    """The event is completed, the status busy: only who asked for completed hears of it."""
    await call(
        house,
        lambda client: client.calls.create(
            to="+14155550001", from_="+15005550006", twiml="<Response/>", status_callback=house.place.url
        ),
    )
    await house.until(lambda: len(house.place.got) == 1)
    form = form_of(house.place.got[0])
    assert (form["CallStatus"], form["SipResponseCode"]) == ("busy", "486")
