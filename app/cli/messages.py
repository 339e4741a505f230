"""`fanfare messages`: the messages of a campaign by status, from ClickHouse."""

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from app.cli.console import AsJson, emit, examples, say, table
from app.cli.failures import CommandError, Exit

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
    "list",
    epilog=examples(
        "fanfare messages list c_4f0a --status BOUNCED", "fanfare messages list c_4f0a --status UNKNOWN --json"
    ),
)
def list_messages(
    campaign: Annotated[str, typer.Argument(help="Id of the campaign.")],
    status: Annotated[str, typer.Option("--status", help="QUEUED, SENT, DELIVERED, DEFERRED, BOUNCED, ...")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="At most so many rows.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List messages of CAMPAIGN: recipient, status, attempts, route and the last detail."""
    from app.delivery.outcomes import Status
    from app.settings import settings
    from app.web.views import message_rows

    wanted = status.upper()
    if wanted and wanted not in Status.__members__:
        raise CommandError(f"there is no status {status!r}", f"one of {', '.join(Status)}", Exit.USAGE)
    rows = message_rows(settings(), campaign, wanted, limit)
    if as_json:
        emit(rows)
    elif not rows:
        say("No such messages (yet: ClickHouse is some seconds behind).")
    else:
        table(campaign, SHOWN, [[row[each] for each in SHOWN] for row in rows])
