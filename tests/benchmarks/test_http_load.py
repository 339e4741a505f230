"""The load that measures the edge counts what it is answered, and nothing else."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import repeat

import pytest

from benchmarks.http_load import run


class Answers(BaseHTTPRequestHandler):
    """202 and 500 in turn."""

    protocol_version = "HTTP/1.1"
    seen = 0

    def do_GET(self) -> None:
        """Answer."""
        Answers.seen += 1
        self.send_response(202 if Answers.seen % 2 else 500)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    """Where that server listens."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join(10)


def test_every_answer_is_counted_by_its_status(port: int) -> None:
    """A benchmark that took errors for answers would praise an edge that falls over."""
    load = run(port, repeat(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n"), connections=2, seconds=0.3)
    assert set(load.statuses) == {202, 500}
    assert sum(load.statuses.values()) == len(load.latencies) <= Answers.seen
    assert load.per_second > 0
    assert 0 < load.percentile(50) <= load.percentile(99)
