"""Links in mails: nothing is followed that we did not make, and every hit is told, of a person or of a machine."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from aiokafka import AIOKafkaConsumer, TopicPartition

from app import ids
from app.content.links import LinkSigner
from app.records import EventPack, Undecodable, decode
from app.settings import Settings
from app.topics import EVENT_RECORDED
from tests.web.conftest import KEY

pytestmark = pytest.mark.integration

Edge = TestClient[Any, Any]
RECIPIENT = ids.recipient_id(KEY, "email", "ada@example.com")
MESSAGE = ids.message_id(20_000, "cmp_t", 1, RECIPIENT, "email")
SIGNER = LinkSigner(KEY, "default", "cmp_t")
TOKEN = SIGNER.token(MESSAGE, RECIPIENT)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
LINK = SIGNER.link(3, "https://example.com/shoes?a=1&b=2")


@pytest.fixture
async def published(settings: Settings) -> AsyncIterator[AIOKafkaConsumer]:
    """Reads events from now on."""
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.kafka, enable_auto_commit=False)
    await consumer.start()
    places = [TopicPartition(EVENT_RECORDED, n) for n in range(2)]
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
    assert pack.classes == ["automated.tool"]  # a client library


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


async def test_the_first_of_several_links_in_a_moment_is_told_again_as_a_machines(
    edge: Edge, published: AIOKafkaConsumer
) -> None:
    """
    The same event with another class: it replaces the one that took a filter for a person.
    """
    for index in (0, 1):
        link = SIGNER.link(index, f"https://example.com/{index}")
        answer = await edge.get(f"/c/{TOKEN}/{link}", allow_redirects=False, headers={"User-Agent": FIREFOX})
        assert answer.status == 302
    told: list[tuple[float, str, str]] = []
    while len(told) < 3:
        pack = event(await published.getone())
        told += zip(pack.times, pack.details, pack.classes, strict=True)
    first = told[0]
    assert (first[1:], [klass for _, _, klass in told[1:]]) == (
        ("0 https://example.com/0", "human"), ["automated.burst"] * 2,
    )  # fmt: skip
    assert (*first[:2], "automated.burst") in told


async def test_a_head_is_no_hit(edge: Edge, published: AIOKafkaConsumer) -> None:
    """
    Scanners look where a link leads; nobody has read anything.
    """
    answer = await edge.head(f"/c/{TOKEN}/{LINK}", allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (302, "https://example.com/shoes?a=1&b=2")
    assert (await edge.head(f"/o/{TOKEN}.gif")).status == 200
    assert await published.getmany(timeout_ms=300) == {}
