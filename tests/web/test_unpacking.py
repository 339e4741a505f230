"""Packed bodies are read as what they were, and cost no more than what is asked for."""

import asyncio
import gzip
import io
import time
import zlib
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from app.web import unpacking
from app.web.guards import errors_in_words
from app.web.reading import read_body

MOST = 100_000
Edge = TestClient[web.Request, web.Application]


@pytest.fixture
async def edge() -> AsyncIterator[Edge]:
    """Answers with the body it got, and has one path that does not look at it."""

    async def echo(request: web.Request) -> web.Response:
        return web.Response(body=await read_body(request, MOST))

    async def refuse(request: web.Request) -> web.Response:
        return web.Response(status=401)

    app = web.Application(middlewares=[errors_in_words], handler_args={"auto_decompress": False})
    app.add_routes([web.post("/echo", echo), web.post("/refuse", refuse)])
    async with TestClient(TestServer(app)) as client:
        yield client


def bomb() -> bytes:
    """2 GB of blanks."""
    return gzip.compress(b" " * 10_000_000) * 200


TEXT = b"".join(b"%d," % number for number in range(15_000))
RAW = zlib.compress(TEXT)


@pytest.mark.parametrize(
    ("coding", "body", "status"),
    [
        ("gzip", gzip.compress(TEXT), 200), ("GZIP", gzip.compress(TEXT), 200), ("deflate", RAW, 200),
        ("identity", TEXT, 200), ("gzip", gzip.compress(TEXT[:9]) + gzip.compress(TEXT[9:]), 200),
        ("gzip", gzip.compress(TEXT)[:-9], 400), ("gzip", gzip.compress(TEXT) + b"more", 400), ("gzip", TEXT, 400),
        ("br", TEXT, 415), ("gzip, gzip", TEXT, 415), ("gzip", gzip.compress(b"a" * (MOST + 1)), 413),
        ("gzip", gzip.compress(b"a" * MOST), 200),
    ],
)  # fmt: skip
async def test_a_body_is_unpacked_or_refused(edge: Edge, coding: str, body: bytes, status: int) -> None:
    """
    A body that was cut off, or is packed some other way, is not half of what was meant.
    """
    answer = await edge.post("/echo", data=body, headers={"Content-Encoding": coding})
    assert answer.status == status, await answer.text()
    if status == 200:
        assert await answer.read() in (TEXT, b"a" * MOST)


@pytest.mark.parametrize("path", ["/echo", "/refuse"])
async def test_what_nobody_reads_is_not_unpacked(edge: Edge, path: str) -> None:
    """
    Who has no key must not be able to keep the edge busy.
    """
    body, began = bomb(), time.process_time()
    answer = await edge.post(path, data=io.BytesIO(body), headers={"Content-Encoding": "gzip"})
    assert answer.status in (401, 413)
    assert (await edge.post("/echo", data=b"x")).status == 200
    assert time.process_time() - began < 2


async def test_a_body_that_stops_coming_is_given_up(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    An upload holds one of a few places: who stops in the middle must not hold it for good.
    """
    monkeypatch.setattr(unpacking, "SILENCE", 0.05)

    async def slow() -> AsyncIterator[bytes]:
        yield b"a"
        await asyncio.sleep(1)

    answer = await edge.post("/echo", data=slow())
    assert answer.status == 408
