"""How fast rows of an audience become packs: of email, and of SMS with parts and a number of a pool for each.

    python -m benchmarks.expand_bench [ROWS]

ClickHouse and Kafka are left out: it is what the intake worker computes.
"""

import sys
import time

import orjson

from agents.expand import packs
from agents.phone_rows import fill_rows
from app import ids
from app.content.letterhead import LinkOptions
from app.content.phone_values import Owner
from app.content.sms_template import SmsSizes
from app.records import Recipient, Shard, encode
from app.specs import Content
from app.things import NumberPool

TEXT = "Hello {{ first_name }}, your order {{ order }} is on its way to {{ city }}. Track it: {{ url }}"
POOL = NumberPool(name="in", senders=[f"+9180000000{number:02d}" for number in range(20)])


def main() -> None:
    """Measure both."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 40_000
    shard = Shard("acme", "c", 1, "seal", 20_000, "bulk", 0, count)
    rows = [_row(number) for number in range(count)]
    counter = SmsSizes(Content(sms=TEXT), Owner("acme", "c"), LinkOptions("https://links.acme.com", bytes(32)))
    for name, filled in (("email", False), ("sms", True)):
        started = time.perf_counter()
        if filled:
            fill_rows(rows, {0: counter}, "in", [POOL])
        made = sum(len(encode(pack)) for _, pack in packs(shard, rows, 8))
        seconds = time.perf_counter() - started
        print(f"{name}: {count / seconds:,.0f} rows/s ({made / count:.0f} bytes a row)")


def _row(number: int) -> Recipient:
    phone = f"+9198{number:08d}"
    attributes = {"first_name": f"Ana {number}", "order": number, "city": "Mumbai", "url": "https://acme.com/t/123456"}
    ident = ids.recipient_id(b"bench", ids.PHONE, phone)
    return Recipient(ident, phone, "IN/airtel", orjson.dumps(attributes))


if __name__ == "__main__":
    main()
