"""`fanfare campaign retry`: a new campaign to those whom an ended one did not reach."""

from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.campaign_seen import seen_campaign
from app.cli.console import AsJson, examples
from app.cli.failures import CommandError, Exit
from app.cli.order import Account, Key, new_id, order
from app.cli.reading import with_installation

if TYPE_CHECKING:
    from app.clickhouse.client import ClickHouse
    from app.control import Control
    from app.specs import CampaignSpec

Id = Annotated[str, typer.Argument(metavar="CAMPAIGN", help="Id of a campaign that has ended.")]
OUTCOMES = ("given_up", "blocked", "unknown")


def attach(campaign: typer.Typer) -> None:
    """Add the command to the group *campaign*."""
    lines = (
        "fanfare campaign retry c_4f0a --start",
        "fanfare campaign retry c_4f0a --outcome given_up --outcome blocked",
    )
    campaign.command("retry", epilog=examples(*lines))(retry)


def retry(
    campaign_id: Id,
    outcomes: Annotated[
        list[str] | None, typer.Option("--outcome", help="given_up (default), blocked or unknown; repeat it.")
    ] = None,
    start_now: Annotated[bool, typer.Option("--start", help="Start it, too.")] = False,
    name: Annotated[str, typer.Option("--name", help="Default: that of CAMPAIGN, and (retry).")] = "",
    account: Account = "default",
    key: Key = "",
    as_json: AsJson = False,
) -> None:
    """Make a new campaign to those whom CAMPAIGN has failed: a DRAFT, unless it is started. Bounces stay out."""
    from app.commands import Command

    wanted = outcomes or ["given_up"]
    unknown = [each for each in wanted if each not in OUTCOMES]
    if unknown:
        raise CommandError(f"there is no outcome {unknown[0]!r}", f"one of {', '.join(OUTCOMES)}", Exit.USAGE)

    async def read(control: "Control", client: "ClickHouse") -> "CampaignSpec":
        from app.clickhouse.retry_audience import audience_before, gone
        from app.delivery.campaigns.retry_campaign import retry_spec, why_not

        original = await seen_campaign(control, client, account, campaign_id)
        wrong = why_not(original, wanted)
        if wrong:
            raise CommandError(wrong, "`fanfare campaign status` shows where it stands", Exit.FAILED)
        if not await audience_before(client, account, campaign_id):
            raise CommandError(gone(campaign_id), "import these people again, and make a new campaign", Exit.FAILED)
        return retry_spec(original, wanted, name)

    spec = with_installation(read)
    asked = Command(
        id=new_id(key), account=account, kind="campaign.clone", campaign=campaign_id, spec=spec, start=start_now
    )
    order(asked, as_json)
