"""The DKIM keys of an installation: keys/dkim/<domain>/<selector>.pem of the state folder, for their owner only.

A worker looks every half minute which there are; a key that cannot be read signs nothing and is told in the log once.
"""

import logging
import time
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from app.content.dkim import DkimKey, DkimKeyError, from_domain, key_in, signatures
from app.transport.key_files import write_key

LOOK_AGAIN = 30.0  # seconds
MOST_KEYS = 10_000  # files
MOST_BYTES = 20_000  # of a file
RSA_BITS = 2_048

logger = logging.getLogger(__name__)


def folder_in(state_dir: Path) -> Path:
    """Where the keys of an installation lie."""
    return state_dir / "keys" / "dkim"


def made(folder: Path, domain: str, selector: str) -> list[DkimKey]:
    """The keys of *domain* under *selector*: RSA, and Ed25519 under *selector* with an e. Those that exist stay."""
    place = folder / domain
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, make in ((selector, _rsa), (f"{selector}e", ed25519.Ed25519PrivateKey.generate)):
        path = place / f"{name}.pem"
        if not path.exists():
            pem = make().private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )  # fmt: skip
            write_key(path, pem)
    return keys_of(folder, domain)


def domains(folder: Path) -> list[str]:
    """The domains that have keys."""
    return sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []


def keys_of(folder: Path, domain: str, complain: Callable[[str], None] = logger.error) -> list[DkimKey]:
    """The keys of *domain*, those that receivers know best first. *complain* is told of those that cannot sign."""
    found: list[DkimKey] = []
    place = folder / domain
    for path in sorted(place.glob("*.pem"))[:MOST_KEYS] if place.is_dir() else ():
        try:
            with path.open("rb") as file:
                found.append(key_in(file.read(MOST_BYTES), domain, path.stem))
        except (OSError, DkimKeyError) as error:
            complain(f"the DKIM key {path.name} of {domain} signs nothing: {error}")
    return sorted(found, key=lambda key: (key.algorithm != "rsa-sha256", key.selector))


class DkimSigner:
    """Signs messages with the keys of the domain that their author has, or of the nearest above it."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self._folder, self._clock = folder, clock
        self._keys: dict[str, list[DkimKey]] = {}
        self._looked = 0.0
        self._told: set[str] = set()

    def signatures(self, text: bytes) -> bytes:
        """The signature fields of a message as SMTP carries it (CRLF, dots doubled), b"" where there are no keys."""
        now = self._clock()
        if not self._looked <= now < self._looked + LOOK_AGAIN:
            self._looked, self._keys = now, {}
        message = undoubled(text)
        domain = from_domain(message)
        keys = self._for(domain)
        try:
            return signatures(message, keys, now) if keys else b""
        except Exception as error:  # whatever a key does: a message without a signature is better than none
            self._complain(f"a message of {domain} is not signed: {error}")
            return b""

    def _for(self, domain: str) -> list[DkimKey]:
        known = self._keys.get(domain)
        if known is None:
            known = self._keys[domain] = next(filter(None, map(self._read, _upwards(domain))), [])
        return known

    def _read(self, domain: str) -> list[DkimKey]:
        return keys_of(self._folder, domain, self._complain)

    def _complain(self, what: str) -> None:
        if what not in self._told:
            self._told.add(what)
            logger.error("%s", what)


def undoubled(text: bytes) -> bytes:
    """A message without the dots that SMTP doubles (RFC 5321, 4.5.2)."""
    text = text.replace(b"\r\n..", b"\r\n.")
    return text[1:] if text.startswith(b"..") else text


def _upwards(domain: str) -> list[str]:
    """*domain* and those above it, as far as they have a dot: each may sign for it in relaxed alignment."""
    parts = domain.split(".")
    if not all(part and "/" not in part for part in parts):
        return []
    return [".".join(parts[at:]) for at in range(max(1, len(parts) - 1))]


def _rsa() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65_537, RSA_BITS)
