"""What makes up an installation on one machine: each part's command, needs, ports and how it tells that it is ready."""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from app.local.clickhouse import ClickHouseServer
from app.local.failure import LocalError
from app.local.kafka import KafkaServer
from app.local.ports import LOOPBACK, answers
from app.local.simulators.known import hooks_of, names_in, ports_of
from app.local.slot import Part
from app.local.state import EDGE, ready_path, wanted_path
from app.settings import Settings
from app.topics import PHONES

# A worker says that it is ready by a file. One that does not is taken for ready when it has lived this long.
SILENT_READY = 8.0
SILENT_SINK = 2.0

# What is recorded a moment later is late for nobody; a message is.
BEHIND = 5

SENDER_PORTS = {"sms": 34, "whatsapp": 44, "voice": 54}  # their first web ports, counted from FANFARE_WEB_PORT

SIMULATORS = "simulators"
LETTERBOX = "letterbox"
ONE_SINK = "sink"  # the name of the only one; several are relay-1, relay-2 ...


def parts_of(settings: Settings) -> list[Part]:
    """All parts that `fanfare up` starts. Kafka and ClickHouse of the user's own are left to the user."""
    parts = [_sink(settings, name, port) for name, port in sinks_of(settings).items()]
    if settings.simulate:
        parts.append(_simulators(settings))
    if settings.kafka == f"{LOOPBACK}:{settings.kafka_port}":
        parts.append(_kafka(settings))
    if settings.clickhouse == f"http://{LOOPBACK}:{settings.clickhouse_port}":
        parts.append(_clickhouse(settings))
    embedded = {part.name for part in parts}
    topics_need = tuple(embedded & {"kafka"})
    schema_needs = tuple(embedded & {"clickhouse"})
    parts.append(Part("topics", _fanfare("topics", "apply"), _never, needs=topics_need, once=True))
    if settings.bounce_domain:
        parts.append(_letterbox(settings))
    parts.append(Part("migrate", _fanfare("migrate"), _never, needs=schema_needs, once=True))
    return parts + _workers(settings)


def sinks_of(settings: Settings) -> dict[str, int]:
    """Name and port of each embedded mail sink."""
    if settings.sinks == 1:
        return {ONE_SINK: settings.sink_port}
    return {f"relay-{number + 1}": settings.sink_port + number for number in range(settings.sinks)}


def sink_record(state_dir: Path, name: str = ONE_SINK) -> Path:
    """Where an embedded sink writes who got what."""
    return state_dir / "sink" / f"{name}.jsonl"


def sink_records(state_dir: Path) -> list[Path]:
    """The records of all sinks that there ever were here."""
    return sorted((state_dir / "sink").glob("*.jsonl"))


def sink_orders(state_dir: Path, name: str) -> Path:
    """The file that tells an embedded sink how to behave."""
    return state_dir / "sink" / f"{name}.orders.json"


def _workers(settings: Settings) -> list[Part]:
    recipients = [_worker(settings, "recipients", 0, 4)]
    phones = [
        _sender_to_phones(settings, channel, slot)
        for channel in PHONES
        for slot in range(senders_of(settings, channel))
    ]
    senders = [_worker(settings, "senders", slot, 14, "email") for slot in range(settings.senders_email)]
    return [
        *recipients,
        *senders,
        *phones,
        _worker(settings, "pacing", 0, 0),
        _worker(settings, "intake", 0, 24, needs=("topics", "migrate")),
        Part("record", _fanfare("record"), _by_file(settings, "record"), needs=("topics", "migrate"), nice=BEHIND),
        _edge(settings),
    ]


def senders_of(settings: Settings, channel: str) -> int:
    """How many senders of *channel* `up` starts."""
    return int(getattr(settings, f"senders_{channel}"))


def _sender_to_phones(settings: Settings, channel: str, slot: int) -> Part:
    """Started with the first route of *channel*: a worker that nobody needs costs some 100 MB."""
    wanted = wanted_path(settings.state_dir, channel)
    part = _worker(settings, "senders", slot, SENDER_PORTS[channel], channel)
    return replace(part, wanted=wanted.exists, wants=f"starts with the first route of {channel}")


def _worker(
    settings: Settings, plane: str, slot: int, port: int, channel: str = "", needs: tuple[str, ...] = ("topics",)
) -> Part:
    """*port* is the plane's first web port, as agents/planes.py counts them."""
    name = "-".join(filter(None, (plane, channel, str(slot))))
    command = _fanfare(*filter(None, ("worker", plane, channel)), "--slot", str(slot))
    ports = ((settings.web_port + port + slot, "FANFARE_WEB_PORT"),)
    return Part(name, command, _by_file(settings, name), needs=needs, ports=ports)


def _edge(settings: Settings) -> Part:
    return Part(
        EDGE,
        _fanfare("edge"),
        _by_own_port(settings),
        needs=("topics", "migrate"),
        ports=((settings.edge_port, "FANFARE_EDGE_PORT"),),
    )


def _letterbox(settings: Settings) -> Part:
    path = ready_path(settings.state_dir, LETTERBOX)
    return Part(
        LETTERBOX,
        _fanfare(LETTERBOX),
        lambda alive: _touched(path, alive) and answers(settings.bounce_port, settings.bounce_host),
        needs=("topics",),
        ports=((settings.bounce_port, "FANFARE_BOUNCE_PORT"),),
    )


def _kafka(settings: Settings) -> Part:
    server = KafkaServer(settings.state_dir, settings.kafka_port, settings.kafka_home)

    def prepare(say: Callable[[str], None]) -> None:
        server.prepare(lambda here, total: say(f"fetches Kafka's jars: {here} of {total}"))

    return Part(
        "kafka",
        lambda: server.command(),
        lambda _alive: server.is_ready(),
        ports=((settings.kafka_port, "FANFARE_KAFKA_PORT"), (server.controller_port, "FANFARE_KAFKA_PORT")),
        stage=2,
        prepare=prepare,
    )


def _clickhouse(settings: Settings) -> Part:
    server = ClickHouseServer(
        settings.state_dir, settings.clickhouse_port, settings.clickhouse_user, settings.clickhouse_password
    )
    return Part(
        "clickhouse",
        lambda: server.command(),
        lambda _alive: server.is_ready(),
        environment=server.environment(),
        nice=BEHIND,
        ports=((settings.clickhouse_port, "FANFARE_CLICKHOUSE_PORT"),),
        stage=1,
    )


def _sink(settings: Settings, name: str, port: int) -> Part:
    state_dir = settings.state_dir.resolve()
    record, orders = sink_record(state_dir, name), sink_orders(state_dir, name)
    record.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "app.local.sink", "--port", str(port)]
    command += ["--record", str(record), "--orders", str(orders)]
    return Part(
        name,
        lambda: command,
        # One that is told to refuse connections has started well.
        lambda alive: answers(port, LOOPBACK) or (orders.exists() and alive > SILENT_SINK),
        ports=((port, "FANFARE_SINK_PORT"),),
        stage=1,
        prepare=lambda _say: orders.unlink(missing_ok=True),
    )


def simulators_dir(state_dir: Path) -> Path:
    """Where the simulators keep their secrets, and who got what."""
    return state_dir / "simulators"


def _simulators(settings: Settings) -> Part:
    try:
        names = names_in(settings.simulate)
    except ValueError as error:
        raise LocalError(str(error), "set FANFARE_SIMULATE, or `up --simulate`, to some of them") from error
    port, folder = settings.simulator_port, simulators_dir(settings.state_dir.resolve())
    begin = folder / "begin.json"
    command = [sys.executable, "-m", "app.local.simulator", "--port", str(port), "--dir", str(folder)]
    command += ["--only", ",".join(names), "--begin", str(begin)]

    def prepare(_say: Callable[[str], None]) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        hooks = hooks_of(names, settings.public_url, settings.secret_path.read_bytes())
        begin.write_text(json.dumps({name: {"hook": hook} for name, hook in hooks.items()}))

    ports = [port, *ports_of(names, port).values()]
    return Part(
        SIMULATORS,
        lambda: command,
        lambda _alive: answers(port),
        ports=tuple((each, "FANFARE_SIMULATOR_PORT") for each in ports),
        stage=1,
        prepare=prepare,
    )


def _fanfare(*arguments: str) -> Callable[[], list[str]]:
    return lambda: [sys.executable, "-m", "app.cli.main", *arguments]


def _by_own_port(settings: Settings) -> Callable[[float], bool]:
    """The edge listens, and it is this process that does: one that found its port taken is not ready."""
    path = ready_path(settings.state_dir, EDGE)
    return lambda alive: _touched(path, alive) and answers(settings.edge_port, settings.edge_host)


def _by_file(settings: Settings, worker: str) -> Callable[[float], bool]:
    path = ready_path(settings.state_dir, worker)
    return lambda alive: _touched(path, alive) or alive > SILENT_READY


def _touched(path: Path, within: float) -> bool:
    """Whether *path* was touched in the last *within* seconds: an older file is of a process before this one."""
    try:
        return path.stat().st_mtime >= time.time() - within
    except FileNotFoundError:
        return False


def _never(_alive: float) -> bool:
    return False
