"""What the pacing plane has decided and has to tell: noted with the decision, crossed off once Kafka has it.

A note says of whom there is news; what is told is the state of that thing at the time of telling. So to tell
twice, or late, or after a newer note, does no harm, and the next owner of the table makes up for a kill between
the decision and the telling.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from aiokafka.structs import RecordMetadata

from app.faults import reached
from app.stream.app import StreamApp
from app.stream.exits import Abandoned
from app.stream.pack_table import PackTable, cut
from app.stream.ticks import every
from tables.pacing_things import UNTOLD, Told, Writes, read_untold, untold_item

CROSSED_OFF_AT_ONCE = 2_000


class News(NamedTuple):
    """One record to be produced; *partition* None is the one of the key."""

    topic: str
    partition: int | None
    key: bytes
    value: bytes | None


Render = Callable[[str, Told], News]
Acks = dict[bytes, "asyncio.Future[RecordMetadata]"]


class Outbox:
    """The writer of the pacing table: the notes among the items are told as soon as they are stored."""

    def __init__(self, app: StreamApp, table: PackTable) -> None:
        self._app, self._table = app, table
        self._group: int | None = None
        self._renders: dict[str, Render] = {}
        self._open: Counter[bytes] = Counter()  # note -> writes and tellings under way
        self._telling: Acks = {}
        self._told: list[bytes] = []  # notes whose record Kafka has
        self._again: list[tuple[bytes, bytes]] = []  # as recovered
        self._tenure = 0
        every(app, 0.2, self._cross_off)

    def kind(self, name: str, render: Render) -> None:
        """Notes of this kind are told as *render*(id, note) says."""
        self._renders[name] = render

    def take_over(self, group: int | None) -> None:
        """The partition of the group, as recovered; None when it is not ours."""
        self._group, self._tenure = group, self._tenure + 1
        self._open, self._telling, self._told = Counter(), {}, []
        self._again = [] if group is None else list(self._table.scan(group, UNTOLD))
        self._open.update(key for key, _ in self._again)

    async def write(self, writes: Writes) -> Acks:
        """One acknowledged step; the records of its notes. Call it in the synchronous step that decided."""
        if self._group is None:
            raise Abandoned
        tenure = self._tenure
        notes = [(key, value) for key, value in writes.items if key.startswith(UNTOLD) and value is not None]
        self._open.update(key for key, _ in notes)
        await self._store(self._group, writes)
        if tenure != self._tenure:
            raise Abandoned
        return {key: self._tell(key, value) for key, value in notes}

    def is_open(self, kind: str, ident: str, version: int = 0) -> bool:
        """Whether a note is not known to be told yet."""
        return self._open[_key(kind, ident, version)] > 0

    async def told(self, kind: str, ident: str, version: int = 0) -> None:
        """Wait for the record of a note that is being told."""
        ack = self._telling.get(_key(kind, ident, version))
        if ack is not None:
            await ack

    def tell(self, kind: str, ident: str, told: Told) -> "asyncio.Future[RecordMetadata]":
        """Tell of a thing without a note: it has been told before."""
        return self._app.producer.enqueue(*self._renders[kind](ident, told))

    async def tell_again(self) -> None:
        """After a recovery: what a kill may have kept from being told."""
        again, self._again = self._again, []
        for ack in [self._tell(key, value) for key, value in again]:
            await ack

    def _store(self, group: int, writes: Writes) -> "asyncio.Future[int]":
        parts = list(cut([*writes.first, *writes.items])) if writes.first else [writes.items]
        if len(parts) > 1:
            parts = [*cut(writes.first), writes.items]
        for part in parts[:-1]:
            _ = self._table.write(group, part)
        return asyncio.ensure_future(self._table.write(group, parts[-1]))

    def _tell(self, key: bytes, value: bytes) -> "asyncio.Future[RecordMetadata]":
        kind, ident, told = read_untold(key, value)
        ack = self._telling[key] = self.tell(kind, ident, told)
        ack.add_done_callback(partial(self._has, key, self._tenure))
        return ack

    def _has(self, key: bytes, tenure: int, ack: "asyncio.Future[RecordMetadata]") -> None:
        if tenure != self._tenure or ack.cancelled():
            return
        self._open[key] -= 1
        if self._telling.get(key) is ack:
            del self._telling[key]
        if self._open[key] <= 0:
            del self._open[key]
            self._told.append(key)

    async def _cross_off(self) -> None:
        """Notes that were told, unless there is news of the same again: looked at and crossed off in one step."""
        done, self._told = self._told[:CROSSED_OFF_AT_ONCE], self._told[CROSSED_OFF_AT_ONCE:]
        settled = [key for key in dict.fromkeys(done) if key not in self._open]
        if self._group is None or not settled:
            return
        reached("news.told")
        writes = [self._table.write(self._group, part) for part in cut([(key, None) for key in settled])]
        for write in writes:
            await write


def _key(kind: str, ident: str, version: int) -> bytes:
    return untold_item(kind, ident, Told("", version, 0.0))[0]
