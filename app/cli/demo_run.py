"""Runs the demo: people, a campaign to them, and a count of what arrived."""

import asyncio
import contextlib
import time
from pathlib import Path

from app import content
from app.cli.console import emit, say
from app.cli.demo_people import ACCOUNT, Audience, make_audience, suppress_some
from app.cli.demo_report import page_of, show, write_figures
from app.cli.demo_result import DemoResult, judge
from app.cli.failures import CommandError
from app.cli.startup import start
from app.cli.watch import follow_with_bar
from app.clickhouse import queries
from app.clickhouse.client import ClickHouse, ClickHouseError
from app.commands import CampaignEntry, Command
from app.control import Control, new_command_id
from app.local.parts import sink_records
from app.local.sink_read import load
from app.settings import Settings
from app.specs import CampaignSpec, Content, Retries

LETTER = Path(content.__file__).parent / "demo"
DELAYS = [1.0, 2.0, 5.0]  # seconds: a demo does not wait the hour that mailbox providers ask for
QUICK = Retries(transient=DELAYS, soft=DELAYS, throttle=1.0)
RECORDED_WITHIN = 60.0  # seconds after the end of the campaign


async def run_demo(settings: Settings, n: int, seed: int, *, as_json: bool, start_first: bool) -> None:
    """Send a campaign to *n* people and print what became of it. Raises CommandError when one was lost or doubled."""
    if start_first:
        seconds = await asyncio.to_thread(start, settings)
        _tell(f"Fanfare runs (ready after {seconds:.0f} s).", as_json)
    audience = await make_audience(settings, n, seed)
    _tell(f"Imported {n:,} people into the list {audience.list_name!r}.", as_json)
    async with Control(settings) as control:
        left = await suppress_some(settings, control, audience)
        entry = await _send(settings, control, audience, left, as_json)
    result = await asyncio.to_thread(_judged, settings, entry, audience)
    recorded = await _is_recorded(settings, result)
    figures = write_figures(settings, result)
    if as_json:
        emit(figures)
    else:
        show(settings, result, recorded)
    if entry.state != "COMPLETED" or result.lost or result.duplicated:
        raise CommandError(
            f"{entry.state} {entry.reason}: {result.lost} people lost, {result.duplicated} messages doubled",
            f"this should not happen: {settings.state_dir}/logs tells more",
        )


def demo_content() -> Content:
    """The letter: 6 KB of HTML with a first name, a city and ten links."""
    return Content(
        subject=(LETTER / "letter.subject").read_text("utf-8").strip(),
        html=(LETTER / "letter.html").read_text("utf-8"),
        text=(LETTER / "letter.txt").read_text("utf-8"),
        defaults={"first_name": "friend", "city": "your town"},
    )


def demo_spec(list_name: str) -> CampaignSpec:
    """The campaign: no limit, tracking on, retries within seconds."""
    return CampaignSpec(
        name="Autumn letter",
        from_email="letter@fernweh.example",
        from_name="Fernweh & Sons",
        lists=[list_name],
        retries=QUICK,
    )


async def _send(settings: Settings, control: Control, audience: Audience, left: int, as_json: bool) -> CampaignEntry:
    """Create the campaign, start it and follow it to its end."""
    spec = demo_spec(audience.list_name)
    command = Command(
        id=new_command_id(), account=ACCOUNT, kind="campaign.create", spec=spec, content=demo_content(), start=True
    )
    answer = (await control.send(command)).answer
    if answer.status >= 400:
        raise CommandError(f"the campaign was refused: {answer.error}")
    _tell(f"{left:,} of them have unsubscribed before. Live page: {page_of(settings, answer.campaign)}", as_json)
    try:
        await _followed(control, answer.campaign, as_json)
    except asyncio.CancelledError:
        _tell(
            f"\nFanfare sends on without you: `fanfare campaign watch {answer.campaign}`; `fanfare down` stops all.",
            as_json,
        )
        raise
    return control.campaigns[answer.campaign]


async def _followed(control: Control, campaign: str, as_json: bool) -> None:
    while campaign not in control.campaigns:  # the answer overtook the directory
        await control.changed(0.2)
    await follow_with_bar(control, campaign, to_stderr=as_json)


def _judged(settings: Settings, entry: CampaignEntry, audience: Audience) -> DemoResult:
    records = sink_records(settings.state_dir)
    if not records:
        raise CommandError(
            f"there is no record of a mail sink in {settings.state_dir / 'sink'}",
            "the demo needs the embedded sink: `fanfare down`, then `fanfare demo`",
        )
    refused = [each.message for record in records for each in load(record.with_name(record.name + ".refused"))]
    accepted = [each for record in records for each in load(record)]
    return judge(entry.id, audience.messages(entry), accepted, refused, entry.counters)


async def _is_recorded(settings: Settings, result: DemoResult) -> bool:
    """Wait until ClickHouse counts what Fanfare counts; whether it does."""
    deadline = time.monotonic() + RECORDED_WITHIN
    wanted = {status: count for status, count in result.by_status.items() if count}
    async with ClickHouse(settings) as client:
        while time.monotonic() < deadline:
            with contextlib.suppress(ClickHouseError):
                if await queries.by_status(client, result.campaign) == wanted:
                    return True
            await asyncio.sleep(0.5)
    return False


def _tell(text: str, as_json: bool) -> None:
    if not as_json:
        say(text)
