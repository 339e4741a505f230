"""Simulators on loopback, and a place that takes what they report."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, TCPConnector, web

from app.local.ports import free_ports
from app.local.simulator import simulators_in
from app.local.simulators.doors import Doors
from app.local.simulators.frame import Simulator
from app.local.simulators.keys import Keys
from app.local.simulators.known import NAMES, ports_of

MESSAGE = "ab" * 16


@dataclass
class Got:
    """A request that came to the webhook."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Place:
    """Takes reports. *answers*: statuses of the next ones; 200 after those."""

    port: int
    got: list[Got] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks/some/token"

    async def take(self, request: web.BaseRequest) -> web.Response:
        url = f"http://127.0.0.1:{self.port}{request.raw_path}"
        self.got.append(Got(request.method, url, dict(request.headers), await request.read()))
        return web.Response(status=self.answers.pop(0) if self.answers else 200)


@dataclass
class House:
    """All simulators, each on its port, answering at once and reporting to *place*."""

    doors: Doors
    port: int
    keys: Keys
    folder: Path
    place: Place
    session: ClientSession

    def url(self, name: str) -> str:
        """Where the API of the simulator *name* is, by its own port."""
        return f"http://127.0.0.1:{ports_of(NAMES, self.port)[name]}/{name}"

    def simulator(self, name: str) -> Simulator:
        return self.doors.simulators[name]

    async def order(self, name: str, **wish: Any) -> None:
        """As somebody would over HTTP."""
        async with self.session.post(f"http://127.0.0.1:{self.port}/control/{name}", json=wish) as answer:
            assert answer.status == 200, await answer.text()

    async def until(self, ready: Callable[[], bool]) -> None:
        """Wait for what is bound to happen."""
        async with asyncio.timeout(30):
            while not ready():  # noqa: ASYNC110 - what happens over there sets no event here
                await asyncio.sleep(0.02)


@pytest.fixture(scope="session")
def keys_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys are made once: an RSA key takes its time."""
    return tmp_path_factory.mktemp("keys")


@pytest.fixture
async def house(tmp_path: Path, keys_folder: Path) -> AsyncIterator[House]:
    """Everything delivered, reported in an instant."""
    place = Place(free_ports())
    server = web.Server(place.take)
    listening = await asyncio.get_running_loop().create_server(server, "127.0.0.1", place.port)
    (tmp_path / "keys").symlink_to(keys_folder)
    begin = {"realistic": False, "latency_ms": 0, "pace": 0.01, "hook": place.url}
    port = free_ports(len(NAMES) + 1)
    doors = Doors(simulators_in(tmp_path, list(NAMES), dict.fromkeys(NAMES, begin)))
    doors.simulators["sendgrid"].every = 0.1
    await doors.open(port, ports_of(NAMES, port))
    async with ClientSession(connector=TCPConnector(force_close=True)) as session:
        yield House(doors, port, Keys(tmp_path / "keys"), tmp_path, place, session)
    await doors.close()
    listening.close()
    await server.shutdown(0.1)
