"""An installation made to be broken: on free ports, in a folder of its own, with a mail sink that nothing kills."""

import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import psutil

from app.commands import Command
from app.control import Control, Done, new_command_id
from app.control.errors import NoAnswerError
from app.local import supervisor
from app.local.kafka import KafkaServer
from app.local.ports import free_ports
from app.local.sink_read import Accepted, load
from app.local.state import UP, RunLock
from app.settings import Settings
from tests.chaos.age import age
from tests.chaos.sink import read_subjects
from tests.road.conftest import Installation

FANFARE = [sys.executable, "-m", "app.cli.main"]
OURS = ("intake", "pacing", "recipients", "senders", "record", "edge")  # not Kafka, ClickHouse, the sink
LATENCY = 10.0  # milliseconds before the sink answers: at a kill, every connection has a message on the wire
COMMAND_SECONDS = 240.0
RETRY_DELAYS = [0.5, 1.0, 2.0, 4.0, 8.0]


class StuckError(Exception):
    """What should have happened did not, in a time that is long enough by far."""


class Stage(Installation):
    """An installation, and how it is hurt."""

    def __init__(self, folder: Path, **given: Any) -> None:
        first = free_ports(8)
        quick: dict[str, Any] = {
            "uncertain_after": 4.0, "senders_email": 2,
            "retry_delays": RETRY_DELAYS, "retry_soft_delays": RETRY_DELAYS, "retry_throttle": 0.5,
        }  # fmt: skip
        self.sink_port = first + 6
        settings = Settings(
            state_dir=folder / "var", kafka_port=first, clickhouse_port=first + 2, edge_port=first + 3,
            sink_port=first + 4, smtp_port=self.sink_port, web_port=free_ports(64),
            **(quick | given),
        )  # fmt: skip
        super().__init__(settings, folder)
        self.record = folder / "sink.txt"
        self.records = [self.record]  # of every sink that takes mail of this stage
        self._environment = os.environ | settings.environment()
        self._counted: dict[Path, tuple[int, int]] = {}  # record -> (bytes read, messages)

    # -- up and down

    def up(self) -> None:
        """Start everything and wait until it is ready."""
        self._fanfare("up")

    def down(self) -> None:
        """Stop everything in good order."""
        self._fanfare("down")

    def _fanfare(self, command: str) -> None:
        log = self.folder / f"{command}.log"
        with log.open("wb") as out:
            done = subprocess.run(
                [*FANFARE, command], env=self._environment, timeout=COMMAND_SECONDS, stdout=out, stderr=out, check=False
            )
        if done.returncode:
            raise StuckError(f"`fanfare {command}` failed: {log.read_text()[-500:]}")

    @contextmanager
    def sink(self) -> Iterator[None]:
        """A sink of its own, whose record is the judge's."""
        command = [
            sys.executable,
            "-m",
            "tests.chaos.sink",
            "--port",
            str(self.sink_port),
            "--record",
            str(self.record),
        ]
        with (
            (self.folder / "sink.log").open("ab") as out,
            subprocess.Popen([*command, "--latency", str(LATENCY)], env=self._environment, stderr=out) as process,
        ):
            try:
                yield
            finally:
                process.terminate()

    @contextmanager
    def running(self) -> Iterator["Stage"]:
        """Everything up, and down in the end."""
        with self.sink():
            try:
                self.up()
                yield self
            finally:
                self.down()

    # -- what it tells

    def parts(self) -> dict[str, dict[str, Any]]:
        """What the supervisor knows of each part that is alive."""
        return {part["name"]: part for part in supervisor.status(self.settings) if part["pid"]}

    def sunk(self) -> list[Accepted]:
        """What the sinks have accepted, in order."""
        return sorted((each for record in self.records for each in load(record)), key=lambda each: each.at)

    def sunk_count(self) -> int:
        """How many messages the sinks have accepted."""
        for record in self.records:
            if record.exists():
                read_to, counted = self._counted.get(record, (0, 0))
                with record.open("rb") as file:
                    file.seek(read_to)
                    fresh = file.read()
                self._counted[record] = read_to + len(fresh), counted + fresh.count(b"\n")
        return sum(counted for _, counted in self._counted.values())

    def command(self, **fields: Any) -> Done:
        """Send a command until it is answered: the same each time, as a program does, for those who answer die."""
        return self.commands([Command(id=new_command_id(), **fields)])[0]

    def commands(self, wanted: Sequence[Command]) -> list[Done]:
        """Send each until it is answered, one after another."""

        async def send() -> list[Done]:
            async with Control(self.settings) as control:
                return [await answered(control, each) for each in wanted]

        async def answered(control: Control, command: Command) -> Done:
            deadline = time.monotonic() + COMMAND_SECONDS
            while True:
                try:
                    return await control.send(command)
                except NoAnswerError:
                    if time.monotonic() > deadline:
                        raise

        return asyncio.run(send())

    def taken(self, **fields: Any) -> None:
        """Give a command that must be taken."""
        answer = self.command(**fields).answer
        if answer.status >= 400:
            raise StuckError(f"{fields['kind']} was refused: {answer.error} ({answer.field})")

    def subjects(self) -> dict[str, set[str]]:
        """Message -> the subjects under which the sink has accepted it."""
        found: dict[str, set[str]] = {}
        for message, subject in read_subjects(self.record):
            found.setdefault(message, set()).add(subject)
        return found

    def refused(self) -> list[str]:
        """The messages that the sink has turned away for good."""
        path = self.record.with_name(self.record.name + ".refused")
        return [line.split()[0] for line in path.read_text().splitlines()] if path.exists() else []

    def view(self, path: str) -> dict[str, Any]:
        """A web view of the pacing worker, or {} while it is down."""
        with contextlib.suppress(OSError, ValueError):
            return super().view(path)
        return {}

    def live(self, campaign: str) -> dict[str, Any]:
        """The campaign as the edge shows it, or {} while the edge is down."""
        address = f"http://127.0.0.1:{self.settings.edge_port}/campaigns/{campaign}/picture"
        asked = urllib.request.Request(address, headers={"Authorization": f"Bearer {self.api_key}"})
        with contextlib.suppress(OSError, ValueError), urllib.request.urlopen(asked, timeout=5) as answer:
            return dict(json.load(answer))
        return {}

    def backlog(self) -> dict[str, int]:
        """Records that each plane has before it."""
        command = [*FANFARE, "backlog", "--json"]
        done = subprocess.run(
            command, env=self._environment, timeout=COMMAND_SECONDS, stdout=subprocess.PIPE, check=True
        )
        return dict(json.loads(done.stdout)["planes"])

    @cached_property
    def api_key(self) -> str:
        """A key of the REST API that may read."""
        command = [*FANFARE, "keys", "create", "--scope", "read", "--json"]
        done = subprocess.run(
            command, env=self._environment, timeout=COMMAND_SECONDS, stdout=subprocess.PIPE, check=True
        )
        return str(json.loads(done.stdout)["key"])

    def wait_for(self, campaign: str, *states: str, seconds: float = 180.0) -> dict[str, Any]:
        """Wait until the campaign is in one of *states*; its web view then."""
        seen: dict[str, Any] = {}

        def there() -> bool:
            seen.update(self.view(f"/campaigns/{campaign}/"))
            return seen.get("state") in states

        self.wait_until(there, lambda: f"{campaign} is not {' or '.join(states)}: {seen}", seconds)
        return seen

    def wait_until(self, there: Callable[[], bool], what: Callable[[], str], seconds: float = 120.0) -> None:
        """Wait until *there*. Raises StuckError with *what* after *seconds*."""
        deadline = time.monotonic() + seconds
        while not there():
            if time.monotonic() > deadline:
                raise StuckError(what())
            time.sleep(0.05)

    def wait_ready(self) -> None:
        """Wait until every part is ready."""
        said = "nothing runs"

        def there() -> bool:
            nonlocal said
            late = [p["name"] for p in supervisor.status(self.settings) if p["state"] not in UP]
            said = f"not ready: {late}"
            return bool(self.parts()) and not late

        self.wait_until(there, lambda: said)

    # -- how it is hurt

    def kill(self, name: str) -> bool:
        """kill -9 of one part; whether it was alive."""
        part = self.parts().get(name)
        if part is None:
            return False
        try:
            process = psutil.Process(part["pid"])
            if abs(process.create_time() - part["born"]) > 0.02:
                return False
            process.kill()
        except psutil.Error:
            return False
        return True

    def kill_one_of_ours(self, dice: random.Random) -> str:
        """kill -9 of a random Fanfare process; its name."""
        while True:
            alive = sorted(name for name in self.parts() if name.startswith(OURS))
            name = dice.choice(alive) if alive else ""
            if name and self.kill(name):
                return name
            time.sleep(0.05)

    def kill_everything(self) -> int:
        """kill -9 of the supervisor and of every part, Kafka and ClickHouse too; how many processes."""
        pid = RunLock(self.settings.state_dir).holder()
        assert pid is not None
        victims = [psutil.Process(pid), *(psutil.Process(part["pid"]) for part in self.parts().values())]
        for victim in victims:
            with contextlib.suppress(psutil.NoSuchProcess):
                victim.send_signal(signal.SIGKILL)
        psutil.wait_procs(victims, timeout=20)
        return len(victims)

    def age(self, days: float) -> int:
        """Set the clock of Kafka's logs on, while nothing runs; how many batches are older now."""
        changed = age(KafkaServer(self.settings.state_dir, self.settings.kafka_port).folder / "data", days)
        assert changed, "there is nothing in Kafka's logs"
        return changed

    @contextmanager
    def outage(self, name: str) -> Iterator[list[float]]:
        """Keep the part *name* from living for as long as the block lasts; the times of its deaths."""
        over = threading.Event()
        deaths: list[float] = []

        def hunt() -> None:
            while not over.is_set():
                if self.kill(name):
                    deaths.append(time.time())
                over.wait(0.1)

        hunter = threading.Thread(target=hunt)
        hunter.start()
        try:
            yield deaths
        finally:
            over.set()
            hunter.join()
