"""Hears answers to commands as they come: by a consumer of its own, because other news is taken in lots."""

import asyncio
import contextlib
from collections.abc import Callable

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from pydantic import ValidationError

from app.commands import Answer
from app.settings import Settings
from app.topics import COMMAND_ANSWERED

ANSWERS = TopicPartition(COMMAND_ANSWERED, 0)
POLL_MS = 500


class Answers:
    """Calls *on_answer* with each answer that is given from its start on."""

    def __init__(self, settings: Settings, on_answer: Callable[[Answer], None]) -> None:
        self._on_answer = on_answer
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=settings.kafka,
            enable_auto_commit=False,
            auto_offset_reset="latest",
            isolation_level="read_uncommitted",
            fetch_max_wait_ms=POLL_MS,
            request_timeout_ms=10_000,
        )
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Go to the end and follow. Raises KafkaError or OSError."""
        await self._consumer.start()
        self._consumer.assign([ANSWERS])
        self._consumer.seek(ANSWERS, (await self._consumer.end_offsets([ANSWERS]))[ANSWERS])
        self._task = asyncio.create_task(self._follow(), name="control-answers")

    async def stop(self) -> None:
        """Disconnect."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._consumer.stop()

    async def _follow(self) -> None:
        while True:
            try:
                batches = await self._consumer.getmany(timeout_ms=POLL_MS)
            except KafkaError:
                await asyncio.sleep(0.5)  # the broker restarts: go on where we were
                continue
            for record in batches.get(ANSWERS, ()):
                with contextlib.suppress(ValidationError):
                    self._on_answer(Answer.model_validate_json(record.value or b""))
