"""The embedded ClickHouse: one process with chDB behind ClickHouse's HTTP interface."""

import argparse
import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

from app.local.failure import LocalError
from app.local.ports import LOOPBACK, require_free, wait_until

READY_TIMEOUT = 60.0
MEMORY = 1_536  # MiB of the whole engine
LONGEST_ADDRESS = 1 << 20  # bytes: parameters travel in the address


class ClickHouseServer:
    """One ClickHouse with its data under *state_dir*/clickhouse, listening on loopback *port* only."""

    def __init__(self, state_dir: Path, port: int, user: str = "default", password: str = "") -> None:
        self.folder = state_dir.resolve() / "clickhouse"
        self.port = port
        self._login = {"FANFARE_CLICKHOUSE_USER": user, "FANFARE_CLICKHOUSE_PASSWORD": password}

    @property
    def url(self) -> str:
        """The address that clients connect to."""
        return f"http://{LOOPBACK}:{self.port}"

    def command(self) -> list[str]:
        """What to run, in the foreground. The login comes by `environment`, where `ps` does not show it."""
        return [sys.executable, "-m", "app.local.clickhouse", "--port", str(self.port), "--data", str(self.folder)]

    def environment(self) -> dict[str, str]:
        """What to add to the environment of `command`."""
        return dict(self._login)

    def is_ready(self) -> bool:
        """Whether it answers."""
        try:
            with urlopen(f"{self.url}/ping", timeout=2) as response:
                return bool(response.status == 200)
        except OSError:
            return False

    def wait_ready(self, timeout: float = READY_TIMEOUT, process: "subprocess.Popen[bytes] | None" = None) -> None:
        """Return once it answers; LocalError after *timeout* seconds or when *process* ended."""
        wait_until(self.is_ready, timeout, "ClickHouse", lambda: process is None or process.poll() is None)


@contextmanager
def running(state_dir: Path, port: int, user: str = "default", password: str = "") -> Iterator[ClickHouseServer]:
    """A ClickHouse that runs for as long as the block does. Its log is *state_dir*/logs/clickhouse.log."""
    server = ClickHouseServer(state_dir, port, user, password)
    require_free(port, "ClickHouse", "FANFARE_CLICKHOUSE_PORT")
    log_path = state_dir / "logs" / "clickhouse.log"
    log_path.parent.mkdir(parents=True, exist_ok=True)
    environment = os.environ | server.environment()
    with (
        log_path.open("ab") as log,
        subprocess.Popen(server.command(), stdout=log, stderr=log, env=environment) as process,
    ):
        try:
            server.wait_ready(process=process)
            yield server
        finally:
            process.terminate()
            process.wait(30)


async def serve(port: int, data: Path, memory: int, user: str, password: str) -> None:
    """Serve the engine on loopback *port* until SIGTERM or SIGINT; what runs then is finished first."""
    from aiohttp import web

    from app.local.clickhouse_engine import Engine
    from app.local.clickhouse_http import create_interface

    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    runner = web.AppRunner(
        create_interface(Engine(data, memory), user, password),
        access_log=None,
        auto_decompress=False,  # bodies are decompressed in a thread, and lz4 is none of aiohttp's
        max_line_size=LONGEST_ADDRESS,
        max_field_size=1 << 16,
        shutdown_timeout=20.0,
    )
    await runner.setup()
    await web.TCPSite(runner, LOOPBACK, port, backlog=256).start()
    await stopped.wait()
    await runner.cleanup()


def main() -> None:
    """Entry point of `python -m app.local.clickhouse`."""
    parser = argparse.ArgumentParser(description="ClickHouse's HTTP interface over an embedded engine")
    parser.add_argument("--port", type=int, default=8123)
    parser.add_argument("--data", type=Path, default=Path("var/clickhouse"))
    parser.add_argument("--memory", type=int, default=MEMORY, help="MiB that the engine may take")
    given = parser.parse_args()
    # The server's zone decides what a DateTime without one means; it is the same on every machine.
    os.environ["TZ"] = "UTC"
    time.tzset()
    login = [
        os.environ.get(f"FANFARE_CLICKHOUSE_{name}", other) for name, other in (("USER", "default"), ("PASSWORD", ""))
    ]
    try:
        require_free(given.port, "ClickHouse", "FANFARE_CLICKHOUSE_PORT")
        asyncio.run(serve(given.port, given.data, given.memory, *login))
    except LocalError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
