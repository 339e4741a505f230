"""A file that arrives in chunks, read like one on a disk: by a thread, no faster than it is worked on."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import CancelledError


class Upload:
    """*chunks* as a file of bytes. Its reader must not be the event loop's thread."""

    def __init__(self, chunks: AsyncIterator[bytes], loop: asyncio.AbstractEventLoop) -> None:
        self._chunks = chunks
        self._loop = loop
        self._rest = b""
        self._ended = False

    def read(self, size: int) -> bytes:
        """Up to *size* bytes, b"" at the end. Raises OSError when the sender is gone."""
        while not self._rest and not self._ended:
            try:
                self._rest = asyncio.run_coroutine_threadsafe(self._next(), self._loop).result()
            except CancelledError as error:
                raise OSError("the upload was cancelled") from error
            except Exception as error:
                raise OSError(f"the upload ended early: {error!r}") from error
        found, self._rest = self._rest[:size], self._rest[size:]
        return found

    async def _next(self) -> bytes:
        async for chunk in self._chunks:
            if chunk:
                return bytes(chunk)
        self._ended = True
        return b""
