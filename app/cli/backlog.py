"""`fanfare backlog`: how far each plane is behind."""

import asyncio

import typer

from app.cli.console import AsJson, emit, examples, say, table


def attach(app: typer.Typer) -> None:
    """Add the command to *app*."""
    app.command("backlog", epilog=examples("fanfare backlog", "fanfare backlog --json"))(backlog)


def backlog(as_json: AsJson = False) -> None:
    """Show how many records each plane has before it. A plane whose figure grows needs more workers."""
    from app.control.backlog import by_plane, read_backlog
    from app.settings import settings

    found = asyncio.run(read_backlog(settings().kafka))
    if as_json:
        emit({"planes": by_plane(found), "topics": [{"plane": e.plane, "topic": e.topic, "records": e.records,
                                                     "partitions": e.partitions} for e in found]})  # fmt: skip
        return
    rows = [(each.plane, each.topic, each.records, each.partitions) for each in found if each.records]
    if rows:
        table("Backlog", ("plane", "topic", "records", "partitions"), rows, right=(2, 3))
    else:
        say("Every plane has read all there is.")
