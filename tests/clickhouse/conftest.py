"""One embedded ClickHouse and one Kafka for the folder, and a new database for every test."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from app.clickhouse.client import ClickHouse
from app.clickhouse.migrate import apply
from app.local import clickhouse, kafka
from app.local.clickhouse import ClickHouseServer
from app.local.kafka import KafkaServer
from app.local.ports import free_ports
from app.settings import Settings

SECRET = b"0123456789abcdef0123456789abcdef"


@pytest.fixture(scope="package")
def clickhouse_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseServer]:
    """A ClickHouse with an empty data folder."""
    with clickhouse.running(tmp_path_factory.mktemp("clickhouse"), free_ports()) as server:
        yield server


@pytest.fixture(scope="package")
def kafka_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    """A Kafka with an empty data folder."""
    with kafka.running(tmp_path_factory.mktemp("kafka"), free_ports(2)) as server:
        yield server


@pytest.fixture
async def settings(clickhouse_server: ClickHouseServer, tmp_path: Path) -> Settings:
    """Settings with a secret and a database that has all tables."""
    made = Settings(
        state_dir=tmp_path, clickhouse=clickhouse_server.url, clickhouse_database=f"t_{uuid4().hex[:12]}", partitions=4
    )
    made.secret_path.parent.mkdir(parents=True)
    made.secret_path.write_bytes(SECRET)
    await apply(made)
    return made


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[ClickHouse]:
    """A client of that database."""
    async with ClickHouse(settings) as made:
        yield made
