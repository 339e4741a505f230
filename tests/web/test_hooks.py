"""Webhooks at the edge: checked byte by byte, stored, and only then answered."""

import asyncio
import hashlib
import hmac
import io
import json
import time
import zlib
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiohttp.test_utils import TestClient, TestServer
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from app import ids
from app.provider_accounts import SendGrid
from app.providers.contract import Answer, Hook, Unreadable
from app.records import ReceivedReport, Told, decode
from app.routes import Route
from app.settings import Settings
from app.topics import REPORT_RECEIVED, ROUTE_CHANGED, THING_RECORDED
from app.transport.hook_visits import VisitError, Visits
from app.web.application import create_edge
from app.web.hook_counts import BAD_AT_ONCE, HookCounts
from app.web.hooks import ADAPTERS, COUNTS, MOST_BYTES, READING, STRANGERS, VISITS, Adapters
from app.web.keys import LINK
from app.web.strangers import Bound, Strangers
from tests.web.conftest import KEY, bearer

SECRET = b"i" * 32
URL = "https://mail.acme.example"
SIGNING = "the key that the provider and we share"


def signed(body: bytes) -> dict[str, str]:
    return {"X-Signature": hmac.digest(SIGNING.encode(), body, "sha256").hex(), "Content-Type": "application/json"}


def adapter(**more: Any) -> Any:
    """A small provider: it signs the body, and asks for what *more* says."""

    def verified(_: SendGrid, secrets: dict[str, str], hook: Hook, at: float) -> str:
        assert at > 1_700_000_000 and hook.url.startswith(URL + "/hooks/sendgrid/")
        if "api_key" not in secrets:
            return "no key"
        wanted = hmac.digest(secrets["api_key"].encode(), hook.body, hashlib.sha256).hex()
        return "" if hmac.compare_digest(hook.headers.get("x-signature", ""), wanted) else "another signature"

    return SimpleNamespace(verified=verified, hook_id=lambda hook: hook.headers.get("x-id", ""), **more)


Edge = TestClient[Any, Any]
VISITED: list[str] = []  # the first of which is not answered well


@pytest.fixture
async def edge(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Edge]:
    """An edge that knows one route of a small provider."""
    monkeypatch.setenv("HOOK_KEY", SIGNING)
    route = Route(name="sg", sendgrid=SendGrid(api_key="env:HOOK_KEY"), enabled=False)
    lost = Route(name="lost", sendgrid=SendGrid(api_key="env:NOT_SET"))
    async with AIOKafkaProducer(bootstrap_servers=settings.kafka) as producer:
        for each in (route, lost):
            await producer.send_and_wait(ROUTE_CHANGED, each.model_dump_json().encode(), key=each.name.encode())
    app = create_edge(settings.model_copy(update={"public_url": URL + "/"}), KEY, secret=SECRET)
    app[ADAPTERS] = Adapters(lambda *_: adapter())

    async def get(url: str) -> tuple[int, bytes]:
        VISITED.append(url)
        return (500 if len(VISITED) == 1 else 200), b""

    VISITED.clear()
    app[VISITS] = Visits(get)
    async with TestClient(TestServer(app), headers=bearer()) as client:
        await app[LINK].wait()
        yield client


def path(route: str = "sg") -> str:
    return f"/hooks/sendgrid/{ids.hook_token(SECRET, route)}"


async def stored(settings: Settings, topic: str = REPORT_RECEIVED) -> list[bytes]:
    """All records of *topic*."""
    places = [TopicPartition(topic, number) for number in range(settings.partitions)]
    found = []
    async with AIOKafkaConsumer(bootstrap_servers=settings.kafka, auto_offset_reset="earliest") as consumer:
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        await consumer.seek_to_beginning(*places)
        while any([await consumer.position(each) < ends[each] for each in places]):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                found += [record.value or b"" for record in records]
    return found


async def reports(settings: Settings) -> list[ReceivedReport]:
    return [cast(ReceivedReport, decode(ReceivedReport, raw)) for raw in await stored(settings)]


async def test_what_is_signed_is_stored_as_it_came_and_what_is_not_is_refused(edge: Edge, settings: Settings) -> None:
    """
    A provider that hears 200 never posts it again; whoever knows the address alone moves nothing.
    """
    before = len(await stored(settings))
    body = b'[{"event": "delivered",   "odd": "\\u00e9"}]'
    answer = await edge.post(path() + "?m=1&a=%20", data=body, headers=signed(body) | {"X-Id": "req-1"})
    assert answer.status == 200 and await answer.read() == b""
    (report,) = (await reports(settings))[before:]
    assert (report.provider, report.route, report.source, report.body) == ("sendgrid", "sg", "webhook", body)
    assert (report.query, report.id, report.packed) == ("m=1&a=%20", "req-1", False)
    for wrong, headers, status in (
        (body + b" ", signed(body), 403),
        (body, {}, 403),
        (io.BytesIO(b"x" * (MOST_BYTES + 1)), {}, 413),
        (body, signed(body) | {"Content-Encoding": "gzip"}, 415),
    ):
        assert (await edge.post(path(), data=wrong, headers=headers)).status == status
    for other in ("/hooks/sendgrid/" + "a" * 26, "/hooks/sendgrid/x", path().replace("sendgrid", "ses"), path("gone")):
        assert (await edge.post(other, data=body, headers=signed(body))).status == 404
    assert (await edge.post(path("lost"), data=body, headers=signed(body))).status == 503
    # Posted from a browser's page elsewhere, as a provider's server might be taken for.
    elsewhere = signed(body) | {"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"}
    assert (await edge.post(path(), data=body, headers=elsewhere)).status == 200
    assert len(await stored(settings)) == before + 2
    metrics = await (await edge.get("/metrics")).text()
    assert 'fanfare_webhooks_total{outcome="refused",provider="sendgrid"} 2.0' in metrics
    assert 'fanfare_webhooks_total{outcome="no_secret",provider="sendgrid"} 1.0' in metrics


async def test_a_large_body_is_packed_and_comes_through(edge: Edge, settings: Settings) -> None:
    """
    A lot of WhatsApp statuses has up to 3 MB, and a record of Kafka less.
    """
    body = json.dumps([{"number": number, "text": "much of the same"} for number in range(60_000)]).encode()
    assert 2_000_000 < len(body) < MOST_BYTES
    assert (await edge.post(path(), data=io.BytesIO(body), headers=signed(body))).status == 200
    found = [each for each in await reports(settings) if each.packed]
    assert [zlib.decompress(each.body) == body for each in found] == [True]


async def test_a_challenge_and_an_answer_of_its_own(edge: Edge, settings: Settings) -> None:
    """
    Meta wants its challenge back, Twilio wants XML.
    """

    def answer_for(_: SendGrid, secrets: dict[str, str], hook: Hook, __: float) -> Answer:
        return Answer(200, {"Content-Type": "text/xml"}, b"<Response/>" if hook.method == "POST" else b"challenge")

    edge.app[ADAPTERS].find = lambda *_: adapter(answer_for=answer_for)  # type: ignore[union-attr, index]
    before = len(await stored(settings))
    answer = await edge.get(path(), headers=signed(b""))
    assert await answer.text() == "challenge" and len(await stored(settings)) == before
    answer = await edge.post(path(), data=b"{}", headers=signed(b"{}"))
    assert await answer.text() == "<Response/>" and answer.content_type == "text/xml"
    assert len(await stored(settings)) == before + 1


async def test_a_subscription_is_confirmed_once_and_a_failed_visit_is_asked_for_again(
    edge: Edge, settings: Settings
) -> None:
    """
    What the visit answers is none of our business; that it happens once is.
    """
    url = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription"
    edge.app[ADAPTERS].find = lambda *_: adapter(confirmation_url=lambda *_: url)  # type: ignore[union-attr, index]
    before = len(await stored(settings))
    statuses = [(await edge.post(path(), data=b"{}", headers=signed(b"{}"))).status for _ in range(3)]
    assert statuses == [502, 200, 200] and [url, url] == VISITED
    assert len(await stored(settings)) == before
    assert any(b"are subscribed" in raw for raw in await stored(settings, THING_RECORDED))


async def test_many_bad_ones_are_told_of_and_then_not_looked_at(edge: Edge, settings: Settings) -> None:
    """
    A wrong key after a change at the provider loses every report: somebody should hear of it soon.
    """
    for _ in range(25):
        assert (await edge.post(path(), data=b"{}", headers={})).status == 403
    told = [raw for raw in await stored(settings, THING_RECORDED) if b"the edge refused" in raw]
    assert len(told) == 1 and b"another signature" in told[0]
    counts = edge.app[COUNTS]  # type: ignore[union-attr, index]
    for _ in range(int(BAD_AT_ONCE)):
        counts.bad("sg", "127.0.0.1", "", 1e9)
    assert (await edge.post(path(), data=b"{}", headers=signed(b"{}"))).status in (200, 429)


async def test_slow_and_large_bodies_keep_out_nobody(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Who announces much and sends little, or stops in the middle, takes no place of those who report.
    """
    monkeypatch.setattr(edge.app[READING], "_left", 200_000)  # type: ignore[union-attr, index]
    server = cast(TestServer, edge.server)
    slow = []
    for _ in range(30):
        reader, writer = await asyncio.open_connection(server.host, server.port)
        head = f"POST {path()} HTTP/1.1\r\nHost: x\r\nContent-Length: {MOST_BYTES}\r\n\r\n"
        writer.write(head.encode() + b"x" * 20_000)
        slow.append((reader, writer))
        await writer.drain()
    for _, writer in slow[:3]:  # these alone are a burden
        writer.write(b"x" * 60_000)
    body = b'[{"event": "delivered"}]'
    assert (await edge.post(path(), data=body, headers=signed(body))).status == 200
    large = b"[" + b" " * 150_000 + b"]"
    assert (await edge.post(path(), data=io.BytesIO(large), headers=signed(large))).status == 503
    for _, writer in slow:
        writer.close()
    for _ in range(100):
        if (await edge.post(path(), data=io.BytesIO(large), headers=signed(large))).status == 200:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("what was broken off is still counted")


async def test_a_token_that_alone_is_signed_is_taken_with_one_body(edge: Edge, settings: Settings) -> None:
    """
    Who has seen one webhook of Mailgun could post what he likes with its signature; it may itself post it again.
    """
    sly = adapter(SIGNS_ID_ALONE=True)
    sly.verified = lambda *_: ""
    edge.app[ADAPTERS].find = lambda *_: sly  # type: ignore[union-attr, index]
    before = len(await stored(settings))
    found = [
        (await edge.post(path(), data=body, headers={"X-Id": token})).status
        for token, body in (("t1", b"{}"), ("t1", b"{}"), ("t1", b"forged"), ("t2", b"other"), ("", b"a"), ("", b"b"))
    ]
    assert found == [200, 200, 403, 200, 200, 200]
    assert len(await stored(settings)) == before + 5
    again = create_edge(settings, KEY, secret=SECRET)  # as after a kill: nobody has closed the first one
    again[ADAPTERS] = Adapters(lambda *_: sly)
    async with TestClient(TestServer(again), headers=bearer()) as client:
        await again[LINK].wait()
        forged = [(await client.post(path(), data=body, headers={"X-Id": "t1"})).status for body in (b"forged", b"{}")]
    assert forged == [403, 200], "a restart forgets no token"


@pytest.mark.parametrize("kind", ["unverified", "unreadable"])
async def test_what_nobody_has_signed_is_bounded_by_bytes(edge: Edge, settings: Settings, kind: str) -> None:
    """Whoever learns the address of a route without a secret could else fill the disk, or push out other letters."""
    found = Unreadable("no report", b"") if kind == "unreadable" else Told(b"m" * 16, "delivered", 1.0)
    bounded = adapter(unsigned=lambda *_: True, events_in=lambda *_: [found])
    edge.app[ADAPTERS].find = lambda *_: bounded
    edge.app[STRANGERS][kind] = Strangers(Bound(2_000, 0.001, 4_000, 0.001))
    body = b"x" * 900

    async def post(sender: str, adapted: Any = bounded) -> int:
        edge.app[ADAPTERS].find = lambda *_: adapted
        answer = await edge.post(path(), data=body, headers=signed(body) | {"X-Forwarded-For": sender})
        if answer.status == 429:
            assert kind in await answer.text() and answer.headers["Retry-After"]
        return answer.status

    before = len(await stored(settings))
    assert [await post("192.0.2.1") for _ in range(4)] == [200, 200, 429, 429]
    assert [await post(f"192.0.2.{number}") for number in range(2, 6)] == [200, 200, 429, 429]
    assert len(await stored(settings)) == before + 4
    assert await post("192.0.2.1", adapter()) == 200, "what is signed has no such bound"
    other = adapter(unsigned=lambda *_: True, events_in=lambda *_: [Told(b"m" * 16, "delivered", 1.0)])
    assert await post("192.0.2.1", other) == (200 if kind == "unreadable" else 429)
    told = await (await edge.get("/metrics")).text()
    assert f'fanfare_webhooks_total{{outcome="too_much_{kind}",provider="sendgrid"}}' in told


def test_a_route_is_unsigned_where_nothing_can_be_checked() -> None:
    """MSG91 without from_addresses, Vonage without a secret."""
    from app.provider_accounts import Msg91, Vonage
    from app.providers import msg91, vonage

    assert msg91.unsigned(Msg91(auth_key="env:X"), {})
    assert not msg91.unsigned(Msg91(auth_key="env:X", from_addresses=["192.0.2.0/24"]), {})
    account = Vonage(api_key="k", api_secret="env:X")
    assert vonage.unsigned(account, {"api_secret": "s"}) and not vonage.unsigned(account, {"signature_secret": "s"})


def test_strangers_get_so_much_at_once_and_so_much_a_second() -> None:
    """A large body is taken while anything is left; time fills up to what is had at once, and no further."""
    strangers = Strangers(Bound(1_000, 10, 3_000, 100))
    assert strangers.admits("r", "a", 5_000, 0.0)
    assert not strangers.admits("r", "b", 1, 22.0), "all of them have had more than there is"
    assert strangers.admits("other", "b", 1, 22.0)
    assert not strangers.admits("r", "a", 1, 100.0) and strangers.admits("r", "b", 1, 100.0)
    assert strangers.admits("r", "a", 600, 10_000.0) and strangers.admits("r", "a", 600, 10_000.0)
    assert not strangers.admits("r", "a", 1, 10_000.0)
    for number in range(20_000):
        strangers.admits("r", str(number), 1, 20_000.0)
    assert len(strangers._left) <= 10_000


async def test_behind_a_proxy_one_bad_sender_keeps_out_nobody(edge: Edge) -> None:
    """
    A proxy of ours has one address for all; whom it names last is who posts.
    """
    counts = edge.app[COUNTS]  # type: ignore[union-attr, index]
    for _ in range(int(BAD_AT_ONCE) + 100):
        counts.bad("sg", "203.0.113.9", "", time.monotonic() + 1e6)
    body = b'[{"event": "delivered"}]'
    bad = signed(body) | {"X-Forwarded-For": "198.51.100.1, 203.0.113.9"}
    good = signed(body) | {"X-Forwarded-For": "203.0.113.9, 198.51.100.1"}
    assert (await edge.post(path(), data=body, headers=bad)).status == 429
    assert (await edge.post(path(), data=body, headers=good)).status == 200


async def test_who_names_certificates_that_are_none_is_counted_as_bad(edge: Edge, settings: Settings) -> None:
    """
    Each makes the edge visit somebody, and there are visits for a few a minute.
    """
    url = "https://sns.eu-west-1.amazonaws.com/none.pem"
    edge.app[ADAPTERS].find = lambda *_: adapter(certificate_url=lambda *_: url)  # type: ignore[union-attr, index]
    for _ in range(25):
        assert (await edge.post(path(), data=b"{}", headers=signed(b"{}"))).status == 503
    assert any(b"could not be fetched" in raw for raw in await stored(settings, THING_RECORDED))


def test_who_posts_bad_ones_is_let_in_again() -> None:
    """
    Behind a proxy all have one address: a flood costs them little, and not for long.
    """
    counts = HookCounts()
    for _ in range(400):
        counts.bad("sg", "peer", "", 100.0)
    assert counts.is_out("sg", "peer", 100.0) and not counts.is_out("sg", "other", 100.0)
    assert not counts.is_out("other", "peer", 100.0) and not counts.is_out("sg", "peer", 100.1)


async def test_certificates_are_fetched_once_within_bounds() -> None:
    """
    Whoever knows the address must not make the edge fetch without end, nor what is no certificate.
    """
    asked: list[str] = []
    now = 0.0

    async def get(url: str) -> tuple[int, bytes]:
        asked.append(url)
        return 200, b"-----BEGIN CERTIFICATE-----" if "good" in url else b"<html>"

    visits = Visits(get, lambda: now)
    assert await visits.certificate("https://good/1") == await visits.certificate("https://good/1")
    assert len(asked) == 1
    for number in range(30):
        with pytest.raises(VisitError):
            await visits.certificate(f"https://bad/{number}")
    assert len(asked) == 20
    now = 61.0
    assert await visits.certificate("https://good/2") and len(asked) == 21
    now = 86_500.0
    assert await visits.certificate("https://good/1") and len(asked) == 22
    now = 2 * 86_500.0
    for number in range(20):
        with pytest.raises(VisitError):
            await visits.certificate(f"https://bad/{number}")
    # Strangers have used up all visits: what was good yesterday is in force as long as it says so itself.
    assert await visits.certificate("https://good/1") and len(asked) == 42


async def test_nothing_but_https_is_visited() -> None:
    """
    Neither a file nor a neighbour of this machine.
    """
    for url in ("http://169.254.169.254/latest", "file:///etc/passwd", "ftp://x", "", "https:///"):
        with pytest.raises(VisitError):
            await Visits().certificate(url)
