"""The secrets of the simulated accounts: made once, one file each, that only the owner can read."""

import base64
import datetime
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

SNS_NAME = "sns.amazonaws.com"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def _letters(count: int) -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(count))


def _digits(count: int) -> str:
    return str(secrets.randbelow(9 * 10 ** (count - 1)) + 10 ** (count - 1))


def _pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, plain).decode()


# name -> how a new one is made. Forms are those of the real ones.
MADE: Mapping[str, Callable[[], str]] = {
    "ses-access-key": lambda: "AKIA" + _letters(16),
    "ses-secret-key": lambda: base64.b64encode(secrets.token_bytes(30)).decode(),
    "sns-key": lambda: _pem(rsa.generate_private_key(public_exponent=65_537, key_size=2048)),
    "sendgrid-api-key": lambda: f"SG.{secrets.token_urlsafe(16)}.{secrets.token_urlsafe(32)}",
    "sendgrid-webhook-key": lambda: _pem(ec.generate_private_key(ec.SECP256R1())),
    "mailgun-api-key": lambda: f"{secrets.token_hex(16)}-{secrets.token_hex(4)}-{secrets.token_hex(4)}",
    "mailgun-signing-key": lambda: secrets.token_hex(16),
    "twilio-account-sid": lambda: "AC" + secrets.token_hex(16),
    "twilio-auth-token": lambda: secrets.token_hex(16),
    "msg91-auth-key": lambda: f"{_digits(6)}A{_letters(16)}P1",
    "vonage-api-key": lambda: secrets.token_hex(4),
    "vonage-api-secret": lambda: secrets.token_urlsafe(12),
    "vonage-signature-secret": lambda: secrets.token_urlsafe(24),
    "smpp-password": lambda: secrets.token_hex(4),
    "whatsapp-number-id": lambda: _digits(15),
    "whatsapp-token": lambda: "EAA" + secrets.token_urlsafe(60).replace("-", "a").replace("_", "b"),
    "whatsapp-app-secret": lambda: secrets.token_hex(16),
    "whatsapp-verify-token": lambda: secrets.token_urlsafe(16),
}


class Keys:
    """The secrets in *folder*. One that is missing is made when it is asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()

    def text(self, name: str) -> str:
        """The secret itself."""
        path = self._folder / name
        if not path.exists():
            self._write(path, MADE[name]())
        return path.read_text()

    def place(self, name: str) -> str:
        """Where it stands, as a route writes it."""
        self.certificate() if name == "sns-certificate" else self.text(name)
        return f"file:{self._folder / name}"

    def certificate(self) -> str:
        """The certificate of sns-key, signed by itself, in PEM."""
        path = self._folder / "sns-certificate"
        if not path.exists():
            self._write(path, _certificate(self.rsa()))
        return path.read_text()

    def rsa(self) -> rsa.RSAPrivateKey:
        """The key that signs SNS notifications."""
        key = serialization.load_pem_private_key(self.text("sns-key").encode(), None)
        assert isinstance(key, rsa.RSAPrivateKey)
        return key

    def ecdsa(self) -> ec.EllipticCurvePrivateKey:
        """The key that signs SendGrid's event webhook."""
        key = serialization.load_pem_private_key(self.text("sendgrid-webhook-key").encode(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return key

    def sendgrid_public(self) -> str:
        """Its public half, as SendGrid shows it: base64 of DER."""
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return base64.b64encode(self.ecdsa().public_key().public_bytes(serialization.Encoding.DER, form)).decode()

    def _write(self, path: Path, text: str) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = path.with_name(f".{path.name}.{os.getpid()}")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        try:
            path.hardlink_to(fresh)  # fails if somebody was faster: theirs counts
        except FileExistsError:
            pass
        finally:
            fresh.unlink()


def _certificate(key: rsa.RSAPrivateKey) -> str:
    """Of ten years, for sns.amazonaws.com: nobody but this installation is told to believe it."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, SNS_NAME)])
    begins = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + datetime.timedelta(days=3_650))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(SNS_NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return built.public_bytes(serialization.Encoding.PEM).decode()
