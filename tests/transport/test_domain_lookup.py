"""`fanfare domain check` against DNS and a mail server on loopback: what is right, and every way to be wrong."""

import asyncio
import base64
import datetime
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from app.bounces.domains import nearest
from app.delivery.domains.checks import (
    Finding,
    Wanted,
    findings,
    lookups,
    records,
    rsa_bits,
    spf_result,
    tags_in,
)
from app.delivery.domains.facts import DomainFacts, Spf
from app.transport.dkim_keys import made
from app.transport.domain_lookup import DomainLookup, tls_of
from tests.transport.dns_server import DnsServer, dns_server

IP, HELO = "192.0.2.25", "mail.acme.example"
IP6 = "2001:db8::25"


def set_up(server: DnsServer, wanted: Wanted) -> None:
    """A domain with which nothing is wrong."""
    for name, kind, value in records("acme.example", wanted):
        server.records[name, kind] = [value if kind == "MX" else quoted(value)]
    server.records["acme.example", "MX"] = [f"10 {HELO}."]
    server.records[HELO, "A"], server.records[HELO, "AAAA"] = [IP], [IP6]
    for address in (IP, IP6):
        server.records[ip_address(address).reverse_pointer, "PTR"] = [f"{HELO}."]
    server.records["_mta-sts.acme.example", "TXT"] = ['"v=STSv1; id=1"']
    server.records["_smtp._tls.acme.example", "TXT"] = ['"v=TLSRPTv1; rua=mailto:tls@acme.example"']


def quoted(value: str) -> str:
    return " ".join(f'"{value[at : at + 200]}"' for at in range(0, len(value), 200))


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return {key.selector: key.record for key in made(tmp_path_factory.mktemp("dkim"), "acme.example", "f1")}


def wanted_by(keys: dict[str, str], **changes: object) -> Wanted:
    return Wanted(**({"addresses": [IP, IP6], "keys": keys, "helo": HELO, "bounces": ["b.acme.example"]} | changes))  # type: ignore[arg-type]


async def found_by(server: DnsServer, wanted: Wanted) -> list[Finding]:
    lookup = DomainLookup([f"127.0.0.1:{server.port}"], one=0.5)
    facts = await lookup.facts(
        "acme.example", addresses=wanted.addresses, selectors=list(wanted.keys), helo=wanted.helo,
        bounces=wanted.bounces, tls=False,
    )  # fmt: skip
    await lookup.close()
    return findings(facts, wanted)


def wrong_in(found: list[Finding], *levels: str) -> list[tuple[str, str]]:
    return [(each.part, each.text) for each in found if each.level in (levels or ("error", "warning"))]


async def test_a_domain_with_the_records_that_we_name_is_right(keys: dict[str, str]) -> None:
    async with dns_server() as server:
        wanted = wanted_by(keys)
        set_up(server, wanted)
        found = await found_by(server, wanted)
        assert wrong_in(found) == []
        assert ("bounces", f"b.acme.example: {IP} may send") in wrong_in(found, "ok")
        assert {each.part for each in found if each.level == "ok"} == {"spf", "dkim", "dmarc", "mx", "ptr", "bounces"}


BROKEN = {
    "no SPF": (("acme.example", "TXT"), None, ("spf", "there is no SPF record")),
    "two SPF": (("acme.example", "TXT"), ['"v=spf1 -all"', '"v=spf1 ~all"'], ("spf", "there are 2 SPF records")),
    "SPF of others": (("acme.example", "TXT"), ['"v=spf1 ip4:198.51.100.1 -all"'], ("spf", f"{IP} may not send")),
    "SPF for all": (("acme.example", "TXT"), ['"v=spf1 +all"'], ("spf", "+all lets everybody")),
    "SPF misspelt": (("acme.example", "TXT"), ['"v=spf1 ipv4:192.0.2.25 -all"'], ("spf", "'ipv4:192.0.2.25' is no")),
    "no DKIM": (("f1._domainkey.acme.example", "TXT"), None, ("dkim", "does not exist")),
    "another key": (
        ("f1._domainkey.acme.example", "TXT"), ['"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="'],
        ("dkim", "another key"),
    ),
    "revoked": (("f1._domainkey.acme.example", "TXT"), ['"v=DKIM1; p="'], ("dkim", "revoked")),
    "no DMARC": (("_dmarc.acme.example", "TXT"), None, ("dmarc", "no DMARC record")),
    "DMARC without policy": (("_dmarc.acme.example", "TXT"), ['"v=DMARC1; p=maybe"'], ("dmarc", "has no policy")),
    "null MX": (("acme.example", "MX"), ["0 ."], ("mx", "takes no mail")),
    "no MX": (("acme.example", "MX"), None, ("mx", "has no MX")),
    "no PTR": (("25.2.0.192.in-addr.arpa", "PTR"), None, ("ptr", "has no name")),
    "PTR that does not lead back": (
        ("25.2.0.192.in-addr.arpa", "PTR"), ["other.example."], ("ptr", f"{IP} is other.example, and other.example is"),
    ),
    "bounces go nowhere": (("b.acme.example", "MX"), None, ("bounces", "bounces are lost")),
    "bounces are not taken": (("b.acme.example", "MX"), ["0 ."], ("bounces", "takes no mail")),
    "no SPF of bounces": (("b.acme.example", "TXT"), None, ("bounces", "b.acme.example: there is no SPF record")),
    "SPF of bounces of others": (
        ("b.acme.example", "TXT"), ['"v=spf1 ip4:198.51.100.1 -all"'], ("bounces", f"{IP} may not send"),
    ),
}  # fmt: skip


async def test_every_bounce_domain_is_judged_and_foreign_ones_are_told(keys: dict[str, str]) -> None:
    """One that no MX serves is wrong whoever else has one; SPF of another domain aligns with nothing."""
    async with dns_server() as server:
        set_up(server, wanted_by(keys))
        server.records["b.other.example", "TXT"] = [f'"v=spf1 ip4:{IP} ip6:{IP6} -all"']
        server.mx("b.other.example", "10 mx.other.example.")
        server.records["mx.other.example", "TXT"] = ['"the name is there, and has no address"']
        both = wanted_by(keys, bounces=["b.acme.example", "b.other.example", "acme.example"])
        found = await found_by(server, both)
        assert wrong_in(found, "error") == [("bounces", "mx.other.example, MX of b.other.example, has no address")]
        told = [text for part, text in wrong_in(found, "info") if part == "bounces"]
        assert len(told) == 1 and told[0].startswith("b.other.example is not below acme.example")


def test_mail_of_a_domain_has_the_bounce_domain_nearest_to_it() -> None:
    """So that of several, each for a customer, only its own is judged."""
    known = ["b.acme.example", "B.other.example", "acme.example", "b.acme.example"]
    assert nearest("acme.example", known) == ["b.acme.example", "acme.example"]
    assert nearest("news.other.example", known) == ["b.other.example"]
    assert nearest("third.test", known) == ["b.acme.example", "b.other.example", "acme.example"]
    assert nearest("third.test", []) == []
    wanted = Wanted(["192.0.2.1"], helo="mx.acme.example", bounces=["acme.example", "b.acme.example"])
    names = [(name, kind) for name, kind, _ in records("acme.example", wanted)]
    assert len(set(names)) == len(names) and ("b.acme.example", "TXT") in names and ("b.acme.example", "MX") in names


async def test_a_sister_under_one_policy_aligns() -> None:
    """DMARC of acme.example holds for news.acme.example and b.acme.example alike (RFC 7489, 3.1.2)."""
    facts = DomainFacts(
        "news.acme.example", dmarc={"_dmarc.news.acme.example": [], "_dmarc.acme.example": ["v=DMARC1"]}
    )
    found = findings(facts, Wanted(bounces=["b.acme.example", "b.other.example"]))
    assert [text.split()[0] for _, text in wrong_in(found, "info") if "align" in text] == ["b.other.example"]


@pytest.mark.parametrize("name", BROKEN)
async def test_what_is_wrong_is_told_with_what_to_do(keys: dict[str, str], name: str) -> None:
    key, broken, (part, text) = BROKEN[name]
    async with dns_server() as server:
        wanted = wanted_by(keys)
        set_up(server, wanted)
        if broken is None:
            del server.records[key]
            server.records[key[0], "HINFO"] = ['"x" "y"']  # the name stays
        else:
            server.records[key] = broken
        found = [each for each in await found_by(server, wanted) if each.level in ("error", "warning")]
        (told,) = [each for each in found if each.part == part and text in each.text][:1] or [None]
        assert told is not None and told.change, found
        assert all(each.part == part for each in found), "nothing else is said to be wrong"
        if told.record is not None and not text.startswith(("there are 2", "+all", "'ipv4")):
            name_, kind, value = told.record
            server.records[name_, kind] = [value if kind == "MX" else quoted(value)]
            again = wrong_in(await found_by(server, wanted), "error")
            assert not [each for each in again if text in each[1]], "publishing what was said puts it right"


async def test_dns_that_does_not_answer_is_no_verdict(keys: dict[str, str]) -> None:
    async with dns_server() as server:
        server.replies.update(dict.fromkeys(
            ["acme.example", "_dmarc.acme.example", "f1._domainkey.acme.example", "b.acme.example"], lambda _: None
        ))  # fmt: skip
        found = await found_by(server, wanted_by(keys, addresses=[]))
        unknown = [each for each in found if "could not be looked up" in each.text]
        assert {each.part for each in unknown} >= {"spf", "dmarc", "mx", "dkim", "bounces"}
        assert all(each.level == "warning" for each in unknown)


async def test_an_spf_that_leads_in_a_circle_ends(keys: dict[str, str]) -> None:
    async with dns_server() as server:
        wanted = wanted_by(keys)
        set_up(server, wanted)
        server.records["acme.example", "TXT"] = ['"v=spf1 include:acme.example include:b.example -all"']
        server.records["b.example", "TXT"] = ['"v=spf1 include:acme.example a mx exists:%{i}.x.example -all"']
        found = wrong_in(await found_by(server, wanted), "error")
        assert any("DNS look-ups" in text for _, text in found) and len(server.asked) < 500


async def test_addresses_of_hosts_and_includes_count(keys: dict[str, str]) -> None:
    async with dns_server() as server:
        wanted = wanted_by(keys)
        set_up(server, wanted)
        for text in (f"v=spf1 a:{HELO} -all", "v=spf1 mx ~all", "v=spf1 redirect=_spf.acme.example"):
            server.records["acme.example", "TXT"] = [f'"{text}"']
            server.records["_spf.acme.example", "TXT"] = [f'"v=spf1 ip4:192.0.2.0/24 ip6:{IP6} -all"']
            assert not wrong_in(await found_by(server, wanted)), text


# -- TLS


def certificate(tmp_path: Path, name: str, days: int) -> Path:
    key = rsa.generate_private_key(65_537, 2_048)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made_ = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    path = tmp_path / "server.pem"
    path.write_bytes(
        made_.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )  # fmt: skip
    return path


@asynccontextmanager
async def mail_server(context: ssl.SSLContext | None) -> AsyncIterator[int]:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail\r\n")
        while line := await reader.readline():
            match line.split()[0].upper():
                case b"EHLO":
                    writer.write(b"250-mail\r\n250 STARTTLS\r\n" if context else b"250 mail\r\n")
                case b"STARTTLS" if context:
                    writer.write(b"220 go\r\n")
                    await writer.drain()
                    await writer.start_tls(context)
                case _:
                    writer.write(b"221 bye\r\n")
                    break
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def test_what_a_mail_server_offers(tmp_path: Path) -> None:
    path = certificate(tmp_path, "localhost", 60)
    offered = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    offered.load_cert_chain(path)
    trusting = ssl.create_default_context(cafile=str(path))
    async with mail_server(offered) as port:
        seen = await tls_of("localhost", port, trusting)
        assert (
            (seen.offered, seen.why) == (True, "") and seen.version.startswith("TLSv1.") and 58 <= seen.days_left <= 60
        )
        unknown = await tls_of("localhost", port)
        assert unknown.offered and "certificate" in unknown.why
    async with mail_server(None) as port:
        assert not (await tls_of("localhost", port)).offered
    assert "could" in (await tls_of("localhost", port)).why or not (await tls_of("localhost", port)).offered


# -- without a network


def test_spf_as_receivers_see_it() -> None:
    spf = Spf("a.example", "v=spf1 ip4:192.0.2.0/24 -ip4:198.51.100.7 include:b.example ?all")
    spf.refers["b.example"] = Spf("b.example", "v=spf1 ip6:2001:db8::/32 -all")
    told = {ip: spf_result(spf, ip_address(ip)) for ip in ("192.0.2.1", "198.51.100.7", "2001:db8::1", "203.0.113.1")}
    assert told == {"192.0.2.1": "pass", "198.51.100.7": "fail", "2001:db8::1": "pass", "203.0.113.1": "neutral"}
    assert lookups(spf) == 1


def test_spf_that_includes_the_same_again_and_again_is_judged_in_a_moment() -> None:
    """As written, with all qualifiers and letter cases: twenty-five to the tenth power of them."""
    spf = Spf("z.example", "v=spf1 ip4:192.0.2.1")
    for _ in range(10):
        names = (f"{'+?'[n % 2]}include:{'B.example'[: n % 9]}{'b.example'[n % 9 :]} " for n in range(25))
        spf = Spf("a.example", "v=spf1 " + "".join(names), refers={"b.example": spf})
    assert spf_result(spf, ip_address("192.0.2.1")) == "pass"
    assert spf_result(spf, ip_address("192.0.2.2")) == "neutral"


@given(st.text(max_size=200), st.text(max_size=200))
def test_no_text_breaks_the_judgement(spf: str, record: str) -> None:
    facts = DomainFacts("a.example", mx=[], spf=Spf("a.example", f"v=spf1 {spf}"), dkim={"s": [record]})
    facts.dmarc["_dmarc.a.example"] = [f"v=DMARC1;{record}"]
    assert all(isinstance(each, Finding) for each in findings(facts, Wanted(["192.0.2.1"])))
    assert isinstance(tags_in(record), dict) and isinstance(rsa_bits(record), int)
    assert rsa_bits(base64.b64encode(record.encode()).decode()) == 0
