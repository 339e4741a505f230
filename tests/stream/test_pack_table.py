"""PackTable on a real RocksDB, with a producer whose acknowledgements come when the test says so."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP

from app.settings import Settings
from app.stream.app import StreamApp, create_app
from app.stream.exits import Abandoned
from app.stream.pack_table import MAX_WRITE, PackTable, cut

Ack = Callable[[Any], None]


class Died(Exception):  # noqa: N818 - stands for the end of the process
    """The process would have ended here."""


class Producer:
    """Takes batches and keeps their acknowledgements."""

    def __init__(self) -> None:
        self.acks: list[Ack] = []

    def new_batch(self) -> Any:
        """A batch that takes everything."""
        return SimpleNamespace(append=lambda **_: object(), close=lambda: None)

    def enqueue_batch(self, _topic: str, _partition: int, _builder: Any, on_ack: Ack) -> None:
        """Keep the acknowledgement for later."""
        self.acks.append(on_ack)

    def answer(self, offset: int) -> None:
        """The broker stores the oldest batch at *offset*."""
        self.acks.pop(0)(SimpleNamespace(offset=offset))


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StreamApp:
    """An app that does not run, whose death is an exception."""
    app = create_app("test", Settings(state_dir=tmp_path, partitions=2), worker="test-0", web_port=None)

    def die(why: str, exc: BaseException | None = None) -> None:
        raise Died(why) from exc

    monkeypatch.setattr(app, "die", die)
    app.producer = Producer()  # type: ignore[assignment]
    return app


@pytest.fixture
async def table(app: StreamApp) -> PackTable:
    """A table that owns partition 0, whose changelog ends at offset 9."""
    table = app.pack_table("state")
    own(table, 9)
    return table


def own(table: PackTable, end: int) -> None:
    """Take partition 0 over as a recovery does that has read up to *end*."""
    tp = TP("test-state-changelog", 0)
    recovery = table.app.tables.recovery  # type: ignore[attr-defined]
    recovery.active_highwaters[tp] = recovery.active_offsets[tp] = end
    table.on_lost()
    table._take_over(tp)


def producer_of(table: PackTable) -> Producer:
    """The producer of the fixture."""
    assert isinstance(table.app.producer, Producer)
    return table.app.producer


async def test_a_write_is_seen_at_once_and_done_when_stored(table: PackTable) -> None:
    """
    The next pack decides on what this one has decided, without waiting for the broker.
    """
    first = table.write(0, [(b"a", b"1"), (b"b", b"1")])
    second = table.write(0, [(b"a", None), (b"c", b"2")])
    assert table.get_many(0, [b"a", b"b", b"c", b"d"]) == [None, b"1", b"2", None]
    assert list(table.scan(0, b"")) == [(b"b", b"1"), (b"c", b"2")]
    assert table.version(0) == 9
    producer_of(table).answer(10)
    assert await first == table.version(0) == 11
    assert table.get_many(0, [b"a"]) == [None]
    producer_of(table).answer(12)
    assert await second == 13
    assert list(table.scan(0, b"")) == [(b"b", b"1"), (b"c", b"2")]


async def test_writes_that_come_while_others_are_under_way_share_a_batch(table: PackTable) -> None:
    """
    Kafka takes one batch of a partition at a time: a thousand small writes must not take a thousand turns.
    """
    writes = [table.write(0, [(b"%d" % n, b"x"), (b"same", b"%d" % n)]) for n in range(5)]
    assert len(producer_of(table).acks) == 2
    assert table.get_many(0, [b"4", b"same"]) == [b"x", b"4"]
    producer_of(table).answer(10)
    assert await writes[0] == 11
    assert len(producer_of(table).acks) == 2, "the three that waited are one batch"
    producer_of(table).answer(12)
    producer_of(table).answer(14)
    assert [await each for each in writes] == [11, 13, 15, 17, 19] and table.version(0) == 19
    assert table.get_many(0, [b"same"]) == [b"4"] and producer_of(table).acks == []


async def test_a_batch_takes_no_more_than_kafka_does(table: PackTable) -> None:
    """
    Each write is stored as a whole, so what does not fit goes into the next batch.
    """
    half = b"x" * (MAX_WRITE // 2 - 100)
    writes = [table.write(0, [(b"%d" % n, half)]) for n in range(6)]
    for first in (10, 11, 12, 14):
        producer_of(table).answer(first)
    assert [await each for each in writes] == [10, 11, 12, 13, 14, 15]


async def test_writes_that_wait_are_abandoned_with_the_partition(table: PackTable) -> None:
    """
    Who waits for one must not wait for ever, and its batch must not be sent by who is no longer the owner.
    """
    writes = [table.write(0, [(b"%d" % n, b"x")]) for n in range(3)]
    table.on_lost()
    with pytest.raises(Abandoned):
        await writes[2]
    own(table, 11)
    producer_of(table).answer(10)
    producer_of(table).answer(11)
    for write in writes[:2]:
        with pytest.raises(Abandoned):
            await write
    assert producer_of(table).acks == []
    done = table.write(0, [(b"a", b"1")])
    producer_of(table).answer(12)
    assert await done == 12


async def test_a_foreign_offset_is_fatal_before_anything_is_applied(table: PackTable) -> None:
    """
    Somebody else has written: nothing that was decided here may leave.
    """
    waiting = table.write(0, [(b"a", b"1")])
    with pytest.raises(Died, match=r"fenced: state\[0\] expected changelog offset 10 and got 12"):
        producer_of(table).answer(12)
    assert not waiting.done()  # type: ignore[attr-defined]
    assert table._db(0).get([b"a"]) == [None]


async def test_an_answer_that_comes_after_the_partition_was_lost_abandons_the_write(table: PackTable) -> None:
    """
    A timer may write while a rebalance ends: that is no reason to die, and the changelog has the batch.
    """
    late = table.write(0, [(b"a", b"1")])
    table.on_lost()
    producer_of(table).answer(10)
    with pytest.raises(Abandoned):
        await late
    with pytest.raises(Abandoned):
        table.write(0, [(b"a", b"2")])
    own(table, 10)
    assert table.get_many(0, [b"a"]) == [None], "recovery brings it, not the answer"


async def test_a_refused_write_leaves_the_fence_where_it_was(table: PackTable) -> None:
    """
    An offset that is counted but never written would fence the owner itself.
    """
    with pytest.raises(ValueError, match="the most is 524288"):
        table.write(0, [(b"a", b"x" * MAX_WRITE)])
    with pytest.raises(ValueError, match="reserved"):
        table.write(0, [(b"__faust\0offset__", b"1")])
    assert table.get_many(0, [b"a"]) == [None]
    done = table.write(0, [(b"a", b"1")])
    producer_of(table).answer(10)
    assert await done == 10


async def test_recovery_that_ended_early_is_fatal(table: PackTable) -> None:
    """
    A table that misses its last records would let people through who were written to already.
    """
    tp = TP("test-state-changelog", 0)
    recovery = table.app.tables.recovery  # type: ignore[attr-defined]
    recovery.active_highwaters[tp], recovery.active_offsets[tp] = 20, 15
    with pytest.raises(Died, match="ended at offset 15 instead of 20"):
        table._take_over(tp)


async def test_faust_s_own_way_to_write_is_closed(table: PackTable) -> None:
    """
    It would move the changelog behind the fence's back.
    """
    with pytest.raises(TypeError, match="a pack at a time"):
        table[b"a"] = b"1"
    with pytest.raises(TypeError, match="a pack at a time"):
        del table[b"a"]


def test_a_large_step_is_cut_into_writes_that_fit() -> None:
    """
    In order and without a remainder.
    """
    items: list[tuple[bytes, bytes | None]] = [(b"%d" % n, b"x" * 1000) for n in range(2000)]
    runs = list(cut(items))
    assert [item for run in runs for item in run] == items
    assert len(runs) == 4
    assert list(cut([])) == []
