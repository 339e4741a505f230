"""PackTable: a table written a pack at a time, whose changelog is a compare-and-swap log.

One write lies in one Kafka batch; writes that come while others are under way share one. When its
acknowledgement arrives, one local WriteBatch applies the items
together with the changelog offset, so local state is never ahead of the changelog. The acknowledged
offset must be the one that was expected: if it is not, another process has written to our partition, we
are not its owner, and the process ends before it acts on anything it decided.
"""

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, cast

import faust
import rocksdict
from aiokafka.structs import RecordMetadata
from faust.types import TP

from app.stream.changelog import HEAL, RESERVED, Record, batch_header, sift
from app.stream.exits import Abandoned

if TYPE_CHECKING:
    from app.stream.app import StreamApp

Item = tuple[bytes, bytes | None]

MAX_WRITE = 512 * 1024  # bytes of one write, framing included
FRAMING = 32  # bytes a record may cost besides its key and value
HEAL_CHUNK = 1_000  # keys
UNDER_WAY = 2  # batches of a partition: Kafka takes one at a time, and the next lies ready


@dataclass(slots=True)
class Write:
    """One call of write: to be stored as a whole."""

    items: list[Item]
    size: int
    done: "asyncio.Future[int]"


class PackTable(faust.Table[bytes, bytes]):
    """Partitioned key-value state of one plane. All methods are for the event loop's thread."""

    app: "StreamApp"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._acked: dict[int, int] = {}  # partition -> changelog offset of the last acknowledged record
        self._expected: dict[int, int] = {}  # partition -> offset that the next batch must get
        self._waiting: dict[int, deque[Write]] = defaultdict(deque)  # in no batch yet
        self._under_way: Counter[int] = Counter()  # batches without an acknowledgement
        self._overlay: dict[int, dict[bytes, tuple[bytes | None, int]]] = defaultdict(dict)
        self._owned: frozenset[int] = frozenset()
        self._tenure = 0  # counts rebalances
        self._on_ready: list[Callable[[set[int]], None]] = []
        self.recovered = 0  # changelog records applied by bulk recovery since the start

    # -- reading

    def get_many(self, partition: int, keys: list[bytes]) -> list[bytes | None]:
        """Values of *keys* in order, None where there is none; writes under way are visible."""
        found: list[bytes | None] = self._db(partition).get(keys) if keys else []
        overlay = self._overlay[partition]
        if not overlay:
            return found
        return [overlay[key][0] if key in overlay else value for key, value in zip(keys, found, strict=True)]

    def scan(self, partition: int, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Items whose key starts with *prefix*, ordered by key, as of the first item; writes under way are visible."""
        overlay = sorted((k, v[0]) for k, v in self._overlay[partition].items() if k.startswith(prefix))
        stored = _scan_db(self._db(partition), prefix)
        return _merge(stored, overlay) if overlay else stored

    def version(self, partition: int) -> int:
        """Changelog offset of the last acknowledged record, -1 when nothing was ever written."""
        return self._acked[partition]

    def owns(self, partition: int) -> bool:
        """Whether the partition is ours and recovered."""
        return partition in self._owned

    def owned(self) -> frozenset[int]:
        """All partitions that are ours and recovered."""
        return self._owned

    # -- writing

    def write(self, partition: int, items: list[Item]) -> "Awaitable[int]":
        """Write *items* (None deletes) as a whole; reads see them at once.

        The result is the changelog offset of the last item, once the broker has stored them and they are
        applied locally. Raises ValueError before anything is written when the items are more than
        512 KB, and Abandoned when the partition is not ours, or is lost before the broker has answered:
        the next owner, also this process, then finds them in the changelog, if they got there.
        """
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        if partition not in self._expected:
            raise Abandoned
        if not items:
            done.set_result(self._acked[partition])
            return done
        write = Write(items, self._size(items), done)
        overlay = self._overlay[partition]
        for key, value in items:
            old = overlay.get(key)
            overlay[key] = (value, old[1] + 1 if old else 1)
        self._waiting[partition].append(write)
        if self._under_way[partition] < UNDER_WAY:
            self._send(partition)
        return done

    def _size(self, items: list[Item]) -> int:
        size = sum(len(key) + len(value or b"") + FRAMING for key, value in items)
        if size > MAX_WRITE:
            raise ValueError(f"a write of {size} bytes to {self.name}: the most is {MAX_WRITE}; cut the step")
        for key, _ in items:
            if key.startswith(RESERVED):
                raise ValueError(f"key {key!r} is reserved")
        return size

    def _send(self, partition: int) -> None:
        """Enqueue one batch with the writes that wait, as many as fit."""
        waiting, writes, size = self._waiting[partition], list[Write](), 0
        while waiting and size + waiting[0].size <= MAX_WRITE:
            writes.append(waiting.popleft())
            size += writes[-1].size
        if not writes:
            return
        items = [item for write in writes for item in write.items]
        expected, tenure = self._expected[partition], self._tenure
        builder = self._build(items, expected)
        self._expected[partition] = expected + len(items)
        self._under_way[partition] += 1

        def acked(metadata: RecordMetadata) -> None:
            if tenure != self._tenure:
                _abandon(writes)
                return
            self._check_fence(partition, expected, metadata.offset)
            self._under_way[partition] -= 1
            self._apply(partition, items, expected + len(items) - 1)
            self._send(partition)
            last = expected - 1
            for write in writes:
                last += len(write.items)
                if not write.done.cancelled():
                    write.done.set_result(last)

        self.app.producer.enqueue_batch(self.changelog_topic_name, partition, builder, acked)

    def _build(self, items: list[Item], expected: int) -> Any:
        builder = self.app.producer.new_batch()
        headers = batch_header(expected, len(items))
        for key, value in items:
            if builder.append(timestamp=None, key=key, value=value, headers=headers) is None:
                raise ValueError(f"a write of {len(items)} items to {self.name} does not fit into one batch")
            headers = []
        builder.close()
        return builder

    def _check_fence(self, partition: int, expected: int, got: int) -> None:
        if got != expected:
            self.app.die(
                f"fenced: {self.name}[{partition}] expected changelog offset {expected} and got {got}: "
                "another process has written, so this one is not the owner"
            )

    def _apply(self, partition: int, items: list[Item], last: int) -> None:
        batch = rocksdict.WriteBatch(raw_mode=True)
        for key, value in items:
            if value is None:
                batch.delete(key)
            else:
                batch.put(key, value)
        batch.put(self._offset_key, b"%d" % last)
        try:
            self._db(partition).write(batch)
        except Exception as exc:
            # A full or broken disk: the changelog has it, a restart recovers.
            self.app.die(f"cannot write {self.name}[{partition}] to disk", exc)
        self._acked[partition] = last
        overlay = self._overlay[partition]
        for key, _ in items:
            value, writers = overlay[key]
            if writers == 1:
                del overlay[key]
            else:
                overlay[key] = (value, writers - 1)

    # -- recovery

    def recover(self, tp: TP, records: list[Record], seen: int) -> int:
        """Apply a run of changelog records above offset *seen* in one batch; returns the last offset dealt with."""
        sifted = sift(records, seen)
        if sifted.last <= seen:
            return seen
        batch = rocksdict.WriteBatch(raw_mode=True)
        for key, value in sifted.puts.items():
            if value is None:
                batch.delete(key)
            else:
                batch.put(key, value)
        db = self._db(tp.partition)
        if any(True for _ in _scan_db(db, HEAL)):
            for key in sifted.restored:
                batch.delete(HEAL + key)
        for key in sifted.touched:
            batch.put(HEAL + key, b"")
        batch.put(self._offset_key, b"%d" % sifted.last)
        db.write(batch)
        self.recovered += len(sifted.puts)
        return sifted.last

    def on_ready(self, callback: Callable[[set[int]], None]) -> None:
        """Call *callback* after each recovery with the partitions that are ours, before any event is delivered."""
        self._on_ready.append(callback)

    def on_lost(self) -> None:
        """Own nothing any more. Called when a rebalance has drained the agents and flushed the producer."""
        self._tenure += 1
        self._owned = frozenset()
        self._expected.clear()
        self._acked.clear()
        self._overlay.clear()
        self._under_way.clear()
        waiting, self._waiting = self._waiting, defaultdict(deque)
        for writes in waiting.values():
            _abandon(writes)

    async def on_recovery_completed(self, active_tps: set[TP], standby_tps: set[TP]) -> None:
        """Take over the active partitions: set the fence, rewrite what ignored batches touched, tell the listeners."""
        try:
            self.on_lost()
            for tp in active_tps:
                self._take_over(tp)
            for tp in active_tps:
                await self._heal(tp.partition)
            await super().on_recovery_completed(active_tps, standby_tps)
            self._owned = frozenset(tp.partition for tp in active_tps)
            for callback in self._on_ready:
                callback(set(self._owned))
        except Exception as exc:
            # Faust would swallow it and deliver events to a half-ready table.
            self.app.die(f"recovery of {self.name} failed", exc)

    def _take_over(self, tp: TP) -> None:
        recovery = cast(Any, self.app.tables).recovery
        end: int = recovery.active_highwaters[tp]
        reached = recovery.active_offsets.get(tp)
        if (-1 if reached is None else reached) < end:
            self.app.die(f"recovery of {self.name}[{tp.partition}] ended at offset {reached} instead of {end}")
        self._acked[tp.partition] = end
        self._expected[tp.partition] = end + 1

    async def _heal(self, partition: int) -> None:
        """Write the true values of keys that an ignored batch has touched, for whoever reads the changelog later."""
        db = self._db(partition)
        touched = [key[len(HEAL) :] for key, _ in _scan_db(db, HEAL)]
        for start in range(0, len(touched), HEAL_CHUNK):
            keys = touched[start : start + HEAL_CHUNK]
            for part in cut(list(zip(keys, db.get(keys), strict=True))):
                await self.write(partition, part)
            marks = rocksdict.WriteBatch(raw_mode=True)
            for key in keys:
                marks.delete(HEAL + key)
            db.write(marks)

    def _db(self, partition: int) -> Any:
        return cast(Any, self.data)._db_for_partition(partition)

    @property
    def _offset_key(self) -> bytes:
        return cast(bytes, cast(Any, self.data).offset_key)

    # -- Faust's own way to write, which would break the fence

    def __setitem__(self, key: bytes, value: bytes) -> NoReturn:
        raise TypeError(f"{self.name} is written with write(), a pack at a time")

    def __delitem__(self, key: bytes) -> NoReturn:
        raise TypeError(f"{self.name} is written with write(), a pack at a time")


def _abandon(writes: Iterable[Write]) -> None:
    for write in writes:
        if not write.done.cancelled():
            write.done.set_exception(Abandoned())
            write.done.exception()  # nobody may be waiting any more


def cut(items: Iterable[Item], most: int = MAX_WRITE) -> Iterator[list[Item]]:
    """*items* in runs that each fit into one write."""
    run: list[Item] = []
    size = 0
    for key, value in items:
        cost = len(key) + len(value or b"") + FRAMING
        if run and size + cost > most:
            yield run
            run, size = [], 0
        run.append((key, value))
        size += cost
    if run:
        yield run


def _scan_db(db: Any, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
    reserved = not prefix.startswith(RESERVED)
    for key, value in db.items(from_key=prefix):
        if not key.startswith(prefix):
            return
        if reserved and key.startswith(RESERVED):
            continue
        yield key, value


def _merge(stored: Iterator[tuple[bytes, bytes]], overlay: list[Item]) -> Iterator[tuple[bytes, bytes]]:
    """*stored* with the items of *overlay* (None hides) in its place; both are ordered by key."""
    end = (b"", None)
    fresh = iter(overlay)
    new = next(fresh, end)
    for key, value in stored:
        while new is not end and new[0] < key:
            if new[1] is not None:
                yield new[0], new[1]
            new = next(fresh, end)
        if new is not end and new[0] == key:
            if new[1] is not None:
                yield key, new[1]
            new = next(fresh, end)
        else:
            yield key, value
    while new is not end:
        if new[1] is not None:
            yield new[0], new[1]
        new = next(fresh, end)
