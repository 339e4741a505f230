"""Imports that this edge does: a file on disk that has no name, read while others wait their turn."""

import asyncio
import logging
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import BinaryIO

from app.clickhouse.client import ClickHouse, ClickHouseError
from app.clickhouse.contacts import import_file
from app.clickhouse.import_log import ImportLog
from app.clickhouse.import_options import ImportOptions
from app.clickhouse.import_report import ImportReport
from app.clickhouse.key_check import WrongKeyError, check_key, read_key
from app.settings import Settings
from app.web.problems import refuse

log = logging.getLogger("fanfare.edge")

AT_ONCE = 4  # imports of one edge: each takes a thread, and some megabytes
INSERT_SECONDS = 120.0


class Importer:
    """Does imports, a few at a time."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._busy = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Hold one of the few places; 429 when all are taken."""
        if self._busy >= AT_ONCE:
            raise refuse(
                429, "Too many imports", f"{AT_ONCE} imports run on this edge: wait until one has ended",
                headers={"Retry-After": "5"},
            )  # fmt: skip
        self._busy += 1
        try:
            yield
        finally:
            self._busy -= 1

    async def spooled(self, chunks: AsyncIterator[bytes]) -> BinaryIO:
        """*chunks* as a file in the state folder. It has no name there: it is gone when it is closed, or we are."""
        folder = self._settings.state_dir / "uploads"
        folder.mkdir(parents=True, exist_ok=True)
        file: BinaryIO = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
        try:
            async for chunk in chunks:
                await asyncio.to_thread(file.write, chunk)
            file.seek(0)
        except BaseException:
            file.close()
            raise
        return file

    async def run(self, file: BinaryIO, options: ImportOptions, ident: str) -> ImportReport:
        """Import *file*, and close it. Raises WrongKeyError and ClickHouseError."""
        with file:
            secret = read_key(self._settings.secret_path)
            async with ClickHouse(self._settings, timeout=INSERT_SECONDS) as client:
                await check_key(client, secret, self._settings.secret_path)
                return await import_file(client, secret, file, options, ident=ident)

    async def begin(self, file: BinaryIO, options: ImportOptions, ident: str) -> None:
        """Note that the import has begun, and do it in the background. Raises ClickHouseError: then it has not."""
        try:
            async with ClickHouse(self._settings, timeout=INSERT_SECONDS) as client:
                await ImportLog(client, options.account, ident, options.list, time.time()).note(ImportReport(), 0)
        except BaseException:
            file.close()
            raise
        task = asyncio.create_task(self._in_background(file, options, ident), name=f"import-{ident}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _in_background(self, file: BinaryIO, options: ImportOptions, ident: str) -> None:
        self._busy += 1
        try:
            await self.run(file, options, ident)
        except (ClickHouseError, WrongKeyError) as error:
            log.warning("the import %s failed: %s", ident, error)  # and says so itself
        except Exception:
            log.exception("the import %s failed", ident)
        finally:
            self._busy -= 1

    async def stop(self) -> None:
        """Give up what runs: it is seen as cut short, and sending the file again completes it."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
