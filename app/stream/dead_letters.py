"""Dead letters: records that cannot be worked on, kept with the reason and where they came from."""

from typing import TYPE_CHECKING

from faust.types import EventT

from app import topics
from app.records import dead_letter, encode

if TYPE_CHECKING:
    from app.stream.app import StreamApp

NO_OFFSET = -1


class DeadLetters:
    """Writes to dead.lettered, or to dead.lettered.reports what strangers may have sent."""

    def __init__(self, app: "StreamApp") -> None:
        self._app = app

    async def put(self, event: EventT[bytes], reason: str) -> None:
        """Store the record of *event*; returns when the broker has it, so that the event may be acknowledged."""
        message = event.message
        letter = dead_letter(
            message.topic,
            message.partition,
            message.offset,
            reason,
            self._app.now(),
            _bytes(message.key),
            _bytes(message.value),
        )
        source = f"{message.topic}/{message.partition}/{message.offset}".encode()
        await self._app.produce(topics.dead_letters_of(message.topic), 0, source, encode(letter))

    async def put_value(self, topic: str, partition: int, value: bytes, reason: str) -> None:
        """Store what is no record of *topic* of its own, but could be one: a part of one, or what waited too long."""
        letter = dead_letter(topic, partition, NO_OFFSET, reason, self._app.now(), None, value)
        source = f"{topic}/{partition}/part".encode()
        await self._app.produce(topics.dead_letters_of(topic), 0, source, encode(letter))


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else b""
