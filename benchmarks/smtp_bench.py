"""SMTP alone: one client process against one sink process, as fast as they go.

python -m benchmarks.smtp_bench --messages 20000
"""

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import uvloop

from app.delivery.outcomes import Kind
from app.local.sink_read import duplicates, load
from app.records import Outcome
from app.transport.smtp import Letter, SmtpPool

PORT = 19220
WAIT = 20.0  # seconds until the sink must listen


def cpu_of(process: psutil.Process) -> float:
    """CPU seconds of *process* so far."""
    times = process.cpu_times()
    return float(times.user + times.system)


class Letters:
    """*count* ready-made letters of about *size* bytes."""

    envelope_from = "a@acme.example"

    def __init__(self, count: int, size: int) -> None:
        self._count, self._at = count, 0
        self._filler = (b"x" * 76 + b"\r\n") * (size // 78)
        self.accepted = 0

    @property
    def more(self) -> bool:
        """Whether there are letters left."""
        return self._at < self._count

    def next(self) -> Letter | None:
        """The next letter."""
        if not self.more:
            return None
        number, self._at = self._at, self._at + 1
        head = b"Subject: bench\r\nX-Fanfare-Message: %032x\r\n\r\n" % number
        return Letter(number, f"p{number}@x.org", head + self._filler)

    def begin(self, _letter: Letter) -> bool:
        """Every letter may go."""
        return True

    def ended(self, _letter: Letter, outcome: Outcome) -> None:
        """Count what was accepted."""
        self.accepted += outcome.kind == Kind.ACCEPTED


async def _listening() -> None:
    async with asyncio.timeout(WAIT):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", PORT)
            except OSError:
                await asyncio.sleep(0.02)
                continue
            writer.close()
            return


async def run(messages: int, size: int, lanes: int, sink: psutil.Process, record: Path) -> None:
    """Send, check the sink's record and print the figures."""
    await _listening()
    pool = SmtpPool("127.0.0.1", PORT, size=lanes, per_connection=1000, timeout=10.0)
    me = psutil.Process()
    began, mine, its = time.perf_counter(), cpu_of(me), cpu_of(sink)
    letters = Letters(messages, size)
    await pool.deliver(letters, lanes)
    took, mine, its = time.perf_counter() - began, cpu_of(me) - mine, cpu_of(sink) - its
    await pool.close()
    taken = load(record)
    good = letters.accepted
    if not good == len(taken) == messages or duplicates(taken):
        sys.exit(f"of {messages} messages {good} were accepted and {len(taken)} recorded")
    print(
        f"{messages} messages of {size} B over {lanes} connections: {messages / took:,.0f}/s, "
        f"client {mine / messages * 1e6:.0f} us, sink {its / messages * 1e6:.0f} us of CPU a message"
    )


def main() -> None:
    """Start a sink, measure, stop it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--size", type=int, default=2_000, help="bytes of a message, about")
    parser.add_argument("--lanes", type=int, default=16, help="connections")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        record = Path(folder) / "sink.txt"
        command = [sys.executable, "-m", "app.local.sink", "--port", str(PORT), "--record", str(record)]
        with subprocess.Popen([*command, "--behaviour", "accept"]) as process:
            try:
                uvloop.run(run(given.messages, given.size, given.lanes, psutil.Process(process.pid), record))
            finally:
                process.terminate()


if __name__ == "__main__":
    main()
