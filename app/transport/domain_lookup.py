"""Asks DNS and mail servers what they say of a sender's domain. Everything is bounded: questions, answers, time."""

import asyncio
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_address

import aiodns
import pycares

from app.delivery.domains.checks import MOST_LOOKUPS
from app.delivery.domains.facts import DomainFacts, Spf, Tls
from app.transport.smtp_connect import Relay, UnavailableError

ONE_ANSWER, TRIES = 2.0, 2  # seconds, of each server
MOST_QUESTIONS = 200  # of one domain: an SPF record may lead anywhere
MOST_RECORDS = 50  # of an answer that are looked at
MOST_TEXT = 4_000  # characters of a TXT record
MOST_BOUNCES = 10  # domains that bounces come back to
MOST_HOSTS = 3  # MX hosts whose TLS is tried
TLS_TIMEOUT = 10.0
NOTHING = {pycares.errno.ARES_ENODATA, pycares.errno.ARES_ENOTFOUND}


class DomainLookup:
    """Looks up one domain after the other. *servers*: "192.0.2.53:53"; none: those of this machine."""

    def __init__(self, servers: Sequence[str] = (), *, one: float = ONE_ANSWER) -> None:
        self._resolver = aiodns.DNSResolver(list(servers) or None, timeout=one, tries=TRIES)
        self._asked = 0
        self._failures: dict[str, str] = {}

    async def close(self) -> None:
        """Stop asking."""
        await self._resolver.close()

    async def facts(
        self, domain: str, *, addresses: Sequence[str] = (), selectors: Sequence[str] = (), helo: str = "",
        bounces: Sequence[str] = (), tls: bool = True, port: int = 25,
    ) -> DomainFacts:  # fmt: skip
        """What can be found out of *domain* and of the *addresses* that send for it. No answer makes it raise."""
        self._asked, self._failures = 0, {}
        found = DomainFacts(domain, failures=self._failures)
        found.mx = await self._mx(domain)
        found.spf = await self._spf(domain, 0)
        for name in _upwards(domain):
            found.dmarc[f"_dmarc.{name}"] = await self._texts(f"_dmarc.{name}")
        for selector in selectors:
            found.dkim[selector] = await self._texts(f"{selector}._domainkey.{domain}")
        for address in addresses:
            found.pointers[address] = await self._pointers(address)
        for name in bounces[MOST_BOUNCES:]:
            self._failures[name] = f"no more than {MOST_BOUNCES} are looked at at once: name it with --bounces"
        for name in bounces[:MOST_BOUNCES]:
            found.bounce_mx[name], found.bounce_spf[name] = await self._mx(name), await self._spf(name, 0)
        names = {name for each in found.pointers.values() for name in each or ()}
        names |= {host for each in (found.mx, *found.bounce_mx.values()) for _, host in each or () if host.strip(".")}
        for name in sorted(names | ({helo} if helo else set())):
            found.forward[name] = await self._addresses(name)
        sts, reports = await self._texts(f"_mta-sts.{domain}"), await self._texts(f"_smtp._tls.{domain}")
        found.mta_sts, found.tls_reports = _beginning(sts, "v=STSv1"), _beginning(reports, "v=TLSRPTv1")
        if tls:
            hosts = [host for _, host in found.mx or () if host.strip(".")][:MOST_HOSTS]
            found.tls = list(await asyncio.gather(*(tls_of(host, port) for host in hosts)))
        return found

    async def _spf(self, domain: str, depth: int) -> Spf:
        texts = await self._texts(domain)
        if texts is None:
            return Spf(domain, why=self._failures.get(domain, "there was no answer"))
        policies = [text for text in texts if text.lower() == "v=spf1" or text.lower().startswith("v=spf1 ")]
        if not policies:
            return Spf(domain)
        found = Spf(domain, policies[0], len(policies) - 1)
        if depth >= MOST_LOOKUPS:
            return found
        for term in policies[0].split()[1:]:
            bare = term.lstrip("+-~?").lower()
            further = next((bare[len(way) :] for way in ("include:", "redirect=") if bare.startswith(way)), "")
            if further and further not in found.refers and "%" not in further:
                found.refers[further] = await self._spf(further, depth + 1)
            kind, _, name = bare.partition("/")[0].partition(":")
            if kind in ("a", "mx") and "%" not in name:
                found.addresses[f"{kind}:{name}" if name else kind] = await self._of_hosts(kind, name or domain)
        return found

    async def _of_hosts(self, kind: str, name: str) -> list[str]:
        hosts = [name] if kind == "a" else [host for _, host in await self._mx(name) or ()][:MOST_LOOKUPS]
        return [address for host in hosts for address in await self._addresses(host) or ()]

    async def _mx(self, domain: str) -> list[tuple[int, str]] | None:
        found = await self._records(domain, "MX")
        if found is None:
            return None
        return sorted(
            (each.data.priority, each.data.exchange.lower().rstrip("."))
            for each in found
            if isinstance(each.data, pycares.MXRecordData)
        )

    async def _texts(self, name: str) -> list[str] | None:
        found = await self._records(name, "TXT")
        if found is None:
            return None
        return [_text(each.data.data) for each in found if isinstance(each.data, pycares.TXTRecordData)]

    async def _addresses(self, name: str) -> list[str] | None:
        found, known = list[str](), False
        for kind in ("A", "AAAA"):
            records = await self._records(name, kind)
            known = known or records is not None
            for each in records or ():
                if isinstance(each.data, pycares.ARecordData | pycares.AAAARecordData):
                    found.append(str(ip_address(each.data.addr)))
        return found if known else None

    async def _pointers(self, address: str) -> list[str] | None:
        found = await self._records(ip_address(address).reverse_pointer, "PTR", address)
        if found is None:
            return None
        return [
            each.data.dname.lower().rstrip(".") for each in found if isinstance(each.data, pycares.PTRRecordData)
        ]  # fmt: skip

    async def _records(self, name: str, kind: str, asked: str = "") -> Sequence[pycares.DNSRecord] | None:
        """Records of the answer, none where DNS says so, None where it says nothing."""
        self._asked += 1
        if self._asked > MOST_QUESTIONS:
            self._failures[asked or name] = "it leads to more questions than a receiver would ask"
            return None
        try:
            return (await self._resolver.query_dns(name, kind)).answer[:MOST_RECORDS]
        except aiodns.error.DNSError as error:
            if error.args and error.args[0] in NOTHING:
                return ()
            self._failures[asked or name] = str(error.args[-1])
        except (pycares.AresError, OSError, ValueError) as error:  # UnicodeError is one
            self._failures[asked or name] = str(error)
        return None


async def tls_of(host: str, port: int = 25, context: ssl.SSLContext | None = None) -> Tls:
    """What the mail server *host* offers by STARTTLS. Never raises."""
    found = Tls(host)
    steps: list[str] = []
    relay = Relay(
        host, port, timeout=TLS_TIMEOUT, tls="starttls", helo="fanfare.localhost",
        tls_context=context or ssl.create_default_context(),
    )  # fmt: skip
    try:
        async with asyncio.timeout(2 * TLS_TIMEOUT):
            wire = await relay.connect(steps.append)
    except TimeoutError:
        found.why = "no answer in time"
        return found
    except UnavailableError as error:
        told = str(error).removeprefix(f"{relay.name}: ")
        found.offered = "no TLS" in told or "certificate" in told.lower()
        found.why = "" if "offers no STARTTLS" in told else told
        return found
    found.offered = True
    secured = wire.transport.get_extra_info("ssl_object") if wire.transport is not None else None
    if secured is not None:
        found.version = secured.version() or ""
        found.days_left = _days_left(secured.getpeercert() or {})
    wire.close()
    return found


def _days_left(certificate: dict[str, object]) -> int:
    try:
        end = parsedate_to_datetime(str(certificate.get("notAfter", "")))
    except ValueError:
        return 0
    return (end.replace(tzinfo=UTC) - datetime.now(UTC)).days


def _text(raw: bytes | str) -> str:
    text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw
    return " ".join(text[:MOST_TEXT].split())


def _beginning(texts: list[str] | None, with_: str) -> list[str] | None:
    return None if texts is None else [text for text in texts if text.lower().startswith(with_.lower())]


def _upwards(domain: str) -> list[str]:
    """*domain* and those above it, down to two labels: where DMARC is looked for."""
    parts = domain.split(".")
    return [".".join(parts[at:]) for at in range(max(1, len(parts) - 1))]
