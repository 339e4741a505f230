"""One installation for all tests of the resources: over REST with an API key, and from the terminal."""

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from app.cli.main import app
from app.local.ports import free_ports
from app.settings import Settings
from app.settings import settings as settings_of_process

_NUMBERS = count(1)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the edge answered."""

    status: int
    headers: dict[str, str]
    body: Any


@dataclass
class Program:
    """A program with an API key of *account*."""

    port: int
    account: str
    key: str

    def __call__(
        self, method: str, path: str, body: Any = None, *, media: str = "application/json", **headers: str
    ) -> Answer:
        """One request; bytes go as they are. `If_Match="1"` is the header If-Match."""
        sent = {"Authorization": f"Bearer {self.key}"} | {k.replace("_", "-"): v for k, v in headers.items()}
        if body is not None:
            sent["Content-Type"] = media
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, raw, sent)
            response = connection.getresponse()
            text = response.read()
        finally:
            connection.close()
        named = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, named, json.loads(text) if text else None)


@dataclass
class Installation:
    """A running Fanfare."""

    settings: Settings
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def terminal(self, *words: str, code: int = 0, text: str = "", lines: bool = False) -> Any:
        """What `fanfare WORDS --json` prints, the last of its *lines*; it must end with *code*."""
        settings_of_process.cache_clear()
        result = CliRunner(env=self.environment).invoke(app, [*words, "--json"], input=text)
        assert result.exit_code == code, (result.output, result.exception)
        return json.loads(result.stdout.splitlines()[-1] if lines else result.stdout)

    def program(self, account: str, *scopes: str) -> Program:
        """A program with a new key."""
        wanted = [word for scope in scopes or ("admin",) for word in ("--scope", scope)]
        made = self.terminal("keys", "create", "--account", account, *wanted)
        return Program(self.settings.edge_port, account, made["key"])


@pytest.fixture(scope="package")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One installation for all these tests; each test has an account of its own."""
    folder = tmp_path_factory.mktemp("resources")
    kafka, clickhouse, edge, sink = (free_ports(2) for _ in range(4))
    settings = Settings(
        state_dir=folder / "var", kafka_port=kafka, clickhouse_port=clickhouse, edge_port=edge, sink_port=sink,
        web_port=free_ports(64), senders_email=1,
        retry_delays=[0.5, 1.0], retry_soft_delays=[0.5, 1.0], retry_throttle=0.5,
    )  # fmt: skip
    fanfare = [sys.executable, "-m", "app.cli.main"]
    environment = os.environ | settings.environment()
    subprocess.run([*fanfare, "up"], env=environment, check=True, timeout=180)
    try:
        yield Installation(settings, folder, settings.environment())
    finally:
        subprocess.run([*fanfare, "down"], env=environment, check=True, timeout=180)
        settings_of_process.cache_clear()


@pytest.fixture
def account() -> str:
    """A name that no other test uses."""
    return f"acme{next(_NUMBERS)}"


@pytest.fixture
def rest(installation: Installation, account: str) -> Program:
    """A program that may do everything in *account*."""
    return installation.program(account)
