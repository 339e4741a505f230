"""Each message has an envelope sender of its own, so that what comes back names it."""

import asyncio
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope

from app.bounces.verp import Attempt, address_of, attempt_in
from app.transport.smtp import Letter, SmtpPool
from tests.transport.letters import Letters

KEY = b"k" * 32


class Own(Letters):
    """Letters with senders of their own, but for the first."""

    def next(self) -> Letter | None:
        letter = super().next()
        if letter is None or not letter.number:
            return letter
        message = letter.number.to_bytes(16, "big")
        return letter._replace(sender=address_of(KEY, "b.example.com", message, 3))


class Relay:
    """Remembers who mailed whom."""

    def __init__(self) -> None:
        self.seen: dict[str, str] = {}

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:  # noqa: N802
        self.seen[envelope.rcpt_tos[0]] = str(envelope.mail_from)
        return "250 OK"


async def test_what_comes_back_names_its_message() -> None:
    """Over connections that are used again and again."""
    relay = Relay()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(relay, hostname="relay", loop=loop), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    pool = SmtpPool("127.0.0.1", port, size=2, per_connection=50, timeout=10)
    mailing = Own(20)
    await pool.deliver(mailing, 2)
    await pool.close()
    server.close()
    assert mailing.kinds() == {"accepted": 20}
    assert relay.seen.pop("p0@x.org") == mailing.envelope_from
    told = {to: attempt_in(KEY, sender.removeprefix("bounce+").partition("@")[0]) for to, sender in relay.seen.items()}
    assert told == {f"p{number}@x.org": Attempt(number.to_bytes(16, "big"), 3) for number in range(1, 20)}
