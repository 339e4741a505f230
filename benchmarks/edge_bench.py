"""What one edge process takes: messages by POST, and clicks on links in mails.

    python -m benchmarks.edge_bench [--seconds 10] [--connections 32]

A Kafka and an edge, nothing behind them: what the edge costs, not the road. The load comes from this process, on the
same cores. A request counts when it is answered: after Kafka has stored what it brought.
"""

import argparse
import asyncio
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import count

from aiokafka import AIOKafkaProducer

from agents.compose import link_key
from app import topics
from app.commands import CampaignEntry
from app.content.links import LinkSigner
from app.control.api_keys import make_key
from app.local.ports import answers
from app.settings import Settings
from app.specs import CampaignSpec
from benchmarks.http_load import Load, run
from benchmarks.stand import process, stand

ACCOUNT, CAMPAIGN = "bench", "c_lane"


@dataclass
class EdgeResult:
    """One kind of request."""

    per_second: float
    p50_ms: float
    p99_ms: float
    statuses: dict[str, int]

    def others(self, status: int) -> int:
        """Answers that were not *status*."""
        return sum(n for told, n in self.statuses.items() if told != str(status))


def measure(seconds: float, connections: int) -> dict[str, EdgeResult]:
    """Both kinds, one after the other."""
    with stand() as settings, _edge(settings) as port:
        key = asyncio.run(_announce(settings))
        time.sleep(1.0)  # the edge reads its directories
        return {
            "messages": _result(run(port, _messages(port, key), connections=connections, seconds=seconds)),
            "clicks": _result(run(port, _clicks(settings, port), connections=connections, seconds=seconds)),
        }


@contextmanager
def _edge(settings: Settings) -> Iterator[int]:
    with process(settings, "-m", "app.cli.main", "edge", name="edge"):
        deadline = time.monotonic() + 30
        while not answers(settings.edge_port):
            if time.monotonic() > deadline:
                raise RuntimeError("the edge does not listen after 30 s")
            time.sleep(0.05)
        yield settings.edge_port


async def _announce(settings: Settings) -> str:
    """An API key that is made, and a transactional campaign that runs, as pacing would publish them."""
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka, acks="all")
    await producer.start()
    now = time.time()
    made = make_key(ACCOUNT, ["messages"], now=now, rate=1_000_000)
    spec = CampaignSpec(kind="transactional", from_email="receipts@acme.example", content_id="none")
    entry = CampaignEntry(id=CAMPAIGN, account=ACCOUNT, state="RUNNING", spec=spec, created_at=now, started_at=now)
    await producer.send_and_wait(topics.KEY_CHANGED, made.key.model_dump_json().encode(), key=made.key.id.encode())
    await producer.send_and_wait(topics.CAMPAIGN_CHANGED, entry.model_dump_json().encode(), key=CAMPAIGN.encode())
    await producer.stop()
    return made.text


def _messages(port: int, key: str) -> Iterator[bytes]:
    """One message each, to somebody else each time."""
    head = (
        f"POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {key}\r\n"
        "Content-Type: application/json\r\n"
    )
    for number in count():
        to = f"buyer{number}@company{number % 1000}.example"
        body = json.dumps({"campaign_id": CAMPAIGN, "to": to, "variables": {"first_name": "Ann", "order": number}})
        yield f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()


def _clicks(settings: Settings, port: int) -> Iterator[bytes]:
    """One click each, of another message each time, by a browser."""
    signer = LinkSigner(link_key(settings.secret_path.read_bytes()), ACCOUNT, "c_letter")
    link = signer.link(3, "https://shop.example/spring?from=letter")
    agent = (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36"
    )
    tail = f" HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUser-Agent: {agent}\r\nAccept: text/html\r\n\r\n"
    for number in count():
        token = signer.token(number.to_bytes(16, "little"), os.urandom(16))
        yield f"GET /c/{token}/{link}{tail}".encode()


def _result(load: Load) -> EdgeResult:
    statuses = {str(status): n for status, n in sorted(load.statuses.items())}
    return EdgeResult(round(load.per_second), round(load.percentile(50), 1), round(load.percentile(99), 1), statuses)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--connections", type=int, default=32)
    given = parser.parse_args()
    found = measure(given.seconds, given.connections)
    print(json.dumps({name: asdict(each) for name, each in found.items()}, indent=1))


if __name__ == "__main__":
    main()
