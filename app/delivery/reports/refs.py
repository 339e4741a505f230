"""Messages behind a provider's own id, for providers that do not repeat ours: which of two things comes first is open.

The partition of an id is that of a hash of route and id, so that what is learned and what is told of it meet.
"""

from hashlib import blake2b

import msgspec

from app.records import Told

NO_ECHO = frozenset({"msg91", "smpp"})  # adapters whose reports know the provider's id alone
WAITS_FOR = 3_600.0  # seconds that a report waits for its message
KEPT_FOR = 30 * 86_400.0  # seconds that an id is known
MOST_WAITING = 20  # reports of one id


class Learned(msgspec.Struct, array_like=True):
    """The message behind an id."""

    message_id: bytes
    attempt: int
    at: float


class Waiting(msgspec.Struct, array_like=True):
    """A report that waits for its message."""

    at: float
    route: str
    source: str
    told: Told


def key_of(route: str, ref: str) -> bytes:
    """16 bytes that stand for the id *ref* of a message that went over *route*."""
    return blake2b(f"{route}|{ref}".encode(), digest_size=16, person=b"fanfare.ref").digest()


def partition_of(key: bytes, partitions: int) -> int:
    """The partition that owns *key*."""
    return int.from_bytes(key[:2], "big") % partitions


def named(told: Told, learned: Learned) -> Told:
    """*told* with the message that it is about."""
    return msgspec.structs.replace(told, message_id=learned.message_id, attempt=told.attempt or learned.attempt)
