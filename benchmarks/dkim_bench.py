"""DKIM: what the signatures of a message cost: RSA of 2,048 bits alone, and with Ed25519.

python -m benchmarks.dkim_bench
"""

import tempfile
import time
from pathlib import Path

from app.content.dkim import DkimKey
from app.content.dkim import signatures as signed
from app.transport.dkim_keys import made

MESSAGES, ROUNDS = 400, 5
TEXT = (
    b"From: news@acme.example\r\nTo: ana@example.net\r\nSubject: Spring\r\n\r\n" + b"<p>Hello there, Ana.</p>\r\n" * 400
)


def rate(keys: list[DkimKey]) -> list[float]:
    """Messages a second, of each round."""
    rates = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for number in range(MESSAGES):
            signed(TEXT, keys, float(number))
        rates.append(MESSAGES / (time.perf_counter() - began))
    return sorted(rates)


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        keys = made(Path(folder), "acme.example", "s1")
    for name, some in (("RSA", keys[:1]), ("RSA and Ed25519", keys)):
        least, *_, most = rates = rate(some)
        print(f"{name}: {rates[ROUNDS // 2]:,.0f} messages/s ({least:,.0f} to {most:,.0f}), {len(TEXT):,} bytes each")


if __name__ == "__main__":
    main()
