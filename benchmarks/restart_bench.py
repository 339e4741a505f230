"""How long a killed sender is gone: from kill -9 in the middle of a campaign to its next message, same disk.

    python -m benchmarks.restart_bench [--people 100000] [--kills 3]

One sender, so that the sink hears nobody while it is gone. Its supervisor restarts it.
"""

import argparse
import asyncio
import sys
import time
from pathlib import Path
from statistics import median

from app.cli.demo_run import demo_content
from app.clickhouse.contacts import import_people
from app.clickhouse.demo_contacts import write_csv
from app.commands import Command
from app.control import Control, new_command_id
from app.local.sink_read import duplicates, load
from app.specs import CampaignSpec
from benchmarks.installation import Installation, installation

SENDER = "senders-email-0"
SETTLED = 1.5  # seconds of sending before a kill
LONGEST = 60.0
QUIET = 0.3  # seconds: what was on the wire at the kill has arrived by then


def measure(people: int, kills: int) -> list[float]:
    """Seconds from each of *kills* kills to the next message that the sink took from the new process."""
    with installation(senders_email=1) as running:
        return asyncio.run(_measure(running, people, kills))


async def _measure(running: Installation, people: int, kills: int) -> list[float]:
    path = running.settings.state_dir / "people.csv"
    write_csv(path, people)
    await import_people(running.settings, path, "everybody")
    spec = CampaignSpec(from_email="letter@fernweh.example", lists=["everybody"])
    command = Command(id=new_command_id(), kind="campaign.create", spec=spec, content=demo_content(), start=True)
    async with Control(running.settings) as control:
        answer = (await control.send(command)).answer
        if answer.status >= 400:
            raise RuntimeError(f"the campaign was refused: {answer.error}")
    gone = [await _kill(running, people) for _ in range(kills)]
    if doubled := duplicates(load(running.record)):
        raise RuntimeError(f"{len(doubled)} messages were sent twice")
    return gone


async def _kill(running: Installation, people: int) -> float:
    """Kill the sender once it has sent for a while; seconds until it sends again."""
    await _grown(running.record, 0)
    await asyncio.sleep(SETTLED)
    if len(load(running.record)) >= people:
        raise RuntimeError("the campaign was over before the kill: give it more people")
    running.processes()[SENDER].kill()
    killed = time.time()
    await asyncio.sleep(QUIET)
    await _grown(running.record, _size(running.record))
    return next(each.at for each in load(running.record) if each.at > killed + QUIET) - killed


async def _grown(path: Path, size: int) -> None:
    """Wait until *path* is larger than *size*."""
    deadline = time.monotonic() + LONGEST
    while _size(path) <= size:
        if time.monotonic() > deadline:
            raise RuntimeError(f"no message within {LONGEST:g} s")
        await asyncio.sleep(0.02)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--kills", type=int, default=3)
    given = parser.parse_args()
    gone = measure(given.people, given.kills)
    print(f"gone for {', '.join(f'{seconds:.2f}' for seconds in gone)} s, median {median(gone):.2f} s", file=sys.stdout)


if __name__ == "__main__":
    main()
