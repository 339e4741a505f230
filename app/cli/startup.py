"""Starts the installation in front of somebody: one line that tells what is still to come."""

import sys
import time

from rich.console import Console
from rich.status import Status

from app.local import supervisor
from app.local.state import UP, PartStatus
from app.settings import Settings


class Startup:
    """What the parts say while they start, on standard error: a line that changes, or plain lines in a log."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._parts: dict[str, PartStatus] = {}
        self._line = Status("Starting Fanfare", console=self._console)
        self._live = sys.stderr.isatty()

    def __enter__(self) -> "Startup":
        if self._live:
            self._line.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._line.stop()

    def __call__(self, part: PartStatus) -> None:
        """Take in what *part* does now."""
        self._parts[part.name] = part
        if self._live:
            self._line.update(self._told())
        elif part.state in UP or part.note:
            self._console.print(f"  {part.name}: {part.state}{f' ({part.note})' if part.note else ''}", markup=False)

    def _told(self) -> str:
        ready = sum(part.state in UP for part in self._parts.values())
        notes = [f"{part.name} {part.note}" for part in self._parts.values() if part.note and part.state not in UP]
        late = [part.name for part in self._parts.values() if part.state not in UP]
        return f"Starting Fanfare: {ready} of {len(self._parts)} ready; {notes[0] if notes else ', '.join(late)}"


def start(settings: Settings) -> float:
    """Start whatever does not run yet and wait until all of it is ready; the seconds it took. Raises LocalError."""
    began = time.monotonic()
    with Startup() as startup:
        supervisor.start_background(settings, startup)
    return time.monotonic() - began
