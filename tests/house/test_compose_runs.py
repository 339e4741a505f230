"""What docker-compose.yml starts works together: its commands, with its settings, from the files that the image holds.

Containers are left out: every service is a process here, and names of hosts become this machine.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from app.local import clickhouse, kafka
from app.local.ports import answers, free_ports, wait_until
from tests.house.command_lines import ROOT
from tests.house.test_compose_file import DOCKERFILE, OURS

pytestmark = pytest.mark.integration


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A folder with what the Dockerfile copies, and nothing else."""
    folder = tmp_path / "image"
    for sources, target in re.findall(r"^COPY (.+) (\S+)$", DOCKERFILE, re.MULTILINE):
        for source in sources.split():
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, folder / target, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@contextmanager
def service(
    name: str, image: Path, here: dict[str, str], ports: dict[str, str], log: Path
) -> Iterator["subprocess.Popen[bytes]"]:
    """The process of a service, until the block ends. *here* replaces words and values that only a container knows."""
    said = OURS[name]
    entry = said.get("entrypoint", ["python", "-m", "app.cli.main"])
    command = [sys.executable, *entry[1:], *(here.get(word, word) for word in said["command"])]
    outside = {name: value for name, value in os.environ.items() if not name.startswith("FANFARE_")}
    settings = {name: here.get(value, value) for name, value in said["environment"].items()}
    with log.open("ab") as file, subprocess.Popen(
        command, cwd=image, env=outside | settings | ports, stdin=subprocess.DEVNULL, stdout=file, stderr=file
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.terminate()
            process.wait(60)


def test_the_services_deliver_the_demo_to_everybody(image: Path, tmp_path: Path) -> None:
    """Who has only Docker runs what nobody here runs every day: it must not rot."""
    state, log = tmp_path / "state", tmp_path / "log"
    smtp, edge, web = free_ports(), free_ports(), free_ports(64)
    with ExitStack() as running:
        broker = running.enter_context(kafka.running(tmp_path / "kafka", free_ports(2)))
        database = running.enter_context(clickhouse.running(tmp_path / "clickhouse", free_ports()))
        here = {
            "/state": str(state), "/state/sink/sink.jsonl": str(state / "sink" / "sink.jsonl"),
            "kafka:9092": broker.bootstrap, "http://clickhouse:8123": database.url, "sink": "127.0.0.1",
            "0.0.0.0": "127.0.0.1", "2525": str(smtp), "http://127.0.0.1:8080": f"http://127.0.0.1:{edge}",
            "20000": "200",
        }  # fmt: skip
        ports = {"FANFARE_EDGE_PORT": str(edge), "FANFARE_WEB_PORT": str(web), "FANFARE_PARTITIONS": "2"}
        for name in ("key", "topics", "migrate"):
            with service(name, image, here, ports, log) as process:
                assert process.wait(60) == 0, log.read_text()
        for name, said in OURS.items():
            if said["restart"] == "unless-stopped":
                running.enter_context(service(name, image, here, ports, log))
        for port in (smtp, edge, web, web + 4, web + 14, web + 24):
            wait_until(lambda port=port: answers(port), 60, f"port {port}")  # type: ignore[misc]
        with service("demo", image, here, ports, log) as process:
            assert process.wait(120) == 0, log.read_text()[-3_000:]
    figures = json.loads((state / "demo.json").read_text())
    assert (figures["audience"], figures["lost"], figures["duplicated"]) == (200, 0, 0)
    assert figures["accepted"] > 150
