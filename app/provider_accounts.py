"""Accounts at providers as people and programs write them in JSON: where they are, and where their secrets stand.

Facts: the providers' own API pages, as docs/providers.md names them. A route has exactly one of these.
"""

import re
from functools import cache
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from app.specs import Strict

# Where a secret stands: "env:NAME" or "file:/path". Never the secret itself.
_PLACE = r"^(env:[A-Za-z_][A-Za-z0-9_]*|file:/.+)?$"


def _checked_place(text: str) -> str:
    if not re.search(_PLACE, text):
        raise ValueError("say where the senders find it, as env:NAME or file:/path: it is never written down itself")
    return text


SecretPlace = Annotated[
    str,
    StringConstraints(max_length=1_000),
    AfterValidator(_checked_place),
    Field(json_schema_extra={"pattern": _PLACE}),
]
NamedSecret = Annotated[SecretPlace, Field(min_length=1)]  # one that must be named
Host = Annotated[str, StringConstraints(min_length=1, max_length=253, pattern=r"^[A-Za-z0-9._:-]+$")]
Url = Annotated[
    str, StringConstraints(max_length=300, pattern=r"^(https?://[A-Za-z0-9.:\[\]_-]+(/[A-Za-z0-9._~/-]*)?)?$")
]
Token = Annotated[str, StringConstraints(max_length=200, pattern=r"^[A-Za-z0-9._@+-]*$")]


class SmtpServer(Strict):
    """A relay or a mail server of one's own."""

    host: Host
    port: int = Field(default=25, ge=1, le=65_535)
    tls: Literal["never", "starttls", "implicit"] = "starttls"
    user: str = Field(default="", max_length=320)
    password: SecretPlace = Field(default="", description="Where the senders find it: env:NAME or file:/path")
    connections: int = Field(default=32, ge=1, le=1_000, description="Of one sender worker")
    messages_per_connection: int = Field(default=1_000, ge=1, le=1_000_000)
    timeout: float = Field(default=30.0, gt=0, le=600, description="Seconds without a reply")
    helo: str = Field(default="", max_length=253)
    bounces: str = Field(
        default="", max_length=253, pattern=r"^([A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+)?$",
        description="Domain to which mail that cannot be delivered comes back; empty: to the sender of the campaign",
    )  # fmt: skip
    dkim: bool = Field(default=False, description="Sign with the keys of `fanfare domain`: no relay does it")


class HttpAccount(Strict):
    """What all accounts with an HTTP API have in common."""

    url: Url = Field(default="", description="Where the API is; empty: where the provider has it")
    connections: int = Field(default=64, ge=1, le=1_000, description="Requests at once of one sender worker")
    timeout: float = Field(default=30.0, gt=0, le=600, description="Seconds until an answer is given up")
    test: bool = Field(default=False, description="The provider's own test mode, where it has one: nothing is sent")


class Ses(HttpAccount):
    """Amazon SES, API v2."""

    region: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")]
    access_key: NamedSecret
    secret_key: NamedSecret
    session_token: SecretPlace = ""
    configuration_set: Annotated[str, StringConstraints(max_length=64, pattern=r"^[A-Za-z0-9_-]*$")] = ""
    topics: list[
        Annotated[str, StringConstraints(pattern=r"^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_.-]+$")]
    ] = Field(default_factory=list, max_length=20, description="SNS topics whose notifications are believed")
    certificate: SecretPlace = Field(
        default="", description="A certificate that signs notifications, instead of fetching the one that they name"
    )


class SendGrid(HttpAccount):
    """Twilio SendGrid, API v3."""

    api_key: NamedSecret
    webhook_keys: list[Annotated[str, StringConstraints(min_length=50, max_length=500)]] = Field(
        default_factory=list,
        max_length=4,
        description="Public keys of the event webhook, base64; two while they change",
    )
    batch: bool = Field(default=True, description="Many messages in one request, where the content allows it")
    ip_pool: Token = ""


class Mailgun(HttpAccount):
    """Mailgun, API v3."""

    domain: Host
    region: Literal["us", "eu"] = "us"
    api_key: NamedSecret
    signing_key: SecretPlace = Field(default="", description="Of webhooks: not the API key")
    batch: bool = Field(default=True, description="Many messages in one request, where the content allows it")


class Twilio(HttpAccount):
    """Twilio: SMS or voice, as the channel of the route is."""

    account_sid: Annotated[str, StringConstraints(pattern=r"^AC[0-9a-fA-F]{32}$")]
    auth_token: NamedSecret
    api_key: Token = Field(default="", description="SK...: authenticates instead of the auth token")
    api_secret: SecretPlace = ""
    messaging_service: Token = Field(default="", description="MG...: picks the sender itself")
    sender: str = Field(default="", max_length=20, description="Number or sender id of messages that name none")
    valid_for: int = Field(default=14_400, ge=6, le=36_000, description="Seconds; SMS that wait longer are dropped")
    machine_detection: Literal["off", "detect", "wait_for_beep"] = "off"  # calls
    ring: int = Field(default=40, ge=5, le=600, description="Seconds that a phone rings")
    longest_call: int = Field(default=600, ge=5, le=14_400, description="Seconds")


class Msg91(HttpAccount):
    """MSG91."""

    auth_key: NamedSecret
    sender: str = Field(default="", max_length=20, description="Header, as it is registered")
    transactional: bool = Field(default=False, description="The route for messages that somebody asked for")
    from_addresses: list[Annotated[str, StringConstraints(max_length=50)]] = Field(
        default_factory=list, max_length=50, description="IP addresses or networks that reports come from; none: any"
    )


class Vonage(HttpAccount):
    """Vonage, SMS API."""

    api_key: Token
    api_secret: NamedSecret
    signature_secret: SecretPlace = ""
    signature_method: Literal["md5hash", "md5", "sha1", "sha256", "sha512"] = "sha256"
    sender: str = Field(default="", max_length=20, description="Number or sender id of messages that name none")


class Smpp(Strict):
    """An SMSC over SMPP 3.4."""

    host: Host
    port: int = Field(default=2775, ge=1, le=65_535)
    tls: bool = False
    system_id: Annotated[str, StringConstraints(max_length=15)]
    password: SecretPlace = ""
    system_type: Annotated[str, StringConstraints(max_length=12)] = ""
    sessions: int = Field(default=1, ge=1, le=20, description="Of one sender worker")
    window: int = Field(default=10, ge=1, le=1_000, description="Messages without an answer, of one session")
    timeout: float = Field(default=20.0, gt=0, le=600, description="Seconds until an answer is given up")
    sender: str = Field(default="", max_length=20, description="Number or sender id of messages that name none")
    default_alphabet: Literal["gsm", "latin1", "ascii"] = Field(default="gsm", description="What data coding 0 is here")
    ids: Literal["as_is", "hex", "decimal"] = Field(
        default="as_is", description="How receipts write the id of a message, where its answer writes it otherwise"
    )
    valid_for: int = Field(default=86_400, ge=60, le=604_800, description="Seconds that the SMSC tries")
    query: bool = Field(default=True, description="Ask with query_sm about messages of which no receipt came")
    errors: dict[Annotated[str, StringConstraints(max_length=10)], Literal["hard", "soft", "block"]] = Field(
        default_factory=dict, max_length=500, description="err of receipts -> class, where this carrier has its own"
    )


class WhatsAppNumber(HttpAccount):
    """A business number at the WhatsApp Cloud API."""

    number_id: Annotated[str, StringConstraints(pattern=r"^\d{5,30}$")]
    token: NamedSecret
    app_secret: SecretPlace = Field(default="", description="Signs webhooks")
    verify_token: SecretPlace = Field(default="", description="What Meta repeats when it subscribes")
    version: Annotated[str, StringConstraints(pattern=r"^v\d{1,3}\.\d$")] = "v23.0"
    marketing_api: bool = Field(default=False, description="Marketing templates over /marketing_messages")


# field of a route -> (name of its adapter, channels it carries)
ADAPTERS: dict[str, tuple[str, ...]] = {
    "smtp": ("email",),
    "ses": ("email",),
    "sendgrid": ("email",),
    "mailgun": ("email",),
    "twilio": ("sms", "voice"),
    "msg91": ("sms",),
    "vonage": ("sms",),
    "smpp": ("sms",),
    "whatsapp": ("whatsapp",),
}
ProviderConfig = SmtpServer | Ses | SendGrid | Mailgun | Twilio | Msg91 | Vonage | Smpp | WhatsAppNumber


@cache
def _secret_fields(kind: type[Strict]) -> tuple[str, ...]:
    checked = AfterValidator(_checked_place)
    return tuple(name for name, field in kind.model_fields.items() if checked in field.metadata)


def secret_places(config: Strict) -> dict[str, str]:
    """Field of *config* -> the place where its secret stands, "" for none."""
    return {name: getattr(config, name) for name in _secret_fields(type(config))}
