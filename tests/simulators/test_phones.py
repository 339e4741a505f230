"""The simulated MSG91, Vonage and WhatsApp: what they refuse and report. The contract with adapters: test_contract."""

import hmac
import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from app.local.simulators.vonage import signed
from app.local.sink_read import load
from tests.simulators.conftest import MESSAGE, Got, House

# -- MSG91


async def flow(house: House, *numbers: str, key: str = "", **more: Any) -> dict[str, Any]:
    """The answer to a flow to *numbers*."""
    body = {"template_id": "60", "recipients": [{"mobiles": each, "VAR1": "Ann"} for each in numbers]} | more
    headers = {"authkey": key or house.keys.text("msg91-auth-key")}
    async with house.session.post(f"{house.url('msg91')}/api/v5/flow", json=body, headers=headers) as answer:
        assert answer.status == 200  # errors, too
        found: dict[str, Any] = await answer.json()
        return found


def reports_in(got: Got) -> list[dict[str, Any]]:
    """The reports of a post in form v2."""
    data = json.loads(dict(parse_qsl(got.body.decode()))["data"])
    return [each | {"requestId": call["requestId"]} for call in data for each in call["report"]]


async def test_msg91_reports_on_each_number_of_a_call(house: House) -> None:
    """One id for the call; what became of each number in one post or several."""
    said = await flow(house, "919500000558", "919500000002", "919500000003")
    await house.until(lambda: sum(len(reports_in(got)) for got in house.place.got) == 3)
    told = [each for got in house.place.got for each in reports_in(got)]
    assert {each["requestId"] for each in told} == {said["message"]}
    assert {each["number"]: each["status"] for each in told} == {
        "919500000558": "1", "919500000002": "2", "919500000003": "9",
    }  # fmt: skip


@pytest.mark.parametrize("form", ["v3", "v4", "new"])
async def test_msg91_reports_in_the_form_that_was_chosen(house: House, form: str) -> None:
    """JSON, one post a number."""
    await house.order("msg91", report_format=form)
    await flow(house, "919500000558")
    await house.until(lambda: len(house.place.got) == 1)
    told = json.loads(house.place.got[0].body)
    assert "919500000558" in json.dumps(told)
    assert "delivered" in json.dumps(told).lower()


@pytest.mark.parametrize(
    ("numbers", "more", "code"),
    [
        (("+919500000558",), {}, "202"), (("919500000010",), {}, "202"), ((), {}, "101"), (("",), {}, "101"),
        (("919500000558",), {"template_id": ""}, "400"), (("919500000558",), {"template_id": 7}, "105"),
        (("919500000558",) * 1_001, {}, "105"), (("919500000558",), {"key": "x"}, "207"),
    ],
)  # fmt: skip
async def test_msg91_refuses_what_the_real_one_does(
    house: House, numbers: tuple[str, ...], more: dict[str, Any], code: str
) -> None:
    """With HTTP 200 and a code."""
    said = await flow(house, *numbers, **more)
    assert (said["type"], said["code"]) == ("error", code)
    assert load(house.folder / "msg91.txt") == []


# -- Vonage


async def sms(house: House, **changes: str) -> dict[str, Any]:
    """The answer to an SMS."""
    form = {
        "api_key": house.keys.text("vonage-api-key"), "api_secret": house.keys.text("vonage-api-secret"),
        "from": "Acme", "to": "14155550100", "text": "Hello", "client-ref": f"{MESSAGE}-1",
    } | changes  # fmt: skip
    async with house.session.post(f"{house.url('vonage')}/sms/json", data=form) as answer:
        assert answer.status == 200
        found: dict[str, Any] = await answer.json()
        return found


def test_receipts_are_signed_as_the_vectors_say() -> None:
    """Vonage's own SDK gives this signature for these parameters."""
    told = signed({"param1": "value1", "param2": "value2", "timestamp": "1234567890"}, "signature_secret")
    assert told["sig"] == "280c4320703dbc98bfa22db676655ed2acfbfe8792b062ff7622e67f1183c287"


@pytest.mark.parametrize("by", ["json", "form", "get"])
async def test_vonage_reports_on_each_part(house: House, by: str) -> None:
    """A long text has several ids, and a receipt for each, whichever way they come."""
    await house.order("vonage", report_by=by)
    said = await sms(house, text="x" * 161)
    ids = {each["message-id"] for each in said["messages"]}
    assert said["message-count"] == "2" and len(ids) == 2
    await house.until(lambda: len(house.place.got) == 4)
    told = []
    for got in house.place.got:
        query = urlsplit(got.url).query or got.body.decode()
        told.append(json.loads(got.body) if by == "json" else dict(parse_qsl(query, keep_blank_values=True)))
    assert {each["messageId"] for each in told if each["status"] == "delivered"} == ids
    assert {each["client-ref"] for each in told} == {f"{MESSAGE}-1"}
    for each in told:
        given = each.pop("sig")
        assert signed(each, house.keys.text("vonage-signature-secret"))["sig"] == given


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"api_secret": "x"}, "4"), ({"to": ""}, "2"), ({"text": ""}, "2"), ({"to": "nobody"}, "3"),
        ({"to": "14155550010"}, "3"), ({"from": "much too long a name"}, "15"), ({"text": "x" * 3_201}, "6"),
        ({"client-ref": "x" * 101}, "3"),
    ],
)  # fmt: skip
async def test_vonage_refuses_what_the_real_one_does(house: House, changes: dict[str, str], status: str) -> None:
    """With HTTP 200 and a status."""
    assert (await sms(house, **changes))["messages"][0]["status"] == status
    assert load(house.folder / "vonage.txt") == []


# -- WhatsApp


def template(**changes: Any) -> dict[str, Any]:
    """A template to somebody."""
    body = {"type": "body", "parameters": [{"type": "text", "text": "Ann"}]}
    told = {"name": "spring", "language": {"code": "en_US"}, "components": [body]}
    return {
        "messaging_product": "whatsapp", "recipient_type": "individual", "to": "14155550100", "type": "template",
        "template": told, "biz_opaque_callback_data": f"{MESSAGE}-1",
    } | changes  # fmt: skip


async def whatsapp(house: House, said: dict[str, Any], token: str = "") -> tuple[int, dict[str, Any]]:
    """Status and answer."""
    url = f"{house.url('whatsapp')}/v23.0/{house.keys.text('whatsapp-number-id')}/messages"
    headers = {"Authorization": f"Bearer {token or house.keys.text('whatsapp-token')}"}
    async with house.session.post(url, json=said, headers=headers) as answer:
        return answer.status, await answer.json()


def values_in(house: House, what: str) -> list[dict[str, Any]]:
    """All statuses or messages that came, with good signatures only."""
    secret = house.keys.text("whatsapp-app-secret").encode()
    found = []
    for got in house.place.got:
        assert got.headers["X-Hub-Signature-256"] == f"sha256={hmac.digest(secret, got.body, 'sha256').hex()}"
        for entry in json.loads(got.body)["entry"]:
            for change in entry["changes"]:
                found += change["value"].get(what, [])
    return found


async def test_whatsapp_reports_in_batches_that_are_signed(house: House) -> None:
    """sent, delivered, and read by those who read."""
    said = [await whatsapp(house, template(to=f"1415555{each:04d}")) for each in (12, 100, 2)]
    assert {status for status, _ in said} == {200}
    await house.until(lambda: len(values_in(house, "statuses")) == 6)
    told: dict[str, list[str]] = {}
    for each in values_in(house, "statuses"):
        told.setdefault(each["recipient_id"], []).append(each["status"])
        assert each["biz_opaque_callback_data"] == f"{MESSAGE}-1"
    assert told == {
        "14155550012": ["sent", "delivered", "read"], "14155550100": ["sent", "delivered"], "14155550002": ["failed"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"messaging_product": "x"}, 100), ({"to": ""}, 100), ({"to": "nobody"}, 131009), ({"type": "poem"}, 131051),
        ({"template": None}, 131008), ({"template": {"name": "x"}}, 131008), ({"type": "text", "text": {}}, 100),
        ({"biz_opaque_callback_data": "x" * 513}, 100),
        ({"template": {"name": "other", "language": {"code": "en"}}}, 132001),
        ({"template": {"name": "spring", "language": {"code": "en"}}}, 132000),
        ({"template": {"name": "spring", "language": {"code": "en"}, "components": [
            {"type": "body", "parameters": [{"type": "text", "text": ""}]}
        ]}}, 132012),
    ],
)  # fmt: skip
async def test_whatsapp_refuses_what_the_real_one_does(house: House, changes: dict[str, Any], code: int) -> None:
    """By the code of the error."""
    await house.order("whatsapp", templates={"spring": 1})
    status, said = await whatsapp(house, template(**changes))
    assert status >= 400 and said["error"]["code"] == code
    assert load(house.folder / "whatsapp.txt") == []


async def test_whatsapp_takes_texts_of_a_conversation_only(house: House) -> None:
    """Without a message of theirs in the last 24 hours the text fails; after one it goes through."""
    text = template(type="text", text={"body": "Hello"})
    assert (await whatsapp(house, text))[0] == 200
    await house.until(lambda: len(values_in(house, "statuses")) == 1)
    assert [each["errors"][0]["code"] for each in values_in(house, "statuses")] == [131047]
    url = f"http://127.0.0.1:{house.port}/control/whatsapp/inbound"
    said = {"from": "+14155550100", "to": "+15005550006", "text": "Grüße / 👋"}
    async with house.session.post(url, json=said) as answer:
        assert answer.status == 200
        assert (await answer.json())["to"] == "+15550783881"  # the only number that it has
    async with house.session.post(url, json=said | {"from": "+1415"}) as answer:
        assert answer.status == 400 and "+1415" in (await answer.json())["error"]
    await house.until(lambda: [each["text"]["body"] for each in values_in(house, "messages")] == ["Grüße / 👋"])
    await whatsapp(house, text)
    await house.until(lambda: len(values_in(house, "statuses")) == 3)
    assert {each["status"] for each in values_in(house, "statuses")} == {"failed", "sent", "delivered"}


async def test_whatsapp_bounds_what_one_person_gets(house: House) -> None:
    """131056 after the burst; others are not held up."""
    codes = [(await whatsapp(house, template()))[1].get("error", {}).get("code") for _ in range(47)]
    assert codes[:45] == [None] * 45 and codes[-1] == 131056
    assert (await whatsapp(house, template(to="14155550101")))[0] == 200


async def test_whatsapp_asks_a_new_webhook_for_its_challenge(house: House) -> None:
    """Our place answers an empty 200: that is none."""
    async with house.session.post(f"http://127.0.0.1:{house.port}/control/whatsapp/subscribe", json={}) as answer:
        assert answer.status == 200
    await house.until(lambda: len(house.place.got) == 1)
    asked = dict(parse_qsl(urlsplit(house.place.got[0].url).query))
    assert asked["hub.verify_token"] == house.keys.text("whatsapp-verify-token")
    await house.until(lambda: house.simulator("whatsapp").reports.counts["refused.400"] == 1)
