"""POSTs on which no plane decides: one request, one answer, told by whichever edge is asked."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from app.commands import Answer, Command
from app.delivery.campaigns.answers import filed, fingerprint, kept_fingerprint
from app.settings import Settings
from app.specs import Strict
from app.web.guards import errors_in_words
from app.web.keys import LINK, RATES, VIEWS
from app.web.link import Link
from app.web.rate import KeyRates
from app.web.rest import Call, Endpoint, Reply, add_endpoints
from app.web.views import Views
from tests.web.conftest import Planes, api_key, bearer

pytestmark = pytest.mark.integration


class Count(Strict):
    """How much to add."""

    add: int


class Work:
    """What must happen once a request."""

    def __init__(self) -> None:
        self.done: list[int] = []

    async def count(self, call: Call) -> Reply:
        """Add."""
        self.done.append(call.body.add)
        return Reply({"sum": sum(self.done)}, 201, {"Location": f"/v1/sums/{len(self.done)}"})

    async def upload(self, call: Call) -> Reply:
        """Add the bytes of a file."""
        size = 0
        async for chunk in call.chunks():
            size += len(chunk)
        self.done.append(size)
        return Reply({"bytes": size})


@asynccontextmanager
async def an_edge(settings: Settings, work: Work) -> AsyncIterator[TestClient[Any, Any]]:
    """An edge with two endpoints that keep their answers."""
    app = web.Application(middlewares=[errors_in_words])
    app[LINK], app[VIEWS], app[RATES] = Link(settings), Views(settings), KeyRates()
    add_endpoints(
        app.router,
        [
            Endpoint("POST", "/v1/sums", work.count, "Add", "write", "Sums", body=Count, keeps=True),
            Endpoint("POST", "/v1/files", work.upload, "Upload", "write", "Sums",
                     media="text/csv", keeps=True, most_bytes=100_000),
        ],
    )  # fmt: skip
    await app[LINK].start()
    try:
        async with TestClient(TestServer(app), headers=bearer()) as client:
            await app[LINK].wait()
            yield client
    finally:
        await app[VIEWS].close()
        await app[LINK].stop()


def an_owner() -> Callable[[Command], Answer]:
    """What the pacing plane does with answer.find and answer.keep."""
    stored: dict[tuple[str, str], tuple[bytes, Answer]] = {}

    def decide(command: Command) -> Answer:
        place = (command.account, command.id)
        answer = filed(command, *stored.get(place, (None, None)))
        if answer.status == 201:
            stored[place] = (kept_fingerprint(command), answer)
        return answer

    return decide


async def test_the_work_is_done_once_and_every_edge_tells_the_same(settings: Settings, planes: Planes) -> None:
    """
    A client that lost the answer repeats its request, perhaps at another edge.
    """
    work, key = Work(), {"Idempotency-Key": "once"}
    async with planes.answering(an_owner()) as seen, an_edge(settings, work) as one, an_edge(settings, work) as two:
        answers = [await each.post("/v1/sums", json={"add": 5}, headers=key) for each in (one, two, one)]
        told = [(each.status, each.headers["Location"], await each.text()) for each in answers]
        other = await two.post("/v1/sums", json={"add": 6}, headers=key)
        field = json.loads(await other.text())["field"]
        without = await two.post("/v1/sums", json={"add": 1})
    assert told == [(201, "/v1/sums/1", '{"sum":5}')] * 3
    assert (other.status, field) == (422, "Idempotency-Key")
    assert (without.status, work.done) == (201, [5, 1])
    assert {each.kind for each in seen} == {"answer.find", "answer.keep"}


async def test_another_api_key_does_not_get_the_answer(settings: Settings, planes: Planes) -> None:
    """
    Two programs of one account that both count from 1 must not take each other's answers for their own.
    """
    work, key = Work(), {"Idempotency-Key": "once"}
    await planes.key(api_key("another00"))
    async with planes.answering(an_owner()), an_edge(settings, work) as edge:
        first = await edge.post("/v1/sums", json={"add": 5}, headers=key)
        other = await edge.post("/v1/sums", json={"add": 5}, headers=key | bearer("another00"))
    assert (first.status, other.status, work.done) == (201, 422, [5])


async def test_an_upload_is_compared_as_it_streams(settings: Settings, planes: Planes) -> None:
    """
    A file of 100,000 rows is not held in memory to know whether it came before.
    """
    work, headers = Work(), {"Idempotency-Key": "file", "Content-Type": "text/csv"}
    async with planes.answering(an_owner()), an_edge(settings, work) as edge:
        first = await edge.post("/v1/files", data=b"a" * 90_000, headers=headers)
        again = await edge.post("/v1/files", data=b"a" * 90_000, headers=headers)
        other = await edge.post("/v1/files", data=b"b" * 90_000, headers=headers)
        told = await first.text(), await again.text()
        large = await edge.post("/v1/files", data=b"c" * 100_001, headers=headers | {"Idempotency-Key": "large"})
    assert told == ('{"bytes":90000}', '{"bytes":90000}')
    assert (other.status, large.status, work.done) == (422, 413, [90_000])


async def test_a_key_that_named_a_command_names_nothing_else(settings: Settings, planes: Planes) -> None:
    """
    One key, one request, whatever it asks for.
    """
    create = Command(id="used", kind="campaign.start", campaign="cmp_a")

    def owner(command: Command) -> Answer:
        return filed(command, fingerprint(create), Answer(id="used", account="default", status=200))

    work = Work()
    async with planes.answering(owner), an_edge(settings, work) as edge:
        answer = await edge.post("/v1/sums", json={"add": 5}, headers={"Idempotency-Key": "used"})
    assert (answer.status, work.done) == (422, [])
