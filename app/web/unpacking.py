"""The body of a request bit by bit: unpacked where it came packed, never more at once than is asked for.

aiohttp would unpack by itself, also what nobody reads: 2 MB that become 2 GB held the edge for seconds.
"""

import asyncio
import zlib
from collections.abc import AsyncIterator

from aiohttp import web

from app.web.problems import RefusedError, refuse

PIECE = 65_536  # bytes
SILENCE = 30.0  # seconds in which nothing of a body comes
GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
CODINGS = ("gzip", "x-gzip", "deflate")


async def body_of(request: web.Request) -> AsyncIterator[bytes]:
    """Piece after piece. 400 for what cannot be unpacked, 408 when no more comes, 415 for a coding we do not know."""
    coding = request.headers.get("Content-Encoding", "").strip().lower()
    if coding in ("", "identity"):
        async for piece in _received(request):
            yield piece
        return
    if coding not in CODINGS:
        raise refuse(
            415, "Wrong coding", "send Content-Encoding: gzip or deflate, or the body as it is",
            field="Content-Encoding", headers={"Accept-Encoding": "gzip, deflate"},
        )  # fmt: skip
    async for piece in _unpacked(_received(request)):
        yield piece


async def _unpacked(received: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    unpacker, begun = zlib.decompressobj(GZIP_OR_ZLIB), False
    try:
        async for packed in received:
            rest, begun, more = packed, True, True
            while more:
                piece = unpacker.decompress(rest, PIECE)
                if piece:
                    yield piece
                    await asyncio.sleep(0)  # a little may become a lot: others have their turn
                rest = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
                if unpacker.eof and rest:  # gzip may have several members
                    unpacker = zlib.decompressobj(GZIP_OR_ZLIB)
                more = bool(rest) or len(piece) == PIECE
    except zlib.error as error:
        raise _unreadable() from error
    if begun and not unpacker.eof:
        raise _unreadable()


async def _received(request: web.Request) -> AsyncIterator[bytes]:
    while True:
        try:
            async with asyncio.timeout(SILENCE):
                piece = await request.content.read(PIECE)
        except TimeoutError as error:
            text = f"nothing of the body came for {SILENCE:g} s; send it again"
            raise refuse(408, "Too slow", text, headers={"Connection": "close"}) from error
        if not piece:
            return
        yield piece


def _unreadable() -> RefusedError:
    return refuse(400, "Bad request", "the body cannot be read: is Content-Encoding what it says?")
