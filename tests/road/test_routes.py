"""A campaign over several provider routes: shared by weight, each person exactly once, also when one of them fails."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.delivery.outcomes import FINAL
from app.local.ports import answers, free_ports, wait_until
from app.local.sink_read import Accepted, load
from app.routes import Route
from tests.road.conftest import Installation

pytestmark = pytest.mark.integration


class Relay:
    """A mail server of a provider, in a process of its own."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.record = name, folder / f"{name}.txt"
        self.port, self._control = free_ports(), free_ports()
        self._process = subprocess.Popen([
            sys.executable, "-m", "app.local.sink", "--port", str(self.port), "--record", str(self.record),
            "--behaviour", "accept", "--control-port", str(self._control),
        ])  # fmt: skip
        wait_until(lambda: answers(self.port) and answers(self._control), 20, name)

    def told(self, **orders: Any) -> None:
        """Behave so from now on."""
        asked = urllib.request.Request(
            f"http://127.0.0.1:{self._control}/behaviour", json.dumps(orders).encode(), method="POST"
        )
        urllib.request.urlopen(asked, timeout=10).close()

    def took(self) -> list[Accepted]:
        """What it has accepted."""
        return load(self.record)

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(20)

    def route(self, **fields: Any) -> Route:
        """The route over it."""
        smtp = {"host": "127.0.0.1", "port": self.port, "tls": "never", "timeout": 5}
        breaker = {"least": 5, "window": 3, "open_for": 2, "longest": 4, "silence": 3}
        return Route.model_validate(
            {"name": self.name, "provider": self.name, "smtp": smtp, "breaker": breaker} | fields
        )


@pytest.fixture
def relays(installation: Installation, tmp_path: Path) -> Iterator[tuple[Relay, Relay]]:
    """Two routes, three to one; afterwards there is none again."""
    one, two = Relay("relay-1", tmp_path), Relay("relay-2", tmp_path)
    for route in (one.route(weight=3), two.route(weight=1)):
        done = installation.command(kind="route.set", route=route)
        assert done.answer.status == 201, done.answer
    yield one, two
    for relay in (one, two):
        relay.told(trouble="")
        assert installation.command(kind="route.delete", thing=relay.name).answer.status == 200
    for relay in (one, two):
        relay.stop()


def everybody(installation: Installation, name: str, count: int) -> list[str]:
    """The addresses of a new list."""
    return installation.people(name, [
        {"email": f"{name}{n}@{('gmail.com', 'gmx.de')[n % 2]}", "first_name": "A", "city": "B"} for n in range(count)
    ])  # fmt: skip


def exactly_once(installation: Installation, campaign: str, addresses: list[str], *relays: Relay) -> None:
    """Each person has one message over one of *relays*, and nothing went over the server of FANFARE_SMTP_*."""
    expected = set(installation.messages_of(installation.entry(campaign), addresses).values())
    taken = [each.message for relay in relays for each in relay.took() if each.message in expected]
    assert len(taken) == len(set(taken)) == len(expected)
    assert not expected & {each.message for each in installation.sunk()}


def test_a_campaign_is_shared_by_weight_and_everybody_gets_it_once(
    installation: Installation, relays: tuple[Relay, Relay]
) -> None:
    """Stored while nothing ran; a change of weights would count within a second."""
    one, two = relays
    addresses = everybody(installation, "shared", 2_000)
    campaign = installation.start("shared")
    seen = installation.wait_for(campaign, "COMPLETED")
    assert sum(seen["counters"].get(name, 0) for name in FINAL) == 2_000
    exactly_once(installation, campaign, addresses, one, two)
    assert 0.6 < len(one.took()) / 2_000 < 0.9, "three of four, in slices"


def test_the_other_route_takes_over_while_one_refuses_and_gives_back_when_it_works_again(
    installation: Installation, relays: tuple[Relay, Relay]
) -> None:
    """A provider's outage under load: nobody is lost, nobody gets it twice, nobody has to do anything."""
    one, two = relays
    addresses = everybody(installation, "outage", 3_000)
    campaign = installation.start("outage", throttle={"rate": 300})
    wait_until(lambda: len(one.took()) > 100, 60, "the campaign")
    one.told(trouble="refuse")
    before = len(two.took())
    wait_until(lambda: len(two.took()) > before + 600, 60, "the other route")
    during = len(one.took())
    one.told(trouble="")
    wait_until(lambda: len(one.took()) > during + 100, 60, "the route that works again")
    seen = installation.wait_for(campaign, "COMPLETED", seconds=180)
    assert seen["counters"]["sent"] == 3_000, seen
    exactly_once(installation, campaign, addresses, one, two)
