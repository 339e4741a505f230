"""POST /v1/messages over a real broker: what reaches the gate, and what is answered."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
from aiohttp.test_utils import TestClient
from aiokafka import AIOKafkaConsumer, TopicPartition

from app import ids
from app.commands import Answer, CampaignEntry
from app.content.ready_made import READY_MADE
from app.delivery.gate import message_ids, mistakes_in
from app.records import RecipientPack, decode
from app.settings import Settings
from app.specs import CampaignSpec
from app.topics import LISTED_TRANSACTIONAL
from app.web.keys import LINK
from tests.web.conftest import Planes

pytestmark = pytest.mark.integration

Edge = TestClient[Any, Any]
CAMPAIGN = "c_receipts"


class Gate:
    """Reads what the edge puts on the transactional lane; answers claims as the gate does."""

    def __init__(self, planes: Planes) -> None:
        self.packs: list[tuple[int, RecipientPack]] = []
        self.claims: dict[bytes, tuple[bytes, str]] = {}  # pack id -> hash of the body, campaign
        self._planes = planes
        self.heard = asyncio.Event()

    async def take(self, partition: int, raw: bytes) -> None:
        """One record."""
        pack = decode(RecipientPack, raw)
        assert isinstance(pack, RecipientPack)
        assert mistakes_in(pack, "transactional", partition, 2, 2e9) == ""
        if pack.request:
            body, campaign = self.claims.setdefault(pack.pack_id, (pack.body, pack.campaign))
            said = Answer(id=pack.request, account=pack.account, status=202, campaign=campaign, thing={"at": 1.7e9})
            if body != pack.body:
                said = Answer(id=pack.request, account=pack.account, status=422, error="another", field="key")
            await self._planes.answer(said)
        else:
            self.packs.append((partition, pack))
            self.heard.set()

    def messages(self) -> list[str]:
        """Ids of all messages, as the gate works them out."""
        return [message.hex() for _, pack in self.packs for message in message_ids(pack, "email")]

    async def until(self, rows: int) -> list[dict[str, Any]]:
        """The variables of all rows, once there are so many."""
        async with asyncio.timeout(20):
            while sum(len(pack.rows) for _, pack in self.packs) < rows:
                self.heard.clear()
                await self.heard.wait()
        return [orjson.loads(row.variables) for _, pack in self.packs for row in pack.rows]


@asynccontextmanager
async def a_gate(settings: Settings, planes: Planes) -> AsyncIterator[Gate]:
    """A gate that reads from now on."""
    gate = Gate(planes)
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.kafka, enable_auto_commit=False)
    await consumer.start()
    places = [TopicPartition(LISTED_TRANSACTIONAL, number) for number in range(2)]
    consumer.assign(places)
    await consumer.seek_to_end(*places)
    for place in places:
        await consumer.position(place)

    async def follow() -> None:
        async for record in consumer:
            await gate.take(record.partition, record.value)

    task = asyncio.create_task(follow())
    try:
        yield gate
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await consumer.stop()


@pytest.fixture(autouse=True)
def secret(settings: Settings) -> None:
    """The key of all ids."""
    settings.secret_path.parent.mkdir(parents=True)
    settings.secret_path.write_bytes(b"k" * 32)


@pytest.fixture
async def gate(settings: Settings, planes: Planes) -> AsyncIterator[Gate]:
    """The gate of this test."""
    async with a_gate(settings, planes) as gate:
        yield gate


def entry(ident: str = CAMPAIGN, **fields: Any) -> CampaignEntry:
    """A transactional campaign that runs."""
    spec = CampaignSpec(from_email="receipts@acme.example", kind="transactional")
    known = {"id": ident, "account": "default", "state": "RUNNING", "spec": spec.model_dump(), "created_at": 1.0}
    return CampaignEntry.model_validate(known | fields)


async def known(edge: Edge, planes: Planes, *entries: CampaignEntry) -> None:
    """Let the edge hear of *entries*."""
    for each in entries:
        position = await planes.entry(each)
    tail = edge.server.app[LINK].control.tail  # type: ignore[union-attr]
    assert await tail.read_past(TopicPartition("campaign.changed", 0), position, 10)


async def post(edge: Edge, key: str = "", **body: Any) -> tuple[int, dict[str, Any]]:
    """(status, answer)."""
    answer = await edge.post("/v1/messages", json=body, headers={"Idempotency-Key": key} if key else {})
    return answer.status, json.loads(await answer.text())


async def test_a_thousand_people_get_their_messages_in_some_packs(edge: Edge, planes: Planes, gate: Gate) -> None:
    """The ids in the answer are those that events will name: programs look them up."""
    await known(edge, planes, entry())
    people = [{"to": f"p{number}@x.org", "variables": {"number": number}} for number in range(1_000)]
    status, said = await post(edge, campaign_id=CAMPAIGN, to=people, variables={"shop": "Acme", "number": -1})
    assert status == 202
    seen = await gate.until(1_000)
    assert sorted(each["number"] for each in seen) == list(range(1_000))
    assert {each["shop"] for each in seen} == {"Acme"}
    assert [each["to"] for each in said["messages"]] == [each["to"] for each in people]
    assert sorted(each["id"] for each in said["messages"]) == sorted(gate.messages())
    assert len(gate.packs) <= 4


async def test_two_messages_to_one_person_are_two(edge: Edge, planes: Planes, gate: Gate) -> None:
    """Two orders in one minute, in one request or in two that share a record: both want their receipt."""
    await known(edge, planes, entry())
    asked = [post(edge, campaign_id=CAMPAIGN, to=["ann@x.org", "ann@x.org"]) for _ in range(10)]
    answers = await asyncio.gather(*asked)
    await gate.until(20)
    told = [each["id"] for _, said in answers for each in said["messages"]]
    assert sorted(told) == sorted(gate.messages())
    assert len(set(told)) == 20


async def test_the_same_key_is_the_same_messages_and_another_body_is_refused(
    edge: Edge, planes: Planes, gate: Gate
) -> None:
    """A program that got no answer asks again, perhaps another edge, perhaps the next day."""
    await known(edge, planes, entry(), entry("c_other"))
    body = {"campaign_id": CAMPAIGN, "to": ["ann@x.org", "bob@x.org", "ann@x.org"]}
    first, again = await post(edge, "order-1", **body), await post(edge, "order-1", **body)
    assert first[0] == 202 and first == again
    await gate.until(6)
    assert sorted({each["id"] for each in first[1]["messages"]}) == sorted(set(gate.messages()))
    assert len(set(gate.messages())) == 3
    status, said = await post(edge, "order-1", **body | {"to": "cat@x.org"})
    assert (status, said["field"]) == (422, "key")
    assert (await post(edge, "order-2", **body))[1] != first[1]


async def test_ready_made_letters_make_one_campaign_for_all(edge: Edge, planes: Planes, gate: Gate) -> None:
    """Text that differs each time must not make a campaign each time; and every edge finds the same one."""
    letters = [
        {"from": "a@x.org", "to": "ann@x.org", "subject": f"Hello {{{{ {number} }}}}", "text": "{{ as it is }}"}
        for number in range(5)
    ]
    async with planes.answering(status=201, state="RUNNING") as seen:
        asking = [asyncio.create_task(post(edge, **each)) for each in letters]
        async with asyncio.timeout(20):
            while not seen:  # noqa: ASYNC110 - the list is filled by a consumer
                await asyncio.sleep(0.02)
        command = seen[0]
        ident = ids.thing_id("c", "default", command.id)
        await known(edge, planes, entry(ident))
        answers = await asyncio.gather(*asking)
    if any(status == 409 for status, _ in answers):  # the answer came before the entry
        answers = [await post(edge, **each) for each in letters]
    assert {status for status, _ in answers} == {202}
    assert len(seen) == 1 and command.start and command.content == READY_MADE
    sent = await gate.until(5)
    assert {each["text"] for each in sent} == {"{{ as it is }}"}
    assert {pack.campaign for _, pack in gate.packs} == {ident}


async def test_a_text_with_variables_is_a_template_of_its_own(edge: Edge, planes: Planes) -> None:
    """Its campaign is named by what it says, and by who says it."""
    body = {"from": "a@x.org", "to": "ann@x.org", "subject": "Code {{ code }}", "text": "{{ code }}"}
    async with planes.answering(status=422, error="no", field="spec.from_email") as seen:
        for other in ({}, {"from_name": "Acme"}, {"subject": "{{ code }}"}, {}):
            status, said = await post(edge, **body | other, variables={"code": "1"})
            assert (status, said["field"]) == (422, "from")
    assert len({command.id for command in seen}) == 3
    assert seen[0].content is not None and seen[0].content.subject == "Code {{ code }}"


DEEP: Any = []
for _ in range(300):
    DEEP = [DEEP]
WRONG: list[tuple[dict[str, Any], int, str]] = [
    ({"to": []}, 422, "to"),
    ({"to": [f"p{number}@x.org" for number in range(1_001)]}, 422, "to"),
    ({"to": ["ann@x.org", "bob"]}, 422, "to.1"),
    ({"to": "ann@x..org"}, 422, "to"),
    ({"to": [{"to": "ann@x.org", "variable": {}}]}, 422, "to.0.variable"),
    ({"to": "ann@x.org", "from": "a@x.org"}, 422, ""),
    ({"to": "ann@x.org", "from": "a", "subject": "Hi", "text": "Hello"}, 422, ""),
    ({"to": "ann@x.org", "variables": {"deep": DEEP}}, 422, "variables"),
    ({"to": "ann@x.org", "template_id": "t"}, 422, ""),
    ({"to": "ann@x.org", "campaign_id": "c_none"}, 404, "campaign_id"),
    ({"to": "ann@x.org", "campaign_id": "c_news"}, 422, "campaign_id"),
    ({"to": "ann@x.org", "campaign_id": "c_foreign"}, 404, "campaign_id"),
    ({"to": "ann@x.org", "campaign_id": "c_ended"}, 409, "campaign_id"),
    ({"to": "ann@x.org", "variables": {"x": "y" * 160_000}}, 413, "to"),
]


@pytest.mark.parametrize(("body", "status", "field"), WRONG)
async def test_what_cannot_be_sent_is_refused_with_its_place(
    edge: Edge, planes: Planes, body: dict[str, Any], status: int, field: str
) -> None:
    """One wrong address among a thousand is found by its number, and nobody of the thousand gets half of it."""
    news = CampaignSpec(from_email="a@x.org", lists=["all"]).model_dump()
    await known(
        edge, planes, entry(), entry("c_news", spec=news), entry("c_foreign", account="other"),
        entry("c_ended", state="CANCELLED"),
    )  # fmt: skip
    origin = {} if any(name in body for name in ("from", "template_id", "campaign_id")) else {"campaign_id": CAMPAIGN}
    answered, said = await post(edge, **origin | body)
    assert (answered, said.get("field", "")) == (status, field), said
