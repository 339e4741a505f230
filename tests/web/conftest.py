"""An edge on a real Kafka, with the topics of an installation and nothing behind them."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from msgspec.structs import replace
from pydantic import BaseModel

from app.commands import Answer, CampaignEntry, Command, Seal
from app.control.api_keys import hash_of
from app.local.kafka import KafkaServer, running
from app.local.ports import free_ports
from app.records import Beat, Demand, encode
from app.settings import Settings
from app.specs import CampaignSpec
from app.stream.topics_apply import apply
from app.things import ApiKey, Scope, ThingRecord
from app.topics import (
    CAMPAIGN_CHANGED,
    CAMPAIGN_COMMANDED,
    COMMAND_ANSWERED,
    DEMAND_REPORTED,
    KEY_CHANGED,
    PACING_STATUS,
    THING_RECORDED,
    WORKER_BEAT,
)
from app.web.application import create_edge
from app.web.keys import LINK
from app.web.views import Views

KAFKA_PORT = free_ports(2)  # and the one beside it, of its controller
NOBODY = free_ports()  # a port where nothing listens
KEY = b"k" * 32
SECRET = "s" * 32
VERSIONS = itertools.count(1)  # of what partitions report


def api_key(ident: str = "testadmin", *scopes: Scope, **more: Any) -> ApiKey:
    """An API key whose secret is SECRET."""
    return ApiKey.model_validate({
        "id": ident, "account": "default", "hash": hash_of(SECRET), "scopes": scopes or ("admin",),
        "created_at": 1_700_000_000.0, **more,
    })  # fmt: skip


def bearer(ident: str = "testadmin") -> dict[str, str]:
    """Headers with that key."""
    return {"Authorization": f"Bearer fk_{ident}_{SECRET}"}


@pytest.fixture(scope="package")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    """One broker for all tests of the edge and the client library."""
    with running(tmp_path_factory.mktemp("edge"), KAFKA_PORT) as server:
        yield server


@pytest.fixture
async def settings(kafka: KafkaServer, tmp_path: Path) -> Settings:
    """Settings of an installation on that broker; ClickHouse is away."""
    made = Settings(state_dir=tmp_path, kafka=kafka.bootstrap, partitions=2, clickhouse=f"http://127.0.0.1:{NOBODY}")
    await apply(made)
    async with AIOKafkaProducer(bootstrap_servers=made.kafka) as producer:
        await Planes(producer, made.kafka).key(api_key())
    return made


class Planes:
    """Publishes what pacing, recipients and senders would."""

    def __init__(self, producer: AIOKafkaProducer, kafka: str) -> None:
        self._producer = producer
        self._kafka = kafka
        self._standing: set[str] = set()

    async def entry(self, entry: CampaignEntry) -> int:
        """Publish a directory entry; its offset."""
        value = entry.model_dump_json().encode()
        sent = await self._producer.send_and_wait(CAMPAIGN_CHANGED, value, key=entry.id.encode())
        return int(sent.offset)

    async def sleeping(self, entry: CampaignEntry) -> None:
        """Publish the entry of a campaign that lies on disk."""
        record = ThingRecord(
            kind="campaign", account=entry.account, id=entry.id, version=entry.revision, at=entry.created_at,
            body=entry.model_dump(mode="json"),
        )  # fmt: skip
        await self._producer.send_and_wait(THING_RECORDED, record.model_dump_json().encode(), key=entry.id.encode())

    async def key(self, key: ApiKey) -> int:
        """Publish an API key; its offset."""
        sent = await self._producer.send_and_wait(KEY_CHANGED, key.model_dump_json().encode(), key=key.id.encode())
        return int(sent.offset)

    async def stands(self, key: str, value: BaseModel | None) -> None:
        """Publish how something stands, or that it is gone."""
        (self._standing.discard if value is None else self._standing.add)(key)
        raw = b"" if value is None else value.model_dump_json().encode()
        await self._producer.send_and_wait(PACING_STATUS, raw, key=key.encode())

    async def withdraw(self) -> None:
        """Publish that all is gone of which it was told how it stands: the next test has the same broker."""
        for key in sorted(self._standing):
            await self.stands(key, None)

    async def demand(self, demand: Demand) -> None:
        """Publish what a partition reports, as its newest: tests before this one reported on the same broker."""
        newest = replace(demand, version=next(VERSIONS))
        await self._producer.send_and_wait(DEMAND_REPORTED, encode(newest), partition=demand.partition)

    async def beat(self, worker: str, at: float, directory: int) -> None:
        """Publish that a sender lives."""
        await self._producer.send_and_wait(WORKER_BEAT, encode(Beat(worker, "senders", at, directory)))

    async def answer(self, answer: Answer) -> None:
        """Publish an answer."""
        await self._producer.send_and_wait(COMMAND_ANSWERED, answer.model_dump_json().encode())

    @asynccontextmanager
    async def answering(
        self, decide: Callable[[Command], Answer] | None = None, **fields: Any
    ) -> AsyncIterator[list[Command]]:
        """Answer every command that comes as *decide* says, or with *fields*; the commands seen."""
        seen: list[Command] = []
        consumer = AIOKafkaConsumer(bootstrap_servers=self._kafka, enable_auto_commit=False)
        await consumer.start()
        places = [TopicPartition(CAMPAIGN_COMMANDED, number) for number in range(2)]
        consumer.assign(places)
        await consumer.seek_to_end(*places)
        for place in places:
            await consumer.position(place)

        async def answer_all() -> None:
            async for record in consumer:
                command = Command.model_validate_json(record.value)
                seen.append(command)
                campaign = command.campaign or "cmp_new"
                if decide is not None:
                    await self.answer(decide(command))
                else:
                    await self.answer(Answer(id=command.id, account=command.account, campaign=campaign, **fields))

        task = asyncio.create_task(answer_all())
        try:
            yield seen
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await consumer.stop()


@pytest.fixture
async def planes(settings: Settings) -> AsyncIterator[Planes]:
    """Somebody to answer."""
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka)
    await producer.start()
    made = Planes(producer, settings.kafka)
    yield made
    await made.withdraw()
    await producer.stop()


@asynccontextmanager
async def running_edge(settings: Settings, views: Views | None = None) -> AsyncIterator[TestClient[Any, Any]]:
    """An edge that is connected to Kafka, asked with the key of an administrator."""
    app = create_edge(settings, KEY, views)
    async with TestClient(TestServer(app), headers=bearer()) as client, asyncio.timeout(120):
        await app[LINK].wait()
        yield client


@pytest.fixture
async def edge(settings: Settings) -> AsyncIterator[TestClient[Any, Any]]:
    """The edge, connected; its ClickHouse is away."""
    async with running_edge(settings) as client:
        yield client


def campaign_entry(campaign: str, state: str = "RUNNING", count: int = 1000, **more: Any) -> CampaignEntry:
    """A campaign as pacing publishes it."""
    return CampaignEntry.model_validate({
        "id": campaign,
        "account": "default",
        "state": state,
        "spec": CampaignSpec(name="Spring news", from_email="news@example.com", lists=["all"]),
        "seal": Seal(id="s1", count=count, digest="d", day=20_000, groups=[("gmail", count)]),
        "created_at": 1_700_000_000.0,
        **more,
    })  # fmt: skip
