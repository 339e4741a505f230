"""`fanfare campaign`: create, change, copy, look at campaigns."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli import campaign_orders, campaign_reports, campaign_retry, unknowns
from app.cli.campaign_seen import seen_campaign
from app.cli.console import AsJson, emit, examples, say, table
from app.cli.failures import CommandError
from app.cli.order import Account, IfMatch, Key, new_id, order
from app.cli.reading import with_clickhouse, with_installation
from app.cli.times import iso

if TYPE_CHECKING:
    from app.specs import CampaignSpec

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
    typer.Argument(metavar="FILE", help="JSON as POST /v1/campaigns takes it (docs/rest.md); - reads stdin."),
]


def attach(app: typer.Typer) -> None:
    """Add the commands to *app*."""
    campaign_orders.attach(campaign)
    unknowns.attach(campaign)
    campaign_retry.attach(campaign)
    campaign_reports.attach(campaign)
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

    asked = read_campaign_file(file)
    _check_lists(asked.spec, account)
    command = Command(
        id=new_id(key), account=account, kind="campaign.create", spec=asked.spec, content=asked.content,
        start=start_now or asked.start,
    )  # fmt: skip
    order(command, as_json)


@campaign.command("update", epilog=examples("fanfare campaign update c_4f0a spring.json --if-match 3"))
def update(
    campaign_id: Id, file: File, account: Account = "default", if_match: IfMatch = None, key: Key = "",
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Change a campaign that has not started: the fields in FILE, or all of {"spec", "content"}."""
    from app.cli.campaign_file import read_changes
    from app.commands import Command

    before = with_installation(lambda control, client: seen_campaign(control, client, account, campaign_id))
    spec, content = read_changes(file, before.spec)
    _check_lists(spec, account)
    command = Command(
        id=new_id(key), account=account, kind="campaign.update", campaign=campaign_id, spec=spec, content=content,
        match=if_match or before.revision,
    )  # fmt: skip
    order(command, as_json)


def _check_lists(spec: "CampaignSpec", account: str) -> None:
    """CommandError for a list that there is not, as over REST."""
    from app.clickhouse.lists import missing_list

    missing = with_clickhouse(lambda client: missing_list(client, account, spec))
    if missing is not None:
        raise CommandError(
            f"there is no list {missing[1]!r} in {account} ({missing[0]})",
            "`fanfare lists list` shows what there is, `fanfare contacts import FILE --list NAME` makes one",
        )


@campaign.command("clone", epilog=examples("fanfare campaign clone c_4f0a"))
def clone(campaign_id: Id, account: Account = "default", key: Key = "", as_json: AsJson = False) -> None:
    """Make a new DRAFT with the spec and content of CAMPAIGN."""
    from app.commands import Command

    order(Command(id=new_id(key), account=account, kind="campaign.clone", campaign=campaign_id), as_json)


@campaign.command(
    "list", epilog=examples("fanfare campaign list --account acme", "fanfare campaign list --state SCHEDULED --json")
)
def list_campaigns(
    states: Annotated[
        list[str] | None, typer.Option("--state", help="DRAFT, SCHEDULED, RUNNING, ...; repeat it.")
    ] = None,
    project: Annotated[str, typer.Option("--project", help="Of this project.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=1_000, help="The newest ones to show.")] = 50,
    account: Account = "default",
    as_json: AsJson = False,
) -> None:
    """List campaigns, the newest first: drafts and those that ended long ago, too. Some seconds behind."""
    from app.clickhouse.campaign_queries import campaign_page

    wanted = [each.upper() for each in states or []]
    found = with_clickhouse(lambda client: campaign_page(client, account, states=wanted, project=project, limit=limit))
    if as_json:
        emit({"campaigns": [
            {"id": a.id, "name": a.spec.name, "state": a.state, "created_at": iso(a.created_at),
             "due_at": iso(a.due_at), "revision": a.revision} for a in found
        ]})  # fmt: skip
    elif found:
        rows = [(a.id, a.spec.name, a.state, iso(a.created_at), iso(a.due_at) or "") for a in found]
        table(f"Campaigns of {account}", ("campaign", "name", "state", "made", "due"), rows)
    else:
        say("No such campaigns.")


@campaign.command("status", epilog=examples("fanfare campaign status", "fanfare campaign status c_4f0a --json"))
def status(
    campaign_id: Annotated[str, typer.Argument(metavar="[CAMPAIGN]", help="Without it: all live campaigns.")] = "",
    account: Account = "default",
    as_json: AsJson = False,
) -> None:
    """Show state and counts."""
    from app.cli.watch import show_status

    asyncio.run(show_status(campaign_id, account, as_json))


@campaign.command("watch", epilog=examples("fanfare campaign watch c_4f0a", "fanfare campaign watch c_4f0a --json"))
def watch(campaign_id: Id, account: Account = "default", as_json: AsJson = False) -> None:
    """Follow a campaign to its end (with --json: one line a second)."""
    from app.cli.watch import follow

    asyncio.run(follow(campaign_id, account, as_json))


@campaign.command(
    "audience",
    epilog=examples(
        "fanfare campaign audience c_4f0a --limit 20",
        "fanfare campaign audience c_4f0a --left-out",
        "fanfare campaign audience c_4f0a --reason holdout --json",
    ),
)
def audience(
    campaign_id: Id,
    left_out: Annotated[bool, typer.Option("--left-out", help="Who is not in it, with the reasons.")] = False,
    reason: Annotated[str, typer.Option("--reason", help="Who is not in it for this reason.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=1_000, help="Rows to show.")] = 100,
    after: Annotated[int, typer.Option("--after", min=-1, help="Go on behind this row.")] = -1,
    account: Account = "default",
    as_json: AsJson = False,
) -> None:
    """List the fixed audience of CAMPAIGN, or who was left out of it and why."""
    from dataclasses import asdict

    from app.clickhouse.audience_pages import LEFT_OUT, audience_page

    wanted = reason or (LEFT_OUT if left_out else "")
    found = with_clickhouse(
        lambda client: audience_page(client, account, campaign_id, reason=wanted, after=after, limit=limit)
    )
    if as_json:
        emit({"audience": [asdict(each) for each in found]})
    elif found:
        rows = [(str(a.row), a.address, a.group, a.reason, iso(a.due or None) or "") for a in found]
        table(campaign_id, ("row", "address", "provider", "left out for", "due"), rows, right=(0,))
    else:
        say("Nobody (an audience is fixed when the campaign starts).")


@campaign.command("explain", epilog=examples("fanfare campaign explain c_4f0a --to anna@example.com"))
def explain(
    campaign_id: Id,
    to: Annotated[str, typer.Option("--to", help="Address of the recipient, or their id.")],
    account: Account = "default",
    as_json: AsJson = False,
) -> None:
    """Tell why somebody got the message of CAMPAIGN, or did not."""
    from app.cli.explained import explain_person

    explain_person(campaign_id, to, account, as_json)
