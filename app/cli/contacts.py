"""`fanfare contacts import`: a CSV of people into a list."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from app.cli.console import AsJson, emit, examples, say, table
from app.cli.failures import CommandError, Exit

if TYPE_CHECKING:
    from app.clickhouse.import_report import ImportReport
    from app.settings import Settings

contacts = typer.Typer(help="People and lists.", no_args_is_help=True, rich_markup_mode=None)

SHOWN = 20  # bad rows listed on the terminal; --json lists up to 10,000 of them


def attach(app: typer.Typer) -> None:
    """Add the commands to *app*."""
    app.add_typer(contacts, name="contacts")


@contacts.command(
    "import",
    epilog=examples("fanfare contacts import people.csv --list customers", "fanfare contacts import - --list vip"),
)
def import_file(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="CSV in UTF-8 with a header and a column `email`, or NDJSON (.ndjson, .jsonl); - is stdin.",
        ),
    ],
    list_name: Annotated[str, typer.Option("--list", help="List to put the people on; it is created.")],
    account: Annotated[str, typer.Option("--account", help="Account the list belongs to.")] = "default",
    as_json: AsJson = False,
) -> None:
    """Import FILE. Good rows go in, bad rows are reported one by one; then the exit code is 4."""
    from app.settings import settings

    if str(file) != "-" and not file.is_file():
        raise CommandError(f"there is no file {file}", "give the path of a CSV file", Exit.USAGE)
    report = _imported(settings(), sys.stdin.buffer if str(file) == "-" else file, list_name, account)
    if as_json:
        emit(asdict(report))
    else:
        say(f"imported {report.imported:,} people into {list_name!r} in {report.seconds:.1f} s")
        if report.bad:
            title = f"{report.bad_count:,} rows left out" + (f" (the first {SHOWN})" * (report.bad_count > SHOWN))
            table(title, ("line", "column", "reason"), [(str(a.line), a.column, a.reason) for a in report.bad[:SHOWN]])
    if report.bad:
        raise typer.Exit(Exit.PARTLY)


def _imported(settings: "Settings", path: "Path | BinaryIO", list_name: str, account: str) -> "ImportReport":
    from app.cli.progress import counting
    from app.clickhouse.contacts import import_csv

    with counting("Importing") as rows:
        return import_csv(settings, path, list_name, account=account, progress=lambda _, read: rows(read))
