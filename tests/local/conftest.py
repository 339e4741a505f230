"""Embedded parts that the tests of this folder share: one Kafka, one ClickHouse."""

from collections.abc import Iterator

import pytest

from app.local import clickhouse, kafka
from app.local.clickhouse import ClickHouseServer
from app.local.kafka import KafkaServer
from app.local.ports import free_ports


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
