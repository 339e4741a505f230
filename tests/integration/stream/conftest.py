"""One broker for all tests of this folder; a plane with topics of its own for each."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.local.ports import free_ports
from app.settings import Settings
from tests.integration.stream.stand import PARTITIONS, SESSION, Broker, Plane

_NUMBERS = itertools.count()


@pytest.fixture(scope="package")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A running Kafka."""
    broker = Broker(tmp_path_factory.mktemp("stream-kafka"), free_ports(2))
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


@pytest.fixture
def settings(broker: Broker, tmp_path: Path) -> Settings:
    """Settings for the broker, with a state folder that is thrown away."""
    port = broker.server.port
    return Settings(
        state_dir=tmp_path, kafka_port=port, kafka=f"127.0.0.1:{port}", partitions=PARTITIONS, session_timeout=SESSION
    )


@pytest.fixture
def new_plane(settings: Settings) -> Callable[..., Plane]:
    """Makes planes, with other settings than usual if some are given; use each as a context manager."""
    return lambda **more: Plane(f"stream-test-{next(_NUMBERS)}", settings.model_copy(update=more))
