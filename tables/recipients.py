"""The recipients table: its sections, their keys and codecs, and one atomic batch over them.

| section | key | value | written by | shrinks |
|---|---|---|---|---|
| suppressions | s recipient_id | list of Suppression | suppress | on removal |
| sightings | d recipient_id, hash of scope | message_id, time | gate, release | by day, shared ones after a year |
| verdicts | v pack_id | Verdict | gate | swept after 14 days |
| waiting | p number / w number | WaitingPack / rows | gate, release, settle, decide, report, await | when used up |
| releases | r number | OpenRelease | release, settle | when settled |
| messages | m message_id | MessageState | gate, release, settle, decide, report | swept by day |
| counters | n campaign | counts | gate, release, settle, decide, report | with the campaign |
| marks | k | Marks | gate, release, settle, decide, report | never |
| outbox | e number | EventPack, as produced | gate, release, settle, decide, report | once produced |
| unknowns | u number / w number | HeldUnknown / rows | settle, decide, report | when decided |
| awaited | o number / w number | Awaited / rows | settle, decide, report, await | with news of them |
| touches | f recipient_id, hash of account | list of Touch | gate, release, settle | swept once none counts any more |

Keys with a, h, i, q or y are those of tables/reports.py, those with b those of tables/wishes.py.

A record of touches grows with the messages of its person, so a step may have more of them than one batch takes. They
are written before the rest of the step, in as many batches as they need (`Batch.ahead`): a step that is cut off there
comes again, finds its own touches, and goes on (app/delivery/people/frequency.py).
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

import msgspec

from app.delivery.fallbacks.awaited import Awaited
from app.delivery.gate import Known, Suppression
from app.delivery.partition import Partition
from app.delivery.partition_records import HeldUnknown, Marks, MessageState, OpenRelease, Sighting, Verdict, WaitingPack
from app.delivery.people.frequency import Touch
from app.records import EventPack, Outgoing

SUPPRESSION, SIGHTING, VERDICT, PACK, ROWS, RELEASE, MESSAGE, COUNTERS, MARKS, EVENT, UNKNOWN, TOUCHES, AWAITED = (
    b"s", b"d", b"v", b"p", b"w", b"r", b"m", b"n", b"k", b"e", b"u", b"f", b"o"
)  # fmt: skip

_ENCODE = msgspec.msgpack.Encoder().encode
_NUMBER = struct.Struct(">Q")
_TIME = struct.Struct(">d")
FRAMING = 32  # bytes a record may cost besides its key and value
_SUPPRESSIONS = msgspec.msgpack.Decoder(list[Suppression])
_ROWS = msgspec.msgpack.Decoder(list[Outgoing])
_PACK = msgspec.msgpack.Decoder(WaitingPack)
_RELEASE = msgspec.msgpack.Decoder(OpenRelease)
_VERDICT = msgspec.msgpack.Decoder(Verdict)
_COUNTERS = msgspec.msgpack.Decoder(dict[str, int])
_MARKS = msgspec.msgpack.Decoder(Marks)
_UNKNOWN = msgspec.msgpack.Decoder(HeldUnknown)
_AWAITED = msgspec.msgpack.Decoder(Awaited)
_TOUCHES = msgspec.msgpack.Decoder(list[Touch])
MOST_AHEAD = 256 * 1024  # bytes of keys and values in one batch of touches


class Store(Protocol):
    """What the sections need of a table: PackTable in a worker, a dict in a test."""

    def get_many(self, partition: int, keys: list[bytes]) -> list[bytes | None]: ...
    def scan(self, partition: int, prefix: bytes) -> Iterator[tuple[bytes, bytes]]: ...


class Batch:
    """One atomic batch: the `Writes` of the core as key and value bytes. The last write of a key wins."""

    def __init__(self) -> None:
        self._items: dict[bytes, bytes | None] = {}
        self._touches: dict[bytes, list[Touch] | None] = {}

    @property
    def ahead(self) -> Iterator[list[tuple[bytes, bytes | None]]]:
        """What is to be written before *items*, in this order, each in a batch of its own."""
        part: list[tuple[bytes, bytes | None]] = []
        size = 0
        for key, touches in self._touches.items():
            value = None if touches is None else _ENCODE(touches)
            more = len(key) + len(value or b"") + FRAMING
            if part and size + more > MOST_AHEAD:
                yield part
                part, size = [], 0
            part.append((TOUCHES + key, value))
            size += more
        if part:
            yield part

    @property
    def items(self) -> list[tuple[bytes, bytes | None]]:
        """What PackTable.write takes."""
        return list(self._items.items())

    @property
    def size(self) -> int:
        """Bytes of its keys and values."""
        return sum(len(key) + len(value or b"") for key, value in self._items.items())

    def pack(self, number: int, pack: WaitingPack | None) -> None:
        self._items[PACK + _NUMBER.pack(number)] = None if pack is None else _ENCODE(pack)

    def rows(self, number: int, rows: list[Outgoing] | None) -> None:
        self._items[ROWS + _NUMBER.pack(number)] = None if rows is None else _ENCODE(rows)

    def release(self, number: int, release: OpenRelease | None) -> None:
        self._items[RELEASE + _NUMBER.pack(number)] = None if release is None else _ENCODE(release)

    def message(self, message: bytes, state: MessageState) -> None:
        self._items[MESSAGE + message] = _ENCODE(state)

    def sighting(self, key: bytes, message: bytes, at: float) -> None:
        self._items[SIGHTING + key] = message + _TIME.pack(at)

    def verdict(self, pack_id: bytes, verdict: Verdict) -> None:
        self._items[VERDICT + pack_id] = _ENCODE(verdict)

    def counters(self, campaign: str, counts: dict[str, int]) -> None:
        self._items[COUNTERS + campaign.encode()] = _ENCODE(counts)

    def marks(self, marks: Marks) -> None:
        self._items[MARKS] = _ENCODE(marks)

    def event(self, number: int, event: EventPack | None) -> None:
        self._items[EVENT + _NUMBER.pack(number)] = None if event is None else _ENCODE(event)

    def unknown(self, number: int, held: HeldUnknown | None) -> None:
        self._items[UNKNOWN + _NUMBER.pack(number)] = None if held is None else _ENCODE(held)

    def awaited(self, number: int, awaited: Awaited | None) -> None:
        self._items[AWAITED + _NUMBER.pack(number)] = None if awaited is None else _ENCODE(awaited)

    def touches(self, key: bytes, touches: list[Touch] | None) -> None:
        self._touches[key] = touches

    def also(self, items: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Items of sections that have their own file."""
        self._items.update(items)

    def suppressions(self, recipient: bytes, entries: list[Suppression]) -> int:
        """Set what forbids to write to *recipient*; how many bytes that takes."""
        value = _ENCODE(entries) if entries else b""
        self._items[SUPPRESSION + recipient] = value or None
        return len(value)


def verdict_on(store: Store, partition: int, pack_id: bytes) -> Verdict | None:
    """What the gate decided on a pack before, if it has seen it."""
    (raw,) = store.get_many(partition, [VERDICT + pack_id])
    return None if raw is None else _VERDICT.decode(raw)


def known_of(
    store: Store, partition: int, recipients: Sequence[bytes], sightings: Sequence[bytes], paid: Sequence[bytes] = ()
) -> Known:
    """Suppressions and sightings of every row of a pack, by one multi-get; *paid*: keys of who was paid for."""
    n = len(recipients)
    keys = [SUPPRESSION + recipient for recipient in recipients]
    keys += [SIGHTING + key for key in (*sightings, *paid)]
    found = store.get_many(partition, keys)
    seen = [None if raw is None else sighting_in(raw) for raw in found[n:]]
    return Known(
        [None if raw is None else _SUPPRESSIONS.decode(raw) for raw in found[:n]],
        seen[: len(sightings)],
        seen[len(sightings) :],
    )


def sightings_of(store: Store, partition: int, keys: Sequence[bytes]) -> list[Sighting | None]:
    """The sightings under *keys*."""
    found = store.get_many(partition, [SIGHTING + key for key in keys])
    return [None if raw is None else sighting_in(raw) for raw in found]


def sighting_in(raw: bytes) -> Sighting:
    """The sighting that *raw* is the value of."""
    return Sighting(raw[:16], _TIME.unpack_from(raw, 16)[0])


def suppressions_of(store: Store, partition: int, recipients: Sequence[bytes]) -> list[list[Suppression]]:
    """The suppressions of each recipient."""
    found = store.get_many(partition, [SUPPRESSION + recipient for recipient in recipients])
    return [[] if raw is None else _SUPPRESSIONS.decode(raw) for raw in found]


def touches_of(store: Store, partition: int, keys: Sequence[bytes]) -> list[list[Touch]]:
    """The frequency records under *keys*."""
    found = store.get_many(partition, [TOUCHES + key for key in keys])
    return [[] if raw is None else touches_in(raw) for raw in found]


def touches_in(raw: bytes) -> list[Touch]:
    """The frequency record that *raw* is the value of."""
    return _TOUCHES.decode(raw)


def rows_of(store: Store, partition: int, number: int) -> list[Outgoing]:
    """The rows of a waiting pack. KeyError when there is none: a bug, never bad input."""
    (raw,) = store.get_many(partition, [ROWS + _NUMBER.pack(number)])
    if raw is None:
        raise KeyError(f"pack {number} of partition {partition} has no rows")
    return _ROWS.decode(raw)


def outbox(store: Store, partition: int) -> Iterator[tuple[int, bytes]]:
    """Events (number, encoded) that may not have been produced yet."""
    for key, value in store.scan(partition, EVENT):
        yield _NUMBER.unpack_from(key, 1)[0], value


def restore(store: Store, partition: int) -> Partition:
    """The state of *partition* as its table holds it."""
    state = Partition(partition, lambda number: rows_of(store, partition, number))
    (marks,) = store.get_many(partition, [MARKS])
    state.restore(
        None if marks is None else _MARKS.decode(marks),
        ((_NUMBER.unpack_from(k, 1)[0], _PACK.decode(v)) for k, v in store.scan(partition, PACK)),
        ((_NUMBER.unpack_from(k, 1)[0], _RELEASE.decode(v)) for k, v in store.scan(partition, RELEASE)),
        ((k[1:].decode(), _COUNTERS.decode(v)) for k, v in store.scan(partition, COUNTERS)),
        ((_NUMBER.unpack_from(k, 1)[0], _UNKNOWN.decode(v)) for k, v in store.scan(partition, UNKNOWN)),
        ((_NUMBER.unpack_from(k, 1)[0], _AWAITED.decode(v)) for k, v in store.scan(partition, AWAITED)),
    )
    return state
