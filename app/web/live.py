"""Server-sent events of one campaign: a picture whenever it changed, a heartbeat when it did not."""

import asyncio
import time

from aiohttp import web

from app.control import ENDED
from app.web.feed import PICTURE_SECONDS
from app.web.keys import FEED, LINK
from app.web.problems import problem
from app.web.visitors import seen_entry

MOST_VIEWERS = 200
HEARTBEAT_SECONDS = 10.0
WRITE_SECONDS = 10.0  # a viewer who does not read for so long is dropped
LINGER_SECONDS = 10.0  # after the end: ClickHouse is a few seconds behind


class Viewers:
    """The streams that are open."""

    def __init__(self) -> None:
        self.tasks: set[asyncio.Task[object]] = set()


VIEWERS = web.AppKey("viewers", Viewers)


async def live(request: web.Request) -> web.StreamResponse:
    """The event stream. Events: history (once), picture, end."""
    entry = seen_entry(request)
    viewers = request.app[VIEWERS].tasks
    if len(viewers) >= MOST_VIEWERS:
        response = problem(503, "Too many viewers", f"at most {MOST_VIEWERS} at once; try again")
        response.headers["Retry-After"] = "5"
        return response
    response_stream = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    )
    task = asyncio.current_task()
    assert task is not None
    viewers.add(task)
    try:
        await response_stream.prepare(request)
        await _stream(request, response_stream, entry.id)
    except (ConnectionResetError, TimeoutError):
        pass  # the viewer left, or does not read
    finally:
        viewers.discard(task)
    return response_stream


async def _stream(request: web.Request, response: web.StreamResponse, campaign: str) -> None:
    feed, control = request.app[FEED], request.app[LINK].control
    await _write(response, _event("history", feed.history(campaign)))
    last, written = b"", time.monotonic()
    ended_at: float | None = None
    while (entry := control.campaigns.get(campaign)) is not None:
        now = time.monotonic()
        body = feed.encoded(entry)
        if body != last:
            await _write(response, _event("picture", body))
            last, written = body, now
        elif now - written >= HEARTBEAT_SECONDS:
            await _write(response, b": still here\n\n")
            written = now
        ended_at = (ended_at or now) if entry.state in ENDED else None
        if ended_at is not None and now - ended_at >= LINGER_SECONDS:
            break
        await asyncio.sleep(PICTURE_SECONDS * 2)
    await _write(response, _event("end", b"{}"))


async def _write(response: web.StreamResponse, data: bytes) -> None:
    async with asyncio.timeout(WRITE_SECONDS):
        await response.write(data)


def _event(name: str, body: bytes) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + body + b"\n\n"
