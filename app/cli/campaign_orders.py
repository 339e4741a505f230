"""`fanfare campaign start|pause|...`: what a campaign can be told."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.campaign_seen import seen_campaign
from app.cli.console import AsJson, examples
from app.cli.failures import CommandError, Exit
from app.cli.order import Account, Key, new_id, order, send
from app.cli.reading import with_installation
from app.cli.times import moment_of, span_of

if TYPE_CHECKING:
    from app.commands import CommandKind

Id = Annotated[str, typer.Argument(metavar="CAMPAIGN", help="Id of the campaign.")]


def attach(campaign: typer.Typer) -> None:
    """Add the commands to the group *campaign*."""
    for name, function, line in (
        ("start", start, "fanfare campaign start c_4f0a --at 2027-03-01T09:00+01:00"),
        ("unschedule", unschedule, "fanfare campaign unschedule c_4f0a"),
        ("approve", approve, "fanfare campaign approve c_4f0a"),
        ("pause", pause, "fanfare campaign pause c_4f0a"),
        ("resume", resume, "fanfare campaign resume c_4f0a"),
        ("cancel", cancel, "fanfare campaign cancel c_4f0a"),
        ("decide", decide, "fanfare campaign decide c_4f0a --winner b"),
        ("throttle", throttle, 'fanfare campaign throttle c_4f0a --rate 50 --per-group gmail=20 --per-group "*=10"'),
    ):
        campaign.command(name, epilog=examples(line))(function)


def start(
    campaign_id: Id,
    at: Annotated[str, typer.Option("--at", help="Start at this time: 2027-03-01T09:00+01:00.")] = "",
    local: Annotated[
        str, typer.Option("--local", help="Start when it is this time where the recipient is: 2027-03-01T09:00.")
    ] = "",
    now: Annotated[bool, typer.Option("--now", help="Start at once, whatever its schedule says.")] = False,
    late_after: Annotated[
        str, typer.Option("--late-after", help="Do not make up for a start that was missed by more: 1h, 2d.")
    ] = "",
    account: Account = "default",
    key: Key = "",
    as_json: AsJson = False,
) -> None:
    """Fix the audience and start sending: at the time in its schedule (without one: at once), or at the one given."""
    if now:
        if at or local or late_after:
            raise CommandError("--now and a time", "give one of them", Exit.USAGE)
        _schedule(campaign_id, None, account, key)
    elif at or local:
        _schedule(campaign_id, _schedule_of(at, local, late_after), account, key)
    elif late_after:
        raise CommandError("--late-after goes with --at or --local", "give one of them", Exit.USAGE)
    _tell("campaign.start", campaign_id, account, key, as_json)


def unschedule(campaign_id: Id, account: Account = "default", key: Key = "", as_json: AsJson = False) -> None:
    """Take back a start that has not begun to send: the campaign is a DRAFT again."""
    _tell("campaign.unschedule", campaign_id, account, key, as_json)


def approve(campaign_id: Id, account: Account = "default", key: Key = "", as_json: AsJson = False) -> None:
    """Approve a start, where the account asks for a second opinion."""
    _tell("campaign.approve", campaign_id, account, key, as_json)


def pause(campaign_id: Id, account: Account = "default", key: Key = "", as_json: AsJson = False) -> None:
    """Stop sending. When this returns, only what was on the wire still leaves."""
    _tell("campaign.pause", campaign_id, account, key, as_json)


def resume(campaign_id: Id, account: Account = "default", key: Key = "", as_json: AsJson = False) -> None:
    """Go on after a pause."""
    _tell("campaign.resume", campaign_id, account, key, as_json)


def cancel(campaign_id: Id, account: Account = "default", key: Key = "", as_json: AsJson = False) -> None:
    """End it for good. Who has no mail yet gets none."""
    _tell("campaign.cancel", campaign_id, account, key, as_json)


def decide(
    campaign_id: Id,
    winner: Annotated[str, typer.Option("--winner", help="Name of the variant that the rest shall get.")],
    account: Account = "default",
    key: Key = "",
    as_json: AsJson = False,
) -> None:
    """Choose the winner of an experiment by hand."""
    _tell("campaign.decide", campaign_id, account, key, as_json, winner=winner)


def throttle(
    campaign_id: Id,
    rate: Annotated[float | None, typer.Option("--rate", help="Messages a second. Left out: no limit.")] = None,
    burst: Annotated[float | None, typer.Option("--burst", help="Messages at once.")] = None,
    per_group: Annotated[
        list[str] | None, typer.Option("--per-group", help="GROUP=RATE for a destination group; '*' is the others.")
    ] = None,
    per_route: Annotated[
        list[str] | None, typer.Option("--per-route", help="ROUTE=RATE for a provider route; '*' is the others.")
    ] = None,
    concurrency: Annotated[int | None, typer.Option("--concurrency", help="Messages on the way at once.")] = None,
    account: Account = "default",
    key: Key = "",
    as_json: AsJson = False,
) -> None:
    """Replace the limits of a campaign, also while it runs. What is not given is no limit any more."""
    from app.specs import Throttle

    limits = Throttle(
        rate=rate,
        burst=burst,
        per_group=_rates(per_group or [], "--per-group"),
        per_route=_rates(per_route or [], "--per-route"),
        concurrency=concurrency,
    )
    _tell("campaign.throttle", campaign_id, account, key, as_json, throttle=limits)


def _schedule_of(at: str, local: str, late_after: str) -> dict[str, Any]:
    if at and local:
        raise CommandError("--at and --local at once", "give one of them", Exit.USAGE)
    when: dict[str, Any] = {"at": moment_of(at, "--at")} if at else {"local": local}
    return when | ({"late_after": span_of(late_after, "--late-after")} if late_after else {})


def _schedule(campaign_id: str, schedule: dict[str, Any] | None, account: str, key: str) -> None:
    """Put *schedule* into the spec of a campaign that has not started. Doing it again changes nothing."""
    from app.commands import Command
    from app.specs import CampaignSpec

    before = with_installation(lambda control, client: seen_campaign(control, client, account, campaign_id))
    spec = CampaignSpec.model_validate(before.spec.model_dump() | {"schedule": schedule})
    if spec != before.spec:
        ident = f"{key}-schedule" if key else new_id("")
        send(Command(
            id=ident, account=account, kind="campaign.update", campaign=campaign_id, spec=spec, match=before.revision
        ))  # fmt: skip


def _rates(pairs: list[str], option: str) -> dict[str, float]:
    rates = {}
    for pair in pairs:
        name, _, rate = pair.rpartition("=")
        try:
            rates[name] = float(rate)
        except ValueError:
            name = ""
        if not name:
            raise CommandError(f"{option} {json.dumps(pair)} is no NAME=RATE", f"write {option} gmail=20", Exit.USAGE)
    return rates


def _tell(kind: "CommandKind", campaign_id: str, account: str, key: str, as_json: bool, **more: Any) -> None:
    from app.commands import Command

    order(Command(id=new_id(key), account=account, kind=kind, campaign=campaign_id, **more), as_json)
