"""Shows campaigns on the terminal: one moment, or to the end."""

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from app.cli.campaign_seen import seen_campaign
from app.cli.console import emit, say, table
from app.cli.failures import CommandError
from app.cli.times import iso
from app.clickhouse.client import ClickHouse, ClickHouseError
from app.clickhouse.queries import by_provider
from app.commands import CampaignEntry
from app.control import ENDED, Control, Picture, Speed, describe
from app.control.held import held_of
from app.delivery.campaigns.notices import about
from app.delivery.fallbacks.awaited import AWAITED, OVER
from app.delivery.fallbacks.onward import FALLBACK
from app.delivery.limits.forecast import Forecast
from app.settings import settings
from app.web.forecasts import forecast_of
from app.web.notices_seen import of_campaign

SHOWN = ("delivered", "sent", "bounced", "blocked", "dropped", "unknown", "given_up", "deferred")
SPEED_SECONDS = 1.2  # for which one looks how fast a campaign is


async def show_status(campaign: str, account: str, as_json: bool) -> None:
    """Print one campaign, or all live ones when *campaign* is ""; one that is not live is looked for in *account*."""
    async with Control(settings(), things=bool(campaign)) as control, ClickHouse(settings()) as client:
        if campaign:
            found = [await _newest(control, client, account, campaign)]
        else:
            found = sorted(control.campaigns.values(), key=lambda each: -each.created_at)
        rows = [describe(each, control.picture_of(each)) for each in found]
        if campaign:
            standing = of_campaign(control.tail.notices.values(), campaign, found[0].account)
            rows[0]["held"] = held_of(control.tail, found[0])
            rows[0]["forecast"] = (await _forecast(control, client, found[0])).as_json()
            rows[0]["notices"] = [
                each.model_dump(exclude={"accounts", "campaigns"}) | {"about": about(each)} for each in standing
            ]
    if as_json:
        emit(rows[0] if campaign else {"campaigns": rows})
    elif campaign:
        _print_one(rows[0])
    elif rows:
        lines = [(a["campaign"], a["name"], a["state"], a["audience"] or 0, a["done"]) for a in rows]
        table("Campaigns", ("campaign", "name", "state", "audience", "done"), lines, right=(3, 4))
    else:
        say("No live campaigns. Create one: `fanfare campaign create FILE --start`.")


async def _newest(control: Control, client: ClickHouse, account: str, campaign: str) -> CampaignEntry:
    """The campaign as its last change left it: a live one of any account, another of *account*.

    One that has just gone to sleep may still stand in the directory; its newer revision is in thing.recorded, and that
    is told before whoever ordered it hears.
    """
    live = control.campaigns.get(campaign)
    return await seen_campaign(control, client, account if live is None else live.account, campaign)


async def _forecast(control: Control, client: ClickHouse, entry: CampaignEntry) -> Forecast:
    """When *entry* will be over. It takes a second to see how fast one that runs is."""
    providers: list[dict[str, Any]] = []
    speed, rate = Speed(), 0.0
    if entry.state == "RUNNING":
        with contextlib.suppress(ClickHouseError):  # without it, shares of mailbox providers are those of the audience
            providers = await by_provider(client, entry.id)
        speed.at(time.monotonic(), control.picture_of(entry).final)
        await asyncio.sleep(SPEED_SECONDS)
        entry = control.campaigns.get(entry.id, entry)
        rate = speed.at(time.monotonic(), control.picture_of(entry).final)
    return forecast_of(control, entry, control.picture_of(entry), rate, providers)


async def follow(campaign: str, account: str, as_json: bool) -> dict[str, Any]:
    """Show *campaign* until it has ended; the last picture. A FAILED campaign is a CommandError."""
    async with Control(settings(), things=True) as control:
        await _check_live(control, campaign, account)
        last = await (_follow_as_lines if as_json else follow_with_bar)(control, campaign)
    if last["state"] == "FAILED":
        raise CommandError(f"the campaign failed: {last['reason']}", "create it again once that is repaired")
    if not as_json:
        _print_one(last)
    return last


async def _follow_as_lines(control: Control, campaign: str) -> dict[str, Any]:
    while True:
        now = describe(_entry(control, campaign), control.picture(campaign))
        sys.stdout.write(json.dumps(now) + "\n")
        sys.stdout.flush()
        if now["state"] in ENDED:
            return now
        until = time.monotonic() + 1.0
        while (left := until - time.monotonic()) > 0:
            await control.changed(left)


async def follow_with_bar(control: Control, campaign: str, to_stderr: bool = False) -> dict[str, Any]:
    """A progress bar with speed and time left, until *campaign* has ended; the last picture."""
    speed = Speed()
    with _bar(Console(stderr=to_stderr)) as bar:
        task = bar.add_task("", total=None, speed=0.0, state="", note="")
        while True:
            entry, picture = _entry(control, campaign), control.picture(campaign)
            _draw(bar, task, entry, picture, speed.at(time.monotonic(), picture.final))
            if entry.state in ENDED:
                return describe(entry, picture)
            await control.changed(0.25)


def _bar(console: Console) -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.fields[state]:>9}"),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TextColumn("[bold]{task.fields[speed]:,.0f}/s"),
        TimeRemainingColumn(),
        TextColumn("[dim]{task.fields[note]}"),
        console=console,
        refresh_per_second=8,
        expand=True,
    )


def _draw(bar: Progress, task: TaskID, entry: CampaignEntry, picture: Picture, speed: float) -> None:
    note, idle = "", not picture.due and not picture.open
    awaited = picture.counts.get(AWAITED, 0) - picture.counts.get(OVER, 0)
    if entry.state == "RUNNING" and picture.next_due and idle:
        note = f"{picture.waiting:,} retried in {max(0, round(picture.next_due - time.time()))} s"
    elif awaited and idle:
        note = f"{awaited:,} wait for news of their delivery"
    elif picture.counts.get("deferred"):
        note = f"{picture.counts['deferred']:,} deferred"
    total = entry.seal.count if entry.seal else None
    bar.update(task, total=total, completed=picture.final, speed=speed, state=entry.state, note=note)


async def _check_live(control: Control, campaign: str, account: str) -> None:
    """CommandError for a campaign that is not live: there is nothing to follow."""
    async with ClickHouse(settings()) as client:
        entry = await _newest(control, client, account, campaign)
    live = control.campaigns.get(campaign)
    if live is not None and live.revision >= entry.revision:
        return
    due = f", due at {iso(entry.due_at)}" if entry.due_at and entry.state not in ENDED else ""
    raise CommandError(
        f"the campaign is {entry.state}{due}: there is nothing to watch",
        "`fanfare campaign start` starts it; one that is due within a day can be watched",
    )


def _entry(control: Control, campaign: str) -> CampaignEntry:
    entry = control.campaigns.get(campaign)
    if entry is None:
        raise CommandError(
            f"there is no live campaign {campaign}",
            "`fanfare campaign status` lists them; ended ones stay for a day, later see ClickHouse",
        )
    return entry


def _print_one(row: dict[str, Any]) -> None:
    lines: list[tuple[str, object]] = [("state", row["state"]), ("audience", row["audience"] or 0)]
    if row["due_at"] and row["state"] not in ENDED and not row["started_at"]:
        lines.append(("due", iso(row["due_at"])))
    if row["reason"]:
        lines.append(("reason", row["reason"]))
    counts = row["counts"]
    for name in SHOWN:
        lines.append((name, counts.get(name, 0)))
        lines += [(f"  {key}", n) for key, n in sorted(counts.items()) if key.startswith(name + ".")]
    lines += _over_channels(counts)
    table(f"{row['name']} ({row['campaign']})", ("", "messages"), lines, right=(1,))
    if told := told_of_fates(row.get("fates", {})):
        say(told)
    foreseen = row.get("forecast")
    if foreseen is not None and row["state"] not in ENDED:
        say(escape(f"forecast: {told_of(foreseen)}"))
    for each in row.get("held", []):
        say(escape(f"{each['due']:,} to {each['group']} wait: {each['text']} ({each['held_by']})"))
    for each in row.get("notices", []):
        say(escape(f"{each['level']}: {each['about']}, since {iso(each['at'])}: {each['reason']}"))


def _over_channels(counts: Mapping[str, int]) -> list[tuple[str, object]]:
    """What is out and may go on, and what each channel came to, of a campaign with fallbacks or calls."""
    lines: list[tuple[str, object]] = []
    if counts.get(AWAITED):
        lines.append(("waiting for delivery", counts[AWAITED] - counts.get(OVER, 0)))
    for name, n in sorted(counts.items()):
        if name.startswith(f"{FALLBACK}."):
            lines.append((f"went on by {name.partition('.')[2]}", n))
        elif name.startswith("channel."):
            lines.append((name.removeprefix("channel.").replace(".", ": ").replace("_", " "), n))
    return lines


def told_of_fates(fates: Mapping[str, int]) -> str:
    """What answers and reports of providers made of the messages, for a line; "" where nothing is told of any."""
    told = {name: count for name, count in fates.items() if count and name != "not_reported"}
    if not told:
        return ""
    open_still = fates.get("not_reported", 0)
    parts = [f"{count:,} {name}" for name, count in told.items()]
    return f"what became of them: {', '.join(parts + [f'{open_still:,} not reported yet'] * bool(open_still))}"


def told_of(foreseen: Mapping[str, Any]) -> str:
    """A forecast, as its JSON has it, for a line."""
    finish = foreseen["finishes_at"]
    return f"done about {iso(finish)}: {foreseen['text']}" if finish else str(foreseen["text"])
