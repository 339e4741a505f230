"""`fanfare contacts import`: a CSV of people into a list."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli.console import AsJson, emit, examples, say, table
from app.cli.failures import CommandError, Exit

contacts = typer.Typer(help="People and lists.", no_args_is_help=True, rich_markup_mode=None)

SHOWN = 20  # bad rows listed on the terminal; --json lists what the import kept of them


def attach(app: typer.Typer) -> None:
    """Add the commands to *app*."""
    app.add_typer(contacts, name="contacts")


@contacts.command(
    "import",
    epilog=examples("fanfare contacts import people.csv --list customers", "fanfare contacts import - --list vip"),
)
def import_file(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="CSV in UTF-8 with a header; a column `email` is needed.")
    ],
    list_name: Annotated[str, typer.Option("--list", help="List to put the people on; it is created.")],
    account: Annotated[str, typer.Option("--account", help="Account the list belongs to.")] = "default",
    as_json: AsJson = False,
) -> None:
    """Import FILE. Good rows go in, bad rows are reported one by one; then the exit code is 4."""
    if not file.is_file():
        raise CommandError(f"there is no file {file}", "give the path of a CSV file", Exit.USAGE)
    from app.clickhouse.contacts import import_csv
    from app.settings import settings

    report = import_csv(settings(), file, list_name, account=account)
    if as_json:
        emit(report)
    else:
        say(f"imported {report.imported:,} people into {list_name!r}")
        if report.bad:
            table("Rows left out", ("line", "reason"), [(str(a.line), a.reason) for a in report.bad[:SHOWN]])
    if report.bad:
        raise typer.Exit(Exit.PARTLY)
