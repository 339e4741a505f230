"""Identities: who a recipient is, which message is theirs, and which partition owns both.

Every id is a keyed hash, so replays collide on purpose and no topic, table or column needs an
address. The key is stored data: lose it and every suppression and dedup window is lost with it.
"""

from base64 import b32encode
from collections.abc import Iterable
from hashlib import blake2b

ID_BYTES = 16
SLOT_BYTES = 2
PHONE = "phone"  # instead of a channel: a number is one recipient for sms, whatsapp and voice alike
NORMALISATION = 1  # bump when normalise_email changes: it is part of every recipient_id


def normalise_email(address: str) -> str:
    """The form of *address* that identifies its owner: trimmed, domain in lower-case A-labels.

    The local part is lower-cased too: RFC 5321 lets servers tell cases apart, no mailbox
    provider does, and two mails to one person are the worse error.
    """
    local, _, domain = address.strip().rpartition("@")
    if not domain.isascii():
        domain = domain.encode("idna").decode("ascii")
    return f"{local.lower()}@{domain.lower()}"


def recipient_id(key: bytes, channel: str, normalised: str) -> bytes:
    """16 bytes that stand for *normalised* on *channel*; its first two are the slot."""
    text = f"{NORMALISATION}|{channel}|{normalised}".encode()
    return blake2b(text, digest_size=ID_BYTES, key=key, person=b"fanfare.rcpt").digest()


def slot_of(identity: bytes) -> int:
    """The slot (0..65535) of a recipient_id."""
    return int.from_bytes(identity[:SLOT_BYTES], "big")


def partition_of(recipient: bytes, partitions: int) -> int:
    """The partition that owns the recipient."""
    return slot_of(recipient) % partitions


def message_id(day: int, campaign: str, run: int, recipient: bytes, channel: str) -> bytes:
    """16 bytes: seal day (2), slot (2), hash of campaign, run, recipient and channel (12).

    *day* counts days since 1970-01-01 in UTC. The same arguments always give the same id.
    """
    (message,) = message_ids(day, campaign, run, [recipient], channel)
    return message


def message_ids(day: int, campaign: str, run: int, recipients: Iterable[bytes], channel: str) -> list[bytes]:
    """`message_id` of each of *recipients*."""
    sealed, before, after = day.to_bytes(2, "big"), b"%b|%d|" % (campaign.encode(), run), b"|" + channel.encode()
    return [
        sealed
        + recipient[:SLOT_BYTES]
        + blake2b(before + recipient + after, digest_size=12, person=b"fanfare.msg").digest()
        for recipient in recipients
    ]


def partition_of_message(message: bytes, partitions: int) -> int:
    """The partition that owns the message, read from its slot."""
    return int.from_bytes(message[2:4], "big") % partitions


def pack_id(seal: str, first_row: int, partition: int, chunk: int, most: int) -> bytes:
    """16 bytes that name one pack of a sealed audience, cut at *most* rows: cut otherwise, it holds other people."""
    text = f"{seal}|{first_row}|{partition}|{chunk}|{most}".encode()
    return blake2b(text, digest_size=ID_BYTES, person=b"fanfare.pack").digest()


def release_id(partition: int, number: int) -> bytes:
    """16 bytes that name the *number*-th release of a partition: readable, ordered, never reused."""
    return b"rel\x00" + partition.to_bytes(4, "big") + number.to_bytes(8, "big")


def thing_id(prefix: str, account: str, idempotency_key: str) -> str:
    """A readable id for something an account creates; the same key gives the same id."""
    text = f"{prefix}|{account}|{idempotency_key}".encode()
    return f"{prefix}_{blake2b(text, digest_size=10, person=b'fanfare.thing').hexdigest()}"


def hook_token(secret: bytes, route: str) -> str:
    """26 characters that make the address of the webhooks of *route*: nobody can work it out without the key."""
    digest = blake2b(b"hook|" + route.encode(), digest_size=ID_BYTES, key=secret, person=b"fanfare.hook").digest()
    return b32encode(digest).decode().rstrip("=").lower()
