"""API keys over REST: made, listed, revoked by who has the scope admin. A secret is told once."""

import time
from hashlib import blake2b
from typing import Any

from pydantic import Field

from app.control.api_keys import PREFIX, hash_of
from app.specs import AskedMoment, Strict
from app.things import SCOPES, ApiKey, Scope
from app.web.api.moments_shown import When, iso
from app.web.keys import LINK_KEY
from app.web.problems import refuse
from app.web.rest import Call, Endpoint, Reply

SCOPE, TAG = "admin", "Keys and account"


class NewKey(Strict):
    """What a key may do, and until when."""

    name: str = Field(default="", max_length=200, description="For people")
    scopes: list[Scope] = Field(min_length=1, max_length=len(SCOPES))
    rate: float = Field(default=5_000.0, gt=0, le=1_000_000, description="Requests a second of one edge")
    expires_at: AskedMoment | None = None


class KeyShown(Strict):
    """An API key without its secret."""

    id: str
    name: str
    scopes: list[Scope]
    rate: float
    created_at: When
    expires_at: When | None
    revoked_at: When | None
    valid: bool


class KeyMade(KeyShown):
    """A new API key."""

    key: str = Field(description="What is sent as Authorization: Bearer. It is shown this once: only a hash is kept")


class Keys(Strict):
    """The keys of the account; one that was revoked or has expired stays for a while."""

    keys: list[KeyShown]


async def list_keys(call: Call) -> Reply:
    """The keys of the account, the newest first."""
    mine = [each for each in call.control.tail.keys.values() if each.account == call.account]
    return Reply({"keys": [_shown(each) for each in sorted(mine, key=lambda each: (-each.created_at, each.id))]})


async def create_key(call: Call) -> Reply:
    """Make a key. A repeat with the same Idempotency-Key shows the same secret again."""
    asked: NewKey = call.body
    if "operator" in asked.scopes:
        raise refuse(
            403, "Not allowed", "only the operator makes such a key: `fanfare keys create --scope operator`",
            field="scopes",
        )  # fmt: skip
    ident, secret = _drawn(call)
    key = ApiKey(
        id=ident, account=call.account, name=asked.name, hash=hash_of(secret),
        scopes=list(dict.fromkeys(asked.scopes)), rate=asked.rate, created_at=time.time(), expires_at=asked.expires_at,
    )  # fmt: skip
    done = await call.command("key.create", names={"key": ""}, key=key)
    made = ApiKey.model_validate(done.answer.thing | {"hash": key.hash})
    headers = {"Location": f"/v1/keys/{made.id}", "Cache-Control": "no-store"}
    return Reply(_shown(made) | {"key": f"{PREFIX}_{ident}_{secret}"}, 201, headers)


async def get_key(call: Call) -> Reply:
    """One key of the account."""
    key = call.control.tail.keys.get(call.path("id"))
    if key is None or key.account != call.account:
        raise refuse(404, "No such key", "GET /v1/keys lists those of your account", field="id")
    return Reply(_shown(key))


async def revoke_key(call: Call) -> Reply:
    """Revoke a key: every edge refuses it once it has heard of it, within a second."""
    await call.command("key.revoke", names={"thing": "id"}, thing=call.path("id"))
    return Reply(status=204)


def _drawn(call: Call) -> tuple[str, str]:
    """Id and secret. They follow from the Idempotency-Key and the installation's own key: nobody has to store them."""
    seed = f"{call.account}|{call.command_id}".encode()
    drawn = blake2b(seed, digest_size=32, key=call.request.app[LINK_KEY][:64], person=b"fanfare.apikey").hexdigest()
    return drawn[:16], drawn[16:]


def _shown(key: ApiKey) -> dict[str, Any]:
    now = time.time()
    return {
        "id": key.id, "name": key.name, "scopes": key.scopes, "rate": key.rate, "created_at": iso(key.created_at),
        "expires_at": iso(key.expires_at), "revoked_at": iso(key.revoked_at),
        "valid": key.revoked_at is None and (key.expires_at is None or now < key.expires_at),
    }  # fmt: skip


ENDPOINTS = [
    Endpoint("GET", "/v1/keys", list_keys, "List API keys", SCOPE, TAG, answer=Keys),
    Endpoint("POST", "/v1/keys", create_key, "Make an API key", SCOPE, TAG,
             body=NewKey, answer=KeyMade, status=201, errors=(409,), most_bytes=20_000,
             example={"name": "shop", "scopes": ["messages"], "expires_at": "2028-01-01T00:00:00Z"}),
    Endpoint("GET", "/v1/keys/{id}", get_key, "An API key", SCOPE, TAG, answer=KeyShown, errors=(404,)),
    Endpoint("DELETE", "/v1/keys/{id}", revoke_key, "Revoke an API key", SCOPE, TAG, status=204, errors=(404,)),
]  # fmt: skip
