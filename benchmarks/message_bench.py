"""The edge alone: POST /v1/messages as often as one process can take it, until Kafka has each message.

    python -m benchmarks.message_bench [--seconds 8] [--connections 32]

A Kafka, one edge, and connections that ask again as soon as they were answered, with requests made beforehand:
the client must not be what is measured. Nothing sends what was taken.
"""

import argparse
import asyncio
import time
from collections.abc import Iterator
from itertools import count

import psutil
from aiokafka import AIOKafkaProducer

from app import topics
from app.commands import CampaignEntry
from app.control.api_keys import make_key
from app.local.ports import answers
from app.settings import Settings
from app.specs import CampaignSpec
from benchmarks.stand import Measured, cpu_seconds, process, producing, stand

CAMPAIGN = "c_bench"
START_SECONDS = 30.0
WARM_UP = 1.0


def main(seconds: float = 8.0, connections: int = 32) -> Measured:
    """Measure the edge."""
    with stand() as settings:
        return asyncio.run(_run(settings, seconds, connections))


async def _run(settings: Settings, seconds: float, connections: int) -> Measured:
    with producing(settings) as producer:
        await producer.start()
        key = await _prepare(producer)
        await producer.stop()
    with process(settings, "-m", "app.cli.main", "edge", name="edge") as edge:
        await _until_up(settings)
        return await _ask(settings, edge, requests(settings.edge_port, key), seconds, connections)


async def _prepare(producer: AIOKafkaProducer) -> str:
    """A transactional campaign that runs, and a key that may send; the key."""
    now = time.time()
    spec = CampaignSpec(from_email="login@acme.example", kind="transactional")
    entry = CampaignEntry(id=CAMPAIGN, account="bench", state="RUNNING", spec=spec, created_at=now, started_at=now)
    await producer.send_and_wait(topics.CAMPAIGN_CHANGED, entry.model_dump_json().encode(), key=CAMPAIGN.encode())
    fresh = make_key("bench", ["messages"], now=now, rate=1_000_000)
    await producer.send_and_wait(topics.KEY_CHANGED, fresh.key.model_dump_json().encode(), key=fresh.key.id.encode())
    return fresh.text


def requests(port: int, key: str) -> Iterator[bytes]:
    """Requests as they go over a connection, each to another person."""
    for number in count():
        body = b'{"campaign_id":"%b","to":"user%d@corp.example","variables":{"code":"%06d"}}' % (
            CAMPAIGN.encode(), number, number,
        )  # fmt: skip
        yield (
            f"POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode() + body


async def _until_up(settings: Settings) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not answers(settings.edge_port, "127.0.0.1"):
        if time.monotonic() > deadline:
            raise RuntimeError("the edge does not start")
        await asyncio.sleep(0.1)
    await asyncio.sleep(2.0)  # it connects to Kafka meanwhile


async def _ask(
    settings: Settings, edge: psutil.Process, wanted: Iterator[bytes], seconds: float, connections: int
) -> Measured:
    done, late = [0], []  # answers, and how long each took
    end = time.monotonic() + WARM_UP + seconds

    async def ask_again() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", settings.edge_port)
        while (began := time.monotonic()) < end:
            writer.write(next(wanted))
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 202"):
                raise RuntimeError(f"the edge answered {head[:200]!r}")
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]
            await reader.readexactly(int(length))
            done[0] += 1
            late.append(time.monotonic() - began)
        writer.close()

    asking = [asyncio.create_task(ask_again()) for _ in range(connections)]
    await asyncio.sleep(WARM_UP)
    since = (time.monotonic(), cpu_seconds(edge), done[0])
    await asyncio.gather(*asking)
    elapsed, cpu, answered = time.monotonic() - since[0], cpu_seconds(edge) - since[1], done[0] - since[2]
    late.sort()
    details = {"p50_ms": round(late[len(late) // 2] * 1000, 1), "p99_ms": round(late[len(late) * 99 // 100] * 1000, 1)}
    return Measured(answered / elapsed, cpu / answered * 1e6, details)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--connections", type=int, default=32)
    given = parser.parse_args()
    print(main(given.seconds, given.connections))
