"""`fanfare bench --short`: does every benchmark run, and does it write what scripts read?"""

import json
import os
import subprocess
import sys
from pathlib import Path

STAGES = {"gate", "pace", "compose", "send", "http", "batch", "record"}
ROAD = {"audience", "messages_per_second", "cpu_ms_per_message", "memory_mb", "lost", "duplicated"}


def test_the_benchmark_runs_and_writes_its_figures(tmp_path: Path) -> None:
    """A benchmark that nobody runs rots; one that loses mail and does not say so is worse. No figure is judged here."""
    environment = os.environ | {"FANFARE_STATE_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "app.cli.main", "bench", "--short", "--n", "1000"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads((tmp_path / "bench.json").read_text())
    assert figures["stages"].keys() == STAGES
    assert all(stage["per_second"] > 0 for stage in figures["stages"].values())
    road = figures["end_to_end"]
    assert road.keys() >= ROAD
    assert (road["audience"], road["accepted"]) == (1_000, 1_000)
    assert (road["lost"], road["duplicated"], road["foreign"]) == (0, 0, 0)
    assert "where the CPU of a message goes" in done.stdout
