"""The edge's connection to Kafka: made in the background, so that the edge starts without it."""

import asyncio
import contextlib
import logging

from app.control import Control, ControlError, UnreachableError
from app.settings import Settings

log = logging.getLogger("fanfare.edge")

PAUSE = 2.0  # seconds between attempts to connect


class Link:
    """Gives the Control once there is one."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._control: Control | None = None
        self._task: asyncio.Task[None] | None = None
        self._made = asyncio.Event()

    async def wait(self) -> None:
        """Return once connected."""
        await self._made.wait()

    @property
    def connected(self) -> bool:
        """Whether Kafka has been reached."""
        return self._control is not None

    @property
    def control(self) -> Control:
        """The connection; raises UnreachableError while there is none."""
        if self._control is None:
            raise UnreachableError(
                f"Kafka does not answer at {self.settings.kafka}", "the edge keeps trying to connect"
            )
        return self._control

    async def start(self) -> None:
        """Begin to connect; returns at once."""
        self._task = asyncio.create_task(self._connect(), name="edge-link")

    async def stop(self) -> None:
        """Disconnect."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        if self._control is not None:
            await self._control.stop()

    async def _connect(self) -> None:
        while self._control is None:
            control = Control(self.settings, things=True)
            try:
                await control.start()
            except ControlError as error:
                log.warning("%s; %s", error.message, error.advice)
                await asyncio.sleep(PAUSE)
            else:
                self._control = control
                self._made.set()
