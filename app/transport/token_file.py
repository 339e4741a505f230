"""Tokens of webhooks on the disk of an edge, so that a restart forgets none: app/delivery/reports/hook_tokens.py.

Two files, the older one ends in .old: each holds as many tokens as are remembered at most. What a kill cut off at the
end of one is left out. A disk that fails costs what it should have kept, and no webhook.
"""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from app.delivery.reports.hook_tokens import MOST

log = logging.getLogger("fanfare.edge")

KEY, DIGEST = 16, 8  # bytes


class TokenFile:
    """The file at *path*, and the one before it."""

    def __init__(self, path: Path, most: int = MOST) -> None:
        self._path, self._most = path, most
        self._older = path.with_suffix(".old")
        self._file: BinaryIO | None = None
        self._count = 0

    def read(self) -> Iterator[tuple[bytes, bytes]]:
        """All that is kept, the latest last."""
        for path in (self._older, self._path):
            try:
                raw = path.read_bytes()
            except FileNotFoundError:
                continue
            except OSError as error:
                log.warning("the tokens of webhooks in %s are not read: %s", path, error)
                continue
            for at in range(0, len(raw) - KEY - DIGEST + 1, KEY + DIGEST):
                yield raw[at : at + KEY], raw[at + KEY : at + KEY + DIGEST]

    def add(self, key: bytes, digest: bytes) -> None:
        """Keep one more."""
        try:
            file = self._file or self._opened()
            if self._count >= self._most:
                self.close()
                self._path.replace(self._older)
                file = self._opened()
            if file.write(key + digest) != KEY + DIGEST:
                raise OSError("is the disk full?")
            self._count += 1
        except OSError as error:
            self.close()  # opened anew, without half a token that would shift all behind it
            log.warning("a token of a webhook is not kept in %s: %s", self._path, error)

    def close(self) -> None:
        """Let the file go."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _opened(self) -> BinaryIO:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = file = self._path.open("ab", buffering=0)
        self._count = file.tell() // (KEY + DIGEST)
        file.truncate(self._count * (KEY + DIGEST))
        return file
