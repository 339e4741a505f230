"""SMS campaigns from their list to a gateway: each person once, also across a kill; parts a second hold on the wire."""

import asyncio
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import parse_qs

import pytest
from aiohttp import web

from app.content.sms import size_of
from app.local import supervisor
from app.local.ports import answers, free_ports, wait_until
from app.routes import LimitSet, Route
from app.specs import CampaignSpec, Content
from tests.road.conftest import Installation

pytestmark = pytest.mark.integration

NUMBER = "+15005550006"


class Taken(NamedTuple):
    """An SMS that the gateway has taken."""

    at: float
    to: str
    text: str
    sender: str


class Gateway:
    """An HTTP server that answers as Twilio does, after a moment, and keeps what it has taken."""

    def __init__(self) -> None:
        self.port, self.taken = free_ports(), list[Taken]()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        wait_until(lambda: answers(self.port), 20, "the gateway")

    def _serve(self) -> None:
        app = web.Application()
        app.router.add_post("/2010-04-01/Accounts/{account}/Messages.json", self._take)
        asyncio.set_event_loop(self._loop)
        runner = web.AppRunner(app)
        self._loop.run_until_complete(runner.setup())
        self._loop.run_until_complete(web.TCPSite(runner, "127.0.0.1", self.port).start())
        self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())
        self._loop.close()

    async def _take(self, request: web.Request) -> web.Response:
        form = parse_qs(await request.text())
        self.taken.append(Taken(time.time(), form["To"][0], form["Body"][0], form["From"][0]))
        await asyncio.sleep(0.02)
        return web.json_response({"sid": f"SM{len(self.taken):032x}", "status": "queued"}, status=201)

    def stop(self) -> None:
        """End it."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)


@pytest.fixture(scope="module")
def gateway(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway and the route over it; senders of SMS start with that."""
    made = Gateway()
    token = tmp_path_factory.mktemp("gateway") / "token"
    token.write_text("secret")
    twilio = {
        "url": f"http://127.0.0.1:{made.port}", "account_sid": "AC" + "0" * 32, "auth_token": f"file:{token}",
        "sender": NUMBER, "connections": 8,
    }  # fmt: skip
    route = Route.model_validate({"name": "gateway", "channel": "sms", "twilio": twilio})
    done = installation.command(kind="route.set", route=route)
    assert done.answer.status == 201, done.answer
    wait_until(lambda: part(installation)["state"] == "ready", 60, "senders of SMS")
    yield made
    assert installation.command(kind="route.delete", thing="gateway").answer.status == 200
    made.stop()


def part(installation: Installation) -> dict[str, Any]:
    """What the SMS sender does."""
    return next(each for each in supervisor.status(installation.settings) if each["name"] == "senders-sms-0")


def texted(installation: Installation, name: str, count: int, content: Content, **spec: Any) -> tuple[str, list[str]]:
    """Start an SMS campaign to *count* people; its id, and their numbers."""
    first = 2_000 if name == "slow" else 0
    numbers = [f"+1212555{first + n:04d}" for n in range(count)]
    installation.people(name, [{"email": f"{name}{n}@x.example", "phone": each} for n, each in enumerate(numbers)])
    asked = CampaignSpec.model_validate(
        {"channel": "sms", "lists": [name], "consent": "not_refused", "from_email": "a@acme.example"} | spec
    )
    done = installation.command(kind="campaign.create", spec=asked, content=content, start=True)
    assert done.answer.status == 201, done.answer
    return done.answer.campaign, numbers


def test_everybody_gets_one_sms_although_the_sender_is_killed(installation: Installation, gateway: Gateway) -> None:
    """Nobody is texted twice, nobody is forgotten, and what a kill leaves in doubt is told as unknown."""
    content = Content(subject="s", text="t", sms="Hi, here is Acme.")
    campaign, numbers = texted(installation, "texted", 400, content, unknown_after=1.0)
    wait_until(lambda: len(gateway.taken) > 100, 60, "the first messages")
    os.kill(part(installation)["pid"], signal.SIGKILL)
    installation.wait_for(campaign, "COMPLETED")
    statuses = installation.statuses(campaign, len(numbers))
    times = Counter(each.to for each in gateway.taken)
    assert max(times.values()) == 1
    unknown = statuses.get("UNKNOWN", 0)
    assert statuses == Counter(SENT=len(numbers) - unknown, UNKNOWN=unknown) - Counter()
    assert unknown <= 8 and len(times) >= len(numbers) - unknown and set(times) <= set(numbers)


def test_parts_a_second_hold_on_the_wire(installation: Installation, gateway: Gateway) -> None:
    """A number of 20 parts a second with messages of three: counted by the gateway."""
    limit = {"scope": "sender", "name": "*", "rate": 20, "burst": 20, "unit": "parts"}
    assert installation.command(kind="limit.set", limit=LimitSet.model_validate(limit)).answer.status in (200, 201)
    content = Content(subject="s", text="t", sms="x" * 400)
    campaign, numbers = texted(installation, "slow", 40, content)
    installation.wait_for(campaign, "COMPLETED")
    mine = [each for each in gateway.taken if each.to in set(numbers)]
    assert len(mine) == len(numbers) and {each.sender for each in mine} == {NUMBER}
    assert {size_of(each.text).parts for each in mine} == {3}
    times = sorted(each.at for each in mine)
    for window in (1.0, 2.0):
        most = max(sum(3 for at in times if first <= at < first + window) for first in times)
        assert most <= 20 * window * 1.02 + 20
    assert installation.command(kind="limit.set", limit=LimitSet(scope="sender", name="*")).answer.status == 200
