"""The people of a demo: made, imported, and some of them unsubscribed before it begins."""

import asyncio
import csv
from dataclasses import dataclass
from pathlib import Path

import msgspec

from app import ids
from app.cli.failures import CommandError
from app.cli.progress import counting
from app.clickhouse.contacts import import_people
from app.clickhouse.demo_contacts import write_csv
from app.commands import CampaignEntry
from app.control import Control
from app.settings import Settings
from app.topics import SUPPRESSION_COMMANDED

LEFT_EARLIER = 200  # one person in so many has unsubscribed before the demo
ACCOUNT = "default"


@dataclass(frozen=True, slots=True)
class Audience:
    """A list and the recipient ids of the people on it, in the order of the file."""

    list_name: str
    recipients: list[bytes]

    def messages(self, entry: CampaignEntry) -> list[str]:
        """The message ids of the campaign *entry*, worked out without asking it. It must have been sealed."""
        if entry.seal is None:
            return []
        day = entry.seal.day
        return [ids.message_id(day, entry.id, entry.run, each, "email").hex() for each in self.recipients]


async def make_audience(settings: Settings, n: int, seed: int) -> Audience:
    """Write a CSV of *n* people and import it. The same *n* and *seed*, the same people and list."""
    list_name = f"demo-{n}-{seed}"  # a demo to 20,000 people must not write to the 100,000 of the last one
    path = settings.state_dir / "demo" / f"{list_name}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    await asyncio.to_thread(write_csv, path, n, seed)
    with counting("Importing people", n) as rows:
        report = await import_people(settings, path, list_name, account=ACCOUNT, progress=lambda _, read: rows(read))
    if report.imported != n:
        raise CommandError(f"only {report.imported:,} of {n:,} people could be imported", f"{report.bad[:3]}")
    return Audience(list_name, await asyncio.to_thread(_recipients, settings, path))


async def suppress_some(settings: Settings, control: Control, audience: Audience) -> int:
    """Unsubscribe one in LEFT_EARLIER of *audience* from the account; how many."""
    chosen = audience.recipients[LEFT_EARLIER - 1 :: LEFT_EARLIER]
    for recipient in chosen:
        command = {"recipient_id": recipient.hex(), "op": "add", "scope": "account", "scope_id": ACCOUNT}
        command |= {"reason": "unsubscribed", "source": "demo"}
        owner = ids.partition_of(recipient, settings.partitions)
        await control.produce(SUPPRESSION_COMMANDED, msgspec.json.encode(command), partition=owner)
    return len(chosen)


def _recipients(settings: Settings, path: Path) -> list[bytes]:
    secret = settings.secret_path.read_bytes()
    with path.open(encoding="utf-8", newline="") as file:
        return [ids.recipient_id(secret, "email", ids.normalise_email(row["email"])) for row in csv.DictReader(file)]
