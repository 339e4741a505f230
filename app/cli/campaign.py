"""`fanfare campaign`: create, start, pause, resume, cancel, look."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli.console import AsJson, emit, examples, say
from app.cli.failures import CommandError, Exit

campaign = typer.Typer(
    help="Campaigns.",
    no_args_is_help=True,
    rich_markup_mode=None,
    epilog=examples(
        "fanfare campaign create spring.json --start",
        "fanfare campaign pause c_4f0a",
        "fanfare campaign watch c_4f0a",
    ),
)

ADVICE = {
    404: "`fanfare campaign status` shows what there is",
    409: "`fanfare campaign status` shows its state, docs/lifecycle.md what is possible in it",
    422: "repair that and try again; docs/kafka.md tells of every field",
}

Id = Annotated[str, typer.Argument(metavar="CAMPAIGN", help="Id of the campaign.")]
Account = Annotated[str, typer.Option("--account", help="Account of the campaign.")]
Key = Annotated[str, typer.Option("--key", help="Idempotency key: the same key and body do nothing twice.")]


def attach(app: typer.Typer) -> None:
    """Add the commands to *app*."""
    app.add_typer(campaign, name="campaign")


@campaign.command(
    "create", epilog=examples("fanfare campaign create spring.json", "fanfare campaign create - < s.json")
)
def create(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help='JSON {"spec": {...}, "content": {...}}; - reads stdin.')
    ],
    start_now: Annotated[bool, typer.Option("--start", help="Start it at once.")] = False,
    account: Account = "default",
    key: Key = "",
    as_json: AsJson = False,
) -> None:
    """Create a campaign from FILE (fields: docs/kafka.md)."""
    from app.cli.campaign_file import read_campaign_file
    from app.commands import Command
    from app.control import new_command_id

    spec, content = read_campaign_file(file)
    command = Command(
        id=key or new_command_id(),
        account=account,
        kind="campaign.create",
        spec=spec,
        content=content,
        start=start_now,
    )
    _send(command, as_json)


@campaign.command("start", epilog=examples("fanfare campaign start c_4f0a"))
def start(campaign_id: Id, account: Account = "default", key: Key = "", as_json: AsJson = False) -> None:
    """Fix the audience and start sending."""
    _order("campaign.start", campaign_id, account, key, as_json)


@campaign.command("pause", epilog=examples("fanfare campaign pause c_4f0a"))
def pause(campaign_id: Id, account: Account = "default", key: Key = "", as_json: AsJson = False) -> None:
    """Stop sending. When this returns, only what was on the wire still leaves."""
    _order("campaign.pause", campaign_id, account, key, as_json)


@campaign.command("resume", epilog=examples("fanfare campaign resume c_4f0a"))
def resume(campaign_id: Id, account: Account = "default", key: Key = "", as_json: AsJson = False) -> None:
    """Go on after a pause."""
    _order("campaign.resume", campaign_id, account, key, as_json)


@campaign.command("cancel", epilog=examples("fanfare campaign cancel c_4f0a"))
def cancel(campaign_id: Id, account: Account = "default", key: Key = "", as_json: AsJson = False) -> None:
    """End it for good. Who has no mail yet gets none."""
    _order("campaign.cancel", campaign_id, account, key, as_json)


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


def _order(kind: Any, campaign_id: str, account: str, key: str, as_json: bool) -> None:
    from app.commands import Command
    from app.control import new_command_id

    _send(Command(id=key or new_command_id(), account=account, kind=kind, campaign=campaign_id), as_json)


def _send(command: Any, as_json: bool) -> None:
    from app.control import Control
    from app.settings import settings

    async def send() -> Any:
        async with Control(settings()) as control:
            return await control.send(command)

    done = asyncio.run(send())
    answer = done.answer
    if answer.status >= 400:
        where = f" ({answer.field})" if answer.field not in ("", "kind") else ""
        raise CommandError(f"{answer.error}{where}", ADVICE.get(answer.status, ""), Exit.FAILED)
    if as_json:
        emit({**answer.model_dump(), "effective": done.effective})
        return
    note = "" if done.effective is not False else " (not every sender has confirmed it yet)"
    say(f"{answer.campaign} {answer.state}{note}")
