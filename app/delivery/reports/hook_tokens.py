"""Tokens of webhooks whose signature is over the token alone (Mailgun): each may stand for one body.

Who has seen one such webhook could else post any other with it for hours. A repeat of the same body is welcome: the
provider may not have heard our answer.
"""

from collections import OrderedDict
from collections.abc import Iterable
from hashlib import blake2b

MOST = 400_000  # tokens that are remembered, about 200 bytes each


class Tokens:
    """What came with each token, of the latest ones."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._bodies: OrderedDict[bytes, bytes] = OrderedDict()

    def remember(self, items: Iterable[tuple[bytes, bytes]]) -> None:
        """What `note` gave before, the latest last."""
        for key, digest in items:
            self._keep(key, digest)

    def is_reused(self, route: str, token: str, body: bytes) -> bool:
        """Whether *token* of *route* came with another body before."""
        return self._bodies.get(_key(route, token), b"") not in (b"", _digest(body))

    def note(self, route: str, token: str, body: bytes) -> tuple[bytes, bytes] | None:
        """*body* came with *token*: what is to be kept of that (16 and 8 bytes); None where it came before."""
        key, digest = _key(route, token), _digest(body)
        return (key, digest) if self._keep(key, digest) else None

    def _keep(self, key: bytes, digest: bytes) -> bool:
        if key in self._bodies:
            return False
        self._bodies[key] = digest
        if len(self._bodies) > self._most:
            self._bodies.popitem(last=False)
        return True


def _key(route: str, token: str) -> bytes:
    return blake2b(f"{route}|{token}".encode("utf-8", "replace"), digest_size=16).digest()


def _digest(body: bytes) -> bytes:
    return blake2b(body, digest_size=8).digest()
