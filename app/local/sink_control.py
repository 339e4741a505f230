"""The sink's HTTP control on loopback: what it took, and how it shall behave from now on."""

from typing import Any, Protocol

from aiohttp import web

from app.local.sink_orders import Ordered, orders_in

SINK: web.AppKey["Controlled"] = web.AppKey("sink")


class Controlled(Ordered, Protocol):
    """What the control needs of a sink."""

    @property
    def counts(self) -> dict[str, int]:
        """Messages by what became of them."""

    @property
    def seconds(self) -> dict[int, int]:
        """Accepted messages by second since 1970."""

    @property
    def latest(self) -> Any:
        """Pairs of address and message, the oldest first."""


async def _counts(request: web.Request) -> web.Response:
    sink = request.app[SINK]
    return web.json_response({"counts": sink.counts, "seconds": sink.seconds})


async def _messages(request: web.Request) -> web.Response:
    address = request.query.get("address")
    latest = [
        {"address": to, "message": body.decode("utf-8", "replace")}
        for to, body in request.app[SINK].latest
        if address in (None, to)
    ]
    return web.json_response(latest)


async def _behave(request: web.Request) -> web.Response:
    """Body: any of what Orders has, or a trouble by name."""
    sink = request.app[SINK]
    try:
        await sink.behave(orders_in(await request.json(), sink.orders()))
    except ValueError as error:
        raise web.HTTPBadRequest(text=str(error)) from error
    return web.json_response(sink.orders().model_dump())


async def control(sink: Controlled, port: int) -> web.AppRunner:
    """Listen on 127.0.0.1:*port*; the caller cleans the runner up."""
    app = web.Application()
    app[SINK] = sink
    app.add_routes([web.get("/counts", _counts), web.get("/messages", _messages), web.post("/behaviour", _behave)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    return runner
