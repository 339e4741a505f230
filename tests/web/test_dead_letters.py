"""`fanfare deadletters` on a real Kafka: both topics, what is kept, what has gone, and another try."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from typer.testing import CliRunner

from app import topics
from app.cli.main import app
from app.records import dead_letter, encode
from app.settings import Settings
from app.settings import settings as read_settings
from app.stream.topics_apply import apply


@pytest.fixture
def run(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    read_settings.cache_clear()

    async def told(*words: str, code: int = 0) -> str:
        done = await asyncio.to_thread(CliRunner().invoke, app, ["deadletters", *words])
        assert done.exit_code == code, done.output
        return done.output

    yield told
    read_settings.cache_clear()


async def test_letters_of_reports_lie_apart_and_each_can_be_tried_again(settings: Settings, run: Any) -> None:
    """What strangers post must not push out the records of a campaign."""
    async with AIOKafkaProducer(bootstrap_servers=settings.kafka) as producer:
        for at, topic in enumerate((topics.SEND_RESULTED, topics.INBOUND_RECEIVED)):
            letter = dead_letter(topic, 1, 5, f"of {topic}", 1_700_000_000.0 + at, b"key", f"to {topic}".encode())
            await producer.send_and_wait(topics.dead_letters_of(topic), encode(letter), partition=0)
        found = json.loads(await run("list", "--json"))[:2]
        assert [each["reason"] for each in found] == ["of inbound.received", "of send.resulted"]
        numbers = [each["number"] for each in found]
        assert numbers[0] == f"r{numbers[0][1:]}" and numbers[1].isdigit()
        assert json.loads(await run("replay", *numbers, "--json")) == {"replayed": numbers}
    async with AIOKafkaConsumer(bootstrap_servers=settings.kafka, auto_offset_reset="earliest") as consumer:
        consumer.assign([TopicPartition(topic, 1) for topic in (topics.SEND_RESULTED, topics.INBOUND_RECEIVED)])
        again = set[bytes]()
        async with asyncio.timeout(20):
            while not again >= {b"to send.resulted", b"to inbound.received"}:
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    again |= {record.value for record in records}
    assert "not found: r999999" in await run("replay", "r999999", code=1)
    assert "is no number of a dead letter" in await run("replay", "x17", code=2)


async def test_what_is_kept_is_told_with_its_bytes_and_bounds(settings: Settings, run: Any) -> None:
    """Also how many have gone, when the broker has dropped some."""
    before = {each["topic"]: each for each in json.loads(await run("kept", "--json"))}
    async with AIOKafkaProducer(bootstrap_servers=settings.kafka) as producer:
        letter = encode(dead_letter(topics.REPORT_RECEIVED, 0, 1, "large", 1_700_000_000.0, None, b"x" * 300_000))
        for _ in range(2):
            sent = await producer.send_and_wait(topics.DEAD_REPORTS, letter, partition=0)
    kept = {each["topic"]: each for each in json.loads(await run("kept", "--json"))}
    grown = kept[topics.DEAD_REPORTS]
    assert grown["kept"] == before[topics.DEAD_REPORTS]["kept"] + 2
    assert grown["bytes"] >= before[topics.DEAD_REPORTS]["bytes"] + 600_000
    assert grown["full"] is False and grown["most_bytes"] == 2**30 and grown["oldest"]
    assert kept[topics.DEAD_LETTERED]["most_bytes"] == 2**32
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka)
    await admin.start()
    try:
        from aiokafka.admin.records_to_delete import RecordsToDelete

        await admin.delete_records({TopicPartition(topics.DEAD_REPORTS, 0): RecordsToDelete(sent.offset)})
    finally:
        await admin.close()
    told = await run("list")
    assert f"{sent.offset} older ones of {topics.DEAD_REPORTS} have gone: their time was over" in told


async def test_topics_of_an_older_installation_get_the_bounds(settings: Settings) -> None:
    """`topics apply` runs at every start: a disk that fills up is no matter of new installations alone."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka)
    await admin.start()
    resource = (ConfigResourceType.TOPIC, topics.DEAD_LETTERED)
    try:
        old = {"retention.ms": "604800000", "max.message.bytes": "3145728"}
        await admin.alter_configs([ConfigResource(*resource, configs=old)])
        assert (await bound_of(admin, resource)) == "-1"
        await apply(settings)
        assert (await bound_of(admin, resource)) == topics.DEAD["retention.bytes"]
    finally:
        await admin.close()


async def bound_of(admin: AIOKafkaAdminClient, resource: tuple[Any, str]) -> str:
    (answer,) = await admin.describe_configs([ConfigResource(*resource)])
    entries = answer.resources[0][4]
    return str(next(each[1] for each in entries if each[0] == "retention.bytes"))
