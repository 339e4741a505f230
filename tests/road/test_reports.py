"""Reports of a provider, twice and out of order, while every process they pass is killed: the books agree with it."""

import base64
import json
import os
import random
import signal
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app import ids
from app.local.state import status_path
from app.provider_accounts import SendGrid, SmtpServer
from app.routes import Route
from tests.road.conftest import Installation
from tests.road.rest_client import rest

pytestmark = pytest.mark.integration

PEOPLE = 120
KEY = ec.generate_private_key(ec.SECP256R1())
KILLED = ("recipients-0", "edge", "intake-0")


@pytest.fixture
def routes(installation: Installation) -> Iterator[None]:
    """Mail goes to the sink; what becomes of it, SendGrid tells."""
    public = base64.b64encode(KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
    sink = SmtpServer(host="127.0.0.1", port=installation.settings.smtp_port, tls="never")
    for route in (
        Route(name="smtp", smtp=sink),
        Route(name="sg", sendgrid=SendGrid(api_key="env:NOBODY_SENDS", webhook_keys=[public]), enabled=False),
    ):
        assert installation.command(kind="route.set", route=route).answer.status < 300
    yield
    for name in ("sg", "smtp"):
        assert installation.command(kind="route.delete", thing=name).answer.status < 300


def event(message: str, kind: str, at: int, **more: Any) -> dict[str, Any]:
    """What SendGrid posts of one message; it has the same id each time."""
    own = {"msg_id": message, "event": kind, "timestamp": at}
    return own | {"sg_event_id": f"{message}-{kind}-{at}", "sg_message_id": f"sg-{message[:8]}"} | more


def told_of(number: int, message: str, at: int) -> tuple[str, list[dict[str, Any]]]:
    """(final status, events in no order) of a message."""
    hard = {"reason": "550 5.1.1 no such user", "status": "5.1.1", "type": "bounce"}
    hard |= {"bounce_classification": "Invalid Address"}
    common = [event(message, "processed", at), event(message, "deferred", at + 1, response="451 4.7.1 later")]
    delivered = event(message, "delivered", at + 2)
    match number % 6:
        case 0:
            return "BOUNCED", [*common, event(message, "bounce", at + 3, **hard)]
        case 1:
            return "BOUNCED", [*common, delivered, event(message, "bounce", at + 4, **hard)]
        case 2:
            return "COMPLAINED", [*common, delivered, event(message, "spamreport", at + 9)]
        case 3:
            return "OPENED", [delivered, event(message, "open", at + 5), event(message, "open", at + 6)]
        case 4:
            return "DELIVERED", [*common, delivered, event(message, "open", at + 3, sg_machine_open=True)]
    return "DELIVERED", [*common, delivered]


def post(installation: Installation, body: bytes, give_up_at: float) -> None:
    """As a provider does: again until it is answered 200."""
    stamp = str(int(time.time()))
    token = ids.hook_token(installation.settings.secret_path.read_bytes(), "sg")
    headers = {
        "Content-Type": "application/json", "X-Twilio-Email-Event-Webhook-Timestamp": stamp,
        "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(
            KEY.sign(stamp.encode() + body, ec.ECDSA(SHA256()))
        ).decode(),
    }  # fmt: skip
    url = f"http://127.0.0.1:{installation.settings.edge_port}/hooks/sendgrid/{token}"
    while True:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=20):
                return
        except OSError as error:  # refused, cut off, or answered 503: what providers try again
            retried = not isinstance(error, urllib.error.HTTPError) or error.code >= 500
            assert retried and time.monotonic() < give_up_at, error
            time.sleep(0.2)


def kill(installation: Installation, part: str) -> None:
    """kill -9; the supervisor starts it again."""
    for each in json.loads(status_path(installation.settings.state_dir).read_text()):
        if each["name"] == part and each["pid"]:
            os.kill(each["pid"], signal.SIGKILL)


@pytest.mark.usefixtures("routes")
def test_the_books_agree_with_the_provider_whatever_is_killed(installation: Installation) -> None:
    """
    Each message ends with the status that the provider's last word gives it, and who must not be mailed is not.
    """
    rows = [{"email": f"r{n}@told{n}.example", "first_name": "P", "city": "X"} for n in range(PEOPLE)]
    addresses = installation.people("reported", rows)
    campaign = installation.start("reported")
    installation.wait_for(campaign, "COMPLETED")
    messages = installation.messages_of(installation.entry(campaign), addresses)
    installation.statuses(campaign, PEOPLE)
    sql = "SELECT lower(hex(message_id)), status FROM messages WHERE campaign = {campaign:String}"
    expected = dict(map(tuple, installation.rows(sql, campaign=campaign)))  # the sink refused some at once
    refused = sum(status != "SENT" for status in expected.values())
    nobody = (
        "SELECT count() FROM messages WHERE campaign = {campaign:String} AND class IN ('unknown_user', 'bad_domain')"
    )
    ((unknown,),) = installation.rows(nobody, campaign=campaign)
    events: list[dict[str, Any]] = []
    reported = Counter[int]()
    for number, message in enumerate(message for message in messages.values() if expected[message] == "SENT"):
        expected[message], told = told_of(number, message, int(time.time()) + 1)
        reported[number % 6] += 1
        events += told
    dice = random.Random(7)
    dice.shuffle(events)
    bodies = [json.dumps(events[start : start + 9]).encode() for start in range(0, len(events), 9)] * 2
    dice.shuffle(bodies)
    ends = time.monotonic() + 120
    for number, body in enumerate(bodies):
        if number % (len(bodies) // len(KILLED)) == 3:
            kill(installation, KILLED[min(number * len(KILLED) // len(bodies), len(KILLED) - 1)])
        post(installation, body, ends)

    while (found := dict(map(tuple, installation.rows(sql, campaign=campaign)))) != expected:
        differ = {each: (found.get(each), status) for each, status in expected.items() if found.get(each) != status}
        assert time.monotonic() < ends, f"{len(differ)} differ: {list(differ.items())[:5]}"
        time.sleep(0.5)
    bounced = reported[0] + reported[1]
    went_out = sum(reported.values())
    wanted = {
        "delivered": went_out - bounced,
        "bounced": bounced + refused,
        "complained": reported[2],
        "not_reported": 0,
    }
    api = rest(installation, "campaigns")
    status = api.until(f"/v1/campaigns/{campaign}/status", lambda said: wanted.items() <= said.body["fates"].items())
    counts = status.body["counts"]
    assert counts["reported.opened"] == reported[3] and counts["sent"] == went_out
    total = api.ask("GET", f"/v1/campaigns/{campaign}/reports").body["total"]
    assert (total["sent"], total["delivered"], total["bounced"], total["complained"]) == (
        PEOPLE, went_out - bounced, bounced + refused, reported[2],
    )  # fmt: skip
    clicks = "SELECT kind, uniqExact(event_id) FROM events WHERE campaign = {campaign:String} GROUP BY kind"
    kinds = {kind: int(n) for kind, n in installation.rows(clicks, campaign=campaign)}
    assert (kinds["opened"], kinds["complained"]) == (2 * reported[3] + reported[4], reported[2])
    assert kinds["bounced"] == bounced + refused

    again = installation.start("reported")
    installation.wait_for(again, "COMPLETED")
    assert installation.entry(again).counters["dropped.suppressed"] == bounced + reported[2] + int(unknown)
    assert installation.rows("SELECT count() FROM suppressions FINAL WHERE removed AND reason != ''") == [[0]]
