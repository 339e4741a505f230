"""Is our key the one that the ids in this database were made with? With another, nobody is who they were."""

from hashlib import blake2b
from pathlib import Path

from app.clickhouse.client import ClickHouse


class WrongKeyError(Exception):
    """The key at *path* is missing, or is not that of this database: suppressions of its people would not be found."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"the key {path} {what}")
        self.path = path


def read_key(path: Path) -> bytes:
    """The key of all ids. Raises WrongKeyError when there is none."""
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise WrongKeyError(path, "does not exist") from error


async def check_key(client: ClickHouse, secret: bytes, path: Path) -> None:
    """Note the fingerprint of *secret* in a database that has none. Raises WrongKeyError, ClickHouseError."""
    ours = blake2b(secret, digest_size=16, person=b"fanfare.key").hexdigest()
    first = "SELECT key_fingerprint FROM installation ORDER BY noted_at, key_fingerprint LIMIT 1"
    if not await client.rows(first):
        await client.execute("INSERT INTO installation (key_fingerprint) VALUES ({key:String})", {"key": ours})
    if (await client.rows(first))[0][0] != ours:
        raise WrongKeyError(path, "is not the one that this installation's people were imported with")
