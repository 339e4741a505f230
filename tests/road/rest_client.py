"""The REST API of the installation, asked as any program would."""

import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

from app.control.api_keys import make_key
from app.things import Scope
from tests.road.conftest import Installation


@dataclass(frozen=True)
class Said:
    """An answer."""

    status: int
    headers: dict[str, str]
    body: Any


class Rest:
    """One key at one edge."""

    def __init__(self, address: str, key: str) -> None:
        self.address, self.key = address, key

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Said:
        """Send a request; `idempotency_key=...` and the like are headers."""
        sent = {"Authorization": f"Bearer {self.key}"} | {
            name.replace("_", "-").title(): value for name, value in headers.items()
        }
        raw = None
        if body is not None:
            raw, sent["Content-Type"] = json.dumps(body).encode(), "application/json"
        request = urllib.request.Request(self.address + path, raw, sent, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return _said(answer.status, answer)
        except urllib.error.HTTPError as error:
            return _said(error.code, error)

    def until(self, path: str, there: Any, seconds: float = 60.0) -> Said:
        """GET *path* until *there* says so of the answer."""
        deadline = time.monotonic() + seconds
        while not there(said := self.ask("GET", path)):
            assert time.monotonic() < deadline, said
            time.sleep(0.2)
        return said


def _said(status: int, answer: Any) -> Said:
    raw = answer.read()
    return Said(status, {name.title(): value for name, value in answer.headers.items()}, json.loads(raw or b"null"))


def rest(installation: Installation, *scopes: Scope, account: str = "default") -> Rest:
    """The API with a new key."""
    fresh = make_key(account, scopes, now=time.time())
    assert installation.command(account=account, kind="key.create", key=fresh.key).answer.status == 201
    client = Rest(f"http://127.0.0.1:{installation.settings.edge_port}", fresh.text)
    client.until("/v1/campaigns?limit=1", lambda said: said.status == 200)
    return client
