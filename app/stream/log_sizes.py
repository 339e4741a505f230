"""How many bytes partitions take on the disks of brokers (DescribeLogDirs, which aiokafka has not)."""

import asyncio
from collections.abc import Iterable

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Boolean, Int16, Int32, Int64, Schema, String
from aiokafka.structs import TopicPartition

SECONDS = 10.0


class _Answer(Response):  # type: ignore[misc]
    API_KEY = 35
    API_VERSION = 1
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("results", Array(
            ("error_code", Int16), ("log_dir", String("utf-8")),
            ("topics", Array(
                ("name", String("utf-8")),
                ("partitions", Array(
                    ("partition", Int32), ("size", Int64), ("offset_lag", Int64), ("is_future", Boolean),
                )),
            )),
        )),
    )  # fmt: skip


class _Question(RequestStruct):  # type: ignore[misc]
    API_KEY = 35
    API_VERSION = 1
    RESPONSE_TYPE = _Answer
    SCHEMA = Schema(("topics", Array(("topic", String("utf-8")), ("partitions", Array(Int32)))))


class _Sizes(Request[_Question]):  # type: ignore[misc]
    API_KEY = 35

    def __init__(self, places: Iterable[TopicPartition]) -> None:
        self._topics = [(each.topic, [each.partition]) for each in places]

    def build(self, request_struct_class: type[_Question]) -> _Question:
        return request_struct_class(self._topics)


async def sizes_of(kafka: str, places: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
    """Bytes of each of *places*, of its largest replica. What no broker tells is not in it; nothing is raised."""
    found: dict[TopicPartition, int] = {}
    asked = _Sizes(list(places))
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    try:
        async with asyncio.timeout(SECONDS):
            await admin.start()
            for broker in admin._client.cluster.brokers():
                answer = await admin._send_request_to_node(broker.nodeId, asked)
                for _, _, topics in answer.results:
                    for name, partitions in topics:
                        for partition, size, _, _ in partitions:
                            place = TopicPartition(name, partition)
                            found[place] = max(size, found.get(place, 0))
    except (KafkaError, OSError, TimeoutError, NotImplementedError):
        pass  # may not ask, or the broker does not answer that
    finally:
        await admin.close()
    return found
