"""A whole installation for a benchmark: every process, on free ports, in a folder that is thrown away."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from app.local.ports import free_ports
from app.local.state import status_path
from app.settings import Settings

WORKER_PORTS = 64  # of the web views, from the first one on
FANFARE = [sys.executable, "-m", "app.cli.main"]
PARTS_OF_OTHERS = ("kafka", "clickhouse", "sink", "mail server")


@dataclass
class Installation:
    """A running Fanfare that sends to a mail sink of its own, which takes everything."""

    settings: Settings
    record: Path  # what the sink took
    ready_after: float  # seconds from `fanfare up` until everything was ready
    sink: int  # process id

    def processes(self) -> dict[str, psutil.Process]:
        """Every process by the name of its part, those that end by themselves left out."""
        found = {"mail server": psutil.Process(self.sink)}
        for part in json.loads(status_path(self.settings.state_dir).read_text()):
            if part["pid"] and part["name"] != "sink":  # the installation's own sink has nothing to do
                found[part["name"]] = psutil.Process(part["pid"])
        return found


@contextmanager
def installation(**settings_given: object) -> Iterator[Installation]:
    """Start everything, yield it, stop everything."""
    with tempfile.TemporaryDirectory(prefix="fanfare-bench-") as folder:
        kafka, clickhouse, edge, idle_sink, smtp = (free_ports(2) for _ in range(5))
        web = free_ports(WORKER_PORTS)
        settings = Settings.model_validate(
            {
                "state_dir": Path(folder) / "var", "kafka_port": kafka, "clickhouse_port": clickhouse,
                "edge_port": edge, "sink_port": idle_sink, "smtp_port": smtp, "web_port": web,
            }
            | settings_given
        )  # fmt: skip
        record = Path(folder) / "taken.txt"
        environment = os.environ | settings.environment()
        with sink_process(smtp, record) as sink:
            began = time.monotonic()
            try:
                _fanfare("up", environment)
                yield Installation(settings, record, time.monotonic() - began, sink.pid)
            finally:
                _fanfare("down", environment)


@contextmanager
def sink_process(port: int, record: Path, answer: str = "") -> Iterator["subprocess.Popen[bytes]"]:
    """A mail sink of its own on *port* that takes everything, or says *answer* to every message."""
    command = [sys.executable, "-m", "app.local.sink", "--port", str(port), "--record", str(record)]
    if answer:
        orders = record.with_name(record.name + ".orders")
        orders.write_text(json.dumps({"answers": {"message": answer}}))
        command += ["--orders", str(orders)]
    with subprocess.Popen([*command, "--behaviour", "accept"]) as process:
        try:
            yield process
        finally:
            process.terminate()


def _fanfare(command: str, environment: dict[str, str]) -> None:
    done = subprocess.run(
        [*FANFARE, command], env=environment, capture_output=True, text=True, timeout=180, check=False
    )
    if done.returncode:
        raise RuntimeError(f"`fanfare {command}` ended with {done.returncode}: {done.stderr[-2_000:]}")
