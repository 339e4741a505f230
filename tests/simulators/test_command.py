"""The simulators as a process, and the commands that break and mend them."""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.local.parts import SIMULATORS, parts_of, simulators_dir
from app.local.ports import free_ports, wait_until
from app.local.simulators.keys import MADE, Keys
from app.local.simulators.known import NAMES, names_in, ports_of
from app.local.simulators.routes import routes_of
from app.local.state import ensure_secret
from app.settings import Settings


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Settings]:
    """Started as `fanfare up --simulate twilio,ses` does, without everything else."""
    settings = Settings(state_dir=tmp_path / "var", simulate="twilio,ses", simulator_port=free_ports(len(NAMES) + 1))
    ensure_secret(settings)
    part = next(each for each in parts_of(settings) if each.name == SIMULATORS)
    assert part.prepare is not None
    part.prepare(lambda _: None)
    process = subprocess.Popen(part.command())
    try:
        wait_until(lambda: part.is_ready(0.0), 20, "the simulators", lambda: process.poll() is None)
        yield settings
    finally:
        process.terminate()
        process.wait(10)


def fanfare(settings: Settings, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """One command, to its end."""
    return subprocess.run(
        [sys.executable, "-m", "app.cli.main", *arguments], env=os.environ | settings.environment(),
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def shown(settings: Settings, name: str) -> dict[str, Any]:
    """How the simulator *name* does."""
    found: dict[str, Any] = json.loads(fanfare(settings, "simulators", "show", name, "--json").stdout)
    return dict(found["simulators"][name])


def test_simulators_are_broken_and_mended_by_command(started: Settings) -> None:
    """With the words that one would type, and advice where they are wrong."""
    assert set(json.loads(fanfare(started, "simulators", "show", "--json").stdout)["simulators"]) == {"ses", "twilio"}
    assert "/hooks/twilio/" in shown(started, "twilio")["orders"]["hook"]
    done = fanfare(started, "simulators", "break", "twilio", "--outage", "30s")
    assert "answers 503, for 30 s" in done.stdout
    assert shown(started, "twilio")["orders"]["outage"] == "error"
    fanfare(started, "simulators", "break", "twilio", "--error", "server=0.2", "--throttle", "10", "--twice", "0.05")
    orders = shown(started, "twilio")["orders"]
    assert (orders["errors"], orders["rate"], orders["twice"], orders["outage"]) == ({"server": 0.2}, 10.0, 0.05, "")
    assert "works again" in fanfare(started, "simulators", "mend", "twilio").stdout
    assert shown(started, "twilio")["orders"]["rate"] is None
    for wrong, words in (
        (("ses", "--error", "nonsense"), "throttle"), (("vonage", "--outage", "30s"), "ses, twilio"),
        (("ses",), "say how"), (("ses", "--outage", "30s", "--hang", "30s"), "do not go together"),
    ):  # fmt: skip
        refused = fanfare(started, "simulators", "break", *wrong)
        assert refused.returncode == 2 and words in refused.stdout + refused.stderr


def test_without_simulators_the_command_says_how_to_start_some(tmp_path: Path) -> None:
    """Exit code 3: nothing answers."""
    refused = fanfare(Settings(state_dir=tmp_path, simulator_port=free_ports()), "simulators", "show")
    assert refused.returncode == 3 and "fanfare up --simulate" in refused.stderr


def test_secrets_are_for_their_owner_alone_and_stay_the_same(tmp_path: Path) -> None:
    """They are real enough to be found in a log one day."""
    keys = Keys(tmp_path / "keys")
    places = [keys.place(name) for name in (*MADE, "sns-certificate")]
    before = [Path(place.removeprefix("file:")).read_text() for place in places]
    assert [
        Path(place.removeprefix("file:")).read_text() for place in map(Keys(tmp_path / "keys").place, MADE)
    ] == before[:-1]
    assert {stat.S_IMODE(each.stat().st_mode) for each in (tmp_path / "keys").iterdir()} == {0o600}


def test_every_simulator_has_routes_that_a_newcomer_can_pick(tmp_path: Path) -> None:
    """One of each channel of phones takes all; the rest, and email, by their name as a tag. No secret is in a route."""
    keys = Keys(tmp_path / "keys")
    routes = routes_of(names_in("all"), 8_400, keys)
    assert {each.adapter for each in routes} == set(NAMES)
    untagged = {each.channel: each.name for each in routes if not each.tags}
    assert untagged == {"sms": "sim-twilio", "voice": "sim-twilio-voice", "whatsapp": "sim-whatsapp"}
    ports = ports_of(NAMES, 8_400)
    for each in routes:
        port = ports[each.adapter]
        where = each.config.model_dump(include={"url", "host", "port"})
        http = {"url": f"http://127.0.0.1:{port}/{each.adapter}"}
        assert where == ({"host": "127.0.0.1", "port": port} if each.smpp else http)
        told = each.model_dump_json()
        hidden = [name for name in MADE if name.endswith(("secret", "token", "key")) and name != "vonage-api-key"]
        assert not [name for name in hidden if keys.text(name) in told]


def test_an_unknown_simulator_is_refused_with_those_that_there_are(tmp_path: Path) -> None:
    """Before anything starts."""
    with pytest.raises(Exception, match=r"there is no simulator 'sess': one of ses, sendgrid"):
        parts_of(Settings(state_dir=tmp_path, simulate="sess"))
    assert simulators_dir(tmp_path) == tmp_path / "simulators"
