"""HTTP: one bounded session to one provider. What leaves is what was signed: no header is added, nothing is repeated.

Three things can go wrong, and they mean different things for a message: it was not begun (NotSentError), somebody said
no at the last moment (WithheldError), or it was begun and the answer is lost (AnswerLostError).
"""

import asyncio
import ssl
from collections.abc import Callable
from typing import Any

import aiohttp
import yarl
from aiohttp.abc import AbstractStreamWriter

from app.providers.contract import MOST_ANSWER, Answer, Request

CONNECT_SECONDS = 10.0  # for a name, a connection and its TLS
IDLE_SECONDS = 10.0  # below what providers keep: one that they close while we write loses an answer
NAMES_KEPT = 60  # seconds that addresses of a host are kept
MOST_HEADER = 16_000  # bytes of a line or a field of an answer's header
MOST_WORDS = 300  # characters of what went wrong
# What aiohttp would add: for a signature, and for the provider, a request is complete as it is.
_UNASKED = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class HttpError(Exception):
    """A request that has no answer."""


class NotSentError(HttpError):
    """Nothing of it reached the provider."""


class WithheldError(HttpError):
    """*on_write* said no, and nothing was written."""


class AnswerLostError(HttpError):
    """It was begun, and nobody knows what became of it."""


def _nothing() -> None:
    """Nobody has anything to say."""


class HttpClient:
    """At most *connections* requests at once, each given up after *timeout* seconds.

    *trusted* is for tests: whose certificates are believed.
    """

    def __init__(self, *, connections: int, timeout: float, trusted: ssl.SSLContext | None = None) -> None:
        self._connections, self._timeout, self._trusted = connections, timeout, trusted
        self._session: aiohttp.ClientSession | None = None
        self._asking = 0
        self._closed = False
        self._closing: asyncio.Task[None] | None = None

    async def ask(self, request: Request, on_write: Callable[[], None] = _nothing) -> Answer:
        """The answer to *request*, its body up to MOST_ANSWER. Raises HttpError.

        *on_write* is called when a connection is there, right before the first byte: when it raises, none is written.
        """
        body = _Body(request.body, on_write)
        self._asking += 1
        try:
            return await self._ask(request, body)
        except (aiohttp.ClientError, OSError, ValueError) as error:  # TimeoutError is an OSError
            raise _translated(error, body) from None  # the cause may show what was sent
        finally:
            self._asking -= 1
            if self._closed and not self._asking:
                await self.close()

    async def _ask(self, request: Request, body: "_Body") -> Answer:
        url = yarl.URL(request.url, encoded=True)
        if url.scheme != "https" and not (url.scheme == "http" and url.host in _LOOPBACK):
            raise NotSentError("not a https URL: only this machine itself is asked without TLS")
        async with self._made().request(
            request.method, url, headers=request.headers, data=body if request.body else None, allow_redirects=False
        ) as answer:
            headers = {name.lower(): value for name, value in answer.headers.items()}
            return Answer(answer.status, headers, await _read(answer))

    def let_go(self) -> None:
        """Close once the last request that is under way has ended."""
        self._closed = True
        if not self._asking and self._session is not None:
            self._closing = asyncio.get_running_loop().create_task(self.close())

    async def close(self) -> None:
        """Close all connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _made(self) -> aiohttp.ClientSession:
        """The session; made when it is first needed, in the loop that it works in."""
        if self._session is None:
            connector = aiohttp.TCPConnector(
                limit=self._connections, ttl_dns_cache=NAMES_KEPT, keepalive_timeout=IDLE_SECONDS,
                ssl=True if self._trusted is None else self._trusted,
            )  # fmt: skip
            self._session = aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False,
                skip_auto_headers=_UNASKED, max_line_size=MOST_HEADER, max_field_size=MOST_HEADER,
                timeout=aiohttp.ClientTimeout(total=self._timeout, connect=min(CONNECT_SECONDS, self._timeout)),
            )  # fmt: skip
        return self._session


class _Body(aiohttp.payload.Payload):
    """The bytes of a request, which remember whether they were begun."""

    def __init__(self, raw: bytes, on_write: Callable[[], None]) -> None:
        super().__init__(raw)
        self._size = len(raw)
        self._on_write = on_write
        self.begun = False
        self.withheld: Exception | None = None

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """The bytes as text."""
        return bytes(self._value).decode(encoding, errors)

    async def write(self, writer: AbstractStreamWriter) -> None:
        """Write them, if nobody says no. The head of the request leaves together with them, not before."""
        await self.write_with_length(writer, None)

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:  # noqa: ARG002
        """Write them; their number is that of the header."""
        try:
            self._on_write()
        except Exception as error:
            self.withheld = error
            raise
        self.begun = True
        await writer.write(self._value)


def _translated(error: Any, body: _Body) -> HttpError:
    """What *error* means for the message."""
    why = f"{type(error).__name__}: {error}"[:MOST_WORDS]
    if body.withheld is not None:
        return WithheldError(str(body.withheld)[:MOST_WORDS])
    return AnswerLostError(why) if body.begun else NotSentError(why)


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    """The body as far as it comes, up to MOST_ANSWER: the status says most, and is known already."""
    pieces: list[bytes] = []
    size = 0
    try:
        while size < MOST_ANSWER:
            piece = await answer.content.read(min(65_536, MOST_ANSWER - size))
            if not piece:
                return b"".join(pieces)
            pieces.append(piece)
            size += len(piece)
    except (aiohttp.ClientError, OSError):
        pass
    answer.close()  # what is left of it is not waited for
    return b"".join(pieces)
