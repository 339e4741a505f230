"""Reads dead.lettered from its end, and publishes letters again where they came from."""

from datetime import UTC, datetime
from types import TracebackType
from typing import Any, NamedTuple, Self

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from app.control import UnreachableError
from app.records import DeadLetter, Undecodable, decode
from app.settings import Settings
from app.topics import DEAD_LETTERED

PLACE = TopicPartition(DEAD_LETTERED, 0)
PREVIEW = 60  # characters


class Letter(NamedTuple):
    """One dead letter; *number* is its offset."""

    number: int
    letter: DeadLetter

    def summary(self) -> dict[str, Any]:
        """For people and programs."""
        at = datetime.fromtimestamp(self.letter.at, UTC).isoformat(timespec="seconds")
        start = self.letter.value[:PREVIEW].decode("utf-8", "backslashreplace")
        return {
            "number": self.number,
            "origin": f"{self.letter.topic}/{self.letter.partition}/{self.letter.offset}",
            "at": at,
            "reason": self.letter.reason,
            "bytes": len(self.letter.value),
            "preview": "".join(each if each.isprintable() else "." for each in start),
        }


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
        self._consumer.assign([PLACE])
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
        first, end = await self._bounds()
        return (await self._read(max(first, end - limit), end))[::-1]

    async def replay(self, number: int) -> bool:
        """Publish letter *number* again: same bytes, key, topic and partition. False when there is no such letter."""
        first, end = await self._bounds()
        if not first <= number < end:
            return False
        found = await self._read(number, number + 1)
        if not found:
            return False
        letter = found[0].letter
        await self._producer.send_and_wait(
            letter.topic, letter.value, key=letter.key or None, partition=letter.partition
        )
        return True

    async def _bounds(self) -> tuple[int, int]:
        first = await self._consumer.beginning_offsets([PLACE])
        end = await self._consumer.end_offsets([PLACE])
        return first[PLACE], end[PLACE]

    async def _read(self, start: int, end: int) -> list[Letter]:
        found: list[Letter] = []
        self._consumer.seek(PLACE, start)
        while await self._consumer.position(PLACE) < end:
            for records in (await self._consumer.getmany(timeout_ms=500)).values():
                for record in records:
                    letter = decode(DeadLetter, record.value or b"")
                    if start <= record.offset < end and not isinstance(letter, Undecodable):
                        found.append(Letter(record.offset, letter))
        return found
