"""Where the simulators listen: one port for all, and one of each that can be closed like a server that is off."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Mapping
from functools import partial
from typing import Any

import msgspec
from aiohttp import web

from app.content.phone import PhoneError, phone_of
from app.local.ports import LOOPBACK
from app.local.simulators.call import Call, RefusedError, Reply, json_reply
from app.local.simulators.frame import Simulator
from app.local.simulators.orders import orders_in
from app.local.simulators.reports import Post

CONTROL = "control"
LARGEST_BODY = 45_000_000
LONGEST_HANG = 600.0  # seconds that a call without an answer is kept
LOOK_EVERY = 0.2
NO_SUCH = json_reply({"error": "no simulator has this path"}, 404)

logger = logging.getLogger(__name__)


class Doors:
    """Serves *simulators*, each under /NAME/ of every port."""

    def __init__(self, simulators: Mapping[str, Simulator]) -> None:
        self.simulators = simulators
        self._main: asyncio.Server | None = None
        self._own: dict[str, tuple[int, web.Server, asyncio.Server | None]] = {}
        self._servers: list[web.Server] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self, port: int, own: Mapping[str, int] | None = None) -> None:
        """Listen on *port*, and for each simulator on its port in *own*."""
        main = self._web(port)
        self._main = await asyncio.get_running_loop().create_server(main, LOOPBACK, port, backlog=1_024)
        for name, its in (own or {}).items():
            server = self._web(its)
            self._own[name] = its, server, None
            await self._open_own(name)
        for simulator in self.simulators.values():
            await simulator.reports.start()
        self._tasks.append(asyncio.create_task(self._watch()))

    async def close(self) -> None:
        """Listen no more; reports that wait are lost."""
        for task in self._tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        for listening in [self._main, *(own[2] for own in self._own.values())]:
            if listening is not None:
                listening.close()
        for server in self._servers:
            await server.shutdown(timeout=0.1)
        for simulator in self.simulators.values():
            await simulator.reports.stop()
            simulator.record.close()

    async def behave(self, name: str, wish: Any) -> None:
        """Have the simulator *name* behave as *wish* (JSON) says. Raises ValueError."""
        simulator = self.simulators[name]
        simulator.behave(orders_in(wish, simulator.orders, simulator.start, simulator.refusals.keys()))
        await self._move_doors()

    # -- ports

    def _web(self, port: int) -> web.Server:
        server = web.Server(
            partial(self._handle, port), request_factory=_request, access_log=None, keepalive_timeout=300.0
        )
        self._servers.append(server)
        return server

    async def _open_own(self, name: str) -> None:
        port, server, listening = self._own[name]
        if listening is None:
            speaks = self.simulators[name].protocol or server
            opened = await asyncio.get_running_loop().create_server(speaks, LOOPBACK, port, backlog=1_024)
            self._own[name] = port, server, opened

    async def _move_doors(self) -> None:
        for name, (port, server, listening) in list(self._own.items()):
            closed = self.simulators[name].orders.outage == "refuse"
            if not closed:
                await self._open_own(name)
            elif listening is not None:
                listening.close()
                self.simulators[name].cut()
                for connection in list(server.connections):
                    if connection.transport is not None:
                        connection.transport.abort()
                self._own[name] = port, server, None

    async def _watch(self) -> None:
        """End orders whose time is over."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            now = time.time()
            for simulator in self.simulators.values():
                if simulator.orders.ends_at and simulator.orders.ends_at <= now:
                    simulator.behave(simulator.start)
                    await self._move_doors()

    # -- calls

    async def _handle(self, port: int, request: web.BaseRequest) -> web.StreamResponse:
        whole, _, query = request.raw_path.partition("?")
        name, _, rest = whole[1:].partition("/")
        if name == CONTROL:
            return _sent(await self._control(request, rest, query))
        simulator = self.simulators.get(name)
        if simulator is None:
            return _sent(NO_SUCH)
        outage = simulator.orders.outage
        if outage == "refuse":
            return await _cut(request)
        simulator.counts["calls"] += 1
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return _sent(simulator.refusals["too_large"])
        if outage == "hang":
            return await _hang(request)
        base = f"http://{request.headers.get('Host', f'{LOOPBACK}:{port}')}/{name}"
        call = Call(request.method, f"/{rest}", query, request.headers, body, time.time(), whole, base)
        reply = _answer(simulator, call)
        if reply.taken and simulator.orders.lost and simulator.dice.random() < simulator.orders.lost:
            simulator.counts["answers_lost"] += 1
            return await (_cut(request) if simulator.orders.lost_by == "cut" else _hang(request))
        if wait := simulator.latency():
            await asyncio.sleep(wait)
        return _sent(reply)

    async def _control(self, request: web.BaseRequest, name: str, query: str) -> Reply:
        """GET /control: how all do. POST /control/NAME: orders; /control/NAME/inbound, /subscribe: as it says."""
        del query
        name, _, what = name.partition("/")
        if not name:
            return json_reply({each: simulator.told() for each, simulator in self.simulators.items()})
        simulator = self.simulators.get(name)
        if simulator is None:
            return json_reply({"error": f"there is no {name!r}: there are {', '.join(self.simulators)}"}, 404)
        if request.method == "GET":
            return json_reply(simulator.told())
        try:
            wish = msgspec.json.decode(await request.read())
            if what == "inbound":
                return _inbound(simulator, wish)
            if what == "subscribe":
                return _posted(simulator, simulator.subscription(time.time()))
            await self.behave(name, wish)
        except (ValueError, msgspec.DecodeError, web.HTTPException) as error:
            return json_reply({"error": str(error)}, 400)
        return json_reply(simulator.told())


def _answer(simulator: Simulator, call: Call) -> Reply:
    if len(call.body) > simulator.largest:
        return simulator.refusals["too_large"]
    reply = simulator.trouble()
    if reply is not None:
        simulator.counts["errors"] += 1
        return reply
    try:
        return simulator.answer(call)
    except RefusedError as refused:
        return refused.reply
    except Exception:
        logger.exception("%s: %s %s", simulator.name, call.method, call.path)
        simulator.counts["bugs"] += 1
        return simulator.refusals["server"]


def _inbound(simulator: Simulator, wish: Any) -> Reply:
    if not isinstance(wish, dict) or not all(isinstance(wish.get(each), str) for each in ("from", "to", "text")):
        return json_reply({"error": "write from, to and text"}, 400)
    sender, text, to = wish["from"], wish["text"], simulator.answered_at(wish["to"])
    try:
        phone_of(sender if sender.startswith("+") else f"+{sender}")
    except PhoneError as error:
        return json_reply({"error": f"from {sender!r}: {error}"}, 400)
    if simulator.said(sender, to, text):
        return json_reply({"posted": "over its sessions", "to": to})
    return _posted(simulator, simulator.inbound(sender, to, text, time.time()), to=to)


def _posted(simulator: Simulator, post: Post | None, **told: str) -> Reply:
    if post is None or not post.url:
        return json_reply({"error": f"{simulator.name} does not do this, or has no hook to post it to"}, 400)
    simulator.reports.post(post)
    return json_reply({"posted": post.url, **told})


def _request(*parts: Any) -> web.BaseRequest:
    message, payload, protocol, writer, task = parts
    return web.BaseRequest(
        message, payload, protocol, writer, task, asyncio.get_running_loop(), client_max_size=LARGEST_BODY
    )


def _sent(reply: Reply) -> web.Response:
    return web.Response(status=reply.status, body=reply.body, headers=reply.headers)


async def _cut(request: web.BaseRequest) -> web.Response:
    """Break the connection off without an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def _hang(request: web.BaseRequest) -> web.Response:
    """Say nothing until the client has gone."""
    ends = time.monotonic() + LONGEST_HANG
    while (  # noqa: ASYNC110 - nobody says when a client has left
        request.transport is not None and not request.transport.is_closing() and time.monotonic() < ends
    ):
        await asyncio.sleep(LOOK_EVERY)
    return await _cut(request)
