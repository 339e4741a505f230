"""Our adapters against the simulators: what one writes the other reads, over real connections."""

import asyncio
import time
from collections.abc import Mapping

import pytest

from app.cli.routes_test import tried
from app.content.sms_message import SmsText
from app.content.voice_message import VoiceText
from app.delivery.outcomes import Kind
from app.local.simulators.routes import routes_of
from app.provider_accounts import Twilio
from app.providers import echo, twilio, twilio_voice
from app.providers.contract import Hook, Message, Sought, Wish
from app.records import ReceivedReport, Told
from app.routes import Route
from app.transport.http_client import HttpClient
from tests.simulators.conftest import Got, House

ID = bytes(range(16))


def route_of(house: House, name: str) -> Route:
    """The route that `fanfare up --simulate` makes."""
    made = routes_of(["sendgrid", "twilio"], house.port, house.keys)
    return next(each for each in made if each.name == name)


def config_of(house: House) -> Twilio:
    """The account of the simulated Twilio."""
    config = route_of(house, "sim-twilio").config
    assert isinstance(config, Twilio)
    return config.model_copy(update={"url": house.url("twilio")})


def secrets_of(house: House) -> Mapping[str, str]:
    """What senders would read."""
    return {"auth_token": house.keys.text("twilio-auth-token")}


def hook_of(got: Got) -> Hook:
    """A webhook as the edge hands it on."""
    headers = {name.lower(): value for name, value in got.headers.items()}
    return Hook(got.method, got.url, got.url.partition("?")[2], headers, got.body)


@pytest.mark.parametrize(
    ("number", "kinds"),
    [
        ("+14155550100", ["accepted", "delivered"]),
        ("+14155550105", None),
    ],
)
async def test_an_sms_goes_out_and_its_reports_come_back(house: House, number: str, kinds: list[str] | None) -> None:
    """With our id, a signature that holds, and the same told by a look-up."""
    config, secrets, client = config_of(house), secrets_of(house), HttpClient(connections=2, timeout=10)
    message = Message(ID, 3, "acme", "c", number, SmsText("Grüße €"), callback=house.place.url)
    answer = await client.ask(twilio.request_for(config, secrets, [message], time.time()))
    (outcome,) = twilio.result_of([message], answer, time.time())
    assert outcome.kind == Kind.ACCEPTED
    await house.until(lambda: len(house.place.got) >= 2)
    told: list[Told] = []
    for got in house.place.got:
        hook = hook_of(got)
        assert twilio.verified(config, secrets, hook, time.time()) == ""
        received = ReceivedReport("twilio", "r", "webhook", time.time(), hook.body, "", hook.query)
        told += [each for each in twilio.events_in(config, received) if isinstance(each, Told)]
    assert {(each.message_id, each.attempt, each.ref) for each in told} == {(ID, 3, outcome.ref)}
    assert kinds is None or [each.kind for each in told] == kinds
    for sought in (
        Sought(ID, 3, outcome.ref, time.time(), number),
        Sought(ID, 3, "", time.time(), number, {"text": "Grüße €"}),
    ):
        request = twilio.lookup_for(config, secrets, sought, time.time())
        assert request is not None
        answer = await client.ask(request)
        received = ReceivedReport("twilio", "r", "lookup", time.time(), answer.body, "", echo.query_of(sought))
        (again,) = twilio.events_in(config, received)
        assert isinstance(again, Told)
        assert (again.message_id, again.kind, again.event) == (ID, told[-1].kind, told[-1].event)
    await client.close()


async def test_a_call_goes_out_and_its_reports_come_back(house: House) -> None:
    """Events, and who has picked up."""
    config, secrets = config_of(house).model_copy(update={"machine_detection": "detect"}), secrets_of(house)
    client = HttpClient(connections=2, timeout=10)
    message = Message(ID, 1, "acme", "c", "+14155550100", VoiceText("Hello"), callback=house.place.url)
    answer = await client.ask(twilio_voice.request_for(config, secrets, [message], time.time()))
    (outcome,) = twilio_voice.result_of([message], answer, time.time())
    assert outcome.kind == Kind.ACCEPTED
    await house.until(lambda: len(house.place.got) == 5)
    reasons = set[str]()
    for got in house.place.got:
        hook = hook_of(got)
        assert twilio_voice.verified(config, secrets, hook, time.time()) == ""
        received = ReceivedReport("twilio", "r", "webhook", time.time(), hook.body, "", hook.query)
        (told,) = twilio_voice.events_in(config, received)
        assert isinstance(told, Told)
        assert (told.message_id, told.ref, told.kind in ("accepted", "delivered")) == (ID, outcome.ref, True)
        reasons.add(told.reason)
    assert "human" in reasons
    await client.close()


async def test_a_stop_comes_in(house: House) -> None:
    """Signed, and read."""
    wish = {"from": "+14155550100", "to": "+15005550006", "text": "Stop."}
    async with house.session.post(f"http://127.0.0.1:{house.port}/control/twilio/inbound", json=wish) as answer:
        assert answer.status == 200
    await house.until(lambda: len(house.place.got) == 1)
    hook = hook_of(house.place.got[0])
    assert twilio.verified(config_of(house), secrets_of(house), hook, time.time()) == ""
    received = ReceivedReport("twilio", "r", "webhook", time.time(), hook.body, "", hook.query)
    (told,) = twilio.events_in(config_of(house), received)
    assert isinstance(told, Wish)
    assert (told.kind, told.address, told.sender) == ("unsubscribed", "+14155550100", "+15005550006")


@pytest.mark.parametrize("name", ["sim-sendgrid", "sim-twilio"])
async def test_a_route_is_tried_without_sending(house: House, name: str) -> None:
    """Right credentials work, wrong ones are told, a secret that is missing too."""
    route = route_of(house, name)
    account = route.config.model_copy(update={"url": house.url(route.adapter)})
    good = route.model_copy(update={route.adapter: account})
    steps, wrong = await asyncio.to_thread(tried, good)
    assert wrong == "" and "answered 200" in steps[0]
    secret = "api_key" if route.adapter == "sendgrid" else "auth_token"
    house.folder.joinpath("other").write_text("SG.other")
    place = f"file:{house.folder / 'other'}"
    other = route.model_copy(update={route.adapter: account.model_copy(update={secret: place})})
    assert "credentials were not taken" in (await asyncio.to_thread(tried, other))[1]
    missing = route.model_copy(update={route.adapter: account.model_copy(update={secret: "env:FANFARE_NOT_THERE"})})
    assert "is not set" in (await asyncio.to_thread(tried, missing))[1]
    assert (house.folder / f"{route.adapter}.txt").stat().st_size == 0
