"""Judges how a sender's domain is set up (SPF, DKIM, DMARC, MX, PTR, TLS) and says what to change and to publish.

What mailbox providers ask for: Gmail's and Yahoo's rules for bulk senders (SPF and DKIM, DMARC that aligns, PTR that
leads back, TLS), Microsoft's since May 2025 (550 5.7.515). RFC 7208 (SPF), 6376 and 8301 (DKIM), 7489 (DMARC), 8461.
"""

import base64
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Literal

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from app.delivery.domains.facts import DomainFacts, Spf, Tls

Level = Literal["ok", "info", "warning", "error"]
Address = IPv4Address | IPv6Address

MOST_LOOKUPS = 10  # RFC 7208, 4.6.4
GOOD_RSA, LEAST_RSA = 2_048, 1_024  # bits
SOON = 14  # days that a certificate is still good for
LONGEST_SPF = 450  # characters: RFC 7208, 3.4, so that an answer fits into one packet
_GENERIC = re.compile(r"(\d{1,3}[-.]){3}\d{1,3}|dynamic|dsl|pool|dhcp|cable|broadband", re.IGNORECASE)
_RESULTS = {"+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}
_TERM = re.compile(r"^([-+~?]?)(all|include|a|mx|ptr|ip4|ip6|exists)([:/].*)?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing about the domain. *record* is what to publish in DNS: (name, type, value)."""

    part: str  # spf, dkim, dmarc, mx, ptr, tls, bounces
    level: Level
    text: str
    change: str = ""
    record: tuple[str, str, str] | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What we know of how mail of the domain is sent."""

    addresses: Sequence[str] = ()  # that it leaves from
    keys: Mapping[str, str] = field(default_factory=dict)  # selector -> the record that belongs to our private key
    helo: str = ""
    bounces: Sequence[str] = ()  # domains that bounces come back to: receivers look for SPF there
    relays: Sequence[str] = ()  # include: names of providers that send for it, too


def findings(facts: DomainFacts, wanted: Wanted) -> list[Finding]:
    """Everything that is right, could be better or is wrong, part by part."""
    parts: tuple[Callable[[DomainFacts, Wanted], Iterator[Finding]], ...] = (
        _spf, _dkim, _dmarc, _mx, _pointers, _tls, _bounces,
    )  # fmt: skip
    return [finding for part in parts for finding in part(facts, wanted)]


NAMES_NOBODY = "this one names nobody yet: give the addresses that send with --ip, providers with --include"


def records(domain: str, wanted: Wanted) -> list[tuple[str, str, str]]:
    """The DNS records to publish: (name, type, value)."""
    found = [(domain, "TXT", spf_for(wanted))]
    found += [(f"{selector}._domainkey.{domain}", "TXT", value) for selector, value in wanted.keys.items()]
    found.append((f"_dmarc.{domain}", "TXT", f"v=DMARC1; p=none; rua=mailto:dmarc@{domain}"))
    for each in wanted.bounces:
        if each == domain:
            continue  # it has an SPF record already, and an MX of its own
        if wanted.helo:
            found.append((each, "MX", f"10 {wanted.helo}."))
        found.append((each, "TXT", spf_for(wanted)))
    return found


def spf_for(wanted: Wanted) -> str:
    """An SPF record that lets the known addresses and providers send."""
    own = [f"ip{ip_address(each).version}:{each}" for each in wanted.addresses]
    return " ".join(["v=spf1", *own, *(f"include:{each}" for each in wanted.relays), "~all"])


# -- SPF


def _spf(facts: DomainFacts, wanted: Wanted) -> Iterator[Finding]:
    return _spf_of("spf", facts, facts.domain, facts.spf, wanted)


def _spf_of(part: str, facts: DomainFacts, domain: str, spf: Spf | None, wanted: Wanted) -> Iterator[Finding]:
    record, of = (domain, "TXT", spf_for(wanted)), "" if part == "spf" else f"{domain}: "
    if spf is None or spf.why:
        yield _unknown(part, facts, domain, spf.why if spf is not None else "")
        return
    if spf.text is None:
        nobody = "" if wanted.addresses or wanted.relays else f"; {NAMES_NOBODY}"
        yield Finding(part, "error", f"{of}there is no SPF record", f"publish one that names who sends{nobody}", record)
        return
    if spf.others:
        told = f"{of}there are {spf.others + 1} SPF records: receivers take none of them"
        yield Finding(part, "error", told, "leave one", record)
        return
    for level, text, change in _spf_form(spf):
        yield Finding(part, level, of + text, change)
    count = lookups(spf)
    if count > MOST_LOOKUPS:
        told = f"{of}it takes {count} DNS look-ups, and receivers stop after {MOST_LOOKUPS}: the result is an error"
        yield Finding(part, "error", told, "leave out includes of who no longer sends, or name addresses instead")
    for address in wanted.addresses:
        result = spf_result(spf, ip_address(address))
        if result == "pass":
            yield Finding(part, "ok", f"{of}{address} may send")
        else:
            told = f"{of}{address} may not send: the result is {result}"
            change = f"add ip{ip_address(address).version}:{address} before the end"
            yield Finding(part, "error", told, change, (domain, "TXT", _with_address(spf.text, address)))
    if not wanted.addresses:
        yield Finding(part, "info", f"{of}there is one: {spf.text[:200]}", "name the addresses that send with --ip")


def _spf_form(spf: Spf) -> Iterator[tuple[Level, str, str]]:
    """What is wrong with how the record is written: (level, what, what to do)."""
    assert spf.text is not None
    terms = spf.text.split()[1:]
    wrong = [term for term in terms if not _TERM.match(term) and "=" not in term]
    if wrong:
        yield "error", f"{wrong[0][:60]!r} is no mechanism: the record is an error", "correct it"
    if len(spf.text) > LONGEST_SPF:
        yield "warning", f"it has {len(spf.text)} characters: some receivers get it cut", "shorten it"
    end = next((found[1] or "+" for term in terms if (found := _TERM.match(term)) and found[2].lower() == "all"), "")
    if end == "+":
        yield "error", "+all lets everybody in the world send for you", "end it with ~all or -all"
    elif end == "?" or (not end and not any(term.lower().startswith("redirect=") for term in terms)):
        yield "warning", "it does not say what holds for all others", "end it with ~all or -all"
    if any(found[2].lower() == "ptr" for term in terms if (found := _TERM.match(term))):
        yield "warning", "ptr is slow, and many receivers ignore it (RFC 7208, 5.5)", "name addresses"


def _with_address(text: str, address: str) -> str:
    head, *rest = text.split()
    return " ".join([head, f"ip{ip_address(address).version}:{address}", *rest])


def lookups(spf: Spf, depth: int = 0) -> int:
    """How many DNS look-ups the record takes (include, a, mx, ptr, exists, redirect)."""
    if spf.text is None or depth > MOST_LOOKUPS:
        return 0
    total = 0
    for term in spf.text.split()[1:]:
        found = _TERM.match(term)
        asks = found is not None and found[2].lower() in ("include", "a", "mx", "ptr", "exists")
        total += asks or term.lower().startswith("redirect=")
    return total + sum(lookups(each, depth + 1) for each in spf.refers.values())


def spf_result(spf: Spf, address: Address, depth: int = 0) -> str:
    """What a receiver makes of mail from *address*: pass, fail, softfail, neutral, none, permerror (RFC 7208, 2.6)."""
    if spf.text is None:
        return "none"
    if spf.others or depth > MOST_LOOKUPS:
        return "permerror"
    redirect = ""
    told: dict[str, str] = {}  # by those it includes: who includes one a hundred times, and that another, asks once
    for term in spf.text.split()[1:]:
        if term.lower().startswith("redirect="):
            redirect = term.partition("=")[2].lower()
        found = _TERM.match(term)
        if found is None:
            if "=" not in term:
                return "permerror"
            continue
        if _matches(spf, found[2].lower(), found[3] or "", address, depth, told):
            return _RESULTS[found[1] or "+"]
    if redirect:
        further = spf.refers.get(redirect)
        return "permerror" if further is None else spf_result(further, address, depth + 1)
    return "neutral"


def _matches(spf: Spf, kind: str, rest: str, address: Address, depth: int, told: dict[str, str]) -> bool:
    match kind:
        case "all":
            return True
        case "ip4" | "ip6":
            return _inside(address, rest[1:])
        case "include":
            name = rest[1:].lower()
            if name not in told:
                further = spf.refers.get(name)
                told[name] = "none" if further is None else spf_result(further, address, depth + 1)
            return told[name] == "pass"
        case "a" | "mx":
            name, _, length = rest.partition("/")
            known = spf.addresses.get(f"{kind}{name}".lower(), [])
            return any(_inside(address, f"{each}/{length}" if length and ":" not in each else each) for each in known)
    return False


def _inside(address: Address, network: str) -> bool:
    try:
        return address in ip_network(network, strict=False)
    except ValueError:
        return False


# -- DKIM


def _dkim(facts: DomainFacts, wanted: Wanted) -> Iterator[Finding]:
    if not facts.dkim:
        change = f"`fanfare domain create {facts.domain}` makes keys, or name those of your provider with --selector"
        yield Finding("dkim", "error", "no key is known", change)
    for selector, published in facts.dkim.items():
        name = f"{selector}._domainkey.{facts.domain}"
        ours = wanted.keys.get(selector)
        record = (name, "TXT", ours) if ours else None
        if published is None:
            yield _unknown("dkim", facts, name)
        elif not published:
            yield Finding("dkim", "error", f"{name} does not exist: signatures cannot be checked", "publish it", record)
        elif len(published) > 1:
            yield Finding("dkim", "error", f"{name} has {len(published)} records", "leave one", record)
        else:
            yield from _dkim_record(name, published[0], ours, record)


def _dkim_record(name: str, text: str, ours: str | None, record: tuple[str, str, str] | None) -> Iterator[Finding]:
    tags = tags_in(text)
    if not tags.get("p"):
        told = f"{name} is revoked: its p= is empty" if "p" in tags else f"{name} is no DKIM record: {text[:60]!r}"
        yield Finding("dkim", "error", told, "publish the key", record)
        return
    if ours is not None and tags["p"] != tags_in(ours)["p"]:
        told = f"{name} has another key than the one that signs here: every signature is wrong"
        yield Finding("dkim", "error", told, "publish ours, or sign with another selector", record)
        return
    bits = rsa_bits(tags["p"]) if tags.get("k", "rsa") == "rsa" else None
    if bits == 0:
        yield Finding("dkim", "error", f"{name} has no readable key", "publish it again", record)
    elif bits is not None and bits < GOOD_RSA:
        level: Level = "error" if bits < LEAST_RSA else "warning"
        yield Finding("dkim", level, f"{name} has an RSA key of {bits} bits", f"use {GOOD_RSA} (RFC 8301)")
    else:
        yield Finding("dkim", "ok", f"{name} has {'our key' if ours else 'a key'} ({tags.get('k', 'rsa')})")
    if "y" in tags.get("t", "").split(":"):
        yield Finding("dkim", "warning", f"{name} is marked as a test (t=y): some ignore it", "take t=y away", record)


def tags_in(text: str) -> dict[str, str]:
    """tag=value pairs of a DKIM or DMARC record, without white space; the first of each."""
    found: dict[str, str] = {}
    for part in text.split(";"):
        name, equals, value = part.partition("=")
        if equals:
            found.setdefault(name.strip().lower(), "".join(value.split()))
    return found


def rsa_bits(coded: str) -> int:
    """Size of the RSA key of a p=; 0 where it is none."""
    try:
        key = load_der_public_key(base64.b64decode(coded, validate=True))
    except Exception:  # whatever a library says to such bytes
        return 0
    return key.key_size if isinstance(key, rsa.RSAPublicKey) else 0


# -- DMARC, MX, PTR, TLS


def _dmarc(facts: DomainFacts, _: Wanted) -> Iterator[Finding]:
    record = (f"_dmarc.{facts.domain}", "TXT", f"v=DMARC1; p=none; rua=mailto:dmarc@{facts.domain}")
    for name, published in facts.dmarc.items():
        if published is None:
            yield _unknown("dmarc", facts, name)
            return
        policies = [text for text in published if tags_in(text).get("v", "").upper() == "DMARC1"]
        if len(policies) > 1:
            yield Finding("dmarc", "error", f"{name} has {len(policies)} policies: receivers take none", "leave one")
            return
        if policies:
            yield from _policy(name, tags_in(policies[0]), facts.domain)
            return
    told = "there is no DMARC record: Gmail, Yahoo and Outlook ask bulk senders for one"
    yield Finding("dmarc", "error", told, "publish one; p=none changes nothing yet", record)


def _policy(name: str, tags: Mapping[str, str], domain: str) -> Iterator[Finding]:
    inherited = name != f"_dmarc.{domain}"
    policy = (tags.get("sp") if inherited else None) or tags.get("p", "")
    if policy.lower() not in ("none", "quarantine", "reject"):
        yield Finding(
            "dmarc", "error", f"{name} has no policy: p={policy[:20]!r}", "write p=none, quarantine or reject"
        )
        return
    where = f" (of {name.removeprefix('_dmarc.')})" if inherited else ""
    yield Finding("dmarc", "ok", f"the policy is {policy.lower()}{where}")
    if "rua" not in tags:
        told = "nobody gets the reports, which tell who sends in your name"
        yield Finding("dmarc", "warning", told, f"add rua=mailto:dmarc@{domain}")
    if tags.get("pct", "100") != "100":
        yield Finding("dmarc", "info", f"it holds for {tags['pct'][:5]} % of the mail only", "raise pct step by step")
    for tag, what in (("adkim", "DKIM"), ("aspf", "SPF")):
        if tags.get(tag, "r").lower() == "s":
            told = f"alignment of {what} is strict: the domain of the sender must be {domain} to the letter"
            yield Finding("dmarc", "info", told)


def _mx(facts: DomainFacts, _: Wanted) -> Iterator[Finding]:
    if facts.mx is None:
        yield _unknown("mx", facts, facts.domain)
    elif not facts.mx:
        told = "it has no MX: nobody can answer, and some receivers refuse senders that take no mail"
        yield Finding("mx", "warning", told, "publish an MX for it")
    elif all(host in ("", ".") for _, host in facts.mx):
        told = "it says that it takes no mail (null MX): receivers refuse such senders (550 5.7.27)"
        yield Finding("mx", "error", told, "publish a real MX, or send from another domain")
    else:
        lost = [host for _, host in facts.mx if facts.forward.get(host) == []]
        for host in lost:
            yield Finding("mx", "error", f"{host} has no address", "give it one, or take it out")
        if not lost:
            yield Finding("mx", "ok", f"mail goes to {', '.join(host for _, host in facts.mx[:3])}")


def _pointers(facts: DomainFacts, wanted: Wanted) -> Iterator[Finding]:
    for address in wanted.addresses:
        names = facts.pointers.get(address)
        if names is None:
            yield _unknown("ptr", facts, address)
            continue
        if not names:
            told = f"{address} has no name (PTR): Gmail and others refuse it"
            yield Finding(
                "ptr", "error", told, f"ask whoever gave you the address to name it {wanted.helo or 'mail.…'}"
            )
            continue
        back = [name for name in names if address in (facts.forward.get(name) or [])]
        if not back:
            told = f"{address} is {names[0]}, and {names[0]} is not {address}"
            yield Finding("ptr", "error", told, f"publish {names[0]} with the address {address}")
            continue
        yield Finding("ptr", "ok", f"{address} is {back[0]}, and back")
        if _GENERIC.search(back[0]):
            told = f"{back[0]} looks like the name of a customer's line: filters count that against it"
            yield Finding("ptr", "warning", told, "let the address be named after your mail server")
        if wanted.helo and wanted.helo.lower() not in back:
            told = f"we greet as {wanted.helo}, and the address is called {back[0]}"
            yield Finding("ptr", "warning", told, f"set FANFARE_HELO_NAME={back[0]}")


def _tls(facts: DomainFacts, _: Wanted) -> Iterator[Finding]:
    for seen in facts.tls:
        yield _server(seen)
    if facts.mta_sts == []:
        told = "no MTA-STS: others may be made to send you mail unencrypted"
        yield Finding("tls", "info", told, f"publish a policy and TXT _mta-sts.{facts.domain} (RFC 8461)")
    if facts.tls_reports == []:
        record = (f"_smtp._tls.{facts.domain}", "TXT", f"v=TLSRPTv1; rua=mailto:tls@{facts.domain}")
        yield Finding("tls", "info", "nobody gets reports of failed TLS", "publish TLS-RPT (RFC 8460)", record)


def _server(seen: Tls) -> Finding:
    if not seen.offered:
        why = seen.why or "it offers no STARTTLS"
        level: Level = "error" if not seen.why else "warning"
        return Finding("tls", level, f"{seen.host}: {why}", "let it offer STARTTLS with a certificate of its name")
    if seen.why:
        return Finding("tls", "warning", f"{seen.host}: {seen.why}", "give it a certificate of its name that is valid")
    if seen.days_left < SOON:
        told = f"the certificate of {seen.host} ends in {seen.days_left} days"
        return Finding("tls", "warning", told, "renew it")
    return Finding("tls", "ok", f"{seen.host} speaks {seen.version}, certificate good for {seen.days_left} days")


def _bounces(facts: DomainFacts, wanted: Wanted) -> Iterator[Finding]:
    for name in wanted.bounces:
        yield _bounce_mx(name, facts, wanted)
        if name != facts.domain:
            # It is the domain of the envelope, for which receivers ask SPF.
            yield from _spf_of("bounces", facts, name, facts.bounce_spf.get(name), wanted)
        if not _aligns(name, facts):
            told = f"{name} is not below {facts.domain}: SPF does not align for DMARC, DKIM alone has to"
            yield Finding("bounces", "info", told, f"take a name below {facts.domain}")


def _bounce_mx(name: str, facts: DomainFacts, wanted: Wanted) -> Finding:
    change = f"point it to {wanted.helo or 'the host that runs the letterbox'}"
    record = (name, "MX", f"10 {wanted.helo}.") if wanted.helo else None
    hosts = facts.bounce_mx.get(name)
    if hosts is None:
        return _unknown("bounces", facts, name)
    if not hosts:
        return Finding("bounces", "error", f"{name} has no MX: bounces are lost", change, record)
    if all(host in ("", ".") for _, host in hosts):
        return Finding("bounces", "error", f"{name} says that it takes no mail: bounces are lost", change, record)
    lost = next((host for _, host in hosts if facts.forward.get(host) == []), None)
    if lost is not None:
        return Finding("bounces", "error", f"{lost}, MX of {name}, has no address", "give it one, or take it out")
    return Finding("bounces", "ok", f"bounces to {name} go to {hosts[0][1]}")


def _aligns(bounces: str, facts: DomainFacts) -> bool:
    """Whether SPF of *bounces* counts for DMARC: both belong to the domain of the policy, so far as is seen."""
    if bounces == facts.domain or bounces.endswith(f".{facts.domain}") or facts.domain.endswith(f".{bounces}"):
        return True
    policy = next((name.removeprefix("_dmarc.") for name, published in facts.dmarc.items() if published), "")
    return bool(policy) and bounces.endswith(f".{policy}")


def _unknown(part: str, facts: DomainFacts, asked: str, why: str = "") -> Finding:
    reason = why or facts.failures.get(asked) or "there was no answer"
    return Finding(part, "warning", f"{asked} could not be looked up: {reason}", "try again; if it stays, ask your DNS")
