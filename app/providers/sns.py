"""The envelope in which Amazon SNS posts what others tell it, and whether it is one.

https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html. The body is JSON, whatever its
Content-Type says. Nothing of it is believed, and no URL in it visited, before its topic is one of ours.
"""

import binascii
import re
from base64 import b64decode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256

from app.providers.reading import an_object, parsed, word, written_time

NOTIFICATION, SUBSCRIPTION, UNSUBSCRIPTION = "Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation"
# What is signed of each type, if it is there, in this order.
SIGNED: dict[str, tuple[str, ...]] = {
    NOTIFICATION: ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    SUBSCRIPTION: ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    UNSUBSCRIPTION: ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
OLDEST, YOUNGEST = 4_200.0, 600.0  # seconds; SNS tries for an hour, with the time of the first try
MOST_TEXT = 300_000  # characters of a field: SNS takes 256 KB
# The other signature version of SNS; SHA-1 is what topics have that nobody has changed.
_HASHES = {"1": SHA1, "2": SHA256}
# Of a region, and of no other service: sns.s3-us-west-2.amazonaws.com is somebody's bucket.
_HOST = r"https://sns\.[a-z]{2}(?:-[a-z]+){1,3}-[0-9]{1,2}\.amazonaws\.com(?:\.cn)?"
_CERTIFICATE = re.compile(_HOST + r"/[A-Za-z0-9_/-][A-Za-z0-9._/-]*\.pem", re.ASCII)
_CONFIRMATION = re.compile(_HOST + r"/\?[A-Za-z0-9=&%:._~-]{1,1000}", re.ASCII)
_OWN_PATH = re.compile(r"[A-Za-z0-9=&%:._~/?-]{1,1000}", re.ASCII)


def envelope_in(raw: bytes) -> Mapping[str, Any]:
    """The envelope, its fields texts; an empty one for what is none."""
    found = an_object(parsed(raw))
    if word(found.get("Type")) not in SIGNED:
        return {}
    return {name: value for name, value in found.items() if isinstance(value, str) and len(value) <= MOST_TEXT}


def doubts(envelope: Mapping[str, str], topics: Sequence[str], certificate: str, at: float) -> str:
    """Why *envelope* is not believed; "" when one of *topics* signed it, of late, with the key of *certificate*."""
    if not envelope:
        return "no SNS message"
    if envelope.get("TopicArn") not in topics:
        return "the topic is none of the route's"
    made = written_time(envelope.get("Timestamp"), 0.0)
    if not -OLDEST <= made - at <= YOUNGEST:
        return "the message is too old, or in the future"
    hashing = _HASHES.get(envelope.get("SignatureVersion", ""))
    key = _key(certificate, int(at // 3_600))
    if hashing is None or key is None:
        return "no certificate in force" if hashing is not None else "an unknown signature version"
    try:
        signature = b64decode(envelope.get("Signature", ""), validate=True)
        key.verify(signature, signed_text(envelope).encode(), PKCS1v15(), hashing())
    except (InvalidSignature, binascii.Error, ValueError, UnsupportedAlgorithm):
        return "the signature is wrong"
    return ""


def signed_text(envelope: Mapping[str, str]) -> str:
    """What the signature is over."""
    names = SIGNED.get(envelope.get("Type", ""), ())
    return "".join(f"{name}\n{envelope[name]}\n" for name in names if name in envelope)


def certificate_url(envelope: Mapping[str, str], topics: Sequence[str], own: str = "") -> str:
    """Where the certificate of *envelope* is; "" unless that is Amazon's, or below *own*."""
    url = envelope.get("SigningCertURL") or envelope.get("SigningCertUrl", "")
    trusted = envelope.get("TopicArn") in topics and (_CERTIFICATE.fullmatch(url) or _below(url, own))
    return url if trusted else ""


def confirmation_url(envelope: Mapping[str, str], topics: Sequence[str], own: str = "") -> str:
    """What is to be visited to subscribe; "" for anything else: that of an UnsubscribeConfirmation would undo it."""
    url = envelope.get("SubscribeURL", "")
    if envelope.get("Type") != SUBSCRIPTION or envelope.get("TopicArn") not in topics:
        return ""
    amazon = _CONFIRMATION.fullmatch(url) and "Action=ConfirmSubscription" in url
    return url if amazon or _below(url, own) else ""


def _below(url: str, own: str) -> bool:
    """Whether *url* is at the API that the route names itself, as a simulator's is."""
    return bool(own) and url.startswith(f"{own}/") and _OWN_PATH.fullmatch(url[len(own) + 1 :]) is not None


def message_id(envelope: Mapping[str, str]) -> str:
    """The id of the message: the same when it is posted again."""
    return word(envelope.get("MessageId"), 100)


@lru_cache(maxsize=64)
def _key(certificate: str, hour: int) -> RSAPublicKey | None:
    """The key of a certificate that is in force in *hour* since 1970."""
    try:
        loaded = x509.load_pem_x509_certificate(certificate.encode())
        key = loaded.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return None
    then = datetime.fromtimestamp(hour * 3_600, UTC)
    in_force = loaded.not_valid_before_utc <= then <= loaded.not_valid_after_utc
    return key if in_force and isinstance(key, RSAPublicKey) else None
