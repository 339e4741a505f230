"""Recording: every event ends up in ClickHouse once, whatever stops in between."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import TopicPartition

from app import ids, topics
from app.clickhouse.client import ClickHouse, ClickHouseError
from app.clickhouse.queries import by_provider, by_status, messages
from app.commands import CampaignEntry
from app.local import clickhouse
from app.local.kafka import KafkaServer
from app.local.ports import free_ports
from app.records import DeadLetter, EventPack, decode, encode
from app.settings import Settings
from app.specs import CampaignSpec
from app.stream.topics_apply import apply
from app.suppressions import SuppressionCommand
from app.things import ThingRecord

NOW = time.time() // 1 - 3_600 + 0.25  # older events expire


def message(number: int) -> bytes:
    """A message of campaign c."""
    return ids.message_id(20_000, "c", 1, person(number), "email")


def person(number: int) -> bytes:
    """A recipient."""
    return ids.recipient_id(b"test", "email", f"{number}@gmail.com")


def pack(kind: str, numbers: range, attempt: int = 1, at: float = NOW, **more: list[str] | list[int]) -> EventPack:
    """Events of one kind for the messages *numbers*."""
    return EventPack(
        "default", "c", "email", "bulk", kind, "gmail", "smtp", attempt, at,
        b"".join(map(message, numbers)), b"".join(map(person, numbers)), **more,
    )  # fmt: skip


@pytest.fixture
async def with_kafka(settings: Settings, kafka_server: KafkaServer) -> Settings:
    """Settings whose Kafka has all topics. Events of other tests are there, too, and are of other databases."""
    made = settings.model_copy(update={"kafka": f"127.0.0.1:{kafka_server.port}"})
    await apply(made)
    return made


@pytest.fixture
async def producer(with_kafka: Settings) -> AsyncIterator[AIOKafkaProducer]:
    """A producer of that Kafka."""
    made = AIOKafkaProducer(bootstrap_servers=with_kafka.kafka)
    await made.start()
    yield made
    await made.stop()


@contextmanager
def recording(settings: Settings) -> Iterator["subprocess.Popen[bytes]"]:
    """A running `fanfare record`."""
    environment = os.environ | settings.environment()
    with subprocess.Popen([sys.executable, "-m", "app.cli.main", "record"], env=environment) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


async def until(done: Callable[[], Awaitable[bool]], seconds: float = 30.0) -> None:
    """Wait for an effect."""
    end = time.monotonic() + seconds
    while not await done():
        assert time.monotonic() < end, "it did not happen"
        await asyncio.sleep(0.05)


async def recorded(client: ClickHouse) -> int:
    """Events of this test, each once; 0 while ClickHouse is away."""
    try:
        return int((await client.rows("SELECT uniqExact(event_id) FROM events"))[0][0])
    except ClickHouseError:
        return 0


async def test_events_and_campaigns_are_recorded_and_stopping_is_orderly(
    with_kafka: Settings, producer: AIOKafkaProducer, client: ClickHouse
) -> None:
    """
    What a dashboard shows is what happened; and a restart neither repeats nor skips.
    """
    spec = CampaignSpec(name="Spring", from_email="news@acme.example", lists=["all"])
    entry = CampaignEntry(id="c", account="default", state="RUNNING", spec=spec, created_at=NOW)
    await producer.send_and_wait(topics.CAMPAIGN_CHANGED, entry.model_dump_json().encode(), key=b"c")
    body = {"name": "Welcome", "created_at": NOW}
    thing = ThingRecord(kind="template", account="default", id="t_1", version=3, at=NOW, body=body)
    await producer.send_and_wait(topics.THING_RECORDED, thing.model_dump_json().encode(), partition=1)
    leaves = SuppressionCommand("add", "account", "acme", recipients=[person(1).hex()])
    owner = ids.partition_of(person(1), 4)
    await producer.send_and_wait(topics.SUPPRESSION_COMMANDED, leaves.encoded(), partition=owner)
    for number in range(40):
        rows = range(number * 100, number * 100 + 100)
        await producer.send(topics.EVENT_RECORDED, encode(pack("queued", rows, 0)), partition=number % 4)
        sent = pack("sent", rows, codes=[250] * 100, refs=[f"r{i}" for i in rows], details=["Zürich ok"] * 100)
        await producer.send_and_wait(topics.EVENT_RECORDED, encode(sent), partition=number % 4)
    with recording(with_kafka) as process:
        await until(lambda: _is(recorded(client), 8_000))
        assert (with_kafka.state_dir / "run" / "record.ready").exists()
        await until(lambda: _is(_mirrored(client), [["Spring", "RUNNING"], ["Welcome", "3"], ["acme", "1"]]))
        second = await asyncio.to_thread(
            subprocess.run, [sys.executable, "-m", "app.cli.main", "record"],
            env=os.environ | with_kafka.environment(), capture_output=True, check=False, timeout=30,
        )  # fmt: skip
        assert (second.returncode, b"another `fanfare record` runs" in second.stderr) == (1, True)
    assert process.returncode == 0
    assert await by_status(client, "c") == {"SENT": 4_000}
    row = await client.rows(
        "SELECT toUnixTimestamp64Milli(time), code, detail, ref, mx_group, route, attempt, source_partition "
        "FROM events WHERE kind = 'sent' AND message_id = unhex({id:String})",
        {"id": message(105).hex()},
    )
    assert row == [[int(NOW * 1000), 250, "Zürich ok", "r105", "gmail", "smtp", 1, 1]]


async def test_campaigns_are_read_from_where_the_mirror_ends_and_from_the_beginning_into_an_empty_one(
    with_kafka: Settings, producer: AIOKafkaProducer, client: ClickHouse
) -> None:
    """
    A directory of a hundred thousand campaigns must not be read at every start; a database made anew needs all of it.
    """
    spec = CampaignSpec(name="Kept", from_email="news@acme.example", lists=["all"])
    for number in range(2):
        entry = CampaignEntry(id=f"k{number}", account="kept", state="DRAFT", spec=spec, created_at=NOW)
        await producer.send_and_wait(topics.CAMPAIGN_CHANGED, entry.model_dump_json().encode(), key=b"k")
    count = "SELECT count() FROM campaigns FINAL WHERE account = 'kept'"
    with recording(with_kafka):
        await until(lambda: _is(client.rows(count), [[2]]))
        await one_more(producer, client, 8)  # is stored after the offsets of what was stored before have moved
    await client.execute("ALTER TABLE campaigns DELETE WHERE id = 'k0' SETTINGS mutations_sync = 1")
    with recording(with_kafka):
        await one_more(producer, client, 9)
        assert await client.rows(count) == [[1]]
    await client.execute("TRUNCATE TABLE campaigns")
    with recording(with_kafka):
        await until(lambda: _is(client.rows(count), [[2]]))


async def test_a_record_that_was_killed_loses_nothing_and_doubles_nothing(
    with_kafka: Settings, producer: AIOKafkaProducer, client: ClickHouse
) -> None:
    """
    Offsets move after the insert, and rows that are inserted again collapse.
    """
    for number in range(200):
        events = encode(pack("delivered", range(number * 250, number * 250 + 250)))
        await producer.send(topics.EVENT_RECORDED, events, partition=number % 4)
    await producer.flush()
    with recording(with_kafka) as process:
        await until(lambda: _above(recorded(client), 0))
        process.kill()
    with recording(with_kafka):
        await until(lambda: _is(_of_kind(client, "delivered"), 50_000))
    await client.execute("OPTIMIZE TABLE events FINAL")
    assert await client.rows("SELECT count() FROM events WHERE kind = 'delivered'") == [[50_000]]


async def test_what_is_no_event_goes_to_dead_lettered_and_the_rest_is_recorded(
    with_kafka: Settings, producer: AIOKafkaProducer, client: ClickHouse
) -> None:
    """
    One wrong record must not stop the recording of all others.
    """
    wrong = pack("bounced", range(3), codes=[550])
    at = [
        (await producer.send_and_wait(topics.EVENT_RECORDED, value, partition=2)).offset
        for value in (b"nonsense", encode(wrong), encode(pack("bounced", range(5))))
    ]
    with recording(with_kafka):
        await until(lambda: _is(_of_kind(client, "bounced"), 5))
    letters = {letter.offset: letter.reason for letter in await dead_letters(with_kafka) if letter.partition == 2}
    assert letters[at[0]].startswith("not a EventPack")
    assert letters[at[1]] == "1 codes for 3 messages"


async def test_an_outage_of_clickhouse_is_waited_out(
    with_kafka: Settings, producer: AIOKafkaProducer, tmp_path: Path
) -> None:
    """
    ClickHouse is restarted for an upgrade while campaigns run.
    """
    from app.clickhouse.migrate import apply as apply_migrations

    port = free_ports()
    own = with_kafka.model_copy(update={"clickhouse": f"http://127.0.0.1:{port}"})
    with clickhouse.running(tmp_path, port):
        await apply_migrations(own)
    await producer.send_and_wait(topics.EVENT_RECORDED, encode(pack("unknown", range(70))), partition=0)
    ready = own.state_dir / "run" / "record.ready"
    with recording(own) as process:
        await until(lambda: _is_true(ready.exists()))
        with clickhouse.running(tmp_path, port):
            async with ClickHouse(own) as client:
                await until(lambda: _is(_of_kind(client, "unknown"), 70))
        assert process.poll() is None


async def test_the_status_of_a_message_is_the_one_that_counts_most_not_the_one_that_came_last(
    client: ClickHouse, with_kafka: Settings, producer: AIOKafkaProducer
) -> None:
    """
    Reports arrive late and out of order: a deferral that comes in after the delivery is old news.
    """
    await client.execute(
        "INSERT INTO contacts (account, recipient_id, address, mx_group, attributes, updated_at) "
        "SELECT 'default', unhex({id:String}), 'one@gmail.com', 'gmail', '{}', now64(3)",
        {"id": person(1).hex()},
    )
    for each in (
        pack("queued", range(4), 0, NOW),
        pack("delivered", range(1, 2), 2, NOW + 5),
        pack("deferred", range(3), 1, NOW + 9, details=["try later"] * 3),
        pack("opened", range(1, 2), 0, NOW + 20),
        pack("bounced", range(2, 3), 2, NOW + 30, codes=[550], classes=["mailbox"], details=["no such user"]),
    ):
        each.campaign = "ranked"
        await producer.send_and_wait(topics.EVENT_RECORDED, encode(each), partition=3)
    with recording(with_kafka):
        await until(lambda: _is(_messages(client, "ranked"), {"DEFERRED": 1, "OPENED": 1, "BOUNCED": 1, "QUEUED": 1}))
    rows = {row["message"]: row for row in await messages(client, "ranked", limit=10)}
    bounced = rows[message(2).hex()]
    assert (bounced["status"], bounced["code"], bounced["class"], bounced["detail"], bounced["attempts"]) == (
        "BOUNCED", 550, "mailbox", "no such user", 2,
    )  # fmt: skip
    assert [row["address"] for row in await messages(client, "ranked", "OPENED")] == ["one@gmail.com"]
    assert (await by_provider(client, "ranked"))[0] == {
        "provider": "gmail", "messages": 4, "queued": 1, "sent": 0, "delivered": 1, "deferred": 1, "bounced": 1,
        "blocked": 0, "dropped": 0, "unknown": 0, "failed": 0, "complained": 0,
    }  # fmt: skip


async def one_more(producer: AIOKafkaProducer, client: ClickHouse, attempt: int) -> None:
    """An event of that attempt, from its producer to ClickHouse."""
    await producer.send_and_wait(topics.EVENT_RECORDED, encode(pack("sent", range(1), attempt)), partition=0)
    sql = "SELECT count() > 0 FROM events WHERE attempt = {attempt:UInt16}"
    await until(lambda: _is(client.rows(sql, {"attempt": attempt}), [[1]]))


async def dead_letters(settings: Settings) -> list[DeadLetter]:
    """All dead letters there are."""
    place = TopicPartition(topics.DEAD_LETTERED, 0)
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.kafka)
    await consumer.start()
    try:
        consumer.assign([place])
        await consumer.seek_to_beginning(place)
        end = (await consumer.end_offsets([place]))[place]
        letters = []
        while await consumer.position(place) < end:
            for records in (await consumer.getmany(timeout_ms=500)).values():
                letters += [decode(DeadLetter, record.value) for record in records]
        return [letter for letter in letters if isinstance(letter, DeadLetter)]
    finally:
        await consumer.stop()


async def _of_kind(client: ClickHouse, kind: str) -> int:
    sql = "SELECT uniqExact(event_id) FROM events WHERE kind = {kind:String}"
    return int((await client.rows(sql, {"kind": kind}))[0][0])


async def _mirrored(client: ClickHouse) -> list[list[str]]:
    sql = """
    SELECT name, state FROM campaigns FINAL WHERE id = 'c'
    UNION ALL SELECT name, toString(version) FROM things FINAL WHERE id = 't_1'
    UNION ALL SELECT account, toString(count()) FROM suppressions FINAL WHERE account = 'acme' GROUP BY account
    """
    return await client.rows(f"SELECT * FROM ({sql}) ORDER BY name")


async def _messages(client: ClickHouse, campaign: str) -> dict[str, int]:
    return await by_status(client, campaign)


async def _is(value: Awaitable[object], wanted: object) -> bool:
    return await value == wanted


async def _above(value: Awaitable[int], least: int) -> bool:
    return await value > least


async def _is_true(value: bool) -> bool:
    return value
