"""The whole road: a list of people in ClickHouse, one campaign to them, judged by the mail sink's own record.

    python -m benchmarks.end_to_end [--people 100000] [--senders 2]

Every process of an installation runs on this machine, the sink too. The letter is that of `fanfare demo`:
6 KB of HTML with a name, a city and ten tracked links, a text part and a pixel. The rate is taken from the
first to the last message that the sink took; CPU from the command until the campaign is complete and
ClickHouse knows of every message.
"""

import argparse
import asyncio
import csv
import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from app import ids
from app.cli.demo_run import QUICK, demo_content
from app.clickhouse import queries
from app.clickhouse.client import ClickHouse
from app.clickhouse.contacts import import_people
from app.clickhouse.demo_contacts import write_csv
from app.commands import CampaignEntry, Command
from app.control import Control, new_command_id
from app.local.sink_read import load
from app.settings import Settings
from app.specs import CampaignSpec
from benchmarks.installation import PARTS_OF_OTHERS, Installation, installation
from benchmarks.usage import Usage

LIST = "everybody"
LONGEST = 600.0  # seconds for the campaign
LINE = 75  # bytes of a line of the sink's record, about
RECORDED_WITHIN = 120.0  # seconds after it

Tell = Callable[[str], object]


@dataclass
class RoadResult:
    """One campaign, from the command to the last row in ClickHouse."""

    audience: int
    accepted: int
    lost: int
    duplicated: int
    foreign: int  # messages the sink took and nobody should have got
    messages_per_second: float  # first to last accepted
    first_accepted_after: float  # seconds from the command
    completed_after: float
    recorded_after: float
    imported_per_second: float
    ready_after: float  # seconds of `fanfare up`
    cpu_ms_per_message: float  # all processes together, the sink too
    memory_mb: float  # the most at one moment: Fanfare's own processes, without Kafka, ClickHouse and the sinks
    cpu_us: dict[str, float] = field(default_factory=dict)  # a message, by process
    memory: dict[str, float] = field(default_factory=dict)  # MiB at most, by process


def measure(people: int, tell: Tell = lambda _: None, **settings: object) -> RoadResult:
    """Run one campaign to *people* in an installation of its own. *settings* are those of app/settings.py."""
    tell("starting everything")
    with installation(**settings) as running:
        return asyncio.run(_measure(running, people, tell))


async def _measure(running: Installation, people: int, tell: Tell) -> RoadResult:
    settings = running.settings
    path = settings.state_dir / "people.csv"
    write_csv(path, people)
    tell(f"importing {people:,} people")
    report = await import_people(settings, path, LIST)
    if report.imported != people:
        raise RuntimeError(f"only {report.imported} of {people} people were imported: {report.bad[:3]}")
    usage = Usage(running.processes())
    async with Control(settings) as control:
        with usage:
            began, at = time.time(), time.monotonic()
            entry = await _campaign(control, people, running.record, tell)
            completed = time.monotonic() - at
            await _recorded(settings, entry, people)
            recorded = time.monotonic() - at
    tell("judging by the sink's record")
    accepted = load(running.record)
    lost, duplicated, foreign = judge(_expected(settings, path, entry), [each.message for each in accepted])
    cpu = {name: seconds / people * 1e6 for name, seconds in usage.cpu.items()}
    return RoadResult(
        people, len(accepted), lost, duplicated, foreign,
        messages_per_second=len(accepted) / max(accepted[-1].at - accepted[0].at, 1e-3),
        first_accepted_after=accepted[0].at - began, completed_after=completed, recorded_after=recorded,
        imported_per_second=people / report.seconds, ready_after=running.ready_after,
        cpu_ms_per_message=sum(cpu.values()) / 1000,
        memory_mb=usage.most_together(name for name in usage.cpu if name not in PARTS_OF_OTHERS),
        cpu_us=cpu, memory=usage.memory,
    )  # fmt: skip


async def _campaign(control: Control, people: int, record: Path, tell: Tell) -> CampaignEntry:
    """Create and start a campaign to everybody; its entry once it is complete."""
    spec = CampaignSpec(
        from_email="letter@fernweh.example",
        from_name="Fernweh & Sons",
        lists=[LIST],
        retries=QUICK,
    )
    command = Command(id=new_command_id(), kind="campaign.create", spec=spec, content=demo_content(), start=True)
    answer = (await control.send(command)).answer
    if answer.status >= 400:
        raise RuntimeError(f"the campaign was refused: {answer.error}")
    deadline = time.monotonic() + LONGEST
    while (entry := control.campaigns.get(answer.campaign)) is None or entry.state != "COMPLETED":
        if time.monotonic() > deadline:
            raise RuntimeError(f"the campaign is not complete after {LONGEST:g} s: {entry}")
        await control.changed(0.5)
        tell(f"about {_size(record) // LINE:,} of {people:,} messages")
    return entry


async def _recorded(settings: Settings, entry: CampaignEntry, people: int) -> None:
    """Wait until ClickHouse counts every message of the campaign as sent."""
    deadline = time.monotonic() + RECORDED_WITHIN
    async with ClickHouse(settings) as client:
        while (known := await queries.by_status(client, entry.id)).get("SENT", 0) < people:
            if time.monotonic() > deadline:
                raise RuntimeError(f"ClickHouse knows only {known} of {people} messages")
            await asyncio.sleep(0.3)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def judge(expected: set[str], taken: list[str]) -> tuple[int, int, int]:
    """Lost, duplicated and foreign messages, by the sink's record alone."""
    times = Counter(taken)
    return len(expected - times.keys()), len(taken) - len(times), len(times.keys() - expected)


def _expected(settings: Settings, path: Path, entry: CampaignEntry) -> set[str]:
    """The message ids of everybody in the file, worked out without asking Fanfare."""
    secret = settings.secret_path.read_bytes()
    assert entry.seal is not None
    day, expected = entry.seal.day, set()
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            recipient = ids.recipient_id(secret, "email", ids.normalise_email(row["email"]))
            expected.add(ids.message_id(day, entry.id, entry.run, recipient, "email").hex())
    return expected


def main() -> None:
    """Run once and print everything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--senders", type=int, default=2)
    given = parser.parse_args()
    result = measure(given.people, lambda text: sys.stderr.write(f"\r{text:<60}"), senders_email=given.senders)
    sys.stderr.write("\n")
    print(json.dumps(asdict(result), indent=1))


if __name__ == "__main__":
    main()
