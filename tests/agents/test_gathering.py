"""Reports that travel together: all of them, once, soon, in records that Kafka takes."""

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

from agents.gathering import APART_SECONDS, MOST_WAITING, Gathering
from app.delivery.reports.packs import MOST_ROWS, MOST_SIZE
from app.records import DeliveryReport, Told, decode

NOW = 1_786_000_000.0


class Produced:
    """What is produced, each record acknowledged when it is asked for."""

    def __init__(self) -> None:
        self.records: list[tuple[int, DeliveryReport]] = []
        self.open: list[asyncio.Future[int]] = []

    def produce_soon(self, _topic: str, partition: int, _key: None, value: bytes) -> "asyncio.Future[int]":
        record = decode(DeliveryReport, value)
        assert isinstance(record, DeliveryReport)
        self.records.append((partition, record))
        self.open.append(asyncio.get_running_loop().create_future())
        return self.open[-1]

    def gathering(self) -> Gathering:
        return Gathering(cast(Any, SimpleNamespace(produce_soon=self.produce_soon)))


def report(rows: Sequence[int], route: str = "sg", **more: Any) -> DeliveryReport:
    told = [Told(b"%016d" % number, "opened", NOW, **more) for number in rows]
    return DeliveryReport(b"", "told", NOW, "sendgrid", told=told, route=route)


def test_what_comes_together_goes_as_one_record_for_each_partition_and_route() -> None:
    """
    All of it goes at the same moment: whoever reads it finds it in one fetch.
    """

    async def together() -> None:
        produced = Produced()
        gathering = produced.gathering()
        done = [gathering.add(n % 2, report([n], "a" if n < 10 else "b")) for n in range(20)]
        assert not produced.records
        await asyncio.sleep(0.1)
        assert sorted((p, r.route, len(r.told)) for p, r in produced.records) == [
            (0, "a", 5), (0, "b", 5), (1, "a", 5), (1, "b", 5),
        ]  # fmt: skip
        assert not any(each.done() for each in done)
        for each in produced.open:
            each.set_result(1)
        await asyncio.gather(*done)

    asyncio.run(together())


def test_a_webhook_is_done_when_kafka_has_all_of_it() -> None:
    """
    Acknowledged sooner, a kill would lose it.
    """

    async def acknowledged() -> None:
        produced = Produced()
        gathering = produced.gathering()
        waits = asyncio.ensure_future(gathering.wait([gathering.add(p, report([p])) for p in (0, 1)]))
        await asyncio.sleep(0.1)
        first, second = produced.open
        first.set_result(1)
        await asyncio.sleep(0.01)
        assert not waits.done()
        second.set_result(1)
        await asyncio.wait_for(waits, 5)

    asyncio.run(acknowledged())


def test_a_record_is_never_larger_than_its_bounds_and_nothing_is_left_out() -> None:
    """
    Full ones go at once.
    """

    async def full() -> None:
        produced = Produced()
        gathering = produced.gathering()
        for start in range(0, 2_000, 250):
            gathering.add(0, report(range(start, start + 250)))
        for start in range(2_000, 3_000, 100):
            gathering.add(0, report(range(start, start + 100), detail="x" * 500))
        await asyncio.sleep(APART_SECONDS + 0.1)
        told = [each for _, record in produced.records for each in record.told]
        assert sorted(each.message_id for each in told) == [b"%016d" % number for number in range(3_000)]
        for _, record in produced.records:
            assert len(record.told) <= MOST_ROWS and sum(len(each.detail) for each in record.told) <= MOST_SIZE

    asyncio.run(full())


def test_many_webhooks_of_single_reports_are_not_held_back() -> None:
    """
    A worker takes only so many at a time: those that wait would keep out the next ones.
    """

    async def many() -> None:
        produced = Produced()
        gathering = produced.gathering()
        waits = [
            asyncio.ensure_future(gathering.wait([gathering.add(0, report([n]))])) for n in range(MOST_WAITING + 1)
        ]
        await asyncio.sleep(0)
        assert [len(record.told) for _, record in produced.records] == [MOST_WAITING + 1]
        produced.open[0].set_result(1)
        await asyncio.wait_for(asyncio.gather(*waits), 5)

    asyncio.run(many())
