"""Look-ups of MX groups: whatever comes over the wire, from a server on loopback, becomes an answer in seconds."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from app.delivery.mx_groups import Looked, Mail
from app.settings import Settings
from app.transport.mx_lookup import AT_ONCE, LONGEST, MOST_HOSTS, NOTHING_HOLDS, SHORTEST, MxLookup
from tests.transport.dns_server import DnsServer, dns_server

DAY = 86_400


@asynccontextmanager
async def asking(one: float = 0.3, all_: float = 2.0) -> AsyncIterator[tuple[DnsServer, MxLookup]]:
    """A server, and somebody who asks it."""
    async with dns_server() as server:
        lookup = MxLookup([f"127.0.0.1:{server.port}"], one=one, all_=all_)
        try:
            yield server, lookup
        finally:
            await lookup.close()


async def test_what_dns_says_of_a_domain() -> None:
    """MX, no MX, no mail, no domain: each is told apart, over real packets."""
    async with asking() as (server, lookup):
        server.ttl = 2 * DAY
        server.mx("hosted.de", "10 ALT1.aspmx.l.google.com.", "1 aspmx.l.google.com.")
        server.mx("own.de", "10 mail.own.de.")
        server.mx("null.de", "0 .")
        server.mx("half.de", "0 .", "10 mx00.kundenserver.de.")
        server.records["alias.de", "CNAME"] = ["hosted.de."]
        server.records["host.de", "A"] = ["192.0.2.1"]
        server.records["six.de", "AAAA"] = ["2001:db8::1"]
        server.records["text.de", "TXT"] = ['"no mail here"']
        names = ("hosted", "own", "null", "half", "alias", "host", "six", "text", "gone")
        found = {name: await lookup.look_up(f"{name}.de") for name in names}
        google = ("aspmx.l.google.com", "alt1.aspmx.l.google.com")
        assert found == {
            "hosted": Looked("hosted.de", Mail.MX, "gmail", google, 2 * DAY),
            "own": Looked("own.de", Mail.MX, "", ("mail.own.de",), 2 * DAY),
            "null": Looked("null.de", Mail.NULL, seconds=NOTHING_HOLDS),
            "half": Looked("half.de", Mail.MX, "ionos", ("mx00.kundenserver.de",), 2 * DAY),
            "alias": Looked("alias.de", Mail.MX, "gmail", google, 2 * DAY),
            "host": Looked("host.de", Mail.ADDRESS, "", ("host.de",), 2 * DAY),
            "six": Looked("six.de", Mail.ADDRESS, "", ("six.de",), 2 * DAY),
            "text": Looked("text.de", Mail.NONE, seconds=NOTHING_HOLDS),
            "gone": Looked("gone.de", Mail.NONE, seconds=NOTHING_HOLDS),
        }


@pytest.mark.parametrize(("ttl", "holds"), [(0, SHORTEST), (60, SHORTEST), (3 * DAY, 3 * DAY), (2**31 - 1, LONGEST)])
async def test_an_answer_holds_as_long_as_dns_says_within_bounds(ttl: int, holds: float) -> None:
    """A time of nought would ask for ever, one of years would never learn."""
    async with asking() as (server, lookup):
        server.ttl = ttl
        server.mx("firm.de", "10 mail.firm.de.")
        assert (await lookup.look_up("firm.de")).seconds == holds


async def test_a_long_answer_comes_over_tcp_and_is_cut() -> None:
    """Truncated over UDP, hundreds of hosts over TCP: the group is right, and few hosts are kept."""
    async with asking() as (server, lookup):
        server.mx(
            "many.de", *(f"{10 + n} mx{n}.filler.example." for n in range(300)), "5 x.mail.protection.outlook.com."
        )
        found = await lookup.look_up("many.de")
        assert (found.mail, found.group, len(found.hosts)) == (Mail.MX, "outlook", MOST_HOSTS)
        assert server.asked == [("many.de", "MX"), ("many.de", "MX+tcp")]


def refused(code: dns.rcode.Rcode) -> object:
    """A reply that says *code*."""

    def reply(question: dns.message.Message) -> bytes:
        made = dns.message.make_response(question)
        made.set_rcode(code)
        return made.to_wire()

    return reply


def of_another_name(question: dns.message.Message) -> bytes:
    """A reply to what nobody has asked."""
    made = dns.message.make_response(dns.message.make_query("other.de", "MX", id=question.id))
    made.answer.append(dns.rrset.from_text("other.de.", 60, "IN", "MX", "1 aspmx.l.google.com."))
    return made.to_wire()


def cut(question: dns.message.Message) -> bytes:
    """A reply that ends in the middle of a record."""
    made = dns.message.make_response(question)
    made.answer.append(dns.rrset.from_text(question.question[0].name, 60, "IN", "MX", "1 aspmx.l.google.com."))
    return made.to_wire()[:-20]


def endless_name(question: dns.message.Message) -> bytes:
    """A reply with a host that points to itself."""
    made = dns.message.make_response(question)
    made.answer.append(dns.rrset.from_text(question.question[0].name, 60, "IN", "MX", "1 ab."))
    wire = made.to_wire(max_size=4_096)
    at = wire.index(b"\x02ab\x00")
    return wire[:at] + (0xC000 | at).to_bytes(2, "big") + wire[at + 2 :]


@pytest.mark.parametrize(
    "reply",
    [
        refused(dns.rcode.SERVFAIL), refused(dns.rcode.REFUSED), refused(dns.rcode.FORMERR), lambda _: None,
        lambda _: b"", lambda _: b"\0" * 40, of_another_name, cut, endless_name,
    ],
    ids=["servfail", "refused", "formerr", "silence", "empty", "noughts", "another", "cut", "endless"],
)  # fmt: skip
async def test_what_cannot_be_read_is_a_failure_and_nothing_else(reply: object) -> None:
    """A failure must never look like "nobody takes mail there", nor like somebody's group."""
    async with asking() as (server, lookup):
        server.replies["bad.de"] = reply  # type: ignore[assignment]
        server.mx("good.de", "1 aspmx.l.google.com.")
        found = await lookup.look_up("bad.de")
        assert (found.mail, found.group, found.hosts) == (Mail.FAILED, "", ()) and found.reason and found.seconds > 0
        assert (await lookup.look_up("good.de")).group == "gmail"


async def test_a_failure_behind_no_mx_is_no_statement() -> None:
    """Without MX the address decides; where that question fails, nobody knows."""
    async with asking() as (server, lookup):

        def reply(question: dns.message.Message) -> bytes:
            made = dns.message.make_response(question)
            if question.question[0].rdtype.name != "MX":
                made.set_rcode(dns.rcode.SERVFAIL)
            return made.to_wire()

        server.replies["half.de"] = reply
        assert (await lookup.look_up("half.de")).mail is Mail.FAILED


def deep_answer(records: int) -> bytes:
    """A reply with *records* hosts of a hundred labels each, packed as DNS allows: about 20 bytes a host."""
    question = dns.message.make_query("deep.de", "MX")
    made = dns.message.make_response(question)
    head = bytearray(made.to_wire())
    head[6:8] = records.to_bytes(2, "big")
    deep, at = b"\x01a" * 100 + b"\x00", 0
    for number in range(records):
        host = b"%05d" % number
        name = bytes([len(host)]) + host + ((0xC000 | at).to_bytes(2, "big") if at else deep)
        head += b"\xc0\x0c" + (15).to_bytes(2, "big") + b"\0\x01\0\0\x0e\x10"
        head += (len(name) + 2).to_bytes(2, "big") + number.to_bytes(2, "big")
        at = at or len(head) + 1 + len(host)
        head += name
    return bytes(head)


async def test_an_answer_that_is_slow_to_read_is_read_in_time() -> None:
    """64 KB of names of a hundred labels: whoever owns a domain can send that, and no worker must stop for it."""
    wire = deep_answer(2_800)
    async with asking(one=2.0, all_=4.0) as (server, lookup):

        def reply(asked: dns.message.Message) -> bytes:
            if server.asked[-1][1].endswith("+tcp"):
                return asked.id.to_bytes(2, "big") + wire[2:]
            short = dns.message.make_response(asked)
            short.flags |= dns.flags.TC
            return short.to_wire()

        server.replies["deep.de"] = reply
        found = await lookup.look_up("deep.de")
        assert (found.mail, found.group, len(found.hosts)) == (Mail.MX, "", MOST_HOSTS)
        assert found.hosts[0].startswith("00000.a.a.")


async def test_few_questions_are_on_their_way_at_a_time() -> None:
    """A list of a thousand new domains is no storm at the resolver."""
    async with asking(all_=10.0) as (server, lookup):
        waiting: set[str] = set()
        most = 0

        def silence(question: dns.message.Message) -> None:
            nonlocal most
            waiting.add(question.question[0].name.to_text())
            most = max(most, len(waiting))

        names = [f"d{n}.de" for n in range(3 * AT_ONCE)]
        for name in names:
            server.replies[name] = silence

        async def one(name: str) -> Looked:
            found = await lookup.look_up(name)
            waiting.discard(f"{name}.")
            return found

        found = await asyncio.gather(*(one(name) for name in names))
        assert {each.mail for each in found} == {Mail.FAILED} and 1 < most <= AT_ONCE


async def test_without_any_dns_nothing_hangs() -> None:
    """A machine in a closed network: every question ends, and says so."""
    lookup = MxLookup(["127.0.0.1:1", "192.0.2.1:53"], one=0.2, all_=1.0)
    started = time.monotonic()
    found = await asyncio.gather(*(lookup.look_up(f"d{n}.de") for n in range(AT_ONCE)))
    await lookup.close()
    assert {each.mail for each in found} == {Mail.FAILED} and time.monotonic() - started < 30


async def test_answers_of_chance_never_raise() -> None:
    """Random bytes in place of a reply, and replies with bytes changed."""
    dice = random.Random(7)
    async with asking(one=0.05, all_=0.2) as (server, lookup):

        def reply(question: dns.message.Message) -> bytes:
            made = dns.message.make_response(question)
            hosts = ["1 aspmx.l.google.com.", "5 mail.firm.de."]
            made.answer.append(dns.rrset.from_text(question.question[0].name, 60, "IN", "MX", *hosts))
            wire = bytearray(made.to_wire())
            for _ in range(dice.randrange(1, 6)):
                wire[dice.randrange(2, len(wire))] = dice.randrange(256)
            return bytes(wire)

        names = [f"f{n}.de" for n in range(150)]
        for name in names:
            server.replies[name] = reply
        found = await asyncio.gather(*(lookup.look_up(name) for name in names))
        assert {each.group for each in found} <= {"", "gmail"}
        assert all(host == host.lower() and " " not in host for each in found for host in each.hosts)


async def test_names_of_nothing_are_not_asked_for() -> None:
    """Demo people live at .example; those of a private network are nobody's business."""
    async with asking() as (server, lookup):
        for name in ("firm.example", "printer.local", "10.0.0.1", "nonsense", "a b.de", "x.de\0"):
            assert (await lookup.look_up(name)).mail is Mail.NONE
        assert server.asked == []


@pytest.mark.parametrize(
    ("text", "servers"),
    [
        ("", []), ("192.0.2.53", ["192.0.2.53:53"]), ("127.0.0.1:5353", ["127.0.0.1:5353"]),
        ("2001:db8::53, [2001:db8::54]:5353", ["[2001:db8::53]:53", "[2001:db8::54]:5353"]),
        ("192.0.2.1:53  192.0.2.2", ["192.0.2.1:53", "192.0.2.2:53"]),
    ],
)  # fmt: skip
def test_servers_are_addresses_with_or_without_ports(text: str, servers: list[str]) -> None:
    """FANFARE_DNS, and the same again in the processes that `up` starts."""
    made = Settings(dns=text)
    assert made.dns_servers == servers == Settings(dns=made.dns).dns_servers


@pytest.mark.parametrize(
    "text", ["dns.example.com", "1.2.3", "192.0.2.1:0", "192.0.2.1:99999", "[::1", "::1:5353:x", "on"]
)
def test_what_is_no_server_is_refused_with_what_to_write(text: str) -> None:
    """A name would need DNS to be found."""
    with pytest.raises(ValueError, match="is no DNS server: write its address"):
        Settings(dns=text)
