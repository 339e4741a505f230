"""`fanfare up` and `fanfare down` as people type them, with the real parts."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.local.ports import answers, free_ports
from app.settings import Settings

pytestmark = pytest.mark.integration


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An installation of its own, with nothing running."""
    return Settings(
        state_dir=tmp_path / "var", kafka_port=free_ports(2), clickhouse_port=free_ports(), edge_port=free_ports(),
        sink_port=free_ports(), web_port=free_ports(64), senders_email=1,
    )  # fmt: skip


def fanfare(settings: Settings, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """One command, to its end."""
    return subprocess.run(
        [sys.executable, "-m", "app.cli.main", *arguments], env=os.environ | settings.environment() | environment,
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip


@pytest.fixture
def running(settings: Settings) -> Iterator[Settings]:
    """The same, started."""
    up = fanfare(settings, "up")
    try:
        assert up.returncode == 0, up.stderr
        yield settings
    finally:
        fanfare(settings, "down")


def test_up_and_down_may_be_said_twice(running: Settings) -> None:
    """Nobody remembers whether it already runs; state outlives both."""
    before = parts(running)
    again = fanfare(running, "up")
    assert again.returncode == 0
    assert f"http://127.0.0.1:{running.edge_port}/" in again.stdout
    assert {name: part["pid"] for name, part in parts(running).items()} == {
        name: part["pid"] for name, part in before.items()
    }
    assert {part["state"] for part in before.values()} == {"ready", "done", "idle"}
    assert all(part["memory_mb"] > 0 for part in before.values() if part["state"] == "ready")
    key = running.secret_path.read_bytes()
    assert "Stopped" in fanfare(running, "down").stdout
    assert "Nothing was running" in fanfare(running, "down").stdout
    ports = (running.kafka_port, running.clickhouse_port, running.edge_port, running.sink_port, running.web_port)
    assert [port for port in ports if answers(port)] == []
    assert (running.secret_path.read_bytes(), running.secret_path.stat().st_mode & 0o777) == (key, 0o600)
    nothing = fanfare(running, "status")
    assert (nothing.returncode, "fanfare up" in nothing.stderr) == (3, True)


def test_two_who_start_it_at_once_get_one_installation(settings: Settings) -> None:
    """Two terminals, or a service and a person: none may stop what the other has begun."""
    try:
        with ThreadPoolExecutor(3) as terminals:
            ups = [terminals.submit(fanfare, settings, "up") for _ in range(3)]
            ended = [(up.result().returncode, up.result().stderr[-300:]) for up in ups]
        assert [code for code, _ in ended] == [0, 0, 0], ended
        assert {part["restarts"] for part in parts(settings).values()} == {0}
    finally:
        assert "Stopped" in fanfare(settings, "down").stdout
    assert not answers(settings.kafka_port)


def parts(settings: Settings) -> dict[str, dict[str, object]]:
    """What `fanfare status` says, by part."""
    return {part["name"]: part for part in json.loads(fanfare(settings, "status", "--json").stdout)["parts"]}


@pytest.mark.parametrize("setting", ["kafka_port", "clickhouse_port", "sink_port", "edge_port", "web_port"])
def test_a_port_that_is_taken_is_named_with_its_setting_and_nothing_starts(settings: Settings, setting: str) -> None:
    """The most frequent reason why a demo does not start on a developer's machine."""
    with socket.create_server(("127.0.0.1", getattr(settings, setting))):
        up = fanfare(settings, "up")
    assert up.returncode == 1
    (line,) = (line for line in up.stderr.splitlines() if "taken" in line)
    assert str(getattr(settings, setting)) in line
    assert f"FANFARE_{setting.upper()}" in up.stderr
    assert fanfare(settings, "status").returncode == 3


def test_kafka_that_cannot_be_fetched_is_told_with_what_to_do(settings: Settings, tmp_path: Path) -> None:
    """The first start behind a firewall: no traceback, no five minutes of silence, and nothing is left running."""
    config = tmp_path / "jgo.conf"
    config.write_text("[repositories]\nclosed = http://127.0.0.1:9\n")
    elsewhere = {name: str(tmp_path / name) for name in ("M2_REPO", "XDG_CACHE_HOME")}
    up = fanfare(settings, "up", JGO_CONFIG_FILE=str(config), **elsewhere)
    assert up.returncode == 1
    assert "Traceback" not in up.stderr
    assert "cannot be fetched" in up.stderr
    assert "FANFARE_KAFKA_HOME" in up.stderr
    assert not answers(settings.sink_port)
    assert fanfare(settings, "status").returncode == 3
