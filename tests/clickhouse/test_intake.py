"""The sealing and the expanding agent in a running intake worker, with a real Kafka and ClickHouse."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import TopicPartition

from app import ids, topics
from app.clickhouse.contacts import import_people
from app.clickhouse.demo_contacts import write_csv
from app.clickhouse.migrate import apply as apply_migrations
from app.commands import Accepted
from app.local import clickhouse, kafka
from app.local.ports import free_ports
from app.records import RecipientPack, SealTask, Shard, decode, encode
from app.settings import Settings
from app.stream.topics_apply import apply
from tests.clickhouse.conftest import SECRET

PEOPLE = 3_000


@pytest.fixture
async def intake(tmp_path: Path) -> Settings:
    """Settings of an installation of its own, with ClickHouse stopped."""
    port, kafka_port = free_ports(), free_ports(2)
    settings = Settings(
        state_dir=tmp_path, clickhouse_port=port, kafka_port=kafka_port, partitions=4, web_port=free_ports(64)
    )
    settings.secret_path.parent.mkdir(parents=True)
    settings.secret_path.write_bytes(SECRET)
    write_csv(tmp_path / "people.csv", PEOPLE)
    return settings


@contextmanager
def working(settings: Settings) -> Iterator[None]:
    """A running intake worker."""
    log = (settings.state_dir / "intake.log").open("ab")
    command = [sys.executable, "-m", "app.cli.main", "worker", "intake"]
    with log, subprocess.Popen(command, env=os.environ | settings.environment(), stdout=log, stderr=log) as process:
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


async def records_of(
    settings: Settings, topic: str, enough: Callable[[list[tuple[int, bytes]]], bool]
) -> list[tuple[int, bytes]]:
    """(partition, value) of *topic* from its beginning, as soon as it is *enough*."""
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.kafka)
    await consumer.start()
    try:
        places = [TopicPartition(topic, p) for p in range(settings.partitions)]
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        found: list[tuple[int, bytes]] = []
        end = time.monotonic() + 120
        while not enough(found):
            assert time.monotonic() < end, (settings.state_dir / "intake.log").read_text()[-3_000:]
            for records in (await consumer.getmany(timeout_ms=200)).values():
                found += [(record.partition, record.value) for record in records]
        return found
    finally:
        await consumer.stop()


async def test_a_list_becomes_packs_of_all_its_people_although_clickhouse_starts_late(intake: Settings) -> None:
    """
    From "start" to the gate: everybody listed is in exactly one pack, on the partition that knows them.
    """
    with clickhouse.running(intake.state_dir, intake.clickhouse_port):
        # Before the worker: what ClickHouse refuses, such as a table that is not there yet, is not retried for ever.
        await apply_migrations(intake)
    with kafka.running(intake.state_dir, intake.kafka_port):
        await apply(intake)
        producer = AIOKafkaProducer(bootstrap_servers=intake.kafka)
        await producer.start()
        await producer.send_and_wait(topics.SEAL_REQUESTED, task("e", "nobody"))
        with working(intake), clickhouse.running(intake.state_dir, intake.clickhouse_port):
            report = await import_people(intake, intake.state_dir / "people.csv", "all")
            assert report.imported == PEOPLE
            await producer.send_and_wait(topics.SEAL_REQUESTED, task("c", "all"))
            answers = await records_of(intake, topics.COMMAND_ACCEPTED, lambda found: len(found) >= 2)
            assert len({partition for partition, _ in answers}) == 1
            by_campaign = {each.campaign: each for each in (Accepted.model_validate_json(raw) for _, raw in answers)}
            sealed = by_campaign["c"].sealed
            assert sealed is not None
            assert by_campaign["e"].seal_failed == "nobody is on nobody: there is no such list"
            for first in range(0, PEOPLE, 1_000):
                shard = Shard("default", "c", 1, sealed.id, sealed.day, topics.BULK, first, 1_000)
                await producer.send_and_wait(topics.AUDIENCE_SHARDED, encode(shard))
            found = await records_of(intake, topics.LISTED_BULK, lambda found: people_in(found) >= PEOPLE)
        await producer.stop()
    listed = []
    for partition, raw in found:
        pack = decode(RecipientPack, raw)
        assert isinstance(pack, RecipientPack)
        assert {ids.partition_of(row.recipient_id, intake.partitions) for row in pack.rows} == {partition}
        listed += [row.address for row in pack.rows]
    assert len(listed) == len(set(listed)) == PEOPLE


def task(campaign: str, list_name: str) -> bytes:
    """A request to seal *list_name* for *campaign*."""
    return encode(SealTask("default", campaign, f"{campaign}-1", "email", [list_name]))


def people_in(found: list[tuple[int, bytes]]) -> int:
    """Rows of all packs."""
    packs = [decode(RecipientPack, raw) for _, raw in found]
    return sum(len(pack.rows) for pack in packs if isinstance(pack, RecipientPack))


async def test_an_outage_of_clickhouse_delays_expanding_and_loses_nobody(intake: Settings) -> None:
    """
    Ranges that were asked for while it was away are read when it is back; the door answers all the while.
    """
    with kafka.running(intake.state_dir, intake.kafka_port):
        await apply(intake)
        producer = AIOKafkaProducer(bootstrap_servers=intake.kafka)
        await producer.start()
        with working(intake):
            with clickhouse.running(intake.state_dir, intake.clickhouse_port):
                await apply_migrations(intake)
                await import_people(intake, intake.state_dir / "people.csv", "all")
                await producer.send_and_wait(topics.SEAL_REQUESTED, task("c", "all"))
                (answer,) = await records_of(intake, topics.COMMAND_ACCEPTED, lambda found: len(found) >= 1)
            sealed = Accepted.model_validate_json(answer[1]).sealed
            assert sealed is not None
            for first in range(0, PEOPLE, 500):
                shard = Shard("default", "c", 1, sealed.id, sealed.day, topics.BULK, first, 500)
                await producer.send_and_wait(topics.AUDIENCE_SHARDED, encode(shard))
            create = {
                "id": "while-away", "kind": "campaign.create", "spec": {"from_email": "a@b.example", "lists": ["all"]},
                "content": {"subject": "s", "text": "{{ anything }}"},
            }  # fmt: skip
            await producer.send_and_wait(topics.CAMPAIGN_COMMANDED, orjson.dumps(create))
            await records_of(intake, topics.COMMAND_ACCEPTED, lambda found: len(found) >= 2)
            with clickhouse.running(intake.state_dir, intake.clickhouse_port):
                found = await records_of(intake, topics.LISTED_BULK, lambda found: people_in(found) >= PEOPLE)
        await producer.stop()
    packs = [decode(RecipientPack, raw) for _, raw in found]
    listed = [row.address for pack in packs if isinstance(pack, RecipientPack) for row in pack.rows]
    assert len(listed) == len(set(listed)) == PEOPLE
