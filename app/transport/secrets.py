"""Reads a secret where a route says it stands: an environment variable or a file. Only at the moment it is used."""

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from app.provider_accounts import secret_places
from app.specs import Strict

MOST_BYTES = 10_000
KEPT = 5.0  # seconds until a secret that may have changed is read again


class SecretMissingError(Exception):
    """The secret is not there, or cannot be read. Says where it was looked for, never what was found."""


def secret_at(place: str) -> str:
    """The secret at *place*: "env:NAME" or "file:/path", without the line end of a file. "" for no place."""
    kind, _, where = place.partition(":")
    match kind:
        case "":
            return ""
        case "env":
            found = os.environ.get(where, "")
            if not found:
                raise SecretMissingError(f"the environment variable {where} is not set where the senders run")
            return found
        case "file":
            return _in_file(Path(where))
    raise SecretMissingError(f"{kind!r} is no place for a secret: write env:NAME or file:/path")


def _in_file(path: Path) -> str:
    try:
        with path.open("rb") as file:
            found = file.read(MOST_BYTES).decode().strip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SecretMissingError(f"the secret in {path} cannot be read: {why}") from None
    if not found:
        raise SecretMissingError(f"the file {path} is empty")
    return found


class SecretKeeper:
    """The secrets of provider accounts, read when they are used and kept for a few seconds. Reading blocks no loop."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._kept: dict[tuple[tuple[str, str], ...], tuple[float, dict[str, str]]] = {}

    async def of(self, config: Strict) -> Mapping[str, str]:
        """Field of *config* -> the secret at the place that it names. Raises SecretMissingError."""
        places = tuple(secret_places(config).items())
        kept = self._kept.get(places)
        if kept is None or self._now() - kept[0] > KEPT:
            found = await asyncio.to_thread(lambda: {field: secret_at(place) for field, place in places})
            self._kept = {each: held for each, held in self._kept.items() if self._now() - held[0] <= KEPT}
            kept = self._kept[places] = self._now(), found
        return kept[1]


def secrets_of(config: Strict) -> tuple[dict[str, str], list[str]]:
    """(field -> secret, why others are missing): for who needs but some of them, as the edge does."""
    found, missing = dict[str, str](), list[str]()
    for field, place in secret_places(config).items():
        try:
            found[field] = secret_at(place)
        except SecretMissingError as error:
            missing.append(f"{field}: {error}")
    return found, missing
