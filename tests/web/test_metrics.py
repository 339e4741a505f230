"""What an autoscaler reads."""

import time
from base64 import b64encode
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from aiokafka import AIOKafkaProducer, TopicPartition
from prometheus_client.parser import text_string_to_metric_families

from app import topics
from app.control.backlog import backlog_of, by_plane, read_backlog
from app.records import ClassDemand, Demand
from app.settings import Settings
from tests.web.conftest import SECRET, Planes, api_key, running_edge

RELEASES = topics.send_attempted(topics.EMAIL, topics.BULK)


def test_a_backlog_is_what_is_neither_committed_nor_trimmed() -> None:
    """A log that was trimmed has no records before its start; a group may have read ahead of what was asked."""
    a, b, c = (TopicPartition(RELEASES, number) for number in range(3))
    found = backlog_of({topics.senders_app("email"): {a: 7, b: 30}}, {a: 0, b: 0, c: 15}, {a: 10, b: 30, c: 20})
    (releases,) = [each for each in found if each.topic == RELEASES]
    assert (releases.plane, releases.records, releases.partitions) == ("senders-email", 3 + 5, 2)
    assert by_plane(found)["senders-email"] == 8


@pytest.mark.integration
async def test_metrics_tell_the_backlog_of_each_plane(settings: Settings, planes: Planes) -> None:
    """Releases that nobody reads are work for senders, and for nobody else."""
    before = by_plane(await read_backlog(settings.kafka))
    async with AIOKafkaProducer(bootstrap_servers=settings.kafka) as producer:
        for _ in range(3):
            await producer.send_and_wait(RELEASES, b"x", partition=1)
    async with running_edge(settings) as edge:
        for partition in range(2):
            classes = [
                ClassDemand("c_1", "bulk", "gmail", 5, 0.0, 2),
                ClassDemand("c_1", "bulk", "gmail", 4, 0.0, 1, retry=True),
            ]
            await planes.demand(Demand(partition, 1, 1, time.time(), True, 0, classes, {}))
        figures = await _figures(edge, until=("fanfare_due_messages", 18.0))
        assert figures["fanfare_backlog_records", "senders-email", RELEASES] == before["senders-email"] + 3
        assert figures["fanfare_open_messages",] == 6
        assert figures["fanfare_backlog_records", "intake", topics.SEAL_REQUESTED] == 0


@pytest.mark.integration
async def test_metrics_of_an_edge_in_the_open_are_for_operators(settings: Settings, planes: Planes) -> None:
    """How much somebody else sends is nobody's business."""
    await planes.key(api_key("theoperat", "operator"))
    async with running_edge(settings.model_copy(update={"edge_host": "0.0.0.0"})) as edge:
        assert (await edge.get("/metrics")).status == 401
        for ident, status in (("testadmin", 403), ("theoperat", 200)):
            answer = await edge.get("/metrics", headers=_basic(ident))
            assert answer.status == status


def _basic(ident: str) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"x:fk_{ident}_{SECRET}".encode()).decode()}


async def _figures(edge: TestClient[Any, Any], until: tuple[str, float]) -> dict[tuple[str, ...], float]:
    """Every figure by name and labels, once *until* has its value."""
    for _ in range(100):
        text = await (await edge.get("/metrics")).text()
        found = {
            (sample.name, *sample.labels.values()): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }
        if found.get((until[0],)) == until[1]:
            return found
    raise AssertionError(f"{until} never came: {found}")
