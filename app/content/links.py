"""Tracking and unsubscribe links: made by the composer, verified by the edge.

    token  SCOPE "." b64url(message_id 16 | recipient_id 16 | signature 16)       one keyed hash a message
    open   PUBLIC_URL/o/TOKEN.gif
    leave  PUBLIC_URL/u/TOKEN
    click  PUBLIC_URL/c/TOKEN/LINK    LINK = b64url(signature 12 | bound 1 | index 2 | target URL)

SCOPE is b64url(account NUL campaign) and under the token's signature. LINK carries its target, signed for
the campaign: the same bytes in every message, so a literal link costs nothing to sign, and the edge needs
no lookup to follow a link months later. A target that depends on the recipient is signed together with the
message (*bound* = 1). Whoever changes anything gets None: there is no open redirect.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from hashlib import blake2b
from hmac import compare_digest

TOKEN_SIGNATURE = 16
LINK_SIGNATURE = 12
ID_BYTES = 16
LONGEST = 8_192  # characters of a token or link that are looked at at all

_TOKEN = re.compile(r"([A-Za-z0-9_-]{2,2200})\.([A-Za-z0-9_-]{64})")
_LINK = re.compile(r"[A-Za-z0-9_-]{20,8192}")
_TARGET = re.compile(r"https?://[^\x00-\x20\x7f]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class MessageRef:
    """Which message a link belongs to."""

    account: str
    campaign: str
    message_id: bytes
    recipient_id: bytes


@dataclass(frozen=True, slots=True)
class Click:
    """A verified click: redirect to *target*. *index* is the place of the link in the html, from 0."""

    message: MessageRef
    index: int
    target: str


def is_trackable(target: str) -> bool:
    """Whether *target* is an absolute http(s) URL that a redirect may name and a LINK can hold."""
    return _TARGET.fullmatch(target) is not None and len(target.encode()) < LONGEST * 3 // 4 - 16


class LinkSigner:
    """Makes the tokens and links of one campaign."""

    def __init__(self, key: bytes, account: str, campaign: str) -> None:
        """*key* has 16 to 64 bytes; neither name may hold a NUL."""
        if not 16 <= len(key) <= 64:
            raise ValueError("a link key has 16 to 64 bytes")
        if "\0" in account + campaign:
            raise ValueError("NUL in an account or campaign name")
        self._key = key
        self._scope = _scope(account, campaign)
        self._prefix = _b64(self._scope) + "."
        self._hash = _token_hash(key, self._scope)

    def token(self, message_id: bytes, recipient_id: bytes) -> str:
        """The token of one message: signs everything in it that names the recipient."""
        body = message_id + recipient_id
        if len(body) != 2 * ID_BYTES:
            raise ValueError("message and recipient ids have 16 bytes each")
        state = self._hash.copy()
        state.update(body)
        return self._prefix + urlsafe_b64encode(body + state.digest()).decode("ascii")

    def link(self, index: int, target: str, message_id: bytes = b"") -> str:
        """The LINK to *target*: for every message of the campaign, or for *message_id* alone."""
        body = bytes((bool(message_id),)) + index.to_bytes(2, "big") + target.encode()
        return _b64(_link_signature(self._key, self._scope, message_id, body) + body)


def verify_token(token: str, key: bytes) -> MessageRef | None:
    """The message that *token* was made for, or None if it is not ours."""
    match = _TOKEN.fullmatch(token)
    if match is None:
        return None
    scope, raw = _unb64(match[1]), _unb64(match[2])
    if scope is None or raw is None:
        return None
    body, signature = raw[: 2 * ID_BYTES], raw[2 * ID_BYTES :]
    state = _token_hash(key, scope)
    state.update(body)
    if not compare_digest(state.digest(), signature):
        return None
    account, _, campaign = scope.decode().partition("\0")
    return MessageRef(account, campaign, body[:ID_BYTES], body[ID_BYTES:])


def verify_click(token: str, link: str, key: bytes) -> Click | None:
    """Where a click on *link* leads, or None unless both are ours and belong together."""
    message = verify_token(token, key)
    if message is None or _LINK.fullmatch(link) is None:
        return None
    raw = _unb64(link)
    if raw is None or len(raw) < LINK_SIGNATURE + 3:
        return None
    signature, body = raw[:LINK_SIGNATURE], raw[LINK_SIGNATURE:]
    bound_to = message.message_id if body[0] else b""
    scope = _scope(message.account, message.campaign)
    if not compare_digest(_link_signature(key, scope, bound_to, body), signature):
        return None
    return Click(message, int.from_bytes(body[1:3], "big"), body[3:].decode())


def _scope(account: str, campaign: str) -> bytes:
    return f"{account}\0{campaign}".encode()


def _token_hash(key: bytes, scope: bytes) -> blake2b:
    """The keyed hash that has read the scope and waits for the two ids."""
    state = blake2b(key=key, digest_size=TOKEN_SIGNATURE, person=b"fanfare.token")
    state.update(len(scope).to_bytes(4, "big") + scope)
    return state


def _link_signature(key: bytes, scope: bytes, message_id: bytes, body: bytes) -> bytes:
    """*body* starts with its bound flag, so a bound link never passes for a campaign-wide one."""
    text = len(scope).to_bytes(4, "big") + scope + body[:1] + message_id + body[1:]
    return blake2b(text, key=key, digest_size=LINK_SIGNATURE, person=b"fanfare.link").digest()


def _b64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _unb64(text: str) -> bytes | None:
    """What *text* was made from by `_b64`; None for anything else, also where only unused bits differ."""
    try:
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return None
    return raw if _b64(raw) == text else None
