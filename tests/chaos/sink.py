"""The mail sink of a stage: the one of the demo, which also notes the subject of each message for the judge.

    python -m tests.chaos.sink --port 2525 --record var/sink.txt --latency 10

One line a message in RECORD.subjects: message id, subject. It is written before the reply goes out, as the record is.
"""

import argparse
import asyncio
import os
import re
import signal
from pathlib import Path

import uvloop

from app.local.sink import Sink, serve

SUBJECT = re.compile(rb"^Subject: (.*)\r$", re.MULTILINE)


class ReadingSink(Sink):
    """Notes what it takes besides recording it."""

    def __init__(self, record: Path, latency: float) -> None:
        super().__init__(record, realistic=True, seed=1, latency=latency)
        self._noted = os.open(subjects_of(record), os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
        self._notes: list[bytes] = []

    def take(self, address: str, body: bytes) -> str:
        """Take the message, and keep its subject for the next write."""
        queued = super().take(address, body)
        found = SUBJECT.search(body)
        message = self._lines[-1].split(" ", 1)[0].encode()
        self._notes.append(b"%b %b\n" % (message, found[1] if found else b""))
        return queued

    def record(self) -> None:
        """Write the subjects, then what the replies wait for."""
        notes, self._notes = b"".join(self._notes), []
        os.write(self._noted, notes)
        super().record()


def subjects_of(record: Path) -> Path:
    """Where the subjects are that belong to *record*."""
    return record.with_name(record.name + ".subjects")


def read_subjects(record: Path) -> list[tuple[str, str]]:
    """(message id, subject) of every accepted message."""
    path = subjects_of(record)
    lines = path.read_text(errors="replace").splitlines() if path.exists() else []
    found = [line.partition(" ") for line in lines]
    return [(message, subject) for message, _, subject in found]


async def _run(sink: Sink, port: int) -> None:
    server = await serve(sink, port)
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    await stopped.wait()
    server.close()


def main() -> None:
    """Run until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.sink")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--record", type=Path, required=True)
    parser.add_argument("--latency", type=float, required=True, help="milliseconds before each reply")
    given = parser.parse_args()
    uvloop.run(_run(ReadingSink(given.record, given.latency / 1000), given.port))


if __name__ == "__main__":
    main()
