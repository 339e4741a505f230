"""Reads the dead letters from their end, and publishes letters again where they came from."""

import asyncio
import re
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, NamedTuple, Self

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from app.control import UnreachableError
from app.records import DeadLetter, Undecodable, decode
from app.settings import Settings
from app.stream.log_sizes import sizes_of
from app.topics import DEAD, DEAD_LETTERED, DEAD_OF_STRANGERS, DEAD_REPORTS

# What stands before the number of a letter -> where it lies.
PLACES = {"": TopicPartition(DEAD_LETTERED, 0), "r": TopicPartition(DEAD_REPORTS, 0)}
BOUNDS = {"": DEAD, "r": DEAD_OF_STRANGERS}
PREVIEW = 60  # characters
MOST_UNPACKED = 65_536  # bytes of a record that is unpacked to be shown
MOST_DEEP = 2  # lists within lists that are shown
READ_SECONDS = 10.0
FULL = 0.9  # of the bytes that may be kept
_NUMBER = re.compile(r"(r?)(\d{1,18})")


class Kept(NamedTuple):
    """How many letters of a topic are there, how many have gone, and what lets them go."""

    topic: str
    kept: int
    gone: int
    bytes: int | None  # None: the broker does not tell
    oldest: float | None  # Unix time
    most_bytes: int
    most_seconds: float

    @property
    def is_full(self) -> bool | None:
        """Whether older ones go because of how many bytes there are: segments go whole, so some less is full, too."""
        return None if self.bytes is None else bool(self.gone) and self.bytes >= FULL * self.most_bytes

    def summary(self) -> dict[str, Any]:
        """For programs."""
        oldest = None if self.oldest is None else datetime.fromtimestamp(self.oldest, UTC).isoformat(timespec="seconds")
        return {
            "topic": self.topic, "kept": self.kept, "bytes": self.bytes, "oldest": oldest, "gone": self.gone,
            "full": self.is_full, "most_bytes": self.most_bytes, "most_seconds": self.most_seconds,
        }  # fmt: skip


class Letter(NamedTuple):
    """One dead letter; *number* is its offset, with an r before it for those of reports."""

    number: str
    letter: DeadLetter

    def summary(self) -> dict[str, Any]:
        """For people and programs."""
        at = datetime.fromtimestamp(self.letter.at, UTC).isoformat(timespec="seconds")
        return {
            "number": self.number,
            "origin": f"{self.letter.topic}/{self.letter.partition}/{self.letter.offset}",
            "at": at,
            "reason": self.letter.reason,
            "bytes": len(self.letter.value),
            "preview": preview(self.letter.value),
        }


def preview(value: bytes) -> str:
    """What a record begins with, for people: text as it is, a packed record unpacked, anything else escaped."""
    start = value[: 4 * PREVIEW].decode("utf-8", "replace")[:PREVIEW]
    if "\ufffd" not in start and all(each.isprintable() or each.isspace() for each in start):
        return " ".join(start.split())
    if len(value) <= MOST_UNPACKED:
        try:
            found = msgspec.msgpack.decode(value)
        except (ValueError, TypeError, OverflowError, RecursionError):  # DecodeError is a ValueError
            found = None
        if isinstance(found, list | dict):
            return _shortened(found)[:PREVIEW]
    return repr(value[:PREVIEW])[2:-1][:PREVIEW]


def _shortened(found: object, depth: int = 0) -> str:
    """A value in words: ids and other bytes in hex, of the rest as much as there is room for."""
    if isinstance(found, bytes):
        return found[: PREVIEW // 2].hex()
    if isinstance(found, dict):
        found = list(found.items())
    if isinstance(found, list | tuple):
        return "[...]" if depth > MOST_DEEP else f"[{', '.join(_shortened(each, depth + 1) for each in found[:12])}]"
    return repr(found[:PREVIEW] if isinstance(found, str) else found)


class DeadLetterLog:
    """The log of dead letters. An async context manager."""

    def __init__(self, settings: Settings) -> None:
        # "earliest": letters that expire while they are read must not send the reader to the end.
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=settings.kafka, enable_auto_commit=False, auto_offset_reset="earliest"
        )
        self._producer = AIOKafkaProducer(bootstrap_servers=settings.kafka, acks="all", max_request_size=2_097_152)
        self._kafka = settings.kafka

    async def __aenter__(self) -> Self:
        try:
            await self._consumer.start()
            await self._producer.start()
        except (KafkaError, OSError) as error:
            await self._stop()
            raise UnreachableError(f"Kafka does not answer at {self._kafka}", "start it with `fanfare up`") from error
        self._consumer.assign(list(PLACES.values()))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop()

    async def _stop(self) -> None:
        await self._consumer.stop()
        await self._producer.stop()

    async def newest(self, limit: int) -> list[Letter]:
        """The last *limit* letters, newest first."""
        found = list[Letter]()
        for kind in PLACES:
            first, end = await self._bounds(kind)
            found += await self._read(kind, max(first, end - limit), end)
        return sorted(found, key=lambda each: each.letter.at, reverse=True)[:limit]

    async def kept(self) -> list[Kept]:
        """How many there are, and how many have gone."""
        found, sizes = list[Kept](), await sizes_of(self._kafka, PLACES.values())
        for kind, place in PLACES.items():
            first, end = await self._bounds(kind)
            oldest = None if first == end else await self._moment_of(place, first)
            bound = BOUNDS[kind]
            most = int(bound["retention.bytes"]), float(bound["retention.ms"]) / 1_000
            found.append(Kept(place.topic, end - first, first, sizes.get(place), oldest, *most))
        return found

    async def _moment_of(self, place: TopicPartition, offset: int) -> float | None:
        """When Kafka got the record at *offset*, or the first one after it; None where none comes."""
        self._consumer.seek(place, offset)
        try:
            async with asyncio.timeout(READ_SECONDS):
                record = await self._consumer.getone(place)
        except TimeoutError:
            return None
        return float(record.timestamp) / 1_000

    async def replay(self, number: str) -> bool:
        """Publish letter *number* again: same bytes, key, topic and partition. False when there is no such letter."""
        kind, offset = parted(number)
        first, end = await self._bounds(kind)
        if not first <= offset < end:
            return False
        found = await self._read(kind, offset, offset + 1)
        if not found:
            return False
        letter = found[0].letter
        await self._producer.send_and_wait(
            letter.topic, letter.value, key=letter.key or None, partition=letter.partition
        )
        return True

    async def _bounds(self, kind: str) -> tuple[int, int]:
        place = PLACES[kind]
        first = await self._consumer.beginning_offsets([place])
        end = await self._consumer.end_offsets([place])
        return first[place], end[place]

    async def _read(self, kind: str, start: int, end: int) -> list[Letter]:
        found, place = list[Letter](), PLACES[kind]
        if start >= end:
            return found
        self._consumer.seek(place, start)
        while await self._consumer.position(place) < end:
            for records in (await self._consumer.getmany(place, timeout_ms=500)).values():
                for record in records:
                    letter = decode(DeadLetter, record.value or b"")
                    if start <= record.offset < end and not isinstance(letter, Undecodable):
                        found.append(Letter(f"{kind}{record.offset}", letter))
        return found


def parted(number: str) -> tuple[str, int]:
    """(kind, offset) of a number such as "17" or "r17". Raises ValueError."""
    found = _NUMBER.fullmatch(number.strip())
    if found is None:
        raise ValueError(f"{number[:40]!r} is no number of a dead letter")
    return found[1], int(found[2])
