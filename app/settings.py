"""Every setting of every Fanfare process, from FANFARE_* environment variables."""

import json
import os
import re
from functools import cache
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

DNS_PORT = 53
_DOMAIN = re.compile(r"[a-z0-9_-]+(\.[a-z0-9-]+)+")
_DNS_SERVER = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+))(?::(\d{1,5}))?|([0-9A-Fa-f:.]+)")


def _share(said: object) -> object:
    """ "full" and "none" as the shares that they are."""
    return {"full": 1.0, "none": 0.0}.get(said.strip().lower(), said) if isinstance(said, str) else said


def dns_servers_in(text: str) -> list[str]:
    """The servers of a list such as "192.0.2.53, 127.0.0.1:5353, [2001:db8::53]", with ports. Raises ValueError."""
    return [_dns_server(each) for each in re.split(r"[\s,]+", text) if each]


def _dns_server(text: str) -> str:
    wrong = f"{text!r} is no DNS server: write its address, such as 192.0.2.53, 127.0.0.1:5353 or [2001:db8::53]:53"
    found = _DNS_SERVER.fullmatch(text)
    port = int(found[3] or DNS_PORT) if found else 0
    if found is None or not 0 < port < 65_536:
        raise ValueError(wrong)
    try:
        address = ip_address(found[1] or found[2] or found[4])
    except ValueError as error:
        raise ValueError(wrong) from error
    return f"[{address}]:{port}" if isinstance(address, IPv6Address) else f"{address}:{port}"


def _domains_in(text: str) -> list[str]:
    """The domains of a list such as "b.acme.com, b.other.com", in small letters, each once. Raises ValueError."""
    found = [each.lower() for each in re.split(r"[\s,]+", text) if each]
    wrong = next((each for each in found if not _DOMAIN.fullmatch(each) or len(each) > 253), None)
    if wrong is not None:
        raise ValueError(f"{wrong[:60]!r} is no domain: write it as in b.example.com")
    return list(dict.fromkeys(found))


class Settings(BaseSettings):
    """What a process needs to know. Defaults are those of `fanfare up` on one machine."""

    model_config = SettingsConfigDict(env_prefix="FANFARE_", extra="ignore")

    state_dir: Path = Field(default=Path("var"), description="One folder for all state; back it up")
    secret_file: Path | None = Field(
        default=None, description="Key of all ids and links; default keys/secret in state_dir"
    )

    kafka: str = Field(default="127.0.0.1:9092", description="Kafka bootstrap address")
    kafka_home: Path | None = Field(default=None, description="Use this Kafka instead of fetching the jars")
    kafka_port: int = Field(default=9092, description="Port of the embedded Kafka")
    partitions: int = Field(default=8, ge=1, le=1024, description="Partitions of every topic; frozen once created")
    replication: int = Field(default=1, ge=1, description="Replication factor of every topic")

    session_timeout: float = Field(default=12.0, ge=2, description="Seconds until a silent worker counts as dead")

    clickhouse: str = Field(default="http://127.0.0.1:8123", description="ClickHouse HTTP address")
    clickhouse_user: str = "default"
    clickhouse_password: str = ""
    clickhouse_database: str = "fanfare"
    clickhouse_port: int = Field(default=8123, description="Port of the embedded ClickHouse")

    edge_host: str = "127.0.0.1"
    edge_port: int = 8080
    public_url: str = Field(default="http://127.0.0.1:8080", description="Where tracking and unsubscribe links point")
    bounce_domain: str = Field(
        default="",
        description="Domains whose mail comes here: b.acme.com,b.other.com: bounces, complaints, unsubscribe mail",
    )
    bounce_host: str = Field(default="127.0.0.1", description="Where mail that comes back is taken")
    bounce_port: int = Field(default=2526, description="Its port")
    bounce_protocol: Literal["smtp", "lmtp"] = "smtp"
    bounce_certificate: str = Field(
        default="", description="PEM file with which STARTTLS is offered there; self-made: one for this machine alone"
    )
    bounce_key: str = Field(default="", description="PEM file of its key; default: in the file of the certificate")
    bounce_tls: Literal["offered", "required"] = Field(
        default="offered", description="Whether mail comes there in clear, too"
    )
    import_bytes: int = Field(
        default=200_000_000, ge=1_000, le=2_000_000_000, description="Largest file of people that the edge takes"
    )
    web_host: str = Field(default="127.0.0.1", description="Bind address of the Faust web views")
    web_port: int = Field(default=6066, description="First port of the Faust web views, one a worker")

    smtp_host: str = "127.0.0.1"
    smtp_port: int = 2525
    smtp_user: str = ""
    smtp_password: str = ""
    smtp_tls: str = Field(default="never", description="never, starttls or implicit")
    smtp_connections: int = Field(default=32, ge=1, le=1000, description="Connections of one sender worker")
    smtp_messages_per_connection: int = Field(default=1000, ge=1)
    smtp_timeout: float = Field(default=30.0, gt=0, description="Seconds without a reply before a message is uncertain")
    helo_name: str = "fanfare.localhost"
    sink_port: int = Field(default=2525, description="Port of the embedded mail sink; the first, where there are more")
    sinks: int = Field(default=1, ge=1, le=9, description="Mail sinks that `up` starts: provider routes to try out")

    simulate: str = Field(default="", description="Simulators of providers that `up` starts: ses,twilio ... or all")
    simulator_port: int = Field(default=8400, description="Port of the simulators; each has one more behind it")

    mx_lookup: Literal["on", "off"] = Field(
        default="on", description="Whether DNS is asked, in the background, who takes the mail of domains"
    )
    dns: str = Field(default="", description="DNS servers: 192.0.2.53, 127.0.0.1:5353; default those of the machine")

    # Their web ports are ten in a row.
    senders_email: int = Field(
        default_factory=lambda: max(2, min(10, (os.cpu_count() or 2) // 2)),
        ge=1,
        le=10,
        description="Email sender workers that `up` starts; default 2, or one for every two cores",
    )
    # These are started with the first route of their channel.
    senders_sms: int = Field(default=1, ge=0, le=10, description="SMS sender workers that `up` starts")
    senders_whatsapp: int = Field(default=1, ge=0, le=10, description="WhatsApp sender workers that `up` starts")
    senders_voice: int = Field(default=1, ge=0, le=10, description="Voice sender workers that `up` starts")
    retry_delays: list[float] = Field(
        default=[60.0, 300.0, 900.0, 3600.0], description="Seconds before attempts 2, 3.."
    )
    retry_soft_delays: list[float] = Field(
        default=[3_600.0, 14_400.0, 43_200.0], description="The same after a soft bounce: a full mailbox"
    )
    retry_throttle: float = Field(default=60.0, ge=0, description="Seconds to wait after 'not so fast'")
    retry_give_up_after: float = Field(default=259_200.0, gt=0, description="Seconds a message is tried for, at most")
    retry_jitter: Annotated[float, BeforeValidator(_share)] = Field(
        default=1.0, ge=0, le=1, description="Share of a delay that is drawn at random: full (1), none (0) or a share"
    )
    account_rate: float = Field(default=0.0, ge=0, description="Messages/s of an account without a limit; 0: none")
    alert_url: str = Field(
        default="", pattern=r"^(https?://.+)?$", description="Where alerts are posted as JSON; empty: nowhere"
    )
    adaptive: bool = Field(default=True, description="Slow down where a mailbox provider pushes back")
    adaptive_recovery: float = Field(
        default=900.0, ge=1, le=86_400, description="Seconds of quiet before a slowed sender gets a quarter more"
    )
    # Nothing reports yet on a message that went out over SMTP: to wait longer would not tell more.
    uncertain_after: float = Field(default=60.0, gt=0, description="Seconds until a held unknown is given up")

    lookups: float = Field(
        default=60.0, ge=0, description="Seconds between two looks for messages without a report; 0: none is looked up"
    )
    lookup_rates: dict[str, float] = Field(
        default={}, description='Requests a minute that ask providers what became of messages: {"ses": 30}'
    )

    poison: str = Field(default="", description="Tests only: rendering for an address that ends so kills the process")
    crash_after: str = Field(default="", description="Tests only: steps (comma-separated) after which a process dies")

    @field_validator("dns")
    @classmethod
    def _servers(cls, text: str) -> str:
        return ",".join(dns_servers_in(text))

    @field_validator("bounce_domain")
    @classmethod
    def _domains(cls, text: str) -> str:
        return ",".join(_domains_in(text))

    @model_validator(mode="after")
    def _follow_ports(self) -> Self:
        """An address that is not given is that of the embedded part, on the port it was given."""
        followed = {
            "kafka": f"127.0.0.1:{self.kafka_port}",
            "clickhouse": f"http://127.0.0.1:{self.clickhouse_port}",
            "smtp_port": self.sink_port,
            "public_url": f"http://127.0.0.1:{self.edge_port}",
        }
        for name in followed.keys() - self.model_fields_set:
            object.__setattr__(self, name, followed[name])
        return self

    def environment(self) -> dict[str, str]:
        """These settings as FANFARE_* variables, for a process that shall have the same."""
        said = json.loads(self.model_dump_json(exclude_none=True)) | {"state_dir": str(self.state_dir.resolve())}
        return {
            f"FANFARE_{name.upper()}": value if isinstance(value, str) else json.dumps(value)
            for name, value in said.items()
        }

    @property
    def dns_servers(self) -> list[str]:
        """The DNS servers that were named, each with its port."""
        return dns_servers_in(self.dns)

    @property
    def bounce_domains(self) -> list[str]:
        """The domains whose mail comes here; the first is that of mail for which nothing names another."""
        return _domains_in(self.bounce_domain)

    @property
    def secret_path(self) -> Path:
        """Where the key of all ids and links lies."""
        return self.secret_file or self.state_dir / "keys" / "secret"


@cache
def settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()
