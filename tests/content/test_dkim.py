"""DKIM: the example of RFC 8463, an independent verifier, and messages that somebody touches on the way."""

import base64
import json
import re
from functools import cache
from pathlib import Path

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from app.content.dkim import (
    DkimKey,
    DkimKeyError,
    body_hash,
    ed25519_key,
    fields_in,
    from_domain,
    key_in,
    signatures,
    signed_text,
)

VECTORS = json.loads((Path(__file__).parents[1] / "samples" / "vectors-dkim.json").read_text())
RFC = VECTORS["vector"]
MESSAGE = RFC["message_crlf"].encode()


def pem(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )  # fmt: skip


@cache
def keys() -> tuple[DkimKey, DkimKey]:
    made = rsa.generate_private_key(65_537, 2_048), ed25519.Ed25519PrivateKey.generate()
    return key_in(pem(made[0]), "example.com", "r1"), key_in(pem(made[1]), "example.com", "e1")


def verified(message: bytes, signature: int = 0) -> bool:
    """What another library says of one of the signatures."""
    records = {f"{key.name}.".encode(): key.record.encode() for key in keys()}
    try:
        return bool(dkim.DKIM(message).verify(idx=signature, dnsfunc=lambda name, **_: records.get(name)))
    except dkim.DKIMException:
        return False


def signed(message: bytes) -> bytes:
    return signatures(message, keys(), 1_700_000_000.0) + message


def test_the_example_of_the_rfc() -> None:
    seed = ed25519.Ed25519PrivateKey.from_private_bytes(base64.b64decode(RFC["ed25519_seed_base64"]))
    key = ed25519_key(seed, RFC["domain"], RFC["selector"])
    assert (key.name, key.record) == (RFC["dns_name"], RFC["dns_txt"])
    head, _, body = MESSAGE.partition(b"\r\n\r\n")
    ((_, value),) = fields_in(RFC["dkim_signature_header"].encode())
    unsigned, _, signature = value.rpartition(b" b=")
    assert f"bh={body_hash(body).decode()}".encode() in value
    text = signed_text(fields_in(head + b"\r\n"), RFC["signed_headers"].encode().split(b":"), unsigned + b" b=")
    assert base64.b64encode(key.sign(text)) == re.sub(rb"\s", b"", signature)


@pytest.mark.parametrize("place", range(0, len(MESSAGE), 7))
def test_the_example_fails_with_one_byte_changed(place: int) -> None:
    """Any byte but white space, which a relaxed signature does not count."""
    changed = bytearray(MESSAGE)
    changed[place] = changed[place] ^ 1 if chr(changed[place]).isalnum() else ord("q")
    seed = ed25519.Ed25519PrivateKey.from_private_bytes(base64.b64decode(RFC["ed25519_seed_base64"]))
    key = ed25519_key(seed, RFC["domain"], RFC["selector"])
    assert signatures(bytes(changed), [key], 1.0) != signatures(MESSAGE, [key], 1.0)


@pytest.mark.parametrize(("body", "digest"), [
    (b"", VECTORS["body_hash_sha256"]["empty body, relaxed canonicalisation (zero octets)"]),
    (b"\r\n\r\n", VECTORS["body_hash_sha256"]["empty body, relaxed canonicalisation (zero octets)"]),
])  # fmt: skip
def test_an_empty_body(body: bytes, digest: str) -> None:
    assert body_hash(body).decode() == digest


def test_another_library_verifies_both() -> None:
    message = (
        b"From: Acme <news@example.com>\r\nTo: ana@example.net\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
        b" with a fold\r\nDate: Fri, 27 Nov 2026 00:00:00 +0000\r\nMessage-ID: <1@example.com>\r\n"
        b"List-Unsubscribe: <https://example.com/u/1>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
        b"Content-Type: text/plain\r\n\r\nHello  \t there \r\n.dot\r\n\r\n\r\n"
    )
    whole = signed(message)
    assert verified(whole, 0) and verified(whole, 1)
    assert max(map(len, whole.split(b"\r\n"))) < 200
    assert verified(whole.replace(b"Hello  \t there ", b"Hello there"))  # white space is not counted
    assert not verified(whole.replace(b"Hello", b"Hallo"))
    assert not verified(whole.replace(b"One-Click", b"Two-Click"))
    assert not verified(b"From: evil@example.org\r\n" + whole)  # a second author


LINES = st.lists(st.text(alphabet=" \tabc.é=", max_size=12), max_size=12).map(lambda lines: "\r\n".join(lines).encode())
WORDS = st.text(alphabet="abc :\t;", max_size=20).map(str.encode)


@given(LINES, st.lists(WORDS, max_size=4))
def test_whatever_is_written_verifies(body: bytes, subjects: list[bytes]) -> None:
    head = b"From: a@example.com\r\n" + b"".join(b"Subject: x" + each + b"\r\n" for each in subjects)
    assert verified(signed(head + b"\r\n" + body + b"\r\n"), 0)


@given(st.binary(max_size=200))
def test_no_bytes_break_the_signing(raw: bytes) -> None:
    assert signatures(raw, keys(), 1.0).count(b"DKIM-Signature:") == 2
    assert isinstance(from_domain(raw), str)


@pytest.mark.parametrize(("author", "domain"), [
    (b"news@example.com", "example.com"), (b'"a@b.c" <x@News.Example.COM>', "news.example.com"), (b"nobody", ""),
])  # fmt: skip
def test_whose_signature_it_has_to_be(author: bytes, domain: str) -> None:
    assert from_domain(b"To: x@y.z\r\nFrom: " + author + b"\r\n\r\nfrom@body.example") == domain


@pytest.mark.parametrize("raw", [
    b"",
    b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    pem(ec.generate_private_key(ec.SECP256R1())),
])  # fmt: skip
def test_a_key_that_cannot_sign(raw: bytes) -> None:
    with pytest.raises(DkimKeyError) as told:
        key_in(raw, "example.com", "s1")
    assert "AAAA" not in str(told.value)
