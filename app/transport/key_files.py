"""Private keys on the disk of this machine."""

import os
from pathlib import Path


def write_key(path: Path, pem: bytes) -> None:
    """Write a key so that it is there whole or not at all, and nobody else can read it."""
    fresh = path.with_suffix(".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)
