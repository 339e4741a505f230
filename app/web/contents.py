"""Contents of live campaigns, for whoever must know how long a text becomes: read from Kafka once asked for."""

import asyncio

from pydantic import ValidationError

from app.specs import Content
from app.stream.directory import Directory
from app.topics import TEMPLATE_PUBLISHED

ARRIVES_SECONDS = 2.0  # in which a content that was published a moment ago comes here


class Contents:
    """template.published, followed from the first question on: a process that sends no SMS holds none of it."""

    def __init__(self, kafka: str) -> None:
        self._kafka = kafka
        self._directory: asyncio.Task[Directory] | None = None

    async def of(self, content_id: str) -> Content | None:
        """The content; None when it does not come."""
        if self._directory is None:
            self._directory = asyncio.get_running_loop().create_task(self._started())
        directory = await asyncio.shield(self._directory)
        deadline = asyncio.get_running_loop().time() + ARRIVES_SECONDS
        while (raw := directory.entries.get(content_id)) is None:
            if asyncio.get_running_loop().time() > deadline:
                return None
            await asyncio.sleep(0.05)
        try:
            return Content.model_validate_json(raw)
        except ValidationError:
            return None

    async def close(self) -> None:
        """Follow no more."""
        task, self._directory = self._directory, None
        if task is not None and task.done() and not task.cancelled() and task.exception() is None:
            await task.result().stop()
        elif task is not None:
            task.cancel()

    async def _started(self) -> Directory:
        directory = Directory(self._kafka, TEMPLATE_PUBLISHED)
        try:
            await directory.start()
        except asyncio.CancelledError:
            await directory.stop()
            raise
        return directory
