"""Free ports for a benchmark, below those that the kernel gives to outgoing connections."""

import socket
import time

FIRST, LAST = 12_000, 32_000
PORTS = LAST - FIRST


def free_ports(count: int, width: int) -> list[int]:
    """*count* ports, each with the *width* - 1 ports after it, that nobody listens on now."""
    found: list[int] = []
    candidate = FIRST + time.time_ns() // 1_000_000 % PORTS
    while len(found) < count:
        candidate = candidate + width if candidate < LAST else FIRST
        if all(_is_free(candidate + step) for step in range(width)):
            found.append(candidate)
    return found


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
