"""API keys, `fk_<id>_<secret>`: the secret is told once when a key is made; only its hash is stored and sent."""

import secrets
from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

from app.things import ApiKey

PREFIX = "fk"


class NewKey(NamedTuple):
    """A key as it is stored, and the text that its owner sends."""

    key: ApiKey
    text: str


def hash_of(secret: str) -> str:
    """What is stored of *secret*. It has 192 random bits: a slow hash would add nothing."""
    return sha256(secret.encode()).hexdigest()


def make_key(
    account: str,
    scopes: Sequence[str],
    *,
    now: float,
    name: str = "",
    rate: float | None = None,
    expires_at: float | None = None,
) -> NewKey:
    """A new key. Raises pydantic's ValidationError for a scope that does not exist."""
    ident, secret = secrets.token_hex(8), secrets.token_hex(24)
    fields = {
        "id": ident, "account": account, "name": name, "hash": hash_of(secret), "scopes": list(dict.fromkeys(scopes)),
        "created_at": now, "expires_at": expires_at,
    }  # fmt: skip
    key = ApiKey.model_validate(fields if rate is None else fields | {"rate": rate})
    return NewKey(key, f"{PREFIX}_{ident}_{secret}")


def split_key(text: str) -> tuple[str, str] | None:
    """(id, secret) of a key as it was sent, None when it is no key."""
    parts = text.split("_")
    if len(parts) != 3 or parts[0] != PREFIX or not parts[1] or not parts[2] or len(text) > 200:
        return None
    return parts[1], parts[2]
