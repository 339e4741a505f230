"""`fanfare inbound`: what people have written to our numbers."""

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.console import AsJson, emit, examples, say, table
from app.cli.failures import CommandError, Exit
from app.cli.order import Account
from app.cli.reading import with_clickhouse
from app.cli.times import iso, moment_of, span_of

if TYPE_CHECKING:
    from app.clickhouse.client import ClickHouse

inbound = typer.Typer(
    help="What people have written to our numbers.",
    no_args_is_help=True,
    rich_markup_mode=None,
    epilog=examples("fanfare inbound list", "fanfare inbound list --wish unsubscribed --since 1d"),
)

CHANNELS = ("email", "sms", "whatsapp", "voice")
WISHES = ("unsubscribed", "resubscribed", "help")


def attach(app: typer.Typer) -> None:
    """Add the commands to *app*."""
    app.add_typer(inbound, name="inbound")


@inbound.command(
    "list",
    epilog=examples(
        "fanfare inbound list --account acme",
        "fanfare inbound list --wish unsubscribed --since 1d --json",
        "fanfare inbound list --shared",
    ),
)
def list_inbound(
    since: Annotated[str, typer.Option("--since", help="A time, or a span such as 6h. Default: 90 days.")] = "",
    channel: Annotated[str, typer.Option("--channel", help="sms or whatsapp. Default: both.")] = "",
    wish: Annotated[str, typer.Option("--wish", help="unsubscribed, resubscribed or help. Default: anything.")] = "",
    number: Annotated[str, typer.Option("--number", help="Written to this number of ours.")] = "",
    shared: Annotated[bool, typer.Option("--shared", help="What no account is known for, instead.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1_000, help="The newest ones to show.")] = 100,
    account: Account = "default",
    as_json: AsJson = False,
) -> None:
    """Show what people have written to an account, the latest first: STOP, START, HELP, and anything else."""
    for option, value, known in (("--channel", channel, CHANNELS), ("--wish", wish, WISHES)):
        if value and value not in known:
            raise CommandError(f"there is no {option} {value!r}", f"one of {', '.join(known)}", Exit.USAGE)
    begin = 0.0
    if since:
        begin = moment_of(since, "--since") if "T" in since else time.time() - span_of(since, "--since")

    async def read(client: "ClickHouse") -> list[dict[str, Any]]:
        from app.clickhouse.inbound import inbound_page

        found, _ = await inbound_page(
            client, "" if shared else account, since=begin, channel=channel, wish=wish, number=number, limit=limit
        )
        return found

    found = with_clickhouse(read)
    if as_json:
        emit({"inbound": [{**each, "at": iso(each["at"])} for each in found]})
    elif found:
        rows = [
            (iso(each["at"]), each["channel"], each["address"] or each["recipient_id"], each["number"], each["wish"],
             " ".join(each["text"].split())[:80])
            for each in found
        ]  # fmt: skip
        table("Written to us", ("at", "channel", "who", "to", "wish", "text"), rows)
    else:
        say("Nobody has written.")
