"""The simulators of providers beside a stage: orders to them, and the records that they write of who got what."""

import json
import urllib.request
from typing import Any, NamedTuple

from app.local.parts import simulators_dir
from app.local.ports import free_ports
from app.local.simulators.frame import record_path
from app.local.simulators.keys import Keys
from app.local.simulators.known import NAMES
from app.local.simulators.routes import routes_of
from tests.chaos.stage import Stage

REPORT_AFTER = 2.0  # seconds
ASKED = ("ses", "mailgun", "twilio")  # those that can be


class Got(NamedTuple):
    """A line of a record: a message that a provider took."""

    provider: str
    at: float
    address: str


def simulated() -> dict[str, Any]:
    """Settings of a stage with all of them, which are asked often what became of messages without a report."""
    rates = dict.fromkeys(ASKED, 1_200)
    return {"simulate": "all", "simulator_port": free_ports(len(NAMES) + 1), "lookups": 1.0, "lookup_rates": rates}


def order(stage: Stage, name: str, **wish: Any) -> None:
    """Have the simulator *name* behave as *wish* says: docs/simulators.md."""
    url = f"http://127.0.0.1:{stage.settings.simulator_port}/control/{name}"
    with urllib.request.urlopen(urllib.request.Request(url, json.dumps(wish).encode()), timeout=20) as answer:
        answer.read()


def ask_soon(stage: Stage) -> None:
    """Let routes be asked soon about messages without a report."""
    folder = simulators_dir(stage.settings.state_dir)
    for route in routes_of(NAMES, stage.settings.simulator_port, Keys(folder / "keys")):
        if route.adapter in ASKED and route.channel != "voice":
            stage.taken(kind="route.set", route=route.model_copy(update={"report_after": REPORT_AFTER}))


def got(stage: Stage) -> list[Got]:
    """What all providers took, in the order of time."""
    folder, found = simulators_dir(stage.settings.state_dir), list[Got]()
    for name in NAMES:
        for line in record_path(folder, name).read_text().splitlines():
            _, at, address = line.split()
            found.append(Got(name, float(at), address))
    return sorted(found, key=lambda each: each.at)
