"""A campaign as commands find it: live in the directory, or dormant in ClickHouse and on the way there."""

from typing import TYPE_CHECKING

from app.cli.failures import CommandError

if TYPE_CHECKING:
    from app.clickhouse.client import ClickHouse
    from app.commands import CampaignEntry
    from app.control import Control


async def seen_campaign(control: "Control", client: "ClickHouse", account: str, ident: str) -> "CampaignEntry":
    """The campaign *ident* of *account*; CommandError when there is none."""
    from app.clickhouse.campaign_queries import campaign_entry
    from app.web.campaigns_seen import known_campaign

    found = known_campaign(control, account, ident) or await campaign_entry(client, account, ident)
    if found is None:
        raise CommandError(
            f"there is no campaign {ident!r} in {account}",
            "`fanfare campaign list` shows what there is; --account names another account",
        )
    return found
