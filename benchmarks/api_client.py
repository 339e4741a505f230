"""A program that uses the REST API of an installation with a key of its own: for the benchmarks of the API."""

import http.client
import json
import os
import subprocess
from typing import Any

from app.settings import Settings
from benchmarks.installation import FANFARE


class RefusedError(RuntimeError):
    """The API answered with an error."""


class ApiClient:
    """One kept connection to the edge."""

    def __init__(self, settings: Settings, account: str = "default") -> None:
        self._settings = settings
        self.key = make_key(settings, account)
        self._connection = http.client.HTTPConnection("127.0.0.1", settings.edge_port, timeout=60)

    def call(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """The JSON of the answer. Raises RefusedError for a 4xx or 5xx."""
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        self._connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = self._connection.getresponse()
        raw = answer.read()
        if answer.status >= 400:
            raise RefusedError(f"{method} {path}: {answer.status} {raw[:500].decode()}")
        return dict(json.loads(raw)) if raw else {}

    def request(self, method: str, path: str, body: bytes = b"") -> bytes:
        """A whole HTTP request, for `benchmarks.http_load`."""
        return (
            f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self._settings.edge_port}\r\n"
            f"Authorization: Bearer {self.key}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        ).encode() + body


def make_key(settings: Settings, account: str, scope: str = "admin") -> str:
    """A new API key, made as an operator does."""
    command = [*FANFARE, "keys", "create", "--account", account, "--scope", scope, "--json"]
    done = subprocess.run(command, env=os.environ | settings.environment(), capture_output=True, check=True, timeout=60)
    return str(json.loads(done.stdout)["key"])
