"""Mail that comes back to the letterbox, from the wire to the suppression."""

import smtplib
import time
from itertools import count

import pytest

from agents.compose import link_key
from app import ids
from app.bounces.verp import address_of, key_of
from app.content.links import LinkSigner
from app.local.sink_behaviour import behaviour_of
from tests.bounces.formats import arf
from tests.bounces.letters import dsn
from tests.road.conftest import Installation

pytestmark = pytest.mark.integration

NAMES = ("gone", "angry", "leaves", "forged")
SEED = 1  # of the mail sink


def refused_at_once() -> str:
    """Somebody whom the mail sink calls unknown."""
    named = (f"u{number}@plain.example" for number in count())
    return next(each for each in named if (said := behaviour_of(each, SEED)) and said.text.startswith("5.1.1"))


def test_who_bounces_complains_or_leaves_by_mail_is_not_written_to_again(installation: Installation) -> None:
    """And nobody for whom somebody has made a bounce up."""
    unknown = refused_at_once()
    addresses = installation.people(
        "bounces", [*({"email": f"{name}@plain.example"} for name in NAMES), {"email": unknown}]
    )
    campaign = installation.start("bounces")
    installation.wait_for(campaign, "COMPLETED")
    messages = {to: bytes.fromhex(found) for to, found in
                installation.messages_of(installation.entry(campaign), addresses).items()}  # fmt: skip
    gone, angry, leaves, forged, _ = addresses
    secret = installation.settings.secret_path.read_bytes()
    back = {to: address_of(key_of(secret), "b.example.com", message, 1) for to, message in messages.items()}
    leaving = ids.recipient_id(secret, "email", leaves)
    token = LinkSigner(link_key(secret), "default", campaign).token(messages[leaves], leaving)
    with smtplib.SMTP("127.0.0.1", installation.settings.bounce_port, timeout=20) as client:
        client.sendmail("", [back[gone]], dsn("550 5.1.1 user unknown", "5.1.1", to=gone))
        client.sendmail("", [back[gone]], dsn("550 5.1.1 user unknown", "5.1.1", to=gone))
        client.sendmail("", ["fbl@b.example.com"], arf(fields=f"Original-Mail-From: <{back[angry]}>"))
        client.sendmail(leaves, ["unsub@b.example.com"], f"Subject: unsubscribe {token}\n\n")
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            made_up = address_of(key_of(b"x" * 32), "b.example.com", messages[forged], 1)
            client.sendmail("", [made_up], dsn("550 5.1.1 user unknown", "5.1.1", to=forged))
    deadline = time.monotonic() + 30
    while (found := installation.statuses(campaign, len(addresses))) != {"BOUNCED": 2, "COMPLAINED": 1, "SENT": 2}:
        assert time.monotonic() < deadline, found
        time.sleep(0.2)
    installation.taken("suppression.commanded")
    again = installation.start("bounces")
    installation.wait_for(again, "COMPLETED")
    second = set(installation.messages_of(installation.entry(again), addresses).values())
    assert {each.address for each in installation.sunk() if each.message in second} == {forged}
    counters = installation.entry(again).counters
    assert (counters["dropped.suppressed"], counters.get("bounced", 0)) == (4, 0)
