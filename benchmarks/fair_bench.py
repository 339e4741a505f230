"""Many campaigns started together: do all of them progress side by side, or does one wait for another?

    python -m benchmarks.fair_bench [--campaigns 100] [--people 1000]

All go to the same people, and the sink names no campaign: which message is whose is worked out from the ids.
"""

import argparse
import asyncio
import csv
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from app import ids
from app.clickhouse.contacts import import_people
from app.clickhouse.demo_contacts import write_csv
from app.commands import CampaignEntry, Command
from app.control import Control
from app.local.sink_read import load
from app.specs import CampaignSpec, Content
from benchmarks.installation import Installation, installation

LONGEST = 300.0
LETTER = Content(subject="Hello {{ first_name }}", html="<p>Hi {{ first_name }} of {{ city }}</p>")


@dataclass
class FairResult:
    """How evenly *campaigns* of *people* each went."""

    campaigns: int
    people: int
    completed: int
    lost: int
    duplicated: int
    seconds: float  # first to last message of all
    last_began_at: float  # share of *seconds* after which the last campaign had its first message
    ended_before: int  # campaigns that had all their messages by then
    slowest_then: float  # share of their messages that the least advanced tenth had when half of all were out


def measure(campaigns: int, people: int) -> FairResult:
    """Start them all in an installation of its own."""
    with installation() as running:
        return asyncio.run(run(running, campaigns, people))


async def run(running: Installation, campaigns: int, people: int) -> FairResult:
    """The same in *running*."""
    path = running.settings.state_dir / "fair.csv"
    write_csv(path, people, seed=11)
    await import_people(running.settings, path, "fair")
    async with Control(running.settings) as control:
        spec = CampaignSpec(from_email="news@acme.example", lists=["fair"])
        names = [
            (await control.send(Command(id=f"fair-{n}", kind="campaign.create", spec=spec, content=LETTER))).answer
            for n in range(campaigns)
        ]
        wanted = [each.campaign for each in names]
        await asyncio.gather(
            *(control.send(Command(id=f"start-{name}", kind="campaign.start", campaign=name)) for name in wanted)
        )
        entries = await _completed(control, wanted)
    return _judge(running, path, entries, people)


async def _completed(control: Control, wanted: list[str]) -> list[CampaignEntry]:
    deadline = time.monotonic() + LONGEST
    while any(control.campaigns[name].state != "COMPLETED" for name in wanted if name in control.campaigns) or not all(
        name in control.campaigns for name in wanted
    ):
        if time.monotonic() > deadline:
            raise RuntimeError(f"not all campaigns are complete after {LONGEST:g} s")
        await control.changed(0.5)
    return [control.campaigns[name] for name in wanted]


def _judge(running: Installation, path: Path, entries: list[CampaignEntry], people: int) -> FairResult:
    owner = _owners(running.settings.secret_path.read_bytes(), path, entries)
    taken = [(each.at, owner[each.message]) for each in load(running.record) if each.message in owner]
    done = dict.fromkeys((entry.id for entry in entries), 0)
    last_began, ended_before, slowest = 0.0, 0, 0.0
    for number, (at, campaign) in enumerate(taken, 1):
        done[campaign] += 1
        if done[campaign] == 1:
            last_began, ended_before = at, sum(count == people for count in done.values())
        if number == len(owner) // 2:
            slowest = sorted(done.values())[len(done) // 10] / people
    span = taken[-1][0] - taken[0][0]
    messages = [each.message for each in load(running.record) if each.message in owner]
    return FairResult(
        len(entries), people, sum(entry.state == "COMPLETED" for entry in entries),
        len(owner) - len(set(messages)), len(messages) - len(set(messages)),
        round(span, 2), round((last_began - taken[0][0]) / span, 3), ended_before, round(slowest, 3),
    )  # fmt: skip


def _owners(secret: bytes, path: Path, entries: list[CampaignEntry]) -> dict[str, str]:
    """Message id -> campaign, of everybody in the file."""
    with path.open(encoding="utf-8", newline="") as file:
        addresses = [row["email"] for row in csv.DictReader(file)]
    people = [ids.recipient_id(secret, "email", ids.normalise_email(address)) for address in addresses]
    found = {}
    for entry in entries:
        assert entry.seal is not None
        for recipient in people:
            found[ids.message_id(entry.seal.day, entry.id, entry.run, recipient, "email").hex()] = entry.id
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--campaigns", type=int, default=100)
    parser.add_argument("--people", type=int, default=1_000)
    given = parser.parse_args()
    print(json.dumps(asdict(measure(given.campaigns, given.people)), indent=1))


if __name__ == "__main__":
    main()
