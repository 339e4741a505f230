"""Single messages end to end: from POST /v1/messages to the mail server and back to GET."""

import asyncio
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from app import ids, topics
from app.control import Control
from app.control.api_keys import make_key
from app.suppressions import SuppressionCommand
from tests.road.conftest import Installation

pytestmark = pytest.mark.integration

FROM = "orders@acme.example"


class Api:
    """The REST API with a key that may send messages and read."""

    def __init__(self, installation: Installation, key: str) -> None:
        self._installation, self._key = installation, key

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None, key: str = "") -> tuple[int, Any]:
        """(status, answer)."""
        url = f"http://127.0.0.1:{self._installation.settings.edge_port}{path}"
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        if key:
            headers["Idempotency-Key"] = key
        raw = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(url, raw, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def send(self, key: str = "", **body: Any) -> list[dict[str, str]]:
        """Messages that must be taken."""
        status, said = self.ask("POST", "/v1/messages", {"from": FROM} | body, key)
        assert status == 202, said
        return list(said["messages"])


@pytest.fixture(scope="module")
def api(installation: Installation) -> Iterator[Api]:
    """The API, with a key of its own."""
    fresh = make_key("default", ["messages", "read"], now=time.time())
    assert installation.command(kind="key.create", key=fresh.key).answer.status == 201
    yield Api(installation, fresh.text)


def status_of(api: Api, message: str, *wanted: str) -> dict[str, Any]:
    """What is told of *message* once it has one of the statuses *wanted*."""
    deadline = time.monotonic() + 40
    while True:
        status, said = api.ask("GET", f"/v1/messages/{message}")
        if status == 200 and said["status"] in wanted:
            return dict(said)
        assert time.monotonic() < deadline, (status, said)
        time.sleep(0.2)


def test_a_message_is_sent_and_told_of(installation: Installation, api: Api) -> None:
    """The whole promise of the endpoint, in the three forms that need nothing made before."""
    letters = [
        api.send(to="one@corp.example", subject="Your code", text="{{ no template }}"),
        api.send(to=["two@corp.example", "three@corp.example"], subject="Hi", html="<p>{{ x }}</p>"),
        api.send(
            to=[{"to": "four@corp.example", "variables": {"code": "4711"}}], subject="{{ code }}", text="{{ code }}"
        ),
    ]
    sent = [message for each in letters for message in each]
    for message in sent:
        told = status_of(api, message["id"], "SENT", "BOUNCED", "BLOCKED")
        assert told["class"] not in ("render", "content", "variables"), told
    sunk = {each.message: each.address for each in installation.sunk()}
    assert {sunk[each["id"]] for each in sent if each["id"] in sunk} <= {each["to"] for each in sent}
    assert any(each["id"] in sunk for each in sent)


def test_a_request_that_is_repeated_is_carried_out_once(installation: Installation, api: Api) -> None:
    """Nobody gets two receipts because an answer was lost on its way."""
    body = {"to": [f"again{number}@corp.example" for number in range(20)], "subject": "Receipt", "text": "Paid."}
    first, second = api.send("receipt-1", **body), api.send("receipt-1", **body)
    assert first == second
    for message in first:
        status_of(api, message["id"], "SENT", "BOUNCED", "BLOCKED")
    sunk = [each.message for each in installation.sunk()]
    assert all(sunk.count(message["id"]) <= 1 for message in first)
    status, said = api.ask("POST", "/v1/messages", {"from": FROM} | body | {"text": "Not paid."}, "receipt-1")
    assert (status, said["field"]) == (422, "Idempotency-Key")


def test_who_is_suppressed_is_told_as_dropped_with_the_reason(installation: Installation, api: Api) -> None:
    """ "Why did she not get it?" is answered by the message itself."""
    settings = installation.settings
    gone = [f"gone{number}@corp.example" for number in range(3)]
    secret = settings.secret_path.read_bytes()
    people = [ids.recipient_id(secret, "email", ids.normalise_email(each)) for each in gone]

    async def suppress() -> None:
        names = [each.hex() for each in people]
        command = SuppressionCommand("add", "account", "default", recipients=names, reason="asked")
        async with Control(settings) as control:  # all in one partition: those of others are handed on
            await control.produce(topics.SUPPRESSION_COMMANDED, command.encoded(), partition=0)

    asyncio.run(suppress())
    deadline = time.monotonic() + 20
    while True:  # it takes effect within a second
        messages = api.send(to=gone, subject="Hi", text="Hello")
        told = [status_of(api, each["id"], "DROPPED", "SENT", "BOUNCED", "BLOCKED") for each in messages]
        if all(each["status"] == "DROPPED" for each in told):
            break
        assert time.monotonic() < deadline, told
    assert {each["class"] for each in told} == {"suppressed"}
    assert all("asked" in each["detail"] for each in told)


def test_a_message_of_nobody_is_not_found(api: Api) -> None:
    """Ids are not guessed: what is no message of this account is 404, whatever it looks like."""
    for ident in ("0" * 32, "nonsense", "f" * 31):
        assert api.ask("GET", f"/v1/messages/{ident}")[0] == 404
