"""Many messages that wait for a retry: what each costs on disk and in memory, and how soon a killed process is back.

Every mailbox is full; the first retry is up to five hours away.
"""

import asyncio
import shutil
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from app.cli.demo_run import demo_content
from app.clickhouse.contacts import import_people
from app.clickhouse.demo_contacts import write_csv
from app.commands import Command
from app.control import Control, new_command_id
from app.local.ports import free_ports
from app.provider_accounts import SmtpServer
from app.routes import BreakerRules, LimitSet, Route
from app.specs import CampaignSpec, Retries
from benchmarks.installation import Installation, sink_process

ROUTE, LIST = "wall", "waiting"
HOUR = 3_600.0
FULL = "452 4.2.2 The recipient's mailbox is full"  # no fault of the route: neither breaker nor pacing minds
LONGEST = 900.0
STUCK = 60.0  # seconds without progress
KILLED = {"recipients-0": False, "pacing-0": False, "recipients-0, disk lost": True}  # part -> its folder goes, too
SETTLE = 12.0  # seconds until what was written is counted in demand and on disk

Tell = Callable[[str], object]


@dataclass
class Waiting:
    """What waits, and what it costs."""

    messages: int = 0
    disk_bytes: float = 0.0  # a message, in the folder of the recipients plane
    memory_bytes: float = 0.0  # a message, of the recipients process
    per_second: float = 0.0  # messages deferred a second
    recoveries: dict[str, float] = field(default_factory=dict)  # seconds from kill -9 until ready again

    @property
    def bytes_a_message(self) -> float:
        """Disk and memory together."""
        return self.disk_bytes + self.memory_bytes


async def measure_waiting(running: Installation, stack: ExitStack, messages: int, tell: Tell) -> Waiting:
    """Let *messages* wait in *running*."""
    settings = running.settings
    port, record = free_ports(2), running.record.with_name("wall.txt")
    stack.enter_context(sink_process(port, record, FULL))
    path = settings.state_dir / "waiting.csv"
    people = min(messages, 100_000)
    write_csv(path, people, seed=3)
    await import_people(settings, path, LIST)
    worker = running.processes()["recipients-0"]
    disk, memory = _disk(settings.state_dir), worker.memory_info().rss
    result = Waiting()
    async with Control(settings) as control:
        never = BreakerRules(errors=1.0, bounces=1.0)
        wall = SmtpServer(host="127.0.0.1", port=port, tls="never", connections=64)
        route = Route(name=ROUTE, smtp=wall, tags=[ROUTE], breaker=never, adaptive=False)
        orders = [Command(id=new_command_id(), kind="route.set", route=route)]
        for limit in control.tail.limits.values():  # those of the first part bind no more
            off = LimitSet(scope=limit.scope, name=limit.name, group=limit.group)
            orders.append(Command(id=new_command_id(), kind="limit.set", limit=off))
        for number in range(-(-messages // people)):
            spec = CampaignSpec(
                name=f"waiting {number}", from_email="letter@fernweh.example", lists=[LIST], route_tags=[ROUTE],
                retries=Retries(soft=[HOUR * 5, HOUR * 5], give_up_after=HOUR * 24),
            )  # fmt: skip
            orders.append(
                Command(id=new_command_id(), kind="campaign.create", spec=spec, content=demo_content(), start=True)
            )
        began = time.monotonic()
        campaigns = []
        for order in orders:
            answer = (await control.send(order, timeout=60)).answer
            if answer.status >= 400:
                raise RuntimeError(f"{order.kind} was refused: {answer.error} ({answer.field})")
            campaigns += [answer.campaign] if order.kind == "campaign.create" else []
        await _deferred(control, campaigns, messages, tell)
        result.per_second = messages / (time.monotonic() - began)
        result.messages = messages
        await asyncio.sleep(SETTLE)
        result.disk_bytes = (_disk(settings.state_dir) - disk) / messages
        result.memory_bytes = (worker.memory_info().rss - memory) / messages
        for name, disk_lost in KILLED.items():
            result.recoveries[name] = await _recovery(running, name, disk_lost, tell)
    return result


async def _deferred(control: Control, campaigns: list[str], messages: int, tell: Tell) -> None:
    most, since = 0, time.monotonic()
    while True:
        pictures = [control.picture(each) for each in campaigns]
        count = sum(each.counts.get("deferred", 0) for each in pictures)
        if count >= messages:
            return
        if count > most:
            most, since = count, time.monotonic()
        if time.monotonic() - since > STUCK:
            held = {each: control.tail.held.get(each) for each in campaigns}
            raise RuntimeError(f"only {count} of {messages} messages wait for a retry: {pictures}, {held}")
        tell(f"{count:,} of {messages:,} wait for a retry")
        await control.changed(0.5)


async def _recovery(running: Installation, name: str, disk_lost: bool, tell: Tell) -> float:
    """Seconds from kill -9 of a worker until a new process says that it is ready."""
    part = name.partition(",")[0]
    tell(f"kill -9 of {name}")
    process = running.processes()[part]
    ready = running.settings.state_dir / "run" / f"{part}.ready"
    began, wall = time.monotonic(), time.time()
    process.kill()
    if disk_lost:
        for folder in _folders(running.settings.state_dir, part):
            shutil.rmtree(folder, ignore_errors=True)
    while not (ready.exists() and ready.stat().st_mtime > wall and _lives(running, part, process)):
        if time.monotonic() - began > LONGEST:
            raise RuntimeError(f"{part} is not back")
        await asyncio.sleep(0.05)
    return time.monotonic() - began


def _lives(running: Installation, part: str, before: psutil.Process) -> bool:
    found = running.processes().get(part)
    return found is not None and found.pid != before.pid


def _folders(state_dir: Path, part: str) -> list[Path]:
    return [path for path in (state_dir / "workers").glob(f"{part}*") if path.is_dir()]


def _disk(state_dir: Path) -> int:
    """Bytes of the recipients' own folders."""
    return sum(
        file.stat().st_size
        for folder in _folders(state_dir, "recipients-0")
        for file in folder.rglob("*")
        if file.is_file()
    )
