"""Webhooks that never come: what became of messages is asked for, and all is as if they had come."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.local.ports import answers, free_ports, wait_until
from app.local.simulators.keys import Keys
from app.local.simulators.known import NAMES as ALL_NAMES
from app.local.simulators.routes import routes_of
from app.specs import CampaignSpec, Content
from tests.road.conftest import Installation

pytestmark = pytest.mark.integration

NAMES = ("mailgun", "ses", "sendgrid", "smpp")
SMS = Content.model_validate({"subject": "s", "text": "t", "sms": "Hi, here is Acme."})


@pytest.fixture
def simulators(installation: Installation, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Providers that report nothing, with routes over them that ask after a second."""
    port = free_ports(len(ALL_NAMES) + 1)
    begin = tmp_path / "begin.json"
    begin.write_text(json.dumps({name: {"realistic": False, "pace": 0.1} for name in NAMES}))
    process = subprocess.Popen([
        sys.executable, "-m", "app.local.simulator", "--port", str(port), "--dir", str(tmp_path), "--only",
        ",".join(NAMES), "--begin", str(begin),
    ])  # fmt: skip
    environment = os.environ | installation.settings.environment() | {"FANFARE_SIMULATOR_PORT": str(port)}
    try:
        wait_until(lambda: answers(port), 30, "the simulators")
        for name in NAMES:
            order(environment, name, "--no-reports", "10m")
        for route in routes_of(NAMES, port, Keys(tmp_path / "keys")):
            fields = {"report_after": 1.0, "tags": [route.adapter]}
            assert installation.command(kind="route.set", route=route.model_copy(update=fields)).answer.status == 201
        yield environment
        for route in routes_of(NAMES, port, Keys(tmp_path / "keys")):
            assert installation.command(kind="route.delete", thing=route.name).answer.status == 200
    finally:
        process.terminate()
        process.wait(20)


def order(environment: dict[str, str], name: str, *asked: str) -> None:
    """As an operator would."""
    command = [sys.executable, "-m", "app.cli.main", "simulators", "break", name, *asked]
    subprocess.run(command, env=environment, check=True, timeout=60, stdout=subprocess.DEVNULL)


def healed(installation: Installation, campaign: str, fates: dict[str, int]) -> bool:
    sql = "SELECT status, count() FROM messages WHERE campaign = {campaign:String} GROUP BY status"
    return {row[0]: row[1] for row in installation.rows(sql, campaign=campaign)} == fates


def test_a_webhook_hour_that_is_missed_heals_by_itself(
    installation: Installation, simulators: dict[str, str], tmp_path: Path
) -> None:
    """Listed where many are missing, asked for one by one where few are, and what was lost on the way is decided."""
    many = [f"bounce+{n}@lookup.example" if n < 10 else f"deliver+{n}@lookup.example" for n in range(70)]
    installation.people("missed", [{"email": each} for each in many])
    for name in ("few", "lost"):
        few = [f"bounce+{name}{n}@lookup.example" if n < 2 else f"deliver+{name}{n}@lookup.example" for n in range(6)]
        installation.people(f"missed-{name}", [{"email": each} for each in few])
    listed = installation.start("missed", route_tags=["mailgun"])
    single = installation.start("missed-few", route_tags=["ses"])
    texted = start_sms(installation)
    batch = installation.start(
        "missed", route_tags=["sendgrid"]
    )  # thirty questions a minute here: too few for 70 people
    for campaign in (listed, single, texted, batch):
        installation.wait_for(campaign, "COMPLETED")
    order(simulators, "mailgun", "--lose-answers", "1", "--no-reports", "10m")
    lost = installation.start("missed-lost", route_tags=["mailgun"], unknown_after=90)
    few_fates = {"BOUNCED": 2, "DELIVERED": 4}
    for campaign, fates in (
        (listed, {"BOUNCED": 10, "DELIVERED": 60}),
        (single, few_fates),
        (lost, few_fates),
        (texted, few_fates),
        (batch, {"FAILED": 10, "DELIVERED": 60}),
    ):
        wait_until(lambda campaign=campaign, fates=fates: healed(installation, campaign, fates), 60, f"{fates}")
    installation.wait_for(lost, "COMPLETED")
    sql = "SELECT DISTINCT why FROM events WHERE campaign = {campaign:String} AND kind IN ('delivered', 'bounced')"
    assert installation.rows(sql, campaign=listed) == [["told by mailgun, looked up"]]
    assert installation.rows(sql, campaign=texted) == [["told by smpp, looked up"]]
    suppressed = "SELECT count() FROM suppressions FINAL WHERE reason = 'hard_bounce'"
    assert installation.rows(suppressed)[0][0] >= 10
    lines = [line.split() for line in records(tmp_path)]
    taken = Counter(fields[0] if fields[0].isalnum() else fields[2] for fields in lines)  # an SMSC knows numbers alone
    assert taken and max(taken.values()) == 1


def start_sms(installation: Installation) -> str:
    """Start a campaign over the SMSC to six numbers, of which two are of nobody; its id."""
    numbers = [f"+121255{n}{'0001' if n < 4 else '9000'}" for n in range(2, 8)]
    installation.people("missed-sms", [{"email": f"{n}@x.example", "phone": each} for n, each in enumerate(numbers)])
    asked = CampaignSpec(channel="sms", lists=["missed-sms"], consent="not_refused", route_tags=["smpp"])
    done = installation.command(kind="campaign.create", spec=asked, content=SMS, start=True)
    assert done.answer.status == 201, done.answer
    return done.answer.campaign


def records(folder: Path) -> list[str]:
    """Lines of the simulators' own records."""
    return [line for path in folder.glob("*.txt") for line in path.read_text().splitlines()]
