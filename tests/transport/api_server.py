"""An HTTP API on this machine, byte by byte: it notes what came and answers as it is told."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple


class Came(NamedTuple):
    """A request as it came."""

    line: str
    headers: dict[str, str]
    names: list[str]  # of the headers, as they were written
    body: bytes


OK = b"HTTP/1.1 202 Accepted\r\nX-Message-Id: ref-1\r\nContent-Length: 0\r\n\r\n"


def answer(status: int, body: bytes = b"", **headers: str) -> bytes:
    """The bytes of an answer."""
    fields = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} X\r\n{fields}Content-Length: {len(body)}\r\n\r\n".encode() + body


class Api:
    """Answers each request with what *decide* returns; None: hangs up. *delay* comes before it."""

    def __init__(self, decide: Callable[[Came], bytes | None]) -> None:
        self.decide = decide
        self.delay = 0.0
        self.came: list[Came] = []
        self.connections = self.open = self.most_open = 0
        self.raw = b""
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.connections += 1
        try:
            while head := await self._head(reader):
                line, *fields = head.decode("latin-1").split("\r\n")
                pairs = [field.split(": ", 1) for field in fields if field]
                headers = {name.lower(): value for name, value in pairs}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                self.raw += head + body
                self.open += 1
                self.most_open = max(self.most_open, self.open)
                came = Came(line, headers, [name for name, _ in pairs], body)
                self.came.append(came)
                if self.delay:
                    await asyncio.sleep(self.delay)
                self.open -= 1
                said = self.decide(came)
                if said is None:
                    return
                writer.write(said)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.close()

    async def _head(self, reader: asyncio.StreamReader) -> bytes:
        try:
            return await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as error:
            self.raw += error.partial
            return b""


@asynccontextmanager
async def api(
    decide: Callable[[Came], bytes | None] = lambda _: OK, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Api]:
    """A server that answers with *decide*."""
    made = Api(decide)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0, ssl=tls)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
