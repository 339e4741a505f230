"""`fanfare campaign unknown|resolve`: messages whose outcome was lost, and what somebody found out."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.campaign_seen import seen_campaign
from app.cli.console import AsJson, emit, examples, say, table
from app.cli.failures import CommandError, Exit
from app.cli.order import Account, Key, new_id, order
from app.cli.reading import with_installation

if TYPE_CHECKING:
    from app.clickhouse.client import ClickHouse
    from app.control import Control

Id = Annotated[str, typer.Argument(metavar="CAMPAIGN", help="Id of the campaign.")]
SHOWN = ("message", "address", "standing", "route", "attempts", "detail")
STANDINGS = ("open", "waiting", "decided")
PAGE = 1_000


def attach(campaign: typer.Typer) -> None:
    """Add the commands to the group *campaign*."""
    campaign.command(
        "unknown", epilog=examples("fanfare campaign unknown c_4f0a", "fanfare campaign unknown c_4f0a --standing open")
    )(unknown)
    campaign.command(
        "resolve",
        epilog=examples(
            "fanfare campaign resolve c_4f0a --sent --message 4f20a1d30c5e8b7790aa12bb34cc56dd",
            "fanfare campaign resolve c_4f0a --give-up --all",
        ),
    )(resolve)


def unknown(
    campaign_id: Id,
    standing: Annotated[str, typer.Option("--standing", help="Only those that are open, waiting or decided.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="At most so many rows.")] = 100,
    account: Account = "default",
    as_json: AsJson = False,
) -> None:
    """List messages whose outcome was lost: open, waiting for another try, or decided for good."""
    if standing and standing not in STANDINGS:
        raise CommandError(f"there is no standing {standing!r}", f"one of {', '.join(STANDINGS)}", Exit.USAGE)

    async def read(control: "Control", client: "ClickHouse") -> list[dict[str, Any]]:
        from app.clickhouse.unknown_queries import unknown_page

        await seen_campaign(control, client, account, campaign_id)
        found: list[dict[str, Any]] = []
        place = None
        while len(found) < limit:
            size = min(PAGE, limit - len(found))
            rows, place = await unknown_page(
                client, account, campaign_id, wanted=standing, before=place, limit=size  # type: ignore[arg-type]
            )  # fmt: skip
            found += rows
            if place is None:
                break
        return found

    rows = with_installation(read)
    if as_json:
        emit(rows)
    elif not rows:
        say("No such messages (yet: ClickHouse is some seconds behind).")
    else:
        table(campaign_id, SHOWN, [[row[each] for each in SHOWN] for row in rows])


def resolve(
    campaign_id: Id,
    sent: Annotated[bool, typer.Option("--sent", help="They had gone out.")] = False,
    not_sent: Annotated[bool, typer.Option("--not-sent", help="They had not: they are sent again.")] = False,
    give_up: Annotated[bool, typer.Option("--give-up", help="Nobody will learn.")] = False,
    message: Annotated[list[str] | None, typer.Option("--message", help="Id of a message; may be repeated.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All of the campaign that are open now.")] = False,
    account: Account = "default",
    key: Key = "",
    as_json: AsJson = False,
) -> None:
    """Tell what became of messages whose outcome was lost. Those that are not open (any more) stay as they are."""
    from pydantic import ValidationError

    from app.commands import Command, Resolution

    said = [name for name, is_said in (("sent", sent), ("not_sent", not_sent), ("give_up", give_up)) if is_said]
    if len(said) != 1:
        raise CommandError("what became of them?", "give one of --sent, --not-sent, --give-up", Exit.USAGE)
    if every == bool(message):
        raise CommandError("which messages?", "give --message (once or more), or --all", Exit.USAGE)
    try:
        resolution = Resolution.model_validate({"outcome": said[0], "messages": message or []})
    except ValidationError as error:
        raise CommandError(
            "a message id has 32 hex digits", "`fanfare campaign unknown` lists them", Exit.USAGE
        ) from error
    asked = Command(
        id=new_id(key), account=account, kind="campaign.resolve", campaign=campaign_id, resolution=resolution
    )
    order(asked, as_json)
