"""Ports on this machine: is it free, does somebody answer.

python -m app.local.ports 8080      exit code 0 when somebody listens there: health checks of containers
"""

import random
import socket
import sys
import time
from collections.abc import Callable

from app.local.failure import LocalError

LOOPBACK = "127.0.0.1"

# Neither of well-known servers nor (on Linux and macOS) of outgoing connections.
UNCLAIMED = (12_000, 32_000)
_given: set[int] = set()


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Whether a server may listen on *port* now."""
    with socket.socket() as probe:
        # As servers do: a port in TIME_WAIT is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_ports(count: int = 1) -> int:
    """The first of *count* ports in a row that are free now and were not given out before. For tests.

    They lie below those that the kernel takes for outgoing connections: one of those could have the port
    before the server that it is meant for.
    """
    lowest, end = UNCLAIMED
    while True:
        first = random.randrange(lowest, end - count + 1)
        row = range(first, first + count)
        if _given.isdisjoint(row) and all(is_free(port) for port in row):
            _given.update(row)
            return first


def answers(port: int, host: str = LOOPBACK, timeout: float = 0.5) -> bool:
    """Whether a server accepts connections on *port* now."""
    try:
        with socket.create_connection((host, port), timeout):
            return True
    except OSError:
        return False


def require_free(port: int, what: str, setting: str, host: str = LOOPBACK) -> None:
    """Raise LocalError unless *what* may listen on *port*; *setting* is the variable that changes it."""
    if not is_free(port, host):
        raise LocalError(
            f"port {port} for {what} is taken", f"stop what listens there, or set {setting} to a free port"
        )


def wait_until(
    ready: Callable[[], bool], timeout: float, what: str, alive: Callable[[], bool] = lambda: True, every: float = 0.05
) -> None:
    """Return as soon as *ready*; LocalError after *timeout* seconds, or when *alive* says that it never will be."""
    deadline = time.monotonic() + timeout
    while not ready():
        if not alive():
            raise LocalError(f"{what} ended before it was ready")
        if time.monotonic() > deadline:
            raise LocalError(f"{what} was not ready within {timeout:.0f} s")
        time.sleep(every)


if __name__ == "__main__":
    sys.exit(not answers(int(sys.argv[1])))
