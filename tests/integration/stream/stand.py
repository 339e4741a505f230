"""The stand of these tests: a broker that may be killed, planes with topics of their own, their workers."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from app.local.kafka import KafkaServer, stop
from app.settings import Settings
from app.stream.topics_apply import apply
from app.topics import COMPACTED, DEAD_LETTERED, PIPELINE, Topic, changelog

PARTITIONS = 4
SESSION = 6.0  # seconds: the least that a broker allows
REPOSITORY = Path(__file__).parents[3]

Job = dict[str, Any]


class QuickCleaner(KafkaServer):
    """A Kafka that compacts as soon as it may."""

    def _properties(self) -> str:
        return super()._properties() + "log.cleaner.backoff.ms=100\n"


class Broker:
    """A Kafka that can be killed and started again."""

    def __init__(self, folder: Path, port: int) -> None:
        self.server = QuickCleaner(folder, port)
        self._log = folder / "kafka.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.server.prepare()

    def start(self) -> None:
        """Start and wait until it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self.server.command(), stdout=log, stderr=log)
        self.server.wait_ready(60.0, self._process)

    def kill(self) -> None:
        """kill -9."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """End in good order."""
        assert self._process is not None
        stop(self._process)


async def until(seen: Callable[[], Any], what: str, seconds: float = 30.0) -> Any:
    """Wait until *seen* returns something true; what it returned."""
    deadline = time.monotonic() + seconds
    while not (found := seen()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds:.0f} s"
        await asyncio.sleep(0.05)
    return found


async def eventually(seen: Callable[[], Awaitable[bool]], what: str, seconds: float = 60.0) -> None:
    """Ask *seen* again and again until it says yes."""
    deadline = time.monotonic() + seconds
    while not await seen():
        assert time.monotonic() < deadline, f"{what}: not within {seconds:.0f} s"


@dataclass
class Worker:
    """One worker process."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    ready_file: Path
    began: float = field(default_factory=time.time)

    def text(self) -> str:
        """What it has written to its log since its slot was first used."""
        return self.log.read_text(errors="replace")

    def ready(self) -> bool:
        """Whether this process has recovered and works."""
        assert self.process.poll() is None, f"{self.name} ended with {self.process.returncode}: {self.text()[-3000:]}"
        return self.ready_file.exists() and self.ready_file.stat().st_mtime >= self.began

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait()

    async def ended(self, seconds: float = 30.0) -> int:
        """Wait for the end of the process; its exit code."""
        await until(lambda: self.process.poll() is not None, f"the end of {self.name}", seconds)
        return int(self.process.returncode)


class Plane:
    """An app id with its topics, its workers, and all that they have produced."""

    def __init__(self, app_id: str, settings: Settings) -> None:
        self.app_id = app_id
        self.settings = settings
        self.inbox, self.outbox, self.side = f"{app_id}.in", f"{app_id}.out", f"{app_id}.side"
        self.changelog = changelog(app_id, "state")
        self.table_config = dict(COMPACTED)
        self.outs: list[dict[str, Any]] = []
        self.workers: list[Worker] = []
        self.producer = AIOKafkaProducer(bootstrap_servers=settings.kafka, acks="all", linger_ms=2)
        self._reader = AIOKafkaConsumer(bootstrap_servers=settings.kafka, enable_auto_commit=False)
        self._numbers = iter(range(10**9))

    async def __aenter__(self) -> Self:
        pipeline = [Topic(name, config=dict(PIPELINE)) for name in (self.inbox, self.outbox, self.side)]
        compacted = Topic(self.changelog, config=self.table_config)
        await apply(self.settings, [*pipeline, compacted, Topic(DEAD_LETTERED, 1)])
        await self.producer.start()
        await self._reader.start()
        places = [TopicPartition(self.outbox, p) for p in range(PARTITIONS)]
        self._reader.assign(places)
        for place in places:
            self._reader.seek(place, 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        for worker in self.workers:
            worker.process.kill()
            worker.process.wait()
        await self.producer.stop()
        await self._reader.stop()

    # -- workers

    def launch(self, name: str, *options: str) -> Worker:
        """Start a worker in the slot *name*; do not wait for it."""
        state, slot = self.settings.state_dir, f"{self.app_id}-{name}"
        command = [
            sys.executable,
            "-m",
            "tests.integration.stream.worker",
            "--app",
            self.app_id,
            "--name",
            slot,
            *options,
        ]
        log = state / f"{slot}.log"
        with log.open("ab") as file:
            began = time.time()
            process = subprocess.Popen(
                command, cwd=REPOSITORY, stdout=file, stderr=file, env=os.environ | self.settings.environment()
            )
        worker = Worker(slot, process, log, state / "run" / f"{slot}.ready", began)
        self.workers.append(worker)
        return worker

    async def start(self, name: str, *options: str) -> Worker:
        """Start a worker in the slot *name* and wait until it works."""
        worker = self.launch(name, *options)
        await until(worker.ready, f"{worker.name} ready", 60.0)
        return worker

    # -- records

    def job_id(self) -> str:
        """A new id."""
        return f"j{next(self._numbers)}"

    async def put(self, partition: int, *jobs: Job, topic: str = "") -> list[str]:
        """Produce *jobs* to *partition*, each with an id; the ids."""
        named = [{"id": self.job_id()} | job for job in jobs]
        sent = [
            await self.producer.send(topic or self.inbox, json.dumps(job).encode(), partition=partition)
            for job in named
        ]
        await asyncio.gather(*sent)
        return [str(job["id"]) for job in named]

    async def put_many(self, count: int, **job: Any) -> list[str]:
        """Produce *count* jobs to each partition."""
        made = await asyncio.gather(*(self.put(p, *[dict(job) for _ in range(count)]) for p in range(PARTITIONS)))
        return [each for ids in made for each in ids]

    @asynccontextmanager
    async def load(self, per_second: int = 400, **job: Any) -> AsyncIterator[list[str]]:
        """Produce such jobs steadily for as long as the block lasts; the ids so far."""
        ids: list[str] = []

        async def run() -> None:
            while True:
                for partition in range(PARTITIONS):
                    ids.extend(await self.put(partition, *[dict(job) for _ in range(per_second // PARTITIONS // 10)]))
                await asyncio.sleep(0.1)

        task = asyncio.create_task(run())
        try:
            yield ids
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def listen(self) -> list[dict[str, Any]]:
        """Everything produced so far."""
        for records in (await self._reader.getmany(timeout_ms=50)).values():
            self.outs += [json.loads(record.value) for record in records]
        return self.outs

    async def done(self, ids: Iterable[str], seconds: float = 60.0) -> None:
        """Wait until every one of *ids* was produced."""
        deadline, missing = time.monotonic() + seconds, set(ids)
        while missing:
            missing -= {out["id"] for out in await self.listen()}
            assert time.monotonic() < deadline, f"{len(missing)} lost, as {sorted(missing)[:5]}"

    def times(self) -> dict[str, int]:
        """How often each id was produced so far."""
        counts: dict[str, int] = {}
        for out in self.outs:
            counts[out["id"]] = counts.get(out["id"], 0) + 1
        return counts

    # -- state

    async def tables(self) -> list[dict[str, str]]:
        """What the owners hold, by partition."""
        paths = [self.settings.state_dir / f"{self.app_id}-{self.job_id()}.dump" for _ in range(PARTITIONS)]
        for partition, path in enumerate(paths):
            await self.put(partition, {"dump": str(path)})
        await until(lambda: all(path.exists() for path in paths), "dumps of the table")
        return [json.loads(path.read_text()) for path in paths]

    async def logged(self) -> list[dict[str, str]]:
        """What the changelog says, by partition: the last value of each key."""
        found: list[dict[str, str]] = []
        for partition in range(PARTITIONS):
            last: dict[str, str] = {}
            for record in await self.records(self.changelog, partition):
                last.pop(record.key.decode(), None)
                if record.value is not None:
                    last[record.key.decode()] = record.value.decode()
            found.append(last)
        return found

    async def records(self, topic: str, partition: int) -> list[Any]:
        """Every record of one partition."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.settings.kafka, enable_auto_commit=False)
        place, found = TopicPartition(topic, partition), []
        await consumer.start()
        try:
            consumer.assign([place])
            end = (await consumer.end_offsets([place]))[place]
            consumer.seek(place, (await consumer.beginning_offsets([place]))[place])
            while await consumer.position(place) < end:
                for records in (await consumer.getmany(timeout_ms=100)).values():
                    found += records
        finally:
            await consumer.stop()
        return found

    async def committed(self) -> dict[int, int]:
        """Partition of the inbox -> committed offset."""
        async with admin(self.settings) as client:
            offsets = await client.list_consumer_group_offsets(self.app_id)
        return {tp.partition: found.offset for tp, found in offsets.items() if tp.topic == self.inbox}

    async def has_committed(self, partition: int, offset: int) -> bool:
        """Whether the group has committed just this *offset* of the inbox."""
        return (await self.committed()).get(partition) == offset

    async def commit(self, offsets: dict[int, int]) -> None:
        """Set the group's offsets by hand."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.settings.kafka, group_id=self.app_id, enable_auto_commit=False
        )
        await consumer.start()
        try:
            places = {TopicPartition(self.inbox, p): offset for p, offset in offsets.items()}
            consumer.assign(list(places))
            await consumer.commit(places)
        finally:
            await consumer.stop()


@asynccontextmanager
async def admin(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    """An admin client."""
    client = AIOKafkaAdminClient(bootstrap_servers=settings.kafka)
    await client.start()
    try:
        yield client
    finally:
        await client.close()
