"""Who asks: API keys `fk_<id>_<secret>`, and what their scopes allow."""

from collections.abc import Mapping
from hmac import compare_digest

from app.control.api_keys import hash_of, split_key
from app.things import ApiKey
from app.web.problems import refuse

NOBODY = "0" * 64  # compared with where there is no such key: both take the same time
ADVICE = "send Authorization: Bearer KEY; `fanfare keys create --scope admin` makes one"


def find_key(token: str, keys: Mapping[str, ApiKey], now: float) -> ApiKey | None:
    """The key that *token* is, if it is valid at *now*."""
    parts = split_key(token) if token.isascii() else None
    if parts is None:
        return None
    ident, secret = parts
    key = keys.get(ident)
    same = compare_digest(key.hash if key else NOBODY, hash_of(secret))
    if key is None or not same or key.revoked_at is not None:
        return None
    return key if key.expires_at is None or now < key.expires_at else None


def bearer(header: str | None, keys: Mapping[str, ApiKey], now: float) -> ApiKey:
    """The key in an Authorization header; 401 without a valid one."""
    scheme, _, token = (header or "").partition(" ")
    if scheme.lower() != "bearer":
        raise refuse(401, "No API key", ADVICE, headers={"WWW-Authenticate": 'Bearer realm="fanfare"'})
    key = find_key(token.strip(), keys, now)
    if key is None:
        raise refuse(
            401, "Unknown API key", f"the key is unknown, expired or revoked; {ADVICE}",
            headers={"WWW-Authenticate": 'Bearer realm="fanfare", error="invalid_token"'},
        )  # fmt: skip
    return key


def is_new(header: str | None, keys: Mapping[str, ApiKey]) -> bool:
    """Whether an Authorization header names a key of which nothing is known."""
    parts = split_key((header or "").partition(" ")[2].strip())
    return parts is not None and parts[0] not in keys


def allows(key: ApiKey, method: str, scope: str) -> bool:
    """Whether *key* may do *method* on what *scope* names.

    "admin" is for keys and account settings, "operator" for what accounts share.
    """
    held = set(key.scopes)
    if scope == "operator":
        return scope in held
    if held & {"admin", "operator"}:
        return True
    if scope == "admin":
        return False
    return scope in held or "write" in held or ("read" in held and method in ("GET", "HEAD"))


def needed_scopes(method: str, scope: str) -> str:
    """What a key needs for *method* on what *scope* names, for a sentence."""
    if scope == "operator":
        return "operator: `fanfare keys create --scope operator` makes such a key"
    return "admin" if scope == "admin" else f"{scope}, {'read, ' if method in ('GET', 'HEAD') else ''}write or admin"


def check_scope(key: ApiKey, method: str, scope: str) -> None:
    """403 unless *key* may do it."""
    if not allows(key, method, scope):
        needed = needed_scopes(method, scope)
        raise refuse(
            403, "Not allowed", f"the key {key.id} has the scopes {', '.join(key.scopes)}; this needs {needed}",
            headers={"WWW-Authenticate": f'Bearer realm="fanfare", error="insufficient_scope", scope="{scope}"'},
        )  # fmt: skip
