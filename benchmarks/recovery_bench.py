"""Recovery: a sender whose data folder is gone reads 500,000 ledger entries back from the changelog.

    python -m benchmarks.recovery_bench [--entries 500000] [--runs 3] [--json]

An entry is a key of 17 bytes and a value of 96: a stored result of a few messages. Each write is a pack of 100
entries, as the worker writes them. The clock runs from the assignment of the partitions until events would flow.
"""

import argparse
import asyncio
import json
import logging
import os
import shutil
import statistics
import time
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer

from app import topics
from app.settings import Settings
from app.stream.changelog import batch_header
from benchmarks.stand import process, stand

PACK = 100  # entries of one write
VALUE = 96  # bytes
LONGEST = 120.0  # seconds
WINDOW = 64  # writes under way
SPREADS = {
    "recovery": "from assignment to ready",
    "cpu": "CPU of the worker in that time (all its threads)",
    "start": "from process start to ready",
}


async def fill(settings: Settings, entries: int) -> None:
    """Write *entries* to the ledger's changelog as a worker would have."""
    changelog = topics.changelog(topics.senders_app(topics.EMAIL), topics.SENDERS_TABLE)
    ends = [0] * settings.partitions
    async with AIOKafkaProducer(
        bootstrap_servers=settings.kafka,
        acks="all",
        enable_idempotence=True,
        compression_type="lz4",
        max_batch_size=1 << 20,
    ) as producer:
        under_way: list[asyncio.Future[Any]] = []
        for number in range(entries // PACK):
            partition = number % settings.partitions
            batch, headers = producer.create_batch(), batch_header(ends[partition], PACK)
            for _ in range(PACK):
                batch.append(timestamp=None, key=b"o" + os.urandom(16), value=os.urandom(VALUE), headers=headers)
                headers = []
            batch.close()
            ends[partition] += PACK
            under_way.append(await producer.send_batch(batch, changelog, partition=partition))
            if len(under_way) >= WINDOW:
                await asyncio.gather(*under_way)
                under_way.clear()
        await asyncio.gather(*under_way)


def recover(settings: Settings, entries: int) -> dict[str, float]:
    """Start a worker without its data; seconds to ready: "recovery" from assignment, "start" of process, "cpu" used."""
    shutil.rmtree(settings.state_dir / "workers", ignore_errors=True)
    report = settings.state_dir / "recovered.json"
    report.unlink(missing_ok=True)
    began = time.time()
    with process(settings, "-m", "benchmarks.recovery_worker", str(report), name="recovery"):
        found = wait_for(report)
    if found["recovered"] != entries or found["keys"] != entries:
        raise RuntimeError(f"{found['recovered']:.0f} records and {found['keys']:.0f} keys came back of {entries}")
    return {"recovery": found["ready"] - found["assigned"], "start": found["ready"] - began, "cpu": found["cpu"]}


def wait_for(report: Path) -> dict[str, float]:
    """The worker's report, once it is there."""
    deadline = time.monotonic() + LONGEST
    while not report.exists():
        if time.monotonic() > deadline:
            raise RuntimeError(f"the worker did not recover within {LONGEST:.0f} s")
        time.sleep(0.02)
    return dict(json.loads(report.read_text()))


def measure(entries: int, runs: int) -> dict[str, Any]:
    """Min, median and max of *runs* recoveries of *entries*, in seconds."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it tells of each retry while topics are young
    with stand() as settings:
        asyncio.run(fill(settings, entries))
        found = [recover(settings, entries) for _ in range(runs)]
    result: dict[str, Any] = {"entries": entries, "runs": runs}
    for name in SPREADS:
        seconds = [each[name] for each in found]
        result[name] = {
            "min": round(min(seconds), 2),
            "median": round(statistics.median(seconds), 2),
            "max": round(max(seconds), 2),
        }
    return result


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=500_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print one line for scripts")
    arguments = parser.parse_args()
    result = measure(arguments.entries, arguments.runs)
    if arguments.json:
        print(json.dumps(result))
        return
    for name, what in SPREADS.items():
        spread = result[name]
        print(f"{what}: min {spread['min']} s, median {spread['median']} s, max {spread['max']} s")


if __name__ == "__main__":
    main()
