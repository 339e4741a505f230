"""Bounces: messages classified on one core, and taken by the letterbox over loopback.

python -m benchmarks.bounces_bench
"""

import asyncio
import json
import random
import smtplib
import threading
import time
from pathlib import Path

from app import ids
from app.bounces.classify import classify
from app.bounces.letterbox import Keys
from app.bounces.verp import address_of, key_of
from app.records import ReceivedReport
from app.web.letterbox import Letterbox
from app.web.letterbox_session import serve
from tests.bounces.formats import CASES
from tests.bounces.letters import ANA, dsn

MESSAGES = 20_000  # classified
MAILS = 4_000  # to the letterbox
CLIENTS = 8
DOMAIN = "b.example.com"


def messages() -> list[bytes]:
    """Messages of all formats in the tests, each with a recipient of its own: nothing is known from the one before."""
    more = json.loads((Path("tests") / "bounces" / "messages.json").read_text())
    texts = [case[1] for case in CASES] + [str(each["raw"]) for each in more]
    draw = random.Random(7)
    return [draw.choice(texts).replace("ana@", f"ana{number}@").encode() for number in range(MESSAGES)]


def classified() -> float:
    """Messages a second of one core."""
    all_of_them = messages()
    begun = time.process_time()
    for each in all_of_them:
        classify(each)
    return MESSAGES / (time.process_time() - begun)


async def taken() -> float:
    """Mails a second that the letterbox takes from CLIENTS connections, stored at once."""
    secret = b"s" * 32
    keys = Keys(secret, key_of(secret), b"l" * 32)
    message = ids.message_id(20_000, "spring", 1, ids.recipient_id(secret, "email", ANA), "email")
    address, mail = address_of(keys.verp, DOMAIN, message, 1), dsn("550 5.1.1 user unknown", "5.1.1")
    stored = 0

    async def store(_: ReceivedReport) -> None:
        nonlocal stored
        stored += 1

    async def leave(*_: object) -> None:
        return

    server = await serve(Letterbox(lambda: {DOMAIN}, keys, store, leave, lambda _: "own"), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    def send() -> None:
        with smtplib.SMTP("127.0.0.1", port) as client:
            for _ in range(MAILS // CLIENTS):
                client.sendmail("", [address], mail)

    threads = [threading.Thread(target=send) for _ in range(CLIENTS)]
    begun = time.monotonic()
    for each in threads:
        each.start()
    for each in threads:
        await asyncio.to_thread(each.join)
    server.close()
    assert stored == MAILS
    return MAILS / (time.monotonic() - begun)


def main() -> None:
    """Print both figures."""
    print(f"classified: {classified():,.0f} messages/s of one core")
    print(f"letterbox:  {asyncio.run(taken()):,.0f} mails/s, clients in the same process")


if __name__ == "__main__":
    main()
