"""The simulated Mailgun: what it refuses, its events page by page. The contract with the adapter: test_contract."""

import json
from typing import Any

import aiohttp
import pytest

from app.local.simulators.routes import MAIL_DOMAIN
from app.local.sink_read import load
from tests.simulators.conftest import MESSAGE, House

Fields = list[tuple[str, str]]
BATCH: Fields = [
    ("from", "Acme <news@mg.example.org>"), ("to", "ann@example.com"), ("to", "Bob <bounce+2@example.com>"),
    ("subject", "Hi %recipient.name%"), ("text", "Hi"), ("v:msg_id", "%recipient.mid%"), ("v:attempt", "1"),
    ("recipient-variables", json.dumps({
        "ann@example.com": {"mid": MESSAGE, "name": "Ann"}, "bounce+2@example.com": {"mid": "cd" * 16, "name": "Bob"},
    })),
]  # fmt: skip


async def call(house: House, method: str, url: str, key: str = "", **more: Any) -> tuple[int, Any]:
    """Status and answer."""
    headers = {"Authorization": aiohttp.encode_basic_auth("api", key or house.keys.text("mailgun-api-key"))}
    async with house.session.request(method, url, headers=headers, **more) as answer:
        text = await answer.text()
        return answer.status, json.loads(text) if text.startswith("{") else text


async def send(house: House, fields: Fields, key: str = "") -> tuple[int, Any]:
    """A form as multipart, as Mailgun's clients post it."""
    with aiohttp.MultipartWriter("form-data") as form:
        for name, value in fields:
            form.append(value).set_content_disposition("form-data", name=name)
    return await call(house, "POST", f"{house.url('mailgun')}/v3/{MAIL_DOMAIN}/messages", key, data=form)


def but(**changes: str) -> Fields:
    """The batch with fields changed; "" leaves one out."""
    named = {name.replace("__", ":").replace("_variables", "-variables"): value for name, value in changes.items()}
    kept = [(name, value) for name, value in BATCH if name not in named]
    return kept + [(name, value) for name, value in named.items() if value]


async def test_a_batch_is_taken_once_for_each_with_variables_of_his_own(house: House) -> None:
    """One id for all; our ids come out of the recipient variables."""
    status, said = await send(house, BATCH)
    assert status == 200 and said["message"] == "Queued. Thank you."
    accepted = {(each.message, each.address) for each in load(house.folder / "mailgun.txt")}
    assert accepted == {(MESSAGE, "ann@example.com"), ("cd" * 16, "bounce+2@example.com")}
    await house.until(lambda: len(house.place.got) == 4)
    events = [json.loads(got.body)["event-data"] for got in house.place.got]
    assert {(each["user-variables"]["msg_id"], each["event"]) for each in events} == {
        (MESSAGE, "accepted"), (MESSAGE, "delivered"), ("cd" * 16, "accepted"), ("cd" * 16, "failed"),
    }  # fmt: skip
    assert {each["message"]["headers"]["message-id"] for each in events} == {said["id"].strip("<>")}


async def test_events_are_listed_page_by_page(house: House) -> None:
    """Each once, in order, until a page is empty."""
    for _ in range(3):
        await send(house, BATCH)
    await house.until(lambda: house.simulator("mailgun").reports.counts["events"] == 12)
    page = f"{house.url('mailgun')}/v3/{MAIL_DOMAIN}/events?begin=1&ascending=yes&limit=5"
    found: list[dict[str, Any]] = []
    while True:
        _, said = await call(house, "GET", page)
        if not said["items"]:
            break
        found += said["items"]
        page = said["paging"]["next"]
    assert len(found) == 12 and len({each["id"] for each in found}) == 12
    failed = f"{house.url('mailgun')}/v3/{MAIL_DOMAIN}/events?event=failed%20OR%20rejected&severity=permanent"
    _, said = await call(house, "GET", failed)
    assert {each["recipient"] for each in said["items"]} == {"bounce+2@example.com"} and len(said["items"]) == 3
    _, said = await call(house, "GET", f"{house.url('mailgun')}/v3/{MAIL_DOMAIN}/bounces")
    assert {each["address"] for each in said["items"]} == {"bounce+2@example.com"}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (but(to="nobody", recipient_variables=""), "to parameter is not a valid address"),
        (but(to="refused@example.com", recipient_variables=""), "to parameter is not a valid address"),
        (
            but(to=",".join(f"p{each}@example.com" for each in range(1_001)), recipient_variables=""),
            "Too many recipients",
        ),
        (but(recipient_variables='{"eve@example.com": {}}'), "eve@example.com"),
        (but(recipient_variables="no json"), "valid JSON"),
        (but(text=""), "Need at least one of"),
        (but(**{"from": ""}), "from parameter is missing"),
        (but(v__x="y" * 17_000), "16 kB total"),
    ],
)
async def test_what_the_real_one_refuses_is_refused(house: House, fields: Fields, words: str) -> None:
    """In its words, and nothing of it is taken."""
    status, said = await send(house, fields)
    assert status == 400 and words in said["message"]
    assert load(house.folder / "mailgun.txt") == []


async def test_keys_domains_and_the_test_mode(house: House) -> None:
    """401, 404, and a message that is queued for nobody."""
    assert (await send(house, BATCH, key="no"))[0] == 401
    assert (await call(house, "POST", f"{house.url('mailgun')}/v3/other.example/messages", data={}))[0] == 404
    assert (await send(house, [*BATCH, ("o:testmode", "yes")]))[0] == 200
    assert load(house.folder / "mailgun.txt") == []
