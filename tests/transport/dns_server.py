"""A DNS server on loopback that says what a test wants: real packets, over UDP and TCP, also wrong ones."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

Answer = Callable[[dns.message.Message], bytes | None]  # the reply to a question; None: silence

LARGEST_UDP = 512  # bytes; a question with EDNS says itself how many it takes


@dataclass
class DnsServer:
    """What it says, by domain: *records* as in a zone file ("10 mx.example.net."), or a whole reply by *replies*."""

    port: int = 0
    records: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    replies: dict[str, Answer] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)  # (domain, type), as they came; "+tcp" behind the type
    ttl: int = 3_600

    def mx(self, domain: str, *hosts: str) -> None:
        """Let *domain* have MX *hosts*: "10 mx.example.net."."""
        self.records[domain, "MX"] = list(hosts)

    def answer(self, wire: bytes, tcp: bool) -> bytes | None:
        """The reply to a packet."""
        question = dns.message.from_wire(wire)
        name, kind = question.question[0].name.to_text(omit_final_dot=True), question.question[0].rdtype
        self.asked.append((name, dns.rdatatype.to_text(kind) + ("+tcp" if tcp else "")))
        if name in self.replies:
            return self.replies[name](question)
        return self._from_records(question, name, tcp)

    def _from_records(self, question: dns.message.Message, name: str, tcp: bool) -> bytes:
        reply = dns.message.make_response(question, recursion_available=True)
        kind = dns.rdatatype.to_text(question.question[0].rdtype)
        while ("CNAME", name) not in self.records and (name, "CNAME") in self.records:
            target = self.records[name, "CNAME"][0]
            reply.answer.append(dns.rrset.from_text(f"{name}.", self.ttl, "IN", "CNAME", target))
            name = target.rstrip(".")
        if (name, kind) in self.records:
            reply.answer.append(dns.rrset.from_text(f"{name}.", self.ttl, "IN", kind, *self.records[name, kind]))
        elif not any(known == name for known, _ in self.records):
            reply.set_rcode(dns.rcode.NXDOMAIN)
        most = 65_535 if tcp else max(LARGEST_UDP, question.payload)
        wire = reply.to_wire(max_size=65_535)
        if len(wire) > most:
            reply.answer.clear()
            reply.flags |= dns.flags.TC
            wire = reply.to_wire()
        return wire


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, server: DnsServer) -> None:
        self._server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        reply = self._server.answer(data, tcp=False)
        if reply is not None:
            self._transport.sendto(reply, addr)


@asynccontextmanager
async def dns_server() -> AsyncIterator[DnsServer]:
    """A server that runs, on a port of its own for both UDP and TCP."""
    server = DnsServer()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            size = int.from_bytes(await reader.readexactly(2), "big")
            reply = server.answer(await reader.readexactly(size), tcp=True)
            if reply is not None:
                writer.write(len(reply).to_bytes(2, "big") + reply)
                await writer.drain()
                await reader.read(1)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    loop = asyncio.get_running_loop()
    while True:  # until a port is free for both
        tcp = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = tcp.sockets[0].getsockname()[1]
        try:
            udp, _ = await loop.create_datagram_endpoint(lambda: _Udp(server), ("127.0.0.1", port))
        except OSError:
            tcp.close()
            continue
        break
    server.port = port
    try:
        yield server
    finally:
        udp.close()
        tcp.close()
        await tcp.wait_closed()
