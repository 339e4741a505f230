"""A Kafka, a ClickHouse and the workers intake and pacing for the folder: commands go in, tests play the rest."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import ConsumerRecord, TopicPartition

from app import topics
from app.clickhouse.migrate import apply as apply_migrations
from app.commands import Answer, Command
from app.control import Control
from app.local import clickhouse, kafka
from app.local.ports import free_ports
from app.records import DeadLetter, Undecodable, decode
from app.settings import Settings
from app.stream.topics_apply import apply as apply_topics

SECRET = b"0123456789abcdef0123456789abcdef"
PARTITIONS = 4
T = TypeVar("T", bound=msgspec.Struct)


class Workers:
    """The workers of an installation; each may be killed and started again."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, crash_after: str = "") -> None:
        """Start `fanfare worker NAME`, to die after the step *crash_after* unless one has died there before."""
        settings = self.settings.model_copy(update={"crash_after": crash_after})
        log = (self.settings.state_dir / f"{name}.log").open("ab")
        command = [sys.executable, "-m", "app.cli.main", "worker", *name.split()]
        with log:
            self._running[name] = subprocess.Popen(
                command, env=os.environ | settings.environment(), stdout=log, stderr=log
            )

    def forget_death(self, step: str) -> None:
        """Have a worker die after *step* again: other tests may have had one die there."""
        (self.settings.state_dir / "crashed" / step).unlink(missing_ok=True)

    def kill(self, name: str) -> None:
        """kill -9, as by a machine that goes away."""
        process = self._running.pop(name)
        process.kill()
        process.wait(10)

    def wait(self, name: str) -> None:
        """Wait until the worker has died of its crash."""
        self._running.pop(name).wait(40)

    def stop(self) -> None:
        """Stop all."""
        for process in self._running.values():
            process.terminate()
        for process in self._running.values():
            process.wait(30)

    def alive(self) -> list[str]:
        """Names of the workers that have not ended."""
        return [name for name, process in self._running.items() if process.poll() is None]


@pytest.fixture(scope="package")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workers]:
    """Intake and pacing, running."""
    folder: Path = tmp_path_factory.mktemp("agents")
    settings = Settings(
        state_dir=folder, clickhouse_port=free_ports(), kafka_port=free_ports(2), partitions=PARTITIONS,
        web_port=free_ports(64),
    )  # fmt: skip
    settings.secret_path.parent.mkdir(parents=True)
    settings.secret_path.write_bytes(SECRET)
    with (
        kafka.running(folder, settings.kafka_port),
        clickhouse.running(folder, settings.clickhouse_port),
    ):
        asyncio.run(apply_topics(settings))
        asyncio.run(apply_migrations(settings))
        running = Workers(settings)
        running.start("intake")
        running.start("pacing")
        try:
            yield running
        finally:
            running.stop()


class Wire:
    """What a test writes to and reads from Kafka."""

    def __init__(self, settings: Settings, control: Control, producer: AIOKafkaProducer) -> None:
        self.settings, self.control, self.producer = settings, control, producer

    async def put(
        self, topic: str, value: bytes | None, key: bytes | None = None, partition: int | None = None
    ) -> None:
        """Write one record."""
        key = b"none" if value is None and key is None else key  # Kafka wants one of both
        await self.producer.send_and_wait(topic, value, key=key, partition=partition)

    async def ask(self, **fields: object) -> Answer:
        """Send a command; its answer."""
        return (await self.control.send(Command.model_validate(fields), timeout=40)).answer

    async def until(
        self, topic: str, enough: Callable[[list[ConsumerRecord]], bool], seconds: float = 40.0
    ) -> list[ConsumerRecord]:
        """Every record of *topic*, as soon as they are *enough*."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.settings.kafka, auto_offset_reset="earliest", max_partition_fetch_bytes=8 << 20
        )
        await consumer.start()
        try:
            count = next(each.partitions or PARTITIONS for each in topics.TOPICS if each.name == topic)
            consumer.assign([TopicPartition(topic, number) for number in range(count)])
            found: list[ConsumerRecord] = []
            end = time.monotonic() + seconds
            while not enough(found):
                assert time.monotonic() < end, [record.value[:200] for record in found[-5:] if record.value]
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    found += records
            return found
        finally:
            await consumer.stop()

    async def dead(self, topic: str, wanted: Callable[[DeadLetter], bool]) -> DeadLetter:
        """The dead letter from *topic* that is *wanted*, as soon as there is one."""

        def fitting(records: list[ConsumerRecord]) -> list[DeadLetter]:
            letters = [decode(DeadLetter, record.value) for record in records]
            return [x for x in letters if not isinstance(x, Undecodable) and x.topic == topic and wanted(x)]

        return fitting(await self.until(topics.dead_letters_of(topic), lambda records: bool(fitting(records))))[0]


@pytest.fixture
async def wire(workers: Workers) -> AsyncIterator[Wire]:
    """A producer and a control client."""
    settings = workers.settings
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka, max_request_size=16 << 20, compression_type="gzip")
    await producer.start()
    async with Control(settings) as control:
        yield Wire(settings, control, producer)
    await producer.stop()
