"""One message over WhatsApp, then SMS, on a real broker with two simulators, while the recipients plane is killed."""

import json
import os
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.local.ports import answers, free_ports, wait_until
from app.local.simulators.frame import record_path
from app.local.simulators.keys import Keys
from app.local.simulators.known import NAMES as ALL_NAMES
from app.local.simulators.known import hooks_of
from app.local.simulators.routes import route_name, routes_of
from app.local.state import status_path
from app.routes import LimitSet
from app.specs import CampaignSpec, Content
from tests.road.conftest import Installation

pytestmark = pytest.mark.integration

NAMES = ["twilio", "whatsapp"]
CONTENT = Content.model_validate(
    {"subject": "s", "text": "t", "sms": "Hi, here is Acme.", "whatsapp": {"template": "hello", "language": "en_US"}}
)
# Last four digits of a number: what becomes of it on both -> where it is heard of, and how its message ends.
FATES = {
    "1000": (["whatsapp"], "DELIVERED"),
    "0012": (["whatsapp"], "READ"),
    "0002": (["whatsapp", "twilio"], "BOUNCED"),
    "0016": (["whatsapp", "twilio"], "DELIVERED"),  # WhatsApp holds it back
    "0007": (["whatsapp", "twilio"], "SENT"),  # taken by both, and never heard of
}


@pytest.fixture
def simulators(installation: Installation, tmp_path: Path) -> Iterator[Path]:
    """Both simulators with their routes; the folder in which they write down who got what."""
    port = free_ports(len(ALL_NAMES) + 1)
    keys = Keys(tmp_path / "keys")
    settings = installation.settings
    hooks = hooks_of(NAMES, f"http://127.0.0.1:{settings.edge_port}", settings.secret_path.read_bytes())
    begin = tmp_path / "begin.json"
    begin.write_text(
        json.dumps({name: {"realistic": False, "pace": 0.2, "hook": hooks.get(name, "")} for name in NAMES})
    )
    command = [sys.executable, "-m", "app.local.simulator", "--port", str(port), "--dir", str(tmp_path)]
    running = subprocess.Popen([*command, "--only", ",".join(NAMES), "--begin", str(begin)])
    wait_until(lambda: answers(port), 30, "the simulators")
    routes = [each for each in routes_of(NAMES, port, keys) if each.channel != "voice"]
    for route in routes:
        done = installation.command(kind="route.set", route=route.model_copy(update={"tags": []}))
        assert done.answer.status < 300, done.answer
    yield tmp_path
    for route in routes:
        assert installation.command(kind="route.delete", thing=route.name).answer.status < 300
    running.terminate()
    running.wait(20)


def heard(folder: Path) -> dict[str, list[str]]:
    """Number -> the providers that took a message to it, in the order of time."""
    found: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for name in NAMES:
        for line in record_path(folder, name).read_text().splitlines():
            _, at, number = line.split()
            found[f"+{number.lstrip('+')}"].append((float(at), name))
    return {number: [name for _, name in sorted(taken)] for number, taken in found.items()}


def kill(installation: Installation, part: str) -> None:
    """kill -9; the supervisor starts it again."""
    parts = json.loads(status_path(installation.settings.state_dir).read_text())
    (pid,) = (each["pid"] for each in parts if each["name"] == part)
    os.kill(pid, signal.SIGKILL)


def test_everybody_is_reached_by_the_first_channel_that_can(installation: Installation, simulators: Path) -> None:
    """No channel twice, none skipped, each message counted once; and a message tells its story."""
    numbers = [f"+1212{555 + n}{last}" for n in range(12) for last in FATES]
    installation.people("reachable", [{"email": f"r{n}@x.example", "phone": each} for n, each in enumerate(numbers)])
    asked = CampaignSpec.model_validate(
        {
            "channel": "whatsapp", "lists": ["reachable"], "consent": "not_refused",
            "fallbacks": [{"channel": "sms", "after": 3}],
        }
    )  # fmt: skip
    done = installation.command(kind="campaign.create", spec=asked, content=CONTENT, start=True)
    assert done.answer.status == 201, done.answer
    campaign = done.answer.campaign
    wait_until(lambda: len(heard(simulators)) > 10, 90, "the first messages")
    kill(installation, "recipients-0")
    installation.wait_for(campaign, "COMPLETED")
    assert {number: heard(simulators).get(number) for number in numbers} == {
        number: FATES[number[-4:]][0] for number in numbers
    }
    counts = installation.entry(campaign).counters
    assert counts["awaited"] == counts["awaited.over"] and counts["fallback.sms"] == 36
    assert counts["channel.whatsapp.delivered"] == 24 and counts["sent"] == len(numbers)
    expected = sorted(FATES[number[-4:]][1] for number in numbers)
    wait_until(lambda: statuses(installation, campaign) == expected, 60, f"{expected}")


def statuses(installation: Installation, campaign: str) -> list[str]:
    """The status of every message, as far as it is recorded."""
    sql = "SELECT status FROM messages WHERE campaign = {campaign:String}"
    return sorted(str(row[0]) for row in installation.rows(sql, campaign=campaign))


def test_a_tier_of_whatsapp_counts_people(installation: Installation, simulators: Path) -> None:
    """Who was written to within a day takes no second place, and the others get what is left of the tier, no more."""
    tier = {"scope": "provider", "name": route_name("whatsapp"), "moving_daily": 100, "unit": "people"}
    done = installation.command(kind="limit.set", limit=LimitSet.model_validate(tier))
    assert done.answer.status in (200, 201), done.answer
    first = [f"+1213{555 + n}1000" for n in range(60)]
    others = [f"+1214{555 + n}1000" for n in range(60)]
    installation.people("first", [{"email": f"f{n}@x.example", "phone": each} for n, each in enumerate(first)])
    installation.people("others", [{"email": f"o{n}@x.example", "phone": each} for n, each in enumerate(others)])
    installation.wait_for(whatsapp(installation, ["first"]), "COMPLETED")
    again = whatsapp(installation, ["first", "others"])
    wait_until(lambda: taken(simulators, first) > 70, 90, "somebody's second message")
    for part in ("pacing-0", "recipients-0"):
        kill(installation, part)
    wait_until(lambda: (taken(simulators, first), taken(simulators, others)) == (120, 40), 120, "all that may go")
    kill(installation, "pacing-0")
    installation.wait_for(whatsapp(installation, ["first"]), "COMPLETED")  # they have places, whatever is left
    assert installation.command(kind="campaign.cancel", campaign=again).answer.status < 300
    installation.wait_for(again, "CANCELLED")
    assert (taken(simulators, first), taken(simulators, others)) == (180, 40)
    assert set(map(len, (heard(simulators).get(each, []) for each in others))) == {0, 1}
    done = installation.command(kind="limit.set", limit=LimitSet(scope="provider", name=route_name("whatsapp")))
    assert done.answer.status == 200, done.answer


def whatsapp(installation: Installation, lists: list[str]) -> str:
    """Start a campaign over WhatsApp to *lists*; its id."""
    spec = CampaignSpec.model_validate({"channel": "whatsapp", "lists": lists, "consent": "not_refused"})
    done = installation.command(kind="campaign.create", spec=spec, content=CONTENT, start=True)
    assert done.answer.status == 201, done.answer
    return done.answer.campaign


def taken(folder: Path, numbers: list[str]) -> int:
    """How many messages to *numbers* the simulators have taken."""
    found = heard(folder)
    return sum(len(found.get(number, [])) for number in numbers)
