"""The certificate of the letterbox: read from files, again once they are renewed; or self-made, to try things."""

import logging
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from app.local.failure import LocalError
from app.settings import Settings
from app.transport.key_files import write_key

log = logging.getLogger("fanfare.letterbox")

SELF_MADE = "self-made"
LASTS = timedelta(days=365)


class Certificate:
    """*chain* and *key* are PEM files, *key* may be the same one. Raises OSError (ssl.SSLError is one), ValueError."""

    def __init__(self, chain: Path, key: Path) -> None:
        self._chain, self._key = chain, key
        self._seen = self._state()
        self._context = _context(chain, key)

    def context(self) -> ssl.SSLContext:
        """For the next connection. Files that have changed are read again; until they fit, those before hold."""
        try:
            state = self._state()
            if state != self._seen:
                self._seen, self._context = state, _context(self._chain, self._key)
        except (OSError, ValueError) as error:
            log.error("the certificate %s is not read again, the one before holds: %s", self._chain, error)
        return self._context

    def _state(self) -> tuple[tuple[int, int, int], ...]:
        seen = [path.stat() for path in (self._chain, self._key)]
        return tuple((each.st_mtime_ns, each.st_size, each.st_ino) for each in seen)


def certificate_of(settings: Settings) -> Certificate | None:
    """What the settings name, None where they name nothing. Raises LocalError with what to do."""
    chain, key = settings.bounce_certificate, settings.bounce_key or settings.bounce_certificate
    required = settings.bounce_tls == "required"
    if not chain:
        if required:
            raise LocalError(
                "FANFARE_BOUNCE_TLS is required, and there is no certificate", "set FANFARE_BOUNCE_CERTIFICATE"
            )
        return None
    if required and settings.bounce_protocol == "lmtp":
        raise LocalError(
            "FANFARE_BOUNCE_TLS=required is for SMTP", "over LMTP, ask for TLS in the mail server that is in front"
        )
    if chain == SELF_MADE:
        if not _loopback(settings.bounce_host):
            raise LocalError(
                f"a self-made certificate is for this machine alone, and FANFARE_BOUNCE_HOST is {settings.bounce_host}",
                "set FANFARE_BOUNCE_CERTIFICATE to a PEM file of a certificate for the name that the MX record has",
            )
        chain = key = str(self_made(settings.state_dir / "keys" / "letterbox.pem", settings.bounce_domains))
    try:
        return Certificate(Path(chain), Path(key))
    except (OSError, ValueError) as error:
        raise LocalError(
            f"the certificate of the letterbox cannot be read: {error}",
            "FANFARE_BOUNCE_CERTIFICATE and FANFARE_BOUNCE_KEY are PEM files that belong together, key unencrypted",
        ) from error


def self_made(path: Path, names: list[str]) -> Path:
    """*path*, with a key and a certificate of *names* that is good for a year; made anew when the one there is not."""
    try:
        there = x509.load_pem_x509_certificate(path.read_bytes())
        if there.not_valid_after_utc > datetime.now(UTC) + timedelta(days=1):
            return path
    except (OSError, ValueError):
        pass  # there is none that can be read
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    every = x509.SubjectAlternativeName([x509.DNSName(each) for each in names])
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0][:64])])
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + LASTS).add_extension(every, False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_key(path, key.private_bytes(*form) + made.public_bytes(serialization.Encoding.PEM))
    return path


def _context(chain: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.load_cert_chain(chain, key, password=_no_password)
    return context


def _no_password() -> str:
    raise ValueError("the key is encrypted")  # else OpenSSL would ask on the terminal


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
