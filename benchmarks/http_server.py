"""An HTTP API that takes everything at once, and counts the messages that came: a process of its own.

python -m benchmarks.http_server PORT. GET / answers "messages different requests".
"""

import asyncio
import re
import sys

import uvloop

_ID = re.compile(rb'"msg_id","Value":"([0-9a-f]{32})"|"msg_id":"([0-9a-f]{32})"')
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_TAKEN = b"HTTP/1.1 202 Accepted\r\nX-Message-Id: bench\r\nContent-Length: 0\r\n\r\n"
_SES = b'HTTP/1.1 200 OK\r\nContent-Length: 21\r\n\r\n{"MessageId":"bench"}'


class Counter:
    """What has come."""

    def __init__(self) -> None:
        self.ids: list[bytes] = []
        self.requests = 0


class Connection(asyncio.Protocol):
    """Reads requests, one after the other."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._pieces: list[bytes] = []
        self._held = self._needed = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport: asyncio.WriteTransport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        """Gather until a request is whole."""
        self._pieces.append(data)
        self._held += len(data)
        if self._held < self._needed:
            return
        raw = b"".join(self._pieces)
        while raw:
            head = raw.find(b"\r\n\r\n")
            length = _LENGTH.search(raw, 0, head) if head >= 0 else None
            self._needed = head + 4 + (int(length[1]) if length else 0) if head >= 0 else 0
            if head < 0 or len(raw) < self._needed:
                break
            self._answer(raw[: self._needed])
            raw, self._needed = raw[self._needed :], 0
        self._pieces, self._held = [raw], len(raw)

    def _answer(self, request: bytes) -> None:
        if request.startswith(b"GET"):
            said = f"{len(self._counter.ids)} {len(set(self._counter.ids))} {self._counter.requests}".encode()
            self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(said), said))
            return
        self._counter.requests += 1
        self._counter.ids += [first or second for first, second in _ID.findall(request)]
        self._transport.write(_SES if request.startswith(b"POST /v2/") else _TAKEN)


async def serve(port: int) -> None:
    """Take requests until the process ends."""
    counter = Counter()
    server = await asyncio.get_running_loop().create_server(lambda: Connection(counter), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
