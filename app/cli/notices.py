"""`fanfare notices`: what pacing did by itself, and why."""

import json
import sys
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.console import AsJson, emit, examples, say, table
from app.cli.failures import CommandError, Exit
from app.cli.reading import with_installation
from app.cli.times import iso, moment_of, span_of

if TYPE_CHECKING:
    from app.clickhouse.client import ClickHouse
    from app.control import Control
    from app.routes import Notice
    from app.web.notices_seen import NoticeFilter

LEVELS = ("info", "warning", "alert")
FOLLOW_SECONDS = 1.0


def attach(app: typer.Typer) -> None:
    """Add the command to *app*."""
    app.command(
        "notices",
        epilog=examples(
            "fanfare notices", "fanfare notices --since 1d --level alert", "fanfare notices --route main --follow"
        ),
    )(notices)


def notices(
    since: Annotated[str, typer.Option("--since", help="A time, or a span such as 6h. Default: all.")] = "",
    level: Annotated[
        list[str] | None, typer.Option("--level", help="info, warning or alert; repeatable. Default: all.")
    ] = None,
    route: Annotated[str, typer.Option("--route", help="Of this route or pool.")] = "",
    campaign: Annotated[str, typer.Option("--campaign", help="That concerned this campaign.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=1_000, help="The newest ones to show.")] = 50,
    follow: Annotated[bool, typer.Option("--follow", help="Go on with new ones as they come.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what pacing did by itself: breakers that opened and closed, senders that were slowed down, and why."""
    from app.web.notices_seen import NoticeFilter

    for each in level or ():
        if each not in LEVELS:
            raise CommandError(f"there is no level {each!r}", f"one of {', '.join(LEVELS)}", Exit.USAGE)
    begin = 0.0
    if since:
        begin = moment_of(since, "--since") if "T" in since else time.time() - span_of(since, "--since")
    wanted = NoticeFilter(begin, tuple(level or ()), route, campaign)
    if follow:
        with_installation(lambda control, client: _follow(control, client, wanted, limit, as_json))
        return
    found = with_installation(lambda control, client: _read(control, client, wanted, limit))
    if as_json:
        emit({"notices": [shown(each) for each in found]})
    elif found:
        from app.delivery.campaigns.notices import about

        rows = [(iso(a.at), a.level, a.kind, about(a), a.reason) for a in found]
        table("Notices", ("at", "level", "kind", "about", "reason"), rows)
    else:
        say("No notices: nothing had to be slowed down or taken out of service.")


async def _read(control: "Control", client: "ClickHouse", wanted: "NoticeFilter", limit: int) -> "list[Notice]":
    from app.web.notices_seen import seen_notices

    return await seen_notices(client, control.tail.overlay, wanted, limit=limit)


async def _follow(control: "Control", client: "ClickHouse", wanted: "NoticeFilter", limit: int, as_json: bool) -> None:
    from rich.markup import escape

    from app.delivery.campaigns.notices import about

    last = ""
    while True:
        found = await _read(control, client, wanted, limit)
        for each in reversed([each for each in found if each.id > last]):
            if as_json:
                sys.stdout.write(json.dumps(shown(each)) + "\n")
                sys.stdout.flush()
            else:
                say(escape(f"{iso(each.at)}  {each.level:7}  {each.kind}  {about(each)}: {each.reason}"))
            last = each.id
        until = time.monotonic() + FOLLOW_SECONDS
        while (left := until - time.monotonic()) > 0:
            await control.changed(left)


def shown(notice: "Notice") -> dict[str, Any]:
    """*notice* for programs."""
    return {**notice.model_dump(), "at": iso(notice.at)}
