"""The senders' table: open intents and results, both by release.

| section | key | value | written by | shrinks |
|---|---|---|---|---|
| intents | i release_id | Intent | send | when the result is stored |
| results | o release_id | Result, as produced | send | sweep by log time |
"""

import msgspec

from app.delivery.ledger import Intent
from app.records import Result, encode
from tables.recipients import Store

INTENT, RESULT = b"i", b"o"
_ENCODE = msgspec.msgpack.Encoder().encode
_INTENT = msgspec.msgpack.Decoder(Intent)
_RESULT = msgspec.msgpack.Decoder(Result)

Items = list[tuple[bytes, bytes | None]]


def known_of(store: Store, partition: int, release_id: bytes) -> tuple[Intent | None, bytes | None]:
    """The open intent and the stored result (encoded) of a release."""
    intent, result = store.get_many(partition, [INTENT + release_id, RESULT + release_id])
    return None if intent is None else _INTENT.decode(intent), result


def intend(release_id: bytes, intent: Intent) -> Items:
    """The batch that must be acknowledged before anything of the release starts."""
    return [(INTENT + release_id, _ENCODE(intent))]


def conclude(result: Result) -> Items:
    """The batch that ends a release: its result, and no open intent."""
    return [(RESULT + result.release_id, encode(result)), (INTENT + result.release_id, None)]


def expired(store: Store, partition: int, before: float, limit: int) -> Items:
    """Tombstones for at most *limit* results from before *before*, oldest release first."""
    items: Items = []
    for key, value in store.scan(partition, RESULT):
        if len(items) >= limit or _RESULT.decode(value).at >= before:
            break
        items.append((key, None))
    return items
