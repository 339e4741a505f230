"""`fanfare messages`: those of a campaign by status, why one became what it is, and single ones to send at once."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from app.cli.campaign_seen import seen_campaign
from app.cli.console import AsJson, emit, examples, say, table
from app.cli.failures import CommandError, Exit
from app.cli.order import Account, Key
from app.cli.reading import with_clickhouse, with_installation

if TYPE_CHECKING:
    from app.clickhouse.client import ClickHouse

SHOWN = ("address", "status", "attempts", "code", "class", "detail")  # the rest is for --json


class ListByDefault(TyperGroup):
    """`fanfare messages c_4f0a` is short for `fanfare messages list c_4f0a`."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that is meant."""
        return super().resolve_command(ctx, args if args[0] in self.commands else ["list", *args])


messages = typer.Typer(
    cls=ListByDefault,
    help="Messages.",
    no_args_is_help=True,
    rich_markup_mode=None,
    epilog=examples("fanfare messages c_4f0a --status BOUNCED", "fanfare messages list c_4f0a --json"),
)


def attach(app: typer.Typer) -> None:
    """Add the commands to *app*."""
    app.add_typer(messages, name="messages")


@messages.command(
    "send",
    epilog=examples(
        'fanfare messages send ana@example.com --from orders@example.com --subject "Order" --text "It is on its way"',
        "fanfare messages send ana@example.com --from orders@example.com --template tpl_4f0a --variables order.json",
        'fanfare messages send +351912345678 --channel sms --from ACME --text "Your code is 493017"',
    ),
)
def send(
    addresses: Annotated[
        list[str], typer.Argument(metavar="ADDRESS...", help="Up to 1,000 addresses, or phone numbers with +.")
    ],
    sender: Annotated[
        str, typer.Option("--from", help="Address of the sender; to phones: number, sender id or number pool.")
    ] = "",
    channel: Annotated[str, typer.Option("--channel", help="email (default), sms, whatsapp or voice.")] = "",
    template: Annotated[str, typer.Option("--template", help="Id of a template; or give --subject and a text.")] = "",
    campaign: Annotated[str, typer.Option("--campaign", help="A transactional campaign that runs.")] = "",
    subject: Annotated[str, typer.Option("--subject", help="Subject.")] = "",
    text: Annotated[str, typer.Option("--text", help="Text part; of an SMS or a call: all of it.")] = "",
    html: Annotated[Path | None, typer.Option("--html", help="File with the html part; - is stdin.")] = None,
    variables: Annotated[Path | None, typer.Option("--variables", help="File with a JSON object; - is stdin.")] = None,
    account: Account = "default",
    key: Key = "",
    as_json: AsJson = False,
) -> None:
    """Send single messages, ahead of every campaign. It returns when Kafka has them."""
    from app.cli.json_file import read_object, read_text
    from app.cli.single_messages import send_messages

    body: dict[str, Any] = {
        "channel": channel or None, "from": sender, "to": addresses, "template_id": template,
        "campaign_id": campaign or None, "subject": subject,
        "text": text, "html": read_text(html) if html else "",
        "variables": read_object(variables) if variables else {},
    }  # fmt: skip
    sent = send_messages(body, account, key)
    if as_json:
        emit({"messages": sent})
    else:
        for each in sent:
            say(f"{each['id']} {each['to']}")


@messages.command(
    "list",
    epilog=examples(
        "fanfare messages list c_4f0a --status BOUNCED", "fanfare messages list c_4f0a --status UNKNOWN --json"
    ),
)
def list_messages(
    campaign: Annotated[str, typer.Argument(help="Id of the campaign.")],
    status: Annotated[str, typer.Option("--status", help="QUEUED, SENT, DELIVERED, DEFERRED, BOUNCED, ...")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="At most so many rows.")] = 100,
    account: Account = "default",
    as_json: AsJson = False,
) -> None:
    """List messages of CAMPAIGN: recipient, status, attempts, route and the last detail."""
    from app.delivery.outcomes import Status

    wanted = status.upper()
    if wanted and wanted not in Status.__members__:
        raise CommandError(f"there is no status {status!r}", f"one of {', '.join(Status)}", Exit.USAGE)
    rows = _rows(account, campaign, wanted, limit)
    if as_json:
        emit(rows)
    elif not rows:
        say("No such messages (yet: ClickHouse is some seconds behind).")
    else:
        table(campaign, SHOWN, [[row[each] for each in SHOWN] for row in rows])


@messages.command("explain", epilog=examples("fanfare messages explain 4f0a7c1d00000000000000000000000a"))
def explain(
    message: Annotated[str, typer.Argument(help="Id of the message.")],
    account: Account = "default",
    as_json: AsJson = False,
) -> None:
    """Tell why MESSAGE was sent, dropped, tried again, or waits: which rule, limit and route decided."""
    from app.cli.explained import explain_message

    explain_message(message, account, as_json)


def _rows(account: str, campaign: str, status: str, limit: int) -> list[dict[str, Any]]:
    """Messages of *campaign*; CommandError when *account* has no such campaign, live or in ClickHouse."""
    from app.clickhouse import queries
    from app.clickhouse.campaign_queries import campaign_entry

    async def read(client: "ClickHouse") -> list[dict[str, Any]] | None:
        known = await campaign_entry(client, account, campaign)
        return await queries.messages(client, campaign, status, limit) if known is not None else None

    rows = with_clickhouse(read)
    if rows is None:  # ClickHouse is some seconds behind: it may have only just been made
        with_installation(lambda control, client: seen_campaign(control, client, account, campaign))
    return rows or []
