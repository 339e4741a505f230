"""Webhooks of a provider from the first byte to the last row: a campaign, and the reports of SendGrid on it.

    python -m benchmarks.hooks_bench [--people 100000] [--only rate batches sending]

- rate: single events, each request signed (ECDSA), verified, appended to Kafka with acknowledgement, answered.
- batches: 1,000 events a request; from the first byte until ClickHouse has all of them as rows. Each message is
  delivered once and opened twice; up to a second of either is the wait for more, at the end of which there is none.
- sending: a campaign while 5,000 reports a second arrive, against one while none do; by the mail sink's own record.

Everything runs on this machine, the load too; what else is at work on it is printed (load average).
"""

import argparse
import asyncio
import base64
import itertools
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app import ids
from app.clickhouse.client import ClickHouse
from app.clickhouse.contacts import import_people
from app.clickhouse.demo_contacts import write_csv
from app.commands import CampaignEntry, Command
from app.control import Control, new_command_id
from app.local.sink_read import load
from app.provider_accounts import SendGrid, SmtpServer
from app.routes import Route
from app.settings import Settings
from benchmarks import http_load
from benchmarks.end_to_end import LIST, _campaign, _expected, _recorded
from benchmarks.installation import Installation, installation
from benchmarks.usage import Usage

CONNECTIONS = 48
SECONDS = 10.0
IN_A_BATCH = 1_000
BESIDE = 5_000  # reports a second while a campaign is sent
WITHIN = 180.0  # seconds for all rows to be there


@dataclass
class Stretch:
    """One measurement; CPU in microseconds an event, by process."""

    per_second: float
    seconds: float
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    answered: dict[int, int] = field(default_factory=dict)
    cpu_us: dict[str, float] = field(default_factory=dict)
    load: float = 0.0  # average of the machine before


@dataclass
class Signer:
    """A provider's account: its key, and where its webhooks go."""

    path: str
    key: ec.EllipticCurvePrivateKey

    def request(self, events: Sequence[dict[str, Any]]) -> bytes:
        """A whole HTTP request with *events*, signed as SendGrid does."""
        body, stamp = orjson.dumps(events), str(int(time.time())).encode()
        signature = base64.b64encode(self.key.sign(stamp + body, ec.ECDSA(SHA256()))).decode()
        head = (
            f"POST {self.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"X-Twilio-Email-Event-Webhook-Signature: {signature}\r\n"
            f"X-Twilio-Email-Event-Webhook-Timestamp: {stamp.decode()}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


def event(message: str, kind: str, number: int) -> dict[str, Any]:
    """What SendGrid posts of one message, with all that it usually has."""
    return {
        "email": f"recipient{number}@example.com", "timestamp": int(time.time()), "event": kind,
        "smtp-id": f"<14c5d75ce93.dfd.{number:x}@ismtpd-555>", "category": ["newsletter"],
        "sg_event_id": f"evt-{kind}-{number}",
        "sg_message_id": f"14c5d75ce93.dfd.{number:x}.filter0001.16648.5515E0B88.0",
        "msg_id": message, "attempt": "1", "response": "250 2.0.0 OK 1461095248 m143si2210036ioe.159 - gsmtp",
        "ip": "192.0.2.1", "tls": 1,
    }  # fmt: skip


def requests_of(signer: Signer, messages: Sequence[str], kind: str, size: int, times: int = 1) -> Iterator[bytes]:
    """Requests of *size* events each over all of *messages*, *times* each."""
    for start in range(0, times * len(messages), size):
        places = range(start, min(start + size, times * len(messages)))
        yield signer.request([event(messages[place % len(messages)], kind, place) for place in places])


class Bench:
    """One installation with one campaign that is out."""

    def __init__(self, running: Installation, signer: Signer, messages: list[str], entry: CampaignEntry) -> None:
        self.running, self.signer, self.messages, self.entry = running, signer, messages, entry
        self.port = running.settings.edge_port

    def rate(self) -> Stretch:
        """Single events: requests a second."""
        made = list(requests_of(self.signer, self.messages[:10_000], "processed", 1))
        before, usage = os.getloadavg()[0], Usage(self.running.processes())
        with usage:
            found = http_load.run(self.port, itertools.cycle(made), connections=CONNECTIONS, seconds=SECONDS)
        answers = sum(found.statuses.values()) * (1 + http_load.WARM_UP / SECONDS)
        cpu = {name: round(seconds / answers * 1e6, 1) for name, seconds in usage.cpu.items() if seconds > 0.05}
        return Stretch(
            found.per_second, SECONDS, found.percentile(50), found.percentile(99), dict(found.statuses), cpu, before
        )

    def batches(self, kind: str, of_event: str, times: int = 1) -> Stretch:
        """All messages, *times* each, in requests of 1,000 events: events a second until the last row."""
        made, count = list(requests_of(self.signer, self.messages, kind, IN_A_BATCH, times)), times * len(self.messages)
        before, usage = os.getloadavg()[0], Usage(self.running.processes())
        with usage:
            began = time.monotonic()
            answered = asyncio.run(_post(self.port, made, 4))
            asyncio.run(_rows(self.running.settings, self.entry.id, of_event, count))
            seconds = time.monotonic() - began
        cpu = {name: round(each / count * 1e6, 2) for name, each in usage.cpu.items() if each > 0.05}
        return Stretch(count / seconds, seconds, answered=answered, cpu_us=cpu, load=before)

    def sending(self) -> tuple[Stretch, Stretch]:
        """Messages a second of a campaign without reports, and of one while they arrive."""
        return self._send(0), self._send(BESIDE)

    def _send(self, reports: int) -> Stretch:
        before = os.getloadavg()[0]
        stop = multiprocessing.Event()
        beside = multiprocessing.Process(
            target=_keep_posting, args=(self.port, self.signer.path, self.messages, reports, stop, self._pem())
        )
        if reports:
            beside.start()
        try:
            rate, seconds = asyncio.run(self._campaign())
        finally:
            stop.set()
            if reports:
                beside.join(20)
        return Stretch(rate, seconds, load=before)

    def _pem(self) -> bytes:
        from cryptography.hazmat.primitives.serialization import NoEncryption, PrivateFormat

        return self.signer.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    async def _campaign(self) -> tuple[float, float]:
        known = len(load(self.running.record))
        async with Control(self.running.settings) as control:
            entry = await _campaign(control, len(self.messages), self.running.record, lambda _: None)
            await _recorded(self.running.settings, entry, len(self.messages))
        taken = load(self.running.record)[known:]
        seconds = taken[-1].at - taken[0].at
        return len(taken) / seconds, seconds


def _keep_posting(port: int, path: str, messages: list[str], rate: int, stop: Any, pem: bytes) -> None:
    """Post *rate* events a second in requests of 100 until *stop*: opens, each one new."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key = load_pem_private_key(pem, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    signer, numbers = Signer(path, key), itertools.count()

    async def post() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        began, sent = time.monotonic(), 0
        while not stop.is_set():
            first = next(numbers) * 100
            rows = [event(messages[(first + n) % len(messages)], "open", first + n) for n in range(100)]
            writer.write(signer.request(rows))
            await http_load._answer(reader)
            sent += 100
            await asyncio.sleep(max(0.0, began + sent / rate - time.monotonic()))
        writer.close()
        sys.stderr.write(f"\n{sent / (time.monotonic() - began):,.0f} reports/s arrived beside it\n")

    asyncio.run(post())


async def _post(port: int, requests: Sequence[bytes], connections: int) -> dict[int, int]:
    """Send all of *requests* once; the statuses that they were answered."""
    waiting, statuses = iter(requests), dict[int, int]()

    async def connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for request in waiting:
            writer.write(request)
            status = await http_load._answer(reader)
            statuses[status] = statuses.get(status, 0) + 1
        writer.close()

    await asyncio.gather(*(connection() for _ in range(connections)))
    return statuses


async def _rows(settings: Settings, campaign: str, kind: str, count: int) -> None:
    """Wait until ClickHouse has *count* events of *kind*."""
    deadline = time.monotonic() + WITHIN
    sql = "SELECT count() FROM events WHERE campaign = {campaign:String} AND kind = {kind:String}"
    async with ClickHouse(settings) as client:
        while (found := int((await client.rows(sql, {"campaign": campaign, "kind": kind}))[0][0])) < count:
            if time.monotonic() > deadline:
                raise RuntimeError(f"ClickHouse has {found:,} of {count:,} {kind} events after {WITHIN:g} s")
            await asyncio.sleep(0.25)


async def _prepare(running: Installation, people: int) -> Bench:
    """A route of SendGrid, people, and a campaign to them over the mail sink."""
    settings = running.settings
    path = settings.state_dir / "people.csv"
    write_csv(path, people)
    await import_people(settings, path, LIST)
    key = ec.generate_private_key(ec.SECP256R1())
    public = base64.b64encode(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
    token = ids.hook_token(settings.secret_path.read_bytes(), "sg")
    async with Control(settings) as control:
        for route in (
            Route(name="sink", smtp=SmtpServer(host="127.0.0.1", port=settings.smtp_port, tls="never")),
            Route(name="sg", sendgrid=SendGrid(api_key="env:BENCH_KEY", webhook_keys=[public]), enabled=False),
        ):
            answer = (await control.send(Command(id=new_command_id(), kind="route.set", route=route))).answer
            if answer.status >= 400:
                raise RuntimeError(f"the route was refused: {answer.error}")
        entry = await _campaign(control, people, running.record, lambda _: None)
        await _recorded(settings, entry, people)
    messages = sorted(_expected(settings, path, entry), key=lambda each: each[8:])
    return Bench(running, Signer(f"/hooks/sendgrid/{token}", key), messages, entry)


def main() -> None:
    """Run once and print everything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--only", nargs="*", default=["rate", "batches", "sending"])
    given = parser.parse_args()
    os.environ["BENCH_KEY"] = "SG.of-nobody"
    with installation() as running:
        bench = asyncio.run(_prepare(running, given.people))
        if "rate" in given.only:
            _show("rate", bench.rate())
        if "batches" in given.only:
            _show("batches: delivered", bench.batches("delivered", "delivered"))
            _show("batches: open", bench.batches("open", "opened", 2))
        if "sending" in given.only:
            without, beside = bench.sending()
            _show("sending, no reports", without)
            _show(f"sending, {BESIDE:,} reports/s: {100 * beside.per_second / without.per_second:.0f} %", beside)


def _show(name: str, stretch: Stretch) -> None:
    print(name, json.dumps({key: value for key, value in asdict(stretch).items() if value}), flush=True)


if __name__ == "__main__":
    main()
