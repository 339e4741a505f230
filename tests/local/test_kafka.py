"""The embedded Kafka is a real one: clients, console tools, kill -9."""

import asyncio
import json
import subprocess
import time
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from app.local import kafka
from app.local.failure import LocalError
from app.local.kafka import KafkaServer
from app.local.ports import free_ports

pytestmark = pytest.mark.integration


async def create_topic(bootstrap: str, name: str) -> None:
    """One partition of *name*."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(name, 1, 1)])
    await admin.close()


async def records(bootstrap: str, topic: str, count: int) -> list[tuple[bytes | None, bytes | None]]:
    """The first *count* records of *topic*."""
    async with AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest") as consumer:
        found = [await asyncio.wait_for(consumer.getone(), 20) for _ in range(count)]
    return [(each.key, each.value) for each in found]


async def test_kafkas_own_console_producer_writes_records_with_and_without_key(kafka_server: KafkaServer) -> None:
    """People publish commands with it; it comes from the same jars."""
    await create_topic(kafka_server.bootstrap, "typed")
    plain = kafka_server.console_producer_command("typed")
    keyed = kafka_server.console_producer_command(
        "typed", "--property", "parse.key=true", "--property", "key.separator=|"
    )
    for command, line in [(plain, b'{"a": 1}\n'), (keyed, b'k|{"a": 2}\n')]:
        await asyncio.to_thread(subprocess.run, command, input=line, check=True, capture_output=True, timeout=30)
    assert await records(kafka_server.bootstrap, "typed", 2) == [(None, b'{"a": 1}'), (b"k", b'{"a": 2}')]


async def test_topics_are_never_made_by_accident(kafka_server: KafkaServer) -> None:
    """A mistyped name must be an error, not a topic nobody reads."""
    async with AIOKafkaProducer(bootstrap_servers=kafka_server.bootstrap, request_timeout_ms=1_000) as producer:
        with pytest.raises(Exception, match=r"UnknownTopic|Timeout"):
            await producer.send_and_wait("mistyped", b"")


async def test_acknowledged_records_survive_kill_9_and_the_broker_is_soon_back(tmp_path: Path) -> None:
    """
    Crash safety begins here. What a kill adds to a start is the rest of the broker's session, which is short: how long
    a start takes is a matter of the machine.
    """
    server = KafkaServer(tmp_path, free_ports(2))
    server.prepare()
    started = time.monotonic()
    with subprocess.Popen(server.command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:  # noqa: ASYNC220
        server.wait_ready(process=process)
        start = time.monotonic() - started
        await create_topic(server.bootstrap, "kept")
        async with AIOKafkaProducer(bootstrap_servers=server.bootstrap, acks="all") as producer:
            for number in range(100):
                await producer.send_and_wait("kept", str(number).encode())
        process.kill()
        process.wait()
    started = time.monotonic()
    with kafka.running(tmp_path, server.port) as again:
        assert time.monotonic() - started < 1.5 * start + 4.0
        assert [value for _, value in await records(again.bootstrap, "kept", 100)] == [
            str(number).encode() for number in range(100)
        ]


def test_only_this_machine_can_connect(kafka_server: KafkaServer) -> None:
    """A broker without passwords must not listen to the network."""
    properties = (kafka_server.folder / "server.properties").read_text()
    addresses = [line for line in properties.splitlines() if "listeners=" in line]
    assert addresses
    assert all(json.dumps(line).count("127.0.0.1") == line.count("://") for line in addresses)


def test_a_folder_that_holds_no_kafka_is_refused_with_a_sentence(tmp_path: Path) -> None:
    """A wrong FANFARE_KAFKA_HOME must not end in a Java stack trace."""
    with pytest.raises(LocalError, match="holds no Kafka"):
        KafkaServer(tmp_path, 19_190, kafka_home=tmp_path).prepare()
