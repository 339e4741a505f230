"""What a long past and a full calendar add to the start of a process: finished and scheduled campaigns by the million.

    python -m benchmarks.start_bench [--finished 1000000] [--scheduled 100000]

Every Fanfare process is killed and comes back, before and after: seconds from its birth until it is ready, and its
memory a moment later. The finished campaigns are rows in ClickHouse, as years leave them; the scheduled ones are
created by commands, as people do.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

import psutil

from app.clickhouse.client import ClickHouse
from app.clickhouse.contacts import import_people
from app.clickhouse.demo_contacts import write_csv
from app.commands import Command
from app.control import Control
from app.local.state import status_path
from app.settings import Settings
from app.specs import CampaignSpec, Content, Schedule
from benchmarks.installation import Installation, installation

AT_ONCE = 200  # commands under way
AT_A_TIME = 50_000  # rows of one statement
YEAR = 31_536_000.0
LETTER = Content(subject="Hello {{ first_name }}", html="<p>Hi {{ first_name }}</p>", defaults={"first_name": "you"})
LIFE_AFTER = 2.0  # seconds after it is ready until its memory is read
STARTS = 3  # of each process, of which the median counts
LONGEST = 120.0
OURS = ("pacing", "intake", "recipients", "senders", "record", "edge")

# Rows of the mirror as record writes them: ids that sort, an entry that can be read, all of years ago.
FINISHED = """
INSERT INTO campaigns (id, account, name, project, state, channel, lists, audience, counters, reason, created_at,
                       started_at, finished_at, entry, version)
SELECT concat('c_past', toString(number)), 'default', concat('Letter ', toString(number)), '', 'COMPLETED', 'email',
       ['everybody'], 1000, map('sent', 1000), '', then, then, then + 60,
       replaceOne({entry:String}, 'c_past', concat('c_past', toString(number))), 9
FROM
(
    SELECT number, now64(3) - INTERVAL 2 DAY - toIntervalSecond(number * 60) AS then
    FROM numbers({first:UInt32}, {count:UInt32})
)
"""

Tell = Callable[[str], object]


@dataclass
class Start:
    """How a process starts."""

    seconds: float  # from its birth until it is ready
    memory_mb: float


@dataclass
class StartResult:
    """Every process, with nothing and with all of it."""

    finished: int
    scheduled: int
    scheduled_per_second: float  # commands that were answered
    before: dict[str, Start] = field(default_factory=dict)
    after: dict[str, Start] = field(default_factory=dict)

    @property
    def most_seconds_more(self) -> float:
        """The most that any start took longer."""
        return max(self.after[name].seconds - self.before[name].seconds for name in self.before)

    @property
    def most_memory_more(self) -> float:
        """The most MiB that any process has more."""
        return max(self.after[name].memory_mb - self.before[name].memory_mb for name in self.before)


def measure(finished: int, scheduled: int, tell: Tell = lambda _: None) -> StartResult:
    """Fill an installation of its own and restart its processes."""
    with installation(senders_email=1) as running:
        tell("starting every process with nothing behind it")
        before = dict(_starts(running))
        tell(f"{finished:,} finished campaigns")
        asyncio.run(_finish(running.settings, finished))
        tell(f"{scheduled:,} scheduled campaigns")
        began = time.monotonic()
        asyncio.run(_schedule(running.settings, scheduled))
        rate = scheduled / (time.monotonic() - began)
        tell("starting every process with all of that behind it")
        return StartResult(finished, scheduled, round(rate), before, dict(_starts(running)))


async def _finish(settings: Settings, count: int) -> None:
    """Campaigns that ended long ago: in ClickHouse, and nowhere else."""
    entry = {
        "id": "c_past", "account": "default", "state": "COMPLETED", "created_at": 1.7e9, "finished_at": 1.7e9,
        "spec": {"from_email": "news@acme.example", "lists": ["everybody"]},
    }  # fmt: skip
    async with ClickHouse(settings, timeout=300.0) as client:
        for first in range(0, count, AT_A_TIME):
            part = min(AT_A_TIME, count - first)
            await client.execute(FINISHED, {"entry": json.dumps(entry), "first": first, "count": part})


async def _schedule(settings: Settings, count: int) -> None:
    """Campaigns that are due in a year, by commands; all of them answered."""
    path = settings.state_dir / "people.csv"
    write_csv(path, 1_000)  # a list that there is: its columns are remembered while templates are checked against them
    await import_people(settings, path, "everybody")
    due = time.time() + YEAR
    numbers = iter(range(count))

    async def create(control: Control) -> None:
        for number in numbers:
            spec = CampaignSpec(
                name=f"Birthday {number}", from_email="news@acme.example", lists=["everybody"],
                schedule=Schedule(at=due + number),
            )  # fmt: skip
            command = Command(id=f"s{number}", kind="campaign.create", spec=spec, content=LETTER, start=True)
            answer = (await control.send(command, timeout=120)).answer
            if answer.status >= 400 or answer.state != "SCHEDULED":
                raise RuntimeError(f"not scheduled: {answer}")

    async with Control(settings) as control:
        await asyncio.gather(*(create(control) for _ in range(AT_ONCE)))


def _starts(running: Installation) -> Iterator[tuple[str, Start]]:
    """(part, how it starts) of every Fanfare process, killed one after another."""
    for name in sorted(running.processes()):
        if name.startswith(OURS):
            starts = [_start(running, name) for _ in range(STARTS)]
            yield (
                name,
                Start(
                    round(median(each.seconds for each in starts), 2),
                    round(median(each.memory_mb for each in starts), 1),
                ),
            )


def _start(running: Installation, name: str) -> Start:
    before = _part(running, name)["pid"]
    psutil.Process(before).kill()
    deadline = time.monotonic() + LONGEST
    while (part := _part(running, name))["pid"] in (0, before) or part["state"] != "ready":
        if time.monotonic() > deadline:
            raise RuntimeError(f"{name} is not ready {LONGEST:g} s after it was killed")
        time.sleep(0.01)
    ready = time.time()
    time.sleep(LIFE_AFTER)
    memory = psutil.Process(part["pid"]).memory_info().rss / (1 << 20)
    return Start(ready - part["born"], memory)


def _part(running: Installation, name: str) -> dict[str, Any]:
    parts = json.loads(status_path(running.settings.state_dir).read_text())
    return next(part for part in parts if part["name"] == name)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--finished", type=int, default=1_000_000)
    parser.add_argument("--scheduled", type=int, default=100_000)
    given = parser.parse_args()
    result = measure(given.finished, given.scheduled, lambda text: sys.stderr.write(f"{text}\n"))
    print(json.dumps(asdict(result), indent=1))
    print(f"at most {result.most_seconds_more:+.2f} s and {result.most_memory_more:+.1f} MiB more")


if __name__ == "__main__":
    main()
