"""What DNS and servers say of a sender's domain: found by app/transport/domain_lookup.py, judged by checks.py."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Spf:
    """The SPF record of a name, and what it refers to (RFC 7208). *text* is None where there is none."""

    domain: str
    text: str | None = None
    others: int = 0  # further records that begin with v=spf1
    why: str = ""  # why it is not known
    refers: dict[str, "Spf"] = field(default_factory=dict)  # of include: and redirect=
    addresses: dict[str, list[str]] = field(default_factory=dict)  # of a, a:name, mx, mx:name, as they are written


@dataclass(slots=True)
class Tls:
    """What a mail server offers. *why* says what failed, "" when nothing did."""

    host: str
    offered: bool = False
    version: str = ""  # TLSv1.3
    days_left: int = 0  # of its certificate
    why: str = ""


@dataclass(slots=True)
class DomainFacts:
    """A None is what could not be found out, with the reason in *failures*; an empty list is what is not there."""

    domain: str
    mx: list[tuple[int, str]] | None = None
    spf: Spf | None = None
    dmarc: dict[str, list[str] | None] = field(default_factory=dict)  # _dmarc names from the domain upwards
    dkim: dict[str, list[str] | None] = field(default_factory=dict)  # selector -> TXT records
    pointers: dict[str, list[str] | None] = field(default_factory=dict)  # sending address -> names of its PTR
    forward: dict[str, list[str] | None] = field(default_factory=dict)  # those names, the HELO name, MX -> addresses
    mta_sts: list[str] | None = None
    tls_reports: list[str] | None = None
    bounce_mx: dict[str, list[tuple[int, str]] | None] = field(default_factory=dict)  # by domain that bounces come to
    bounce_spf: dict[str, Spf] = field(default_factory=dict)
    tls: list[Tls] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)  # what was asked -> why there is no answer
