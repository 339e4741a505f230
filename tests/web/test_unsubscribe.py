"""Leaving: only a POST acts, it is certain, and the page speaks the recipient's language."""

import json
from collections.abc import AsyncIterator

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from app import ids
from app.content.links import LinkSigner
from app.records import EventPack, decode
from app.settings import Settings
from app.topics import EVENT_RECORDED, SUPPRESSION_COMMANDED
from app.web.words import words_in
from tests.web.test_tracking import MESSAGE, RECIPIENT, TOKEN, Edge

pytestmark = pytest.mark.integration


@pytest.fixture
async def published(settings: Settings) -> AsyncIterator[AIOKafkaConsumer]:
    """Reads events and suppressions from now on."""
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.kafka, enable_auto_commit=False)
    await consumer.start()
    places = [TopicPartition(topic, n) for topic in (EVENT_RECORDED, SUPPRESSION_COMMANDED) for n in range(2)]
    consumer.assign(places)
    await consumer.seek_to_end(*places)
    for place in places:
        await consumer.position(place)
    yield consumer
    await consumer.stop()


async def test_opening_the_page_changes_nothing(edge: Edge, published: AIOKafkaConsumer) -> None:
    """
    Mail scanners follow every link of a mail.
    """
    answer = await edge.get(f"/u/{TOKEN}")
    assert answer.status == 200
    assert '<form method="post">' in await answer.text()
    assert (await edge.head(f"/u/{TOKEN}")).status == 200
    assert await published.getmany(timeout_ms=300) == {}


@pytest.mark.parametrize(
    ("query", "accepted", "language", "direction"),
    [
        ("?l=pt-BR", "de", "pt", "ltr"),
        ("", "fr;q=0.5, xx, ar;q=0.9", "ar", "rtl"),
        ("?l=tlh", "sv-SE", "sv", "ltr"),
        ("?l=%00%22%3E", "*;q=zzz,,,;", "en", "ltr"),
    ],
)
async def test_the_page_is_in_the_language_of_the_recipient(
    edge: Edge, query: str, accepted: str, language: str, direction: str
) -> None:
    """
    Who cannot read how to leave presses the spam button instead.
    """
    answer = await edge.get(f"/u/{TOKEN}{query}", headers={"Accept-Language": accepted})
    text = await answer.text()
    assert (answer.status, answer.headers["Content-Language"]) == (200, language)
    assert f'<html lang="{language}" dir="{direction}">' in text
    assert "<script" not in text


@pytest.mark.parametrize(
    ("form", "source"), [({"List-Unsubscribe": "One-Click"}, "one-click"), ({"leave": "1"}, "page")]
)
async def test_a_post_unsubscribes_through_the_recipients_partition(
    edge: Edge, published: AIOKafkaConsumer, form: dict[str, str], source: str
) -> None:
    """
    RFC 8058: mailbox providers post this without a person looking; it must hold.
    """
    answer = await edge.post(f"/u/{TOKEN}", data=form)
    assert answer.status == 200
    seen = {}
    while len(seen) < 2:
        record = await published.getone()
        seen[record.topic] = record
    command = seen[SUPPRESSION_COMMANDED]
    assert command.partition == ids.partition_of(RECIPIENT, 2)
    told = json.loads(command.value)
    assert (told.pop("at") > 0, told.pop("until", 0)) == (True, 0)
    assert told == {
        "op": "add", "recipients": [RECIPIENT.hex()], "scope": "account", "scope_id": "default",
        "reason": "unsubscribed", "source": source,
    }  # fmt: skip
    pack = decode(EventPack, seen[EVENT_RECORDED].value)
    assert isinstance(pack, EventPack)
    assert (pack.kind, pack.message_ids, pack.details) == ("unsubscribed", MESSAGE, [source])


async def test_a_post_that_asks_for_nothing_changes_nothing(edge: Edge, published: AIOKafkaConsumer) -> None:
    """
    A POST by accident must not unsubscribe, and a wrong link tells nothing.
    """
    for kwargs in ({}, {"data": {"a": "b"}}, {"json": {"List-Unsubscribe": "One-Click"}}):
        answer = await edge.post(f"/u/{TOKEN}", **kwargs)
        assert answer.status == 400
        assert "List-Unsubscribe=One-Click" in (await answer.json())["detail"]
    assert (await edge.post(f"/u/{TOKEN}", data={"leave": "x" * 20_000})).status == 413
    foreign = LinkSigner(b"x" * 32, "default", "cmp_t").token(MESSAGE, RECIPIENT)
    assert (await edge.post(f"/u/{foreign}", data={"leave": "1"})).status == 404
    assert (await edge.get(f"/u/{foreign}")).status == 404
    assert await published.getmany(timeout_ms=300) == {}


async def test_a_broken_link_is_a_page_for_people_and_a_problem_for_programs(edge: Edge) -> None:
    """
    Mail programs cut links: who followed one must read what happened, in a language of theirs.
    """
    browser = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Accept-Language": "ar"}
    for path in ("/u/foo", "/c/foo/bar"):
        answer = await edge.get(path, headers=browser)
        text = await answer.text()
        assert (answer.status, answer.content_type, answer.headers["Content-Language"]) == (404, "text/html", "ar")
        assert words_in("ar")["broken"] in text and 'dir="rtl"' in text
        assert (await edge.get(path)).content_type == "application/problem+json"
    answer = await edge.get("/campaigns/c_x", headers=browser)
    assert (answer.status, answer.content_type) == (404, "text/html")
    assert "No such campaign" in await answer.text()
    answer = await edge.get("/v1/campaigns/c_x/none", headers=browser)
    assert answer.content_type == "application/problem+json"
