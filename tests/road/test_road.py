"""A campaign from its command to the sink, as its users see it."""

import asyncio
import json
import time

import orjson
import pytest

from app import ids
from app.commands import Answer, Command
from app.control import Control, new_command_id
from app.delivery.outcomes import FINAL
from app.local.sink_read import most_in
from app.specs import CampaignSpec, Throttle
from tests.road.conftest import CONTENT, Installation

pytestmark = pytest.mark.integration


def people(prefix: str, count: int) -> list[dict[str, str]]:
    domains = ("gmail.com", "outlook.com", "yahoo.com", "corp.example")
    return [{"email": f"{prefix}{i}@{domains[i % 4]}", "first_name": f"Zoë{i}", "city": "Łódź"} for i in range(count)]


def test_everybody_gets_one_message_and_all_books_agree(installation: Installation) -> None:
    """State, ClickHouse and the sink tell the same, person by person."""
    addresses = installation.people("all", people("all", 1_000))
    campaign = installation.start("all")
    seen = installation.wait_for(campaign, "COMPLETED")
    counters = seen["counters"]
    assert sum(counters.get(name, 0) for name in FINAL) == 1_000
    expected = installation.messages_of(installation.entry(campaign), addresses)
    mine = [each for each in installation.sunk() if each.message in set(expected.values())]
    assert len(mine) == counters["sent"] == len({each.message for each in mine})
    assert all(expected[each.address] == each.message for each in mine)
    statuses = installation.statuses(campaign, 1_000)
    assert statuses["SENT"] == counters["sent"]
    assert statuses.get("BOUNCED", 0) == counters.get("bounced", 0) + counters.get("given_up", 0)
    assert statuses.get("BLOCKED", 0) == counters.get("blocked", 0)


@pytest.mark.parametrize("key", ["default", "something else", None], ids=["right key", "wrong key", "no key"])
def test_kafkas_own_console_producer_starts_a_campaign(installation: Installation, key: str | None) -> None:
    """The public door takes commands from any producer, with whatever key and partitioner."""
    name = f"console-{key}"
    installation.people(name, people(name.replace(" ", "-"), 20))
    command = {
        "id": f"{name}-{time.time_ns()}", "account": "default", "kind": "campaign.create", "start": True,
        "spec": {"from_email": "news@acme.example", "lists": [name], "name": name, "retry_delays": [0.5]},
        "content": CONTENT.model_dump(),
    }  # fmt: skip
    installation.console_produce("campaign.commanded", json.dumps(command), key)
    deadline = time.monotonic() + 60
    while not installation.rows("SELECT id FROM campaigns FINAL WHERE name = {name:String}", name=name):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    ((campaign,),) = installation.rows("SELECT id FROM campaigns FINAL WHERE name = {name:String}", name=name)
    seen = installation.wait_for(campaign, "COMPLETED")
    assert seen["audience"] == 20


def test_pause_stops_at_once_and_resume_goes_on(installation: Installation) -> None:
    """After pause has returned, at most what was on the wire still leaves."""
    installation.people("paused", people("paused", 2_000))
    campaign = installation.start("paused", throttle=Throttle(rate=100.0))
    deadline = time.monotonic() + 30
    while installation.view(f"/campaigns/{campaign}/")["final"] < 100:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    done = installation.command(kind="campaign.pause", campaign=campaign)
    assert done.effective
    before = len(installation.sunk())
    time.sleep(1.5)
    assert len(installation.sunk()) - before <= installation.settings.smtp_connections
    assert installation.command(kind="campaign.throttle", campaign=campaign, throttle=Throttle()).answer.status == 200
    assert installation.command(kind="campaign.resume", campaign=campaign).answer.state == "RUNNING"
    seen = installation.wait_for(campaign, "COMPLETED")
    assert seen["final"] == 2_000


def test_cancel_counts_everybody_who_was_never_sent(installation: Installation) -> None:
    """A cancelled campaign explains each person it left out."""
    installation.people("cancelled", people("cancelled", 3_000))
    campaign = installation.start("cancelled", throttle=Throttle(rate=100.0))
    deadline = time.monotonic() + 30
    while installation.view(f"/campaigns/{campaign}/")["final"] < 50:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    installation.command(kind="campaign.cancel", campaign=campaign)
    counters = installation.wait_for(campaign, "CANCELLED")["counters"]
    assert sum(counters.get(name, 0) for name in FINAL) == 3_000
    assert counters["dropped.cancelled"] > 2_000


def test_a_limit_holds_on_the_wire(installation: Installation) -> None:
    """Counted by the receiver: at most rate x W x 1.02 + burst in every window."""
    addresses = installation.people("limited", people("limited", 1_500))
    campaign = installation.start("limited", throttle=Throttle(rate=150.0))
    installation.wait_for(campaign, "COMPLETED")
    mine = set(installation.messages_of(installation.entry(campaign), addresses).values())
    times = sorted(each.at for each in installation.sunk() if each.message in mine)
    for window in (1.0, 2.0, 5.0):
        assert most_in(times, window) <= 150.0 * window * 1.02 + 150.0


def test_who_is_suppressed_gets_nothing_and_the_reason_is_kept(installation: Installation) -> None:
    """Unsubscribed is unsubscribed, also from the next campaign."""
    addresses = installation.people("suppressed", people("suppressed", 40))
    recipient = ids.recipient_id(installation.settings.secret_path.read_bytes(), "email", addresses[0])
    command = {
        "op": "add", "recipient_id": recipient.hex(), "scope": "account", "scope_id": "default",
        "reason": "unsubscribed", "source": "test", "at": time.time(),
    }  # fmt: skip
    installation.console_produce("suppression.commanded", orjson.dumps(command).decode())
    installation.taken("suppression.commanded")
    campaign = installation.start("suppressed")
    counters = installation.wait_for(campaign, "COMPLETED")["counters"]
    assert counters["dropped.suppressed"] == 1
    assert addresses[0] not in {each.address for each in installation.sunk()}
    installation.statuses(campaign, 40)
    found = installation.rows(
        "SELECT class, detail FROM messages WHERE campaign = {campaign:String} AND status = 'DROPPED'",
        campaign=campaign,
    )
    assert found == [["suppressed", "unsubscribed (account)"]]


def test_the_same_command_twice_is_one_campaign(installation: Installation) -> None:
    """Programs repeat what was not answered in time."""
    installation.people("twice", people("twice", 5))
    ident = new_command_id()
    spec = CampaignSpec(from_email="news@acme.example", lists=["twice"])
    fields = {"kind": "campaign.create", "spec": spec, "content": CONTENT, "id": ident}
    first, second = (_send(installation, fields) for _ in range(2))
    assert first.campaign == second.campaign and first.status == second.status == 201
    other = _send(installation, fields | {"spec": spec.model_copy(update={"name": "another"})})
    assert other.status == 422 and other.field == "id"


def _send(installation: Installation, fields: dict[str, object]) -> Answer:
    async def send() -> Answer:
        async with Control(installation.settings) as control:
            return (await control.send(Command.model_validate(fields))).answer

    return asyncio.run(send())


def test_a_list_with_nobody_on_it_fails_with_a_reason(installation: Installation) -> None:
    """Not "finished", and not silence."""
    campaign = installation.start("nobody-is-here")
    installation.wait_for(campaign, "FAILED")
    assert "nobody" in installation.entry(campaign).reason
