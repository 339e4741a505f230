"""What people write and press, from the simulator of Twilio to whom campaigns leave alone."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app import ids
from app.local.parts import SIMULATORS, parts_of, simulators_dir
from app.local.ports import free_ports, wait_until
from app.local.simulators.keys import Keys
from app.local.simulators.known import NAMES
from app.local.simulators.routes import NUMBER, routes_of
from app.settings import Settings
from app.specs import CampaignSpec, Content
from tests.road.conftest import Installation
from tests.road.rest_client import rest

pytestmark = pytest.mark.integration

LEAVES, STAYS, PRESSES = "+12125559101", "+12125559102", "+12125550013"  # the last one presses 9 when called
SAYS = Content(subject="s", text="t", sms="Hi, here is Acme.", voice="Hello, here is Acme.")


@pytest.fixture
def simulated(installation: Installation) -> Iterator[Settings]:
    """Twilio beside the installation, with routes for SMS and calls that are everybody's."""
    wanted = {"simulate": "twilio", "simulator_port": free_ports(len(NAMES) + 1)}
    settings = installation.settings.model_copy(update=wanted)
    part = next(each for each in parts_of(settings) if each.name == SIMULATORS)
    assert part.prepare is not None
    part.prepare(lambda _: None)
    process = subprocess.Popen(part.command())
    routes = routes_of(["twilio"], settings.simulator_port, Keys(simulators_dir(settings.state_dir) / "keys"))
    try:
        wait_until(lambda: part.is_ready(0.0), 20, "the simulator", lambda: process.poll() is None)
        for route in routes:
            assert installation.command(kind="route.set", route=route).answer.status < 300
        yield settings
        for route in routes:
            assert installation.command(kind="route.delete", thing=route.name).answer.status < 300
    finally:
        process.terminate()
        process.wait(10)


def fanfare(settings: Settings, *words: str) -> str:
    """What a command says."""
    done = subprocess.run(
        [sys.executable, "-m", "app.cli.main", *words], env=os.environ | settings.environment(), check=True, timeout=60,
        capture_output=True, text=True,
    )  # fmt: skip
    return done.stdout


def writes(settings: Settings, number: str, text: str) -> None:
    """Somebody writes to our number."""
    fanfare(settings, "simulators", "reply", "twilio", "--from", number, "--to", NUMBER, "--text", text)


def statuses(installation: Installation, channel: str, name: str) -> dict[str, str]:
    """Start a campaign to the list *name*, wait for its end; whether each person's message was dropped, by number."""
    installation.taken("suppression.commanded")
    asked = CampaignSpec.model_validate({"channel": channel, "lists": [name], "consent": "not_refused"})
    done = installation.command(kind="campaign.create", spec=asked, content=SAYS, start=True)
    assert done.answer.status == 201, done.answer
    installation.wait_for(done.answer.campaign, "COMPLETED")
    secret = installation.settings.secret_path.read_bytes()
    numbers = {ids.recipient_id(secret, ids.PHONE, each).hex(): each for each in (LEAVES, STAYS, PRESSES)}
    sql = "SELECT lower(hex(recipient_id)), status FROM messages WHERE campaign = {campaign:String}"
    found: dict[str, str] = {}

    def all_told() -> bool:
        rows = installation.rows(sql, campaign=done.answer.campaign)
        found.update((numbers[who], "dropped" if status == "DROPPED" else "sent") for who, status in rows)
        return len(found) == {"sms": 2, "voice": 1}[channel] and "QUEUED" not in dict(rows).values()

    wait_until(all_told, 30, "what became of the campaign")
    return found


def held(installation: Installation, number: str) -> list[Any]:
    """The suppressions of *number* that hold."""
    secret = installation.settings.secret_path.read_bytes()
    sql = """SELECT scope, scope_id, channel, reason FROM suppressions FINAL
             WHERE removed = 0 AND lower(hex(recipient_id)) = {who:String}"""
    return installation.rows(sql, who=ids.recipient_id(secret, ids.PHONE, number).hex())


def until(ready: Callable[[], bool], what: str) -> None:
    wait_until(ready, 30, what)


def test_who_writes_stop_is_left_alone_until_start_and_who_asks_is_helped(
    installation: Installation, simulated: Settings
) -> None:
    """
    By the account that wrote last, on SMS alone, although the number is everybody's.
    """
    people = [{"email": f"w{n}@x.example", "phone": each} for n, each in enumerate((LEAVES, STAYS))]
    installation.people("written", people)
    assert statuses(installation, "sms", "written") == {LEAVES: "sent", STAYS: "sent"}
    writes(simulated, LEAVES, "STOP")
    until(lambda: held(installation, LEAVES) == [["account", "default", "sms", "unsubscribed"]], "the suppression")
    assert statuses(installation, "sms", "written") == {LEAVES: "dropped", STAYS: "sent"}
    for text in ("Ayuda", "AYUDA", "What is this?"):
        writes(simulated, STAYS, text)
    writes(simulated, LEAVES, "START")
    until(lambda: held(installation, LEAVES) == [], "the suppression is lifted")
    sql = """SELECT wish, count(), uniqExact(account) FROM inbound FINAL
             WHERE number = {n:String} GROUP BY wish ORDER BY wish"""
    expected = [["", 1, 1], ["help", 2, 1], ["resubscribed", 1, 1], ["unsubscribed", 1, 1]]
    until(lambda: [[a, int(b), int(c)] for a, b, c in installation.rows(sql, n=NUMBER)] == expected, "what was written")
    api = rest(installation, "campaigns", "messages")
    ((mine,),) = [api.ask("GET", f"/v1/inbound?wish=unsubscribed&address=%2B{LEAVES[1:]}").body["inbound"]]
    assert (mine["address"], mine["text"], mine["known_by"], mine["channel"]) == (LEAVES, "STOP", "last", "sms")
    page = api.ask("GET", "/v1/inbound?limit=2").body
    assert len(page["inbound"]) == 2 and page["next"]
    assert [api.ask("GET", f"/v1/inbound?{asked}").status for asked in ("shared=true", "address=x", "cursor=x")] == [
        403, 422, 400,
    ]  # fmt: skip
    shown = fanfare(simulated, "inbound", "list", "--wish", "help", "--json")
    assert {each["text"] for each in json.loads(shown)["inbound"]} == {"Ayuda", "AYUDA"}
    assert statuses(installation, "sms", "written") == {LEAVES: "sent", STAYS: "sent"}
    answers = "SELECT count() FROM messages WHERE channel = 'sms' AND lane = 'transactional' AND status != 'QUEUED'"
    until(lambda: int(installation.rows(answers)[0][0]) == 1, "one answer to two cries for help")


@pytest.mark.usefixtures("simulated")
def test_who_presses_nine_is_not_called_again(installation: Installation) -> None:
    """
    From the action of the call to the suppression: calls stop, and nothing else does.
    """
    installation.people("called", [{"email": "p@x.example", "phone": PRESSES}])
    assert statuses(installation, "voice", "called") == {PRESSES: "sent"}
    until(lambda: held(installation, PRESSES) == [["account", "default", "voice", "unsubscribed"]], "the suppression")
    assert statuses(installation, "voice", "called") == {PRESSES: "dropped"}
