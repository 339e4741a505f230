"""One contract for all: what our adapters send is taken, and what the simulators report is believed and understood.

The two know nothing of each other. Official SDKs check both: test_ses, test_sendgrid, test_twilio.
"""

import dataclasses
import time
from collections.abc import Mapping
from typing import Any

import pytest
import yarl

from app.content.email_parts import EmailParts
from app.content.sms_message import SmsText
from app.content.voice_message import VoiceText
from app.content.whatsapp_message import WhatsAppTemplate
from app.delivery.outcomes import Kind
from app.local.simulators.known import NAMES
from app.local.simulators.routes import routes_of
from app.local.sink_read import load
from app.providers.contract import Answer, Hook, Message, Request, Sought
from app.providers.echo import query_of
from app.providers.registry import adapter_of
from app.records import ReceivedReport, Told
from app.routes import Route
from app.transport.secrets import SecretKeeper
from tests.providers.samples import messages
from tests.simulators.conftest import Got, House

ID = bytes(range(16))
CONTENTS = {
    "sms": SmsText("Spring sale, Ann: 20 % off", "1107160000000000001", {"VAR1": "Ann"}),
    "voice": VoiceText("Your table is ready"),
    "whatsapp": WhatsAppTemplate("spring_sale", "en_US", ("Ann",), buttons=("abc",)),
}
ROUTES = [*(f"sim-{name}" for name in NAMES if name != "smpp"), "sim-twilio-voice"]  # SMPP: tests/transport


def route_of(house: House, name: str) -> Route:
    """The route that `fanfare simulators routes` makes."""
    return next(each for each in routes_of(NAMES, house.port, house.keys) if each.name == name)


def adapter_for(route: Route) -> Any:
    """Its adapter."""
    adapter = adapter_of(route.adapter, route.channel)
    if adapter is None:
        pytest.skip(f"no adapter {route.adapter} yet")
    return adapter


def message_on(house: House, route: Route, address: str) -> Message:
    """A message of the channel of *route*."""
    if route.channel == "email":
        made = messages([("Ann", "Porto")], whole=route.adapter == "ses")[0]
        content = made.content
        if isinstance(content, EmailParts):
            content = dataclasses.replace(content, to=address)
        return dataclasses.replace(made, message_id=ID, attempt=2, address=address, content=content)
    return Message(ID, 2, "acme", "c_1", address, CONTENTS[route.channel], callback=house.place.url)


def people_of(route: Route) -> tuple[str, str]:
    """Somebody who gets it, and somebody whom the API refuses."""
    return ("p0@example.com", "refused@example.com") if route.channel == "email" else ("+14155550100", "+14155550010")


async def asked(house: House, request: Request) -> Answer:
    """The answer to *request*, sent as it is."""
    url = yarl.URL(request.url, encoded=True)
    async with house.session.request(request.method, url, data=request.body or None, headers=request.headers) as got:
        headers = {name.lower(): value for name, value in got.headers.items()}
        return Answer(got.status, headers, await got.read())


def hook_of(got: Got) -> Hook:
    """A webhook as the edge has it."""
    headers = {name.lower(): value for name, value in got.headers.items()}
    return Hook(got.method, got.url, yarl.URL(got.url, encoded=True).raw_query_string, headers, got.body, "127.0.0.1")


def told_in(adapter: Any, route: Route, got: Got, at: float) -> list[Told]:
    """What the adapter reads in a webhook; nothing of it may be unreadable."""
    hook = hook_of(got)
    kind = hook.headers.get("content-type", "")
    received = ReceivedReport(route.adapter, route.name, "webhook", at, hook.body, kind, hook.query)
    found = adapter.events_in(route.config, received)
    assert all(isinstance(each, Told) for each in found), found
    return list(found)


@pytest.mark.parametrize("name", ROUTES)
async def test_an_adapter_and_its_simulator_understand_each_other(house: House, name: str) -> None:
    """Sent, accepted with an id, reported as delivered under our id or the provider's, and looked up."""
    route = route_of(house, name)
    adapter = adapter_for(route)
    await house.order(route.adapter, pace=0.001)
    secrets: Mapping[str, str] = await SecretKeeper().of(route.config)
    message = message_on(house, route, people_of(route)[0])
    answer = await asked(house, adapter.request_for(route.config, secrets, [message], time.time()))
    (outcome,) = adapter.result_of([message], answer, time.time())
    assert outcome.kind == Kind.ACCEPTED, (outcome, answer)
    accepted = load(house.folder / f"{route.adapter}.txt")
    assert [each.address for each in accepted] == [message.address]
    if route.adapter != "msg91":  # where an echo is not documented
        assert accepted[0].message == ID.hex()

    reports = house.simulator(route.adapter).reports
    await house.until(lambda: reports.planned() == 0 and reports.waiting() == 0 and bool(house.place.got))
    told = []
    for got in house.place.got:
        assert adapter.verified(route.config, secrets, hook_of(got), time.time()) == ""
        told += told_in(adapter, route, got, time.time())
    assert "delivered" in {each.kind for each in told}
    assert all(each.message_id == ID or each.ref == outcome.ref for each in told), (told, outcome)
    wrong = {field: "x" + secret[1:] if secret[:1] != "x" else "y" + secret[1:] for field, secret in secrets.items()}
    if route.adapter not in ("msg91", "sendgrid", "ses"):  # nothing is signed; with a key that is no secret
        assert adapter.verified(route.config, wrong, hook_of(house.place.got[0]), time.time()) != ""

    sought = Sought(ID, 2, outcome.ref, accepted[0].at, message.address)
    request = adapter.lookup_for(route.config, secrets, sought, time.time())
    if request is not None:
        found = await asked(house, request)
        kind = found.headers.get("content-type", "")
        received = ReceivedReport(route.adapter, name, "lookup", time.time(), found.body, kind, query_of(sought))
        events = adapter.events_in(route.config, received)
        assert [each for each in events if isinstance(each, Told) and each.kind == "delivered"], (events, found)


@pytest.mark.parametrize("name", ROUTES)
async def test_what_a_simulator_refuses_is_no_acceptance(house: House, name: str) -> None:
    """A wrong key is the account's fault, a refused address its own; throttling and outages are for later."""
    route = route_of(house, name)
    adapter = adapter_for(route)
    secrets = await SecretKeeper().of(route.config)
    good, bad = (message_on(house, route, address) for address in people_of(route))

    async def outcome_of(message: Message, secrets: Mapping[str, str]) -> Any:
        answer = await asked(house, adapter.request_for(route.config, secrets, [message], time.time()))
        return adapter.result_of([message], answer, time.time())[0]

    wrong = await outcome_of(good, {field: secret[:-1] + "?" for field, secret in secrets.items()})
    assert (wrong.kind, wrong.klass) == (Kind.UNAVAILABLE, "account"), wrong
    refused = await outcome_of(bad, secrets)
    assert refused.kind in (Kind.REFUSED, Kind.BLOCKED), refused
    await house.order(route.adapter, errors={"throttle": 1.0})
    assert (await outcome_of(good, secrets)).kind == Kind.THROTTLED
    await house.order(route.adapter, errors={"unavailable": 1.0})
    assert (await outcome_of(good, secrets)).kind in (Kind.UNAVAILABLE, Kind.DEFERRED, Kind.UNCERTAIN)
    assert load(house.folder / f"{route.adapter}.txt") == []
    await house.order(route.adapter, errors={})
    assert (await outcome_of(good, secrets)).kind == Kind.ACCEPTED
