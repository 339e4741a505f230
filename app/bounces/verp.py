"""Envelope senders that name the message (VERP): `bounce+TOKEN@domain`, where TOKEN cannot be made without our key.

A token is the message id (16 bytes), the attempt (1) and a keyed hash of both (8) in base32: 40 small letters and
digits. Mail systems fold case and keep 64 octets before the @ (RFC 5321, 4.5.3.1.1); this takes 47.
"""

import binascii
import hmac
import re
from base64 import b32decode, b32encode
from hashlib import blake2b
from typing import NamedTuple

PREFIX = "bounce+"
_MAC_BYTES = 8
_ID_BYTES = 16
TOKEN = re.compile(r"(?<![a-z2-7])([a-z2-7]{40})@", re.IGNORECASE)
_TOKEN = re.compile(r"[a-z2-7]{40}", re.IGNORECASE)


class Attempt(NamedTuple):
    """What a token stands for."""

    message_id: bytes  # 16 bytes
    attempt: int  # from 1; 255 stands for all beyond


def token_of(key: bytes, message_id: bytes, attempt: int) -> str:
    """The token of an attempt to deliver a message."""
    said = message_id + bytes((min(max(attempt, 0), 255),))
    return b32encode(said + _mac(key, said)).decode("ascii").lower()


def key_of(secret: bytes) -> bytes:
    """The key of an installation with this *secret*: derived, so that no two uses share one."""
    return blake2b(b"verp", key=secret, digest_size=32).digest()


def address_of(key: bytes, domain: str, message_id: bytes, attempt: int) -> str:
    """The envelope sender of an attempt."""
    return f"{PREFIX}{token_of(key, message_id, attempt)}@{domain}"


def attempt_in(key: bytes, token: str) -> Attempt | None:
    """What *token* stands for; None if it was not made with *key*."""
    if not _TOKEN.fullmatch(token):
        return None
    try:
        raw = b32decode(token.upper())
    except (binascii.Error, ValueError):
        return None
    said, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
    if not hmac.compare_digest(mac, _mac(key, said)):
        return None
    return Attempt(said[:_ID_BYTES], said[_ID_BYTES])


def _mac(key: bytes, said: bytes) -> bytes:
    return blake2b(said, digest_size=_MAC_BYTES, key=key, person=b"fanfare.verp").digest()
