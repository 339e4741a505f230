"""An installation of its own for these tests: every process, on free ports, in a folder that is thrown away."""

import asyncio
import csv
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from app import ids
from app.clickhouse.client import ClickHouse
from app.clickhouse.contacts import import_people
from app.commands import CampaignEntry, Command
from app.control import Control, Done, UnreachableError, new_command_id
from app.control.backlog import read_backlog
from app.local import supervisor
from app.local.kafka import KafkaServer
from app.local.parts import sink_record
from app.local.ports import free_ports
from app.local.sink_read import Accepted, load
from app.settings import Settings
from app.specs import CampaignSpec, Content

CONTENT = Content(
    subject="Hello {{ first_name }}",
    html="<html><body><p>Hi {{ first_name }} of {{ city }}: <a href='https://shop.example/a'>look</a></p>"
    "<a href='{{ unsubscribe_url }}'>leave</a></body></html>",
    defaults={"first_name": "friend", "city": "your town"},
)


@dataclass
class Installation:
    """A running Fanfare, and what a test asks of it."""

    settings: Settings
    folder: Path

    def people(self, name: str, rows: list[dict[str, str]]) -> list[str]:
        """Put *rows* (with an email each) on the list *name*; their addresses."""
        path = self.folder / f"{name}.csv"
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        report = asyncio.run(import_people(self.settings, path, name))
        assert report.imported == len(rows), report.bad[:3]
        return [row["email"] for row in rows]

    def command(self, **fields: Any) -> Done:
        """Send a command and wait for its answer; the same one again where Kafka is not heard of for a while."""
        command, deadline = Command(id=new_command_id(), **fields), time.monotonic() + 60

        async def send() -> Done:
            async with Control(self.settings) as control:
                return await control.send(command)

        while True:
            try:
                return asyncio.run(send())
            except UnreachableError:
                if time.monotonic() > deadline:
                    raise

    def start(self, name: str, **spec: Any) -> str:
        """Create and start a campaign to the list *name*; its id."""
        asked = CampaignSpec(from_email="news@acme.example", lists=[name], **({"retry_delays": [0.5, 1.0]} | spec))
        done = self.command(kind="campaign.create", spec=asked, content=CONTENT, start=True)
        assert done.answer.status == 201, done.answer
        return done.answer.campaign

    def view(self, path: str) -> dict[str, Any]:
        """A web view of the pacing worker."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.settings.web_port}{path}", timeout=10) as answer:
            return dict(json.load(answer))

    def wait_for(self, campaign: str, *states: str, seconds: float = 90.0) -> dict[str, Any]:
        """Wait until the campaign is in one of *states*; its web view then."""
        deadline = time.monotonic() + seconds
        while (seen := self.view(f"/campaigns/{campaign}/"))["state"] not in states:
            assert time.monotonic() < deadline, seen
            time.sleep(0.1)
        return seen

    def sunk(self) -> list[Accepted]:
        """What the sink has accepted, for all campaigns."""
        return load(sink_record(self.settings.state_dir))

    def messages_of(self, entry: CampaignEntry, addresses: list[str]) -> dict[str, str]:
        """Address -> message id, worked out without asking Fanfare."""
        secret = self.settings.secret_path.read_bytes()
        assert entry.seal is not None
        found = {}
        for address in addresses:
            recipient = ids.recipient_id(secret, "email", ids.normalise_email(address))
            found[address] = ids.message_id(entry.seal.day, entry.id, entry.run, recipient, "email").hex()
        return found

    def entry(self, campaign: str) -> CampaignEntry:
        """The campaign in the directory, which hears of a change some moments after the web view has shown it."""
        shown, deadline = self.view(f"/campaigns/{campaign}/").get("state"), time.monotonic() + 5.0

        async def read() -> CampaignEntry:
            async with Control(self.settings) as control:
                while True:
                    found = control.campaigns.get(campaign)
                    if (found is not None and shown in (None, found.state)) or time.monotonic() > deadline:
                        return control.campaigns[campaign]
                    await control.changed(0.2)

        return asyncio.run(read())

    def rows(self, sql: str, **params: Any) -> list[list[Any]]:
        """Rows of a ClickHouse query."""

        async def read() -> list[list[Any]]:
            async with ClickHouse(self.settings) as client:
                return await client.rows(sql, params)

        return asyncio.run(read())

    def statuses(self, campaign: str, until: int, seconds: float = 30.0) -> dict[str, int]:
        """Messages by status in ClickHouse, once *until* of them have come to an end."""
        deadline = time.monotonic() + seconds
        sql = "SELECT status, count() FROM messages WHERE campaign = {campaign:String} GROUP BY status"
        while True:
            found = {row[0]: int(row[1]) for row in self.rows(sql, campaign=campaign)}
            ended = sum(n for status, n in found.items() if status not in ("QUEUED", "DEFERRED"))
            if ended >= until:
                return found
            assert time.monotonic() < deadline, found
            time.sleep(0.2)

    def taken(self, topic: str, seconds: float = 60.0) -> None:
        """Wait until whoever reads *topic* has taken in all that lies there."""
        deadline = time.monotonic() + seconds
        while left := [
            each for each in asyncio.run(read_backlog(self.settings.kafka)) if each.topic == topic and each.records
        ]:
            assert time.monotonic() < deadline, left
            time.sleep(0.1)

    def console_produce(self, topic: str, line: str, key: str | None = None) -> None:
        """Publish one line with Kafka's own console producer."""
        server = KafkaServer(self.settings.state_dir, self.settings.kafka_port)
        server.prepare()
        keyed = ["--property", "parse.key=true", "--property", "key.separator=|"] if key is not None else []
        text = line if key is None else f"{key}|{line}"
        subprocess.run(
            server.console_producer_command(topic, *keyed), input=text.encode() + b"\n", check=True, timeout=60,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip


@pytest.fixture(scope="package")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One installation for all tests of the road."""
    folder = tmp_path_factory.mktemp("road")
    kafka, clickhouse, edge, sink, letters = (free_ports(2) for _ in range(5))
    web = free_ports(64)
    settings = Settings(
        state_dir=folder / "var", kafka_port=kafka, clickhouse_port=clickhouse, edge_port=edge, sink_port=sink,
        web_port=web, senders_email=1, bounce_domain="b.example.com", bounce_port=letters,
        retry_delays=[0.5, 1.0], retry_soft_delays=[0.5, 1.0], retry_throttle=0.5, lookups=1.0,
        lookup_rates={"sendgrid": 30},
    )  # fmt: skip
    fanfare = [sys.executable, "-m", "app.cli.main"]
    environment = os.environ | settings.environment()
    subprocess.run([*fanfare, "up"], env=environment, check=True, timeout=180)
    try:
        idle = {each["name"] for each in supervisor.status(settings) if each["state"] == "idle"}
        assert {"senders-sms-0", "senders-whatsapp-0", "senders-voice-0"} <= idle, "nobody needs them without a route"
        yield Installation(settings, folder)
    finally:
        subprocess.run([*fanfare, "down"], env=environment, check=True, timeout=180)
