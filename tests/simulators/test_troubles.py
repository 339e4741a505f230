"""What a simulator does on order: errors, outages, lost answers; reports late, twice, out of order, again."""

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from app.local.sink_read import duplicates, load
from tests.simulators.conftest import House

MAIL = {
    "from": {"email": "n@example.com"}, "subject": "x", "content": [{"type": "text/plain", "value": "Hi"}],
}  # fmt: skip


async def send(house: House, count: int = 1, first: int = 0, main: bool = False) -> int:
    """The status of a call with *count* messages."""
    many = [
        {"to": [{"email": f"p{each}@example.com"}], "custom_args": {"msg_id": f"{each:032x}"}}
        for each in range(first, first + count)
    ]
    headers = {"Authorization": f"Bearer {house.keys.text('sendgrid-api-key')}"}
    base = f"http://127.0.0.1:{house.port}/sendgrid" if main else house.url("sendgrid")
    async with house.session.post(
        f"{base}/v3/mail/send", json=MAIL | {"personalizations": many}, headers=headers
    ) as got:
        return got.status


def told(house: House) -> list[dict[str, Any]]:
    """All events that came."""
    return [event for got in house.place.got for event in json.loads(got.body)]


async def test_an_outage_answers_503_and_ends_by_itself(house: House) -> None:
    """`break --outage 1s`: nothing is taken meanwhile, and nobody has to mend it."""
    await house.order("sendgrid", outage="error")
    assert await send(house) == 503
    assert load(house.folder / "sendgrid.txt") == []
    await house.order("sendgrid", outage="error", seconds=0.2)
    await house.until(lambda: not house.simulator("sendgrid").orders.outage)
    assert await send(house) == 202


async def test_a_closed_door_refuses_connections_of_this_provider_only(house: House) -> None:
    """No connection is another thing than an error: whoever meets it knows that nothing was taken."""
    assert await send(house) == 202
    await house.order("sendgrid", outage="refuse")
    with pytest.raises(aiohttp.ClientConnectorError):
        await send(house)
    with pytest.raises(aiohttp.ClientError):
        await send(house, main=True)
    async with house.session.get(f"{house.url('twilio')}/2010-04-01/Accounts/x/Messages.json") as answer:
        assert answer.status == 401
    await house.order("sendgrid", mend=True)
    assert await send(house) == 202


async def test_a_lost_answer_is_a_message_that_was_taken(house: House) -> None:
    """The case of an uncertain outcome: the record has it, its sender does not know."""
    await house.order("sendgrid", lost=1.0)
    with pytest.raises(aiohttp.ClientError):
        await send(house)
    await house.order("sendgrid", lost=1.0, lost_by="hang")
    sending = asyncio.create_task(send(house, first=1))
    await house.until(lambda: len(load(house.folder / "sendgrid.txt")) == 2)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(sending, 0.1)
    assert [each.message for each in load(house.folder / "sendgrid.txt")] == [f"{0:032x}", f"{1:032x}"]
    await house.until(lambda: len(told(house)) == 4)


async def test_errors_come_as_often_as_they_were_ordered(house: House) -> None:
    """By kind; what a simulator does not know is refused with those that it does."""
    await house.order("sendgrid", errors={"server": 0.5, "credits": 0.5})
    assert {await send(house) for _ in range(20)} == {500, 401}
    async with house.session.post(f"http://127.0.0.1:{house.port}/control/sendgrid", json={"errors": {"x": 1}}) as got:
        assert got.status == 400 and "throttle" in await got.text()
    await house.order("sendgrid", mend=True)
    assert await send(house) == 202


async def test_reports_come_in_batches_of_a_thousand(house: House) -> None:
    """As SendGrid posts them; and each message is in the record once."""
    await asyncio.gather(*(send(house, 1_000, first) for first in (0, 1_000, 2_000)))
    await house.until(lambda: house.simulator("sendgrid").reports.counts["told"] == 6_000)
    assert max(len(json.loads(got.body)) for got in house.place.got) == 1_000
    assert len(house.place.got) < 20
    accepted = load(house.folder / "sendgrid.txt")
    assert len(accepted) == 3_000 and duplicates(accepted) == {}


async def test_a_report_that_nobody_took_comes_again_the_same(house: House) -> None:
    """With the ids that it had: that is what tells a repeat."""
    house.place.answers = [503, 500]
    await send(house)
    await house.until(lambda: house.simulator("sendgrid").reports.counts["told"] == 2)
    assert house.place.got[0].body == house.place.got[-1].body or len(house.place.got) > 3
    ids = [each["sg_event_id"] for each in told(house)]
    assert len(set(ids)) == 2 < len(ids)


async def test_reports_come_twice_and_out_of_order(house: House) -> None:
    """A share of them, as ordered; the times in them are true all the same."""
    await house.order("sendgrid", twice=1.0, disorder=0.5)
    await send(house, 200)
    await house.until(lambda: house.simulator("sendgrid").reports.counts["told"] == 800)
    events = told(house)
    assert len({each["sg_event_id"] for each in events}) == 400
    first = {}
    for each in events:
        first.setdefault(each["msg_id"], each["event"])
    assert set(first.values()) == {"processed", "delivered"}


async def test_what_is_never_told_can_be_looked_up(house: House) -> None:
    """An hour of webhooks that is missing heals by asking."""
    await house.order("sendgrid", reports=False)
    await send(house)
    await house.until(lambda: house.simulator("sendgrid").reports.counts["never_told"] == 2)
    headers = {"Authorization": f"Bearer {house.keys.text('sendgrid-api-key')}"}
    query = {"query": 'to_email="p0@example.com"'}
    async with house.session.get(f"{house.url('sendgrid')}/v3/messages", params=query, headers=headers) as answer:
        assert [each["status"] for each in (await answer.json())["messages"]] == ["delivered"]
    assert house.place.got == []


async def test_realistic_people_bounce_and_complain_by_shares(house: House) -> None:
    """Some of many do, and always the same ones."""
    await house.order("sendgrid", realistic=True, pace=0.001)
    await asyncio.gather(*(send(house, 1_000, first) for first in (0, 1_000)))
    await house.until(lambda: house.simulator("sendgrid").reports.planned() == 0)
    await house.until(lambda: house.simulator("sendgrid").reports.waiting() == 0)
    kinds = {each["event"] for each in told(house)}
    assert kinds >= {"processed", "delivered", "bounce", "deferred", "open", "click"}
    assert any(each.get("sg_machine_open") for each in told(house))
