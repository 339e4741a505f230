"""The stand of a benchmark: a Kafka of its own with all topics, and worker processes whose CPU is read."""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from aiokafka import AIOKafkaProducer

from app import topics
from app.commands import CampaignEntry
from app.local.kafka import KafkaServer
from app.local.ports import free_ports
from app.settings import Settings
from app.specs import CampaignSpec
from app.stream.topics_apply import apply

CAMPAIGN = "c_bench"
WORKER_PORTS = 64  # of the web views, from the first one on


@dataclass
class Measured:
    """One measured stage."""

    per_second: float
    cpu_us: float  # of the worker, a message
    details: dict[str, float] = field(default_factory=dict)


@contextmanager
def stand() -> Iterator[Settings]:
    """A running Kafka with topics and a secret, in a folder that is thrown away; yields its settings."""
    with tempfile.TemporaryDirectory(prefix="fanfare-bench-") as folder:
        state = Path(folder)
        port, web, smtp, edge = (free_ports(WORKER_PORTS) for _ in range(4))  # Kafka takes two beside each other
        settings = Settings(
            state_dir=state, kafka=f"127.0.0.1:{port}", kafka_port=port, web_port=web, smtp_port=smtp, edge_port=edge
        )
        settings.secret_path.parent.mkdir(parents=True)
        settings.secret_path.write_bytes(os.urandom(32))
        server = KafkaServer(state, port)
        server.prepare()
        with (state / "kafka.log").open("wb") as log:
            broker = subprocess.Popen(server.command(), stdout=log, stderr=log)
            try:
                server.wait_ready(60.0, broker)
                asyncio.run(apply(settings))
                yield settings
            finally:
                broker.terminate()
                broker.wait(30)


@contextmanager
def process(settings: Settings, *command: str, name: str) -> Iterator[psutil.Process]:
    """A process of the product (`python` and *command*) with *settings* as its environment."""
    env = os.environ | settings.environment()
    with (settings.state_dir / f"{name}.log").open("wb") as log:
        child = subprocess.Popen([sys.executable, *command], env=env, stdout=log, stderr=log)
        try:
            yield psutil.Process(child.pid)
        except Exception:
            sys.stderr.write((settings.state_dir / f"{name}.log").read_text()[-3000:])
            raise
        finally:
            child.terminate()
            try:
                child.wait(30)
            except subprocess.TimeoutExpired:
                child.kill()


def cpu_seconds(worker: psutil.Process) -> float:
    """CPU time a process has used, user and system."""
    times = worker.cpu_times()
    return float(times.user + times.system)


async def announce(producer: AIOKafkaProducer) -> CampaignEntry:
    """Make the benchmark's campaign known as running."""
    spec = CampaignSpec(from_email="news@acme.example", lists=["all"], content_id="none")
    now = time.time()
    entry = CampaignEntry(id=CAMPAIGN, account="bench", state="RUNNING", spec=spec, created_at=now, started_at=now)
    await producer.send_and_wait(topics.CAMPAIGN_CHANGED, entry.model_dump_json().encode(), key=CAMPAIGN.encode())
    return entry


@contextmanager
def producing(settings: Settings) -> Iterator[AIOKafkaProducer]:
    """Settings of a fast producer; start and stop it yourself inside one event loop."""
    yield AIOKafkaProducer(
        bootstrap_servers=settings.kafka, acks="all", compression_type="lz4", linger_ms=5, max_batch_size=1 << 20
    )
