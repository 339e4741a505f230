"""`fanfare campaign reports`: what providers reported of a campaign."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.campaign_seen import seen_campaign
from app.cli.console import AsJson, emit, examples, say, table
from app.cli.failures import CommandError, Exit
from app.cli.order import Account
from app.cli.reading import with_installation

if TYPE_CHECKING:
    from app.clickhouse.client import ClickHouse
    from app.control import Control

Id = Annotated[str, typer.Argument(metavar="CAMPAIGN", help="Id of the campaign.")]
COLUMNS = ("", "sent", "delivered", "bounced", "blocked", "failed", "complained", "not reported")


def attach(campaign: typer.Typer) -> None:
    """Add the command to the group *campaign*."""
    lines = ("fanfare campaign reports c_4f0a", "fanfare campaign reports c_4f0a --by provider --json")
    campaign.command("reports", epilog=examples(*lines))(reports)


def reports(
    campaign_id: Id,
    by: Annotated[str, typer.Option("--by", help="route or provider: the mailbox provider, or country.")] = "route",
    account: Account = "default",
    as_json: AsJson = False,
) -> None:
    """Show what became of the messages of CAMPAIGN after providers took them, and why some did not arrive."""
    if by not in ("route", "provider"):
        raise CommandError(f"there is no {by!r} to go by", "--by takes route or provider", Exit.USAGE)

    async def read(control: "Control", client: "ClickHouse") -> tuple[list[dict[str, Any]], ...]:
        from app.clickhouse.report_queries import fates_by, reasons_of

        await seen_campaign(control, client, account, campaign_id)
        return (
            await fates_by(client, account, campaign_id), await fates_by(client, account, campaign_id, by),
            await reasons_of(client, account, campaign_id),
        )  # fmt: skip

    from app.clickhouse.report_queries import sentence

    total, rows, reasons = with_installation(read)
    if as_json:
        emit({"total": total[0] if total else None, "by": by, "rows": rows, "reasons": reasons})
        return
    say(sentence(total[0]) if total else "Nothing of it has been sent yet.")
    table(by, COLUMNS, [_cells(each) for each in rows], right=range(1, len(COLUMNS)))
    if reasons:
        names = ("fate", "class", "reason", "messages", "example")
        told = [tuple(each[name] for name in names) for each in reasons]
        table("why not", ("", "class", "reason", "messages", "for example"), told, right=(3,))


def _cells(row: dict[str, Any]) -> tuple[object, ...]:
    names = ("sent", "delivered", "bounced", "blocked", "failed", "complained", "not_reported")
    return (row["name"] or "other", *(f"{row[name]:,}" for name in names))
