"""Links in mails: nothing is followed that we did not make, and leaving is certain."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from aiokafka import AIOKafkaConsumer, TopicPartition

from app import ids
from app.content.links import LinkSigner
from app.records import EventPack, Undecodable, decode
from app.settings import Settings
from app.topics import EVENT_RECORDED, SUPPRESSION_COMMANDED
from tests.web.conftest import KEY

pytestmark = pytest.mark.integration

Edge = TestClient[Any, Any]
RECIPIENT = ids.recipient_id(KEY, "email", "ada@example.com")
MESSAGE = ids.message_id(20_000, "cmp_t", 1, RECIPIENT, "email")
SIGNER = LinkSigner(KEY, "default", "cmp_t")
TOKEN = SIGNER.token(MESSAGE, RECIPIENT)
LINK = SIGNER.link(3, "https://example.com/shoes?a=1&b=2")


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


def event(record: Any) -> EventPack:
    """The event in *record*."""
    pack = decode(EventPack, record.value)
    assert not isinstance(pack, Undecodable)
    return pack


async def test_an_open_shows_a_pixel_and_is_recorded(edge: Edge, published: AIOKafkaConsumer) -> None:
    """
    The pixel must be an image whatever happens.
    """
    answer = await edge.get(f"/o/{TOKEN}.gif")
    assert (answer.status, answer.content_type) == (200, "image/gif")
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    pack = event(await published.getone())
    assert (pack.kind, pack.campaign, pack.message_ids) == ("opened", "cmp_t", MESSAGE)


async def test_a_click_leads_to_its_target_and_is_recorded(edge: Edge, published: AIOKafkaConsumer) -> None:
    """
    The whole query of the target survives.
    """
    answer = await edge.get(f"/c/{TOKEN}/{LINK}", allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (302, "https://example.com/shoes?a=1&b=2")
    pack = event(await published.getone())
    assert (pack.kind, pack.details) == ("clicked", ["3 https://example.com/shoes?a=1&b=2"])


async def test_a_link_that_was_changed_leads_nowhere(edge: Edge) -> None:
    """
    An open redirect on a sender's domain is a gift to phishers.
    """
    other = LinkSigner(b"x" * 32, "default", "cmp_t")
    for path in (
        f"/c/{TOKEN}/{other.link(3, 'https://evil.example')}",
        f"/c/{other.token(MESSAGE, RECIPIENT)}/{LINK}",
        f"/o/{TOKEN[:-1]}A.gif" if not TOKEN.endswith("A") else f"/o/{TOKEN[:-1]}B.gif",
        f"/u/{other.token(MESSAGE, RECIPIENT)}",
    ):
        answer = await edge.get(path, allow_redirects=False)
        assert answer.status == 404, path


async def test_opening_the_unsubscribe_page_changes_nothing(edge: Edge, published: AIOKafkaConsumer) -> None:
    """
    Mail scanners follow every link of a mail.
    """
    answer = await edge.get(f"/u/{TOKEN}")
    assert answer.status == 200
    assert "<form" in await answer.text()
    assert await published.getmany(timeout_ms=300) == {}


async def test_one_click_unsubscribes_through_the_recipients_partition(edge: Edge, published: AIOKafkaConsumer) -> None:
    """
    RFC 8058: mailbox providers post this without a person looking; it must hold.
    """
    answer = await edge.post(f"/u/{TOKEN}", data={"List-Unsubscribe": "One-Click"})
    assert answer.status == 200
    seen = {}
    while len(seen) < 2:
        record = await published.getone()
        seen[record.topic] = record
    command = seen[SUPPRESSION_COMMANDED]
    assert command.partition == ids.partition_of(RECIPIENT, 2)
    told = json.loads(command.value)
    assert told.pop("at") > 0
    assert told == {
        "op": "add", "recipient_id": RECIPIENT.hex(), "scope": "account", "scope_id": "default",
        "reason": "unsubscribed", "source": "one-click",
    }  # fmt: skip
    assert event(seen[EVENT_RECORDED]).kind == "unsubscribed"
