"""Events, campaigns, things and suppressions -> ClickHouse: one process, every partition, nothing lost."""

import asyncio
import fcntl
import logging
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from app import topics
from app.clickhouse import mirror
from app.clickhouse.client import ClickHouse, ClickHouseError
from app.clickhouse.event_insert import insert_events
from app.clickhouse.event_rows import ID, SourcedPack, mistakes_in
from app.faults import reached
from app.records import EventPack, Undecodable, dead_letter, decode, encode
from app.settings import Settings

log = logging.getLogger("fanfare.record")

MOST_ROWS = 50_000  # of one INSERT
LONGEST_WAIT = 0.5  # seconds a batch waits for more
LONGEST_PAUSE = 2.0  # seconds between two tries to ask ClickHouse

# A mirror that has nothing from the directory is of a database that was made anew, or before there were revisions.
IS_MIRRORED = "SELECT 1 FROM campaigns WHERE version > 0 LIMIT 1"


def run_record(settings: Settings) -> None:
    """Record until SIGTERM. A second one beside it ends at once with exit code 1."""
    import uvloop

    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    with only_one(settings), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(record_until_stopped(settings))


@contextmanager
def only_one(settings: Settings) -> Iterator[None]:
    """Hold the lock of the recording process: partitions are assigned, not shared out by a group."""
    path = settings.state_dir / "run" / "record.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            sys.exit("error: another `fanfare record` runs in this state folder")
        yield


async def record_until_stopped(settings: Settings) -> None:
    """Record until SIGTERM or SIGINT; a batch that ClickHouse does not take by then is read again next time."""
    recorder = Recorder(settings)
    work = asyncio.create_task(recorder.run())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, work.cancel)
    with suppress(asyncio.CancelledError):
        await work


class Recorder:
    """Reads batches, stores them, and only then commits."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client = ClickHouse(settings, timeout=60.0)
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=settings.kafka, group_id=topics.RECORD_GROUP, enable_auto_commit=False,
            auto_offset_reset="earliest", max_partition_fetch_bytes=4 << 20,
            fetch_min_bytes=1 << 18, fetch_max_wait_ms=250,  # ClickHouse likes large inserts, and may be late
        )  # fmt: skip
        self._producer = AIOKafkaProducer(
            bootstrap_servers=settings.kafka, acks="all", enable_idempotence=True, max_request_size=4 << 20
        )

    async def run(self) -> None:
        """Record until cancelled."""
        try:
            await self._start()
            while True:
                await self._store(await self._batch())
        finally:
            await self._consumer.stop()
            await self._producer.stop()
            await self._client.close()

    async def _start(self) -> None:
        await self._producer.start()
        await self._consumer.start()
        names = (topics.EVENT_RECORDED, topics.THING_RECORDED, topics.SUPPRESSION_COMMANDED)
        several = [TopicPartition(name, number) for name in names for number in range(self._settings.partitions)]
        self._consumer.assign([*several, TopicPartition(topics.CAMPAIGN_CHANGED, 0)])
        ready = self._settings.state_dir / "run" / "record.ready"
        ready.parent.mkdir(parents=True, exist_ok=True)
        ready.touch()
        if not await self._is_mirrored():
            mirrored = [place for place in self._consumer.assignment() if place.topic in mirror.TOPICS]
            await self._consumer.seek_to_beginning(*mirrored)

    async def _is_mirrored(self) -> bool:
        """Whether ClickHouse has a mirror to go on with. Waits while it is away."""
        while True:
            try:
                return bool(await self._client.rows(IS_MIRRORED))
            except ClickHouseError as error:
                log.warning("cannot ask for the mirror, tries again in %.0f s: %s", LONGEST_PAUSE, error)
            await asyncio.sleep(LONGEST_PAUSE)

    async def _batch(self) -> list[ConsumerRecord]:
        """Records of about 50,000 events, or what half a second brings; at least one."""
        batch: list[ConsumerRecord] = []
        rows, deadline = 0, 0.0
        while rows < MOST_ROWS:
            left = deadline - time.monotonic() if batch else 1.0
            if left <= 0:
                break
            for records in (await self._consumer.getmany(timeout_ms=int(left * 1000) + 1, max_records=200)).values():
                deadline = deadline if batch else time.monotonic() + LONGEST_WAIT
                batch += records
                # Nearly all of a record is its events: 32 bytes of ids each, as much again for the rest.
                rows += sum(len(record.value or b"") for record in records) // (4 * ID)
        return batch

    async def _store(self, batch: list[ConsumerRecord]) -> None:
        """Everything of *batch* is in ClickHouse or in dead.lettered before an offset moves.

        A crash anywhere in here reads the batch again; rows that are stored twice collapse.
        """
        events = [record for record in batch if record.topic == topics.EVENT_RECORDED]
        packs = await self._packs(events)
        by_place = {(record.partition, record.offset): record for record in events}

        async def refused(pack: SourcedPack, reason: str) -> None:
            await self._dead(by_place[pack.partition, pack.offset], reason)

        await insert_events(self._client, packs, refused)
        others = [record for record in batch if record.topic in mirror.TOPICS]
        await mirror.mirror(self._client, others, self._settings.partitions, self._dead)
        reached("record.stored")
        await self._commit(batch)

    async def _packs(self, records: Iterable[ConsumerRecord]) -> list[SourcedPack]:
        """The packs in *records*; what is none goes to dead.lettered."""
        packs = []
        for record in records:
            pack = decode(EventPack, record.value or b"")
            reason = pack.reason if isinstance(pack, Undecodable) else mistakes_in(pack)
            if isinstance(pack, Undecodable) or reason:
                await self._dead(record, reason)
            else:
                packs.append(SourcedPack(pack, record.partition, record.offset))
        return packs

    async def _commit(self, batch: list[ConsumerRecord]) -> None:
        # Records of a partition come in order: the last one stays.
        offsets = {TopicPartition(each.topic, each.partition): each.offset + 1 for each in batch}
        try:
            await self._consumer.commit(offsets)
        except KafkaError as error:
            log.warning("cannot commit, the next batch will: %r", error)

    async def _dead(self, record: ConsumerRecord, reason: str) -> None:
        letter = dead_letter(
            record.topic, record.partition, record.offset, reason, time.time(), record.key, record.value
        )
        source = f"{record.topic}/{record.partition}/{record.offset}".encode()
        await self._producer.send_and_wait(topics.DEAD_LETTERED, encode(letter), key=source, partition=0)
