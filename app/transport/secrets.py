"""Reads a secret where a route says it stands: an environment variable or a file. Only at the moment it is used."""

import os
from pathlib import Path

MOST_BYTES = 10_000


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
