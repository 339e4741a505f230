"""DKIM signatures of messages: RFC 6376, Ed25519 by RFC 8463, relaxed/relaxed.

What mailing lists and relays rewrite on the way (spaces, folding, case of names) does not break a relaxed signature.
From is signed once more than it occurs, so that nobody can add another one (RFC 6376, 5.4.2). There is no l=: what was
added behind the signed part would pass for ours.
"""

import base64
import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

Algorithm = Literal["rsa-sha256", "ed25519-sha256"]
SHORTEST_RSA = 1_024  # bits; RFC 8301: signers use 2048
SIGNED = (
    b"from", b"to", b"cc", b"subject", b"date", b"message-id", b"reply-to", b"mime-version", b"content-type",
    b"content-transfer-encoding", b"list-unsubscribe", b"list-unsubscribe-post", b"list-id", b"feedback-id",
)  # fmt: skip
LINE = 70  # characters of a line of b=

_SPACES = re.compile(rb"[ \t]+")
_FOLDS = re.compile(rb"\r\n(?=[ \t])")
_BEFORE_END = re.compile(rb"[ \t]+(?=\r\n)")
_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:((?:[^\r]|\r(?!\n)|\r\n[ \t])*)\r\n")
_DOMAIN = re.compile(rb"@([A-Za-z0-9.-]+)")


class DkimKeyError(ValueError):
    """A private key that cannot sign mail; says why, and nothing of the key."""


@dataclass(frozen=True, slots=True)
class DkimKey:
    """A private key: *sign* makes the signature of the canonical header, *record* is what DNS has to say."""

    domain: str
    selector: str
    algorithm: Algorithm
    sign: Callable[[bytes], bytes]
    record: str

    @property
    def name(self) -> str:
        """Where its record stands in DNS."""
        return f"{self.selector}._domainkey.{self.domain}"


def key_in(pem: bytes, domain: str, selector: str) -> DkimKey:
    """The key in *pem* (PKCS 8). Raises DkimKeyError."""
    try:
        key = serialization.load_pem_private_key(pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise DkimKeyError(f"no private key without a password: {error}") from None
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return ed25519_key(key, domain, selector)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise DkimKeyError("DKIM knows RSA and Ed25519 keys only")
    if key.key_size < SHORTEST_RSA:
        raise DkimKeyError(f"an RSA key of {key.key_size} bits: verifiers refuse fewer than {SHORTEST_RSA}")
    signer = key

    def sign(data: bytes) -> bytes:
        return signer.sign(data, padding.PKCS1v15(), hashes.SHA256())

    public = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )  # fmt: skip
    return DkimKey(domain, selector, "rsa-sha256", sign, _record("rsa", public))


def ed25519_key(key: ed25519.Ed25519PrivateKey, domain: str, selector: str) -> DkimKey:
    """*key*, which signs the hash of the header (RFC 8463, 3)."""
    public = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return DkimKey(
        domain, selector, "ed25519-sha256", lambda data: key.sign(hashlib.sha256(data).digest()),
        _record("ed25519", public),
    )  # fmt: skip


def signatures(message: bytes, keys: Iterable[DkimKey], at: float) -> bytes:
    """The DKIM-Signature fields of *message* (CRLF, dots not doubled), one for each key, each with its line end."""
    head, _, body = message.partition(b"\r\n\r\n")
    fields = fields_in(head + b"\r\n")
    digest = body_hash(body)
    return b"".join([_field(fields, key, digest, int(at)) for key in keys])


def from_domain(message: bytes) -> str:
    """The domain of the author, which a signature has to be aligned with; "" when there is none to be found."""
    head = message.partition(b"\r\n\r\n")[0] + b"\r\n"
    author = next((value for name, value in fields_in(head) if name.lower() == b"from"), b"")
    found = _DOMAIN.findall(author)
    return found[-1].decode().lower().rstrip(".") if found else ""


def fields_in(head: bytes) -> list[tuple[bytes, bytes]]:
    """(name, value with its folds) of each field of a header, in order."""
    return [(found[1], found[2]) for found in _FIELD.finditer(head)]


def relaxed_field(name: bytes, value: bytes) -> bytes:
    """A header field as it is signed (RFC 6376, 3.4.2)."""
    return name.strip().lower() + b":" + _SPACES.sub(b" ", _FOLDS.sub(b"", value)).strip(b" \t") + b"\r\n"


def relaxed_body(body: bytes) -> bytes:
    """A body as it is hashed (RFC 6376, 3.4.4)."""
    if body and not body.endswith(b"\r\n"):
        body += b"\r\n"
    body = _BEFORE_END.sub(b"", _SPACES.sub(b" ", body))
    end = len(body)
    while body[end - 4 : end] == b"\r\n\r\n":
        end -= 2
    return b"" if body[:end] == b"\r\n" else body[:end]


def body_hash(body: bytes) -> bytes:
    """bh= of a body."""
    return base64.b64encode(hashlib.sha256(relaxed_body(body)).digest())


def signed_text(fields: Sequence[tuple[bytes, bytes]], names: Iterable[bytes], unsigned: bytes) -> bytes:
    """What is signed (RFC 6376, 3.7): the fields of *names*, the last of several first, then the signature itself.

    *unsigned* is the value of the signature field with an empty b=.
    """
    left: dict[bytes, list[bytes]] = {}
    for name, value in fields:
        left.setdefault(name.lower(), []).append(relaxed_field(name, value))
    chosen = [values.pop() for name in names if (values := left.get(name))]
    return b"".join(chosen) + relaxed_field(b"DKIM-Signature", unsigned)[:-2]


def _field(fields: Sequence[tuple[bytes, bytes]], key: DkimKey, digest: bytes, at: int) -> bytes:
    present = [name.lower() for name, _ in fields]
    names = [name for name in SIGNED for _ in range(present.count(name))] + [b"from"]
    unsigned = b" v=1; a=%b; c=relaxed/relaxed; d=%b; s=%b; t=%d;\r\n\th=%b;\r\n\tbh=%b;\r\n\tb=" % (
        key.algorithm.encode(), key.domain.encode(), key.selector.encode(), at, _folded_names(names), digest,
    )  # fmt: skip
    signature = base64.b64encode(key.sign(signed_text(fields, names, unsigned)))
    lines = [signature[place : place + LINE] for place in range(0, len(signature), LINE)]
    return b"DKIM-Signature:" + unsigned + b"\r\n\t ".join(lines) + b"\r\n"


def _folded_names(names: Sequence[bytes]) -> bytes:
    half = len(names) // 2
    return b":".join(names[:half]) + b":\r\n\t " + b":".join(names[half:]) if half > 3 else b":".join(names)


def _record(kind: str, public: bytes) -> str:
    return f"v=DKIM1; k={kind}; p={base64.b64encode(public).decode()}"
