"""docker-compose.yml and the Dockerfile agree with the commands, the settings and the parts of a local installation."""

import re
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml

from agents.planes import WEB_PORTS
from app.local.jars import read_list
from app.local.kafka import PROPERTIES
from app.local.parts import parts_of
from app.settings import Settings
from tests.house.command_lines import ROOT, problem_with

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("fanfare")}
DOCKERFILE = (ROOT / "Dockerfile").read_text()

# The part of the compose specification that the file may use, with the type of each key.
SERVICE_KEYS = {
    "build": str, "command": list, "depends_on": dict, "entrypoint": list, "environment": dict, "healthcheck": dict,
    "image": str, "init": bool, "ports": list, "profiles": list, "restart": str, "stop_grace_period": str,
    "ulimits": dict, "volumes": list,
}  # fmt: skip
CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}
# What differs between one process on loopback and a container.
OF_THE_NETWORK = re.compile(r"LISTENER|QUORUM|LOG_DIRS|HEAP")


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_the_shape_that_compose_reads(name: str) -> None:
    """Compose stops at the first wrong key or type, on the machine of somebody who only has Docker."""
    service = SERVICES[name]
    assert service.keys() <= SERVICE_KEYS.keys()
    assert all(isinstance(value, SERVICE_KEYS[key]) for key, value in service.items())
    words = [*service.get("command", []), *service.get("entrypoint", []), *service["environment"].values()]
    assert all(isinstance(word, str) for word in words), "numbers and booleans are quoted"
    assert re.fullmatch(r"no|unless-stopped|on-failure:\d+", service["restart"])
    for needed, how in service.get("depends_on", {}).items():
        assert how["condition"] in CONDITIONS
        if how["condition"] == "service_healthy":
            assert "healthcheck" in SERVICES[needed]
        if how["condition"] == "service_completed_successfully":
            assert SERVICES[needed]["restart"].startswith("on-failure")
    assert {mount.partition(":")[0] for mount in service.get("volumes", [])} <= COMPOSE["volumes"].keys()


def test_images_are_pinned_to_a_version() -> None:
    """What was tested is what people get, next year too."""
    foreign = {service["image"] for service in SERVICES.values()} - {"fanfare:local"}
    (base,) = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert all(re.fullmatch(r"[a-z/-]+:\d+\.\d+\.\d+[\w.-]*", image) for image in {*foreign, base})


def test_kafka_is_the_version_that_the_embedded_one_is() -> None:
    """Two versions would be two sets of bugs."""
    (embedded,) = {jar.version for jar in read_list() if jar.artifact == "kafka-clients"}
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{embedded}"


def test_kafka_has_the_settings_of_the_embedded_one() -> None:
    """A pack that fits into a record here must fit there."""
    embedded = dict(line.split("=", 1) for line in PROPERTIES.splitlines() if not line.startswith("#"))
    said = {
        name.removeprefix("KAFKA_").lower().replace("_", "."): value
        for name, value in SERVICES["kafka"]["environment"].items()
        if name.startswith("KAFKA_") and not OF_THE_NETWORK.search(name)
    }
    assert said == {name: embedded[name] for name in said}
    assert {"message.max.bytes", "offsets.retention.minutes", "auto.create.topics.enable"} <= said.keys()


@pytest.mark.parametrize("name", [name for name, service in OURS.items() if "entrypoint" not in service])
def test_a_command_is_one_that_fanfare_knows(name: str) -> None:
    """A renamed command must be renamed here."""
    assert problem_with(SERVICES[name]["command"]) == ""


def test_every_setting_in_the_file_exists() -> None:
    """A misspelt setting is silently the default."""
    named = set(re.findall(r"FANFARE_[A-Z_]+", (ROOT / "docker-compose.yml").read_text() + DOCKERFILE))
    assert named
    assert named <= {f"FANFARE_{field.upper()}" for field in Settings.model_fields}


def test_our_services_share_their_settings_and_their_state() -> None:
    """One process with another Kafka, or another key, and ids no longer agree."""
    assert len({str(service["environment"]) for service in OURS.values()}) == 1
    assert all("state:/state" in service["volumes"] for service in OURS.values())


def test_ports_are_open_to_this_machine_only() -> None:
    """Kafka, ClickHouse and the pages ask for no password: Docker would open them past the firewall."""
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in ports)
    assert len({port.split(":")[1] for port in ports}) == len(ports)


def test_no_secret_is_in_the_file() -> None:
    """What is in the repository is known to everybody."""
    for service in SERVICES.values():
        assert not [name for name in service["environment"] if re.search(r"PASSWORD|SECRET|TOKEN|_KEY", name)]


def test_every_part_of_a_local_installation_is_a_service(tmp_path: Path) -> None:
    """A process that is added to `fanfare up` and forgotten here would be missed only in production."""
    parts = parts_of(Settings(state_dir=tmp_path))
    for part in parts:
        assert part.name in SERVICES
    for part in parts:
        service = SERVICES[part.name]
        if service["image"] != "fanfare:local" or "entrypoint" in service:
            continue
        assert part.command()[3:] == service["command"]  # after: python -m app.cli.main
        if part.ports:
            assert service["healthcheck"]["test"][-1] == str(part.ports[0][0])


def test_every_worker_has_the_web_port_that_its_process_takes(tmp_path: Path) -> None:
    """The supervisor looks whether ports are free, and health checks ask them: both must mean the right ones."""
    settings = Settings(state_dir=tmp_path, senders_email=10)
    ports: list[int] = []
    for part in parts_of(settings):
        _, _, *words = part.command()[1:]
        if words[:1] == ["worker"]:
            plane = "-".join(words[1 : words.index("--slot")])
            port = settings.web_port + WEB_PORTS[plane] + int(words[words.index("--slot") + 1])
            assert [found for found, _ in part.ports] == [port]
            ports.append(port)
    assert len(set(ports)) == len(ports) == 16


def test_the_image_holds_what_the_code_needs_and_runs_without_root() -> None:
    """A file that is not copied is missed at run time; a process that is broken into must not own its container."""
    copied = {word for line in re.findall(r"^COPY (.+) \S+$", DOCKERFILE, re.MULTILINE) for word in line.split()}
    assert {"app", "agents", "tables", "deploy", "requirements.lock"} == copied
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    for source in copied:
        assert (ROOT / source).exists()
        assert f"!{source}" in ignored
    assert "*" in ignored
    assert not any(fnmatch(secret, line[1:]) for line in ignored if line.startswith("!") for secret in ("var", ".git"))
    assert "--require-hashes" in DOCKERFILE
    assert re.search(r"^USER (?!root)\w+", DOCKERFILE, re.MULTILINE)
