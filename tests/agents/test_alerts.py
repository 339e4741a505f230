"""Alerts are posted: each of them, across kills, and no longer than makes sense."""

from typing import Any, cast

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from agents.alerts import AT_ONCE, MOST_LEFT, PAUSES, Alerts
from app.settings import Settings
from app.transport.alert_post import post_alert
from tests.agents.pacing_world import World

URL = "http://alerts.example/hook"


class Alarmed(World):
    """A world in which alerts are posted to a list, or nowhere."""

    def __init__(self) -> None:
        super().__init__()
        self.store.settings = Settings(partitions=2, alert_url=URL)
        self.posted: list[dict[str, object]] = []
        self.wrong = ""
        self.restart()

    def restart(self) -> None:
        """Another process takes over."""
        self.process = type(self.process)(self.store)
        self.alerts = Alerts(cast(Any, self.process), self.pacing, URL, self.post)

    async def post(self, url: str, body: dict[str, object]) -> str:
        assert url == URL
        if not self.wrong:
            self.posted.append(body)
        return self.wrong

    async def open(self, route: str) -> None:
        """Take a route out of service."""
        drafts = self.pacing.watch.by_hand(route, "open", self.store.now, "test")
        await self.pacing.write(self.pacing._health_items(drafts))


async def test_an_alert_is_posted_once_with_a_sentence() -> None:
    """
    Somebody is woken by it: what is it about?
    """
    world = Alarmed()
    await world.open("main")
    for _ in range(3):
        await world.alerts.look()
    (body,) = world.posted
    assert (body["kind"], body["route"]) == ("breaker_opened", "main")
    assert "main" in str(body["text"])
    assert world.pacing.notices.to_post() == []


async def test_a_kill_loses_no_alert() -> None:
    """
    It is noted with what it tells of, and crossed off when it is posted.
    """
    world = Alarmed()
    await world.open("main")
    world.restart()
    await world.alerts.look()
    assert [body["route"] for body in world.posted] == ["main"]
    world.restart()
    await world.alerts.look()
    assert len(world.posted) == 1


async def test_a_web_address_that_does_not_answer_is_tried_again_and_then_given_up() -> None:
    """
    A wrong address must not be asked for ever.
    """
    world, tries = Alarmed(), 0
    await world.open("main")
    world.wrong = "it was answered 500"
    for pause in (0.0, *PAUSES):
        assert world.pacing.notices.to_post() != []
        world.store.now += pause + 0.1
        await world.alerts.look()
        tries += 1
        await world.alerts.look()  # not before its time
    assert tries == len(PAUSES) + 1
    assert world.pacing.notices.to_post() == []
    world.restart()
    assert world.pacing.notices.to_post() == []


async def test_alerts_that_wait_are_bounded_and_posted_a_few_at_a_time() -> None:
    """
    A storm of them is one thing to look at, not thousands.
    """
    world = Alarmed()
    for number in range(MOST_LEFT + 10):
        world.store.now += 0.01
        await world.open(f"r{number}")
    await world.alerts.look()
    assert len(world.posted) == AT_ONCE
    assert world.posted[0]["route"] == "r10", "the oldest were given up"
    assert len(world.pacing.notices.to_post()) == MOST_LEFT - AT_ONCE


@pytest.mark.parametrize(("status", "taken"), [(204, True), (500, False), (302, False)])
async def test_an_alert_goes_over_the_wire_as_json(status: int, taken: bool) -> None:
    """
    What a service of the operator's gets.
    """
    seen: list[Any] = []

    async def hook(request: web.Request) -> web.Response:
        seen.append(await request.json())
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    app = web.Application()
    app.router.add_post("/hook", hook)
    async with TestServer(app) as server:
        wrong = await post_alert(str(server.make_url("/hook")), {"text": "out of service"})
    assert seen == [{"text": "out of service"}]
    assert (wrong == "") == taken


async def test_a_server_that_is_not_there_is_told_in_words() -> None:
    """
    An exception here would end the worker.
    """
    assert await post_alert("http://127.0.0.1:9/hook", {}) != ""
    assert await post_alert("http://[bad/hook", {}) != ""
