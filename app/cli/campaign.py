"""`fanfare campaign`: create, change, copy, look at campaigns."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from app.cli import campaign_orders
from app.cli.console import AsJson, examples
from app.cli.order import Account, IfMatch, Key, new_id, order

campaign = typer.Typer(
    help="Campaigns.",
    no_args_is_help=True,
    rich_markup_mode=None,
    epilog=examples(
        "fanfare campaign create spring.json --start",
        "fanfare campaign start c_4f0a",
        "fanfare campaign pause c_4f0a",
        "fanfare campaign watch c_4f0a",
    ),
)

Id = Annotated[str, typer.Argument(metavar="CAMPAIGN", help="Id of the campaign.")]
File = Annotated[
    Path,
    typer.Argument(metavar="FILE", help='JSON {"spec": {...}, "content": {...}} or as for REST; - reads stdin.'),
]


def attach(app: typer.Typer) -> None:
    """Add the commands to *app*."""
    campaign_orders.attach(campaign)
    app.add_typer(campaign, name="campaign")


@campaign.command(
    "create",
    epilog=examples(
        "fanfare campaign create spring.json",
        "fanfare campaign create spring.json --start --key spring-2027",
        "fanfare campaign create - < s.json",
    ),
)
def create(
    file: File,
    start_now: Annotated[
        bool, typer.Option("--start", help="Start it at once, or at the time in its schedule.")
    ] = False,
    account: Account = "default",
    key: Key = "",
    as_json: AsJson = False,
) -> None:
    """Create a campaign from FILE (fields: docs/kafka.md, docs/rest.md)."""
    from app.cli.campaign_file import read_campaign_file
    from app.commands import Command

    spec, content = read_campaign_file(file)
    command = Command(
        id=new_id(key), account=account, kind="campaign.create", spec=spec, content=content, start=start_now
    )
    order(command, as_json)


@campaign.command("update", epilog=examples("fanfare campaign update c_4f0a spring.json --if-match 3"))
def update(
    campaign_id: Id, file: File, account: Account = "default", if_match: IfMatch = None, key: Key = "",
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Replace spec and content of a campaign that has not started."""
    from app.cli.campaign_file import read_campaign_file
    from app.commands import Command

    spec, content = read_campaign_file(file)
    command = Command(
        id=new_id(key), account=account, kind="campaign.update", campaign=campaign_id, spec=spec, content=content,
        match=if_match,
    )  # fmt: skip
    order(command, as_json)


@campaign.command("clone", epilog=examples("fanfare campaign clone c_4f0a"))
def clone(campaign_id: Id, account: Account = "default", key: Key = "", as_json: AsJson = False) -> None:
    """Make a new DRAFT with the spec and content of CAMPAIGN."""
    from app.commands import Command

    order(Command(id=new_id(key), account=account, kind="campaign.clone", campaign=campaign_id), as_json)


@campaign.command("status", epilog=examples("fanfare campaign status", "fanfare campaign status c_4f0a --json"))
def status(
    campaign_id: Annotated[str, typer.Argument(metavar="[CAMPAIGN]", help="Without it: all live campaigns.")] = "",
    as_json: AsJson = False,
) -> None:
    """Show state and counts."""
    from app.cli.watch import show_status

    asyncio.run(show_status(campaign_id, as_json))


@campaign.command("watch", epilog=examples("fanfare campaign watch c_4f0a", "fanfare campaign watch c_4f0a --json"))
def watch(campaign_id: Id, as_json: AsJson = False) -> None:
    """Follow a campaign to its end (with --json: one line a second)."""
    from app.cli.watch import follow

    asyncio.run(follow(campaign_id, as_json))
