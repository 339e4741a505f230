"""Whatever lies on whichever topic: it is set aside with its reason and origin, and nothing stops."""

import asyncio
import itertools
import time

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import TopicPartition

from app import records, topics
from app.records import DeadLetter, Recipient, RecipientPack, Undecodable, decode, encode
from tests.road.conftest import Installation
from tests.road.test_road import people

pytestmark = pytest.mark.integration

# Nobody reads the releases of phones: their senders start with the first route of their channel.
IDLE = {topics.send_attempted(channel, lane) for channel in topics.PHONES for lane in topics.LANES}
DEAD = (topics.DEAD_LETTERED, topics.DEAD_REPORTS)
READ = [
    topic for topic in topics.TOPICS
    if "changelog" not in topic.name and topic.name not in DEAD and topic.name not in IDLE
]  # fmt: skip
LETTERED = {topic.name for topic in READ if topic.readers} | {topics.DEMAND_REPORTED, topics.CREDIT_GRANTED}
GARBAGE = (
    b"{this is not json",
    b"",
    b"\xc1",
    b"\xff" * 1_000,
    b"\x00",
    b"null",
    b"{}",
    b"\x90",
    b"\xdd\xff\xff\xff\xff",  # a list of four billion items
    b"[" * 200_000,
    b"\x91" * 200_000,
    encode(records.Beat("worker", "plane", 1.0, 2)),
)


def publish(installation: Installation, values: list[tuple[str, int, bytes]]) -> None:
    """Write (topic, partition, value)."""

    async def put() -> None:
        producer = AIOKafkaProducer(
            bootstrap_servers=installation.settings.kafka, max_request_size=32 << 20, compression_type="gzip"
        )
        await producer.start()
        try:
            for topic, partition, value in values:
                await producer.send_and_wait(topic, value, key=b"origin", partition=partition)
        finally:
            await producer.stop()

    asyncio.run(put())


def letters(
    installation: Installation, values: list[tuple[str, int, bytes]], seconds: float = 60.0
) -> list[DeadLetter]:
    """The dead letters with our key, once those of *values* (topic, partition, value) are among them."""

    async def read() -> list[DeadLetter]:
        consumer = AIOKafkaConsumer(bootstrap_servers=installation.settings.kafka, auto_offset_reset="earliest")
        await consumer.start()
        try:
            consumer.assign([TopicPartition(each, 0) for each in DEAD])
            found: list[DeadLetter] = []
            missing, deadline = set(values), time.monotonic() + seconds
            while missing:
                assert time.monotonic() < deadline, {(topic, value[:20]) for topic, _, value in missing}
                for batch in (await consumer.getmany(timeout_ms=300)).values():
                    decoded = (decode(DeadLetter, record.value) for record in batch)
                    fresh = [each for each in decoded if isinstance(each, DeadLetter) and each.key == b"origin"]
                    missing -= {(each.topic, each.partition, each.value) for each in fresh}
                    found += fresh
            return found
        finally:
            await consumer.stop()

    return asyncio.run(read())


def starts(installation: Installation) -> int:
    """How often workers of this installation have got ready, by their logs."""
    logs = (installation.settings.state_dir / "logs").glob("*.log")
    return sum(log.read_text(errors="replace").count("READY ") for log in logs)


def goes_on(installation: Installation, name: str) -> None:
    """A campaign is sent from end to end."""
    installation.people(name, people(name, 10))
    installation.wait_for(installation.start(name), "COMPLETED")


def test_garbage_on_every_topic_is_set_aside_and_nothing_stops(installation: Installation) -> None:
    """
    One bad producer, one version too old, one bit that flipped: the others must not notice.
    """
    goes_on(installation, "before-garbage")
    before = starts(installation)
    assert before >= 4
    partitions = installation.settings.partitions
    publish(installation, [
        (topic.name, partition, value)
        for topic in READ for value in GARBAGE for partition in range(topic.partitions or partitions)
    ])  # fmt: skip
    found = letters(installation, [(name, p, v) for name in LETTERED for p in range(partitions) for v in GARBAGE])
    assert all(letter.reason and letter.offset >= 0 for letter in found)
    goes_on(installation, "after-garbage")
    assert starts(installation) == before, "a worker has died of it"


def test_a_pack_that_cannot_be_right_is_set_aside(installation: Installation) -> None:
    """
    It can be read, but its people are not of this partition, or too many, or of no campaign: each has its reason.
    """
    installation.people("packs", people("packs", 5))
    campaign = installation.start("packs")
    installation.wait_for(campaign, "COMPLETED")
    before = starts(installation)
    here = Recipient((8).to_bytes(2, "big") + bytes(14), "a@corp.example", "other")  # of partition 0
    good = RecipientPack(b"p" * 16, "default", campaign, 1, 20_000, "bulk", [here])
    wrong = {
        "a recipient of partition 1": {"rows": [Recipient((9).to_bytes(2, "big") + bytes(14), "a@b.c", "other")]},
        "a recipient_id is not 16 bytes": {"rows": [Recipient(b"short", "a@b.c", "other")]},
        "501 rows": {"rows": [here] * 501},
        "0 rows": {"rows": []},
        "lane": {"lane": "express"},
        "day 70000": {"day": 70_000},
        "day -1": {"day": -1},
        "a due time too far away": {"rows": [Recipient(here.recipient_id, "a@b.c", "other", b"{}", float("nan"))]},
        "a group 'ggg": {"rows": [Recipient(here.recipient_id, "a@b.c", "g" * 101)]},
        "a group 'a|b'": {"rows": [Recipient(here.recipient_id, "a@b.c", "a|b")]},
        "a zone that is too long": {"rows": [Recipient(here.recipient_id, "a@b.c", "other", zone="z" * 65)]},
        "bytes: the most is": {"rows": [Recipient(here.recipient_id, "a@b.c", "other", b"x" * 400_000)]},
        "is not known in account stranger": {"account": "stranger"},
    }
    packs = [msgspec.structs.replace(good, pack_id=bytes([n] * 16), **each) for n, each in enumerate(wrong.values())]
    published = [(topics.LISTED_BULK, 0, encode(pack)) for pack in packs]
    publish(installation, published)
    found = {each.value: each.reason for each in letters(installation, published)}
    for reason, (_, _, value) in zip(wrong, published, strict=True):
        assert reason in found[value]
    goes_on(installation, "after-packs")
    assert starts(installation) == before


def test_a_release_or_suppression_that_cannot_be_stored_is_set_aside(installation: Installation) -> None:
    """
    What does not fit into the table must not be met again at each restart.
    """
    before = starts(installation)
    release = records.Release(b"r" * 16, "default", "c_none", "bulk", "other", "smtp", 1, 1.0, 1.0, 1, [])
    row = records.Outgoing(b"m" * 16, b"p" * 16, "a@b.example", b"{}")
    long = {"op": "add", "recipient_id": "00" * 16, "scope": "list", "scope_id": "x" * 600_000}
    published = [
        (topics.send_attempted(topics.EMAIL, topics.BULK), 0, encode(wrong))
        for wrong in (
            release,
            msgspec.structs.replace(release, release_id=b"r" * 600_000, rows=[row]),
            msgspec.structs.replace(release, rows=[row] * 501),
        )
    ] + [(topics.SUPPRESSION_COMMANDED, 0, msgspec.json.encode(long))]
    publish(installation, published)
    letters(installation, published)
    goes_on(installation, "after-releases")
    assert starts(installation) == before


def test_no_record_passes_for_another() -> None:
    """
    Records carry no name: a release on the topic of results must fail to be read, not be misread.
    """
    b, s = b"b" * 16, "s"
    made: list[msgspec.Struct] = [
        RecipientPack(b, s, s, 1, 1, s, [Recipient(b, s, s)]),
        records.Release(b, s, s, s, s, s, 1, 1.5, 1.5, 1, []),
        records.Result(b, s, s, 1.5, []),
        records.EventPack(s, s, s, s, s, s, s, 1, 1.5, b, b),
        records.Demand(1, 1, 1, 1.5, True, 1, [], {}),
        records.Slip(1, 1, 1.5, 1.5, 1.5, []),
        records.SealTask(s, s, s, s, []),
        records.Shard(s, s, 1, s, 1, s, 1, 1),
        records.Beat(s, s, 1.5, 1),
        DeadLetter(s, 1, 1, s, 1.5, b, b),
    ]
    for record, other in itertools.permutations(made, 2):
        assert isinstance(decode(type(other), encode(record)), Undecodable), (record, type(other))
