"""The `fanfare` command: puts the groups of commands together and turns failures into words."""

import logging

import typer
from typer.core import TyperGroup

from app.cli import (
    account,
    backlog,
    bench,
    bounce,
    campaign,
    contacts,
    deadletters,
    demo,
    domain,
    inbound,
    keys,
    limits,
    lists,
    local,
    messages,
    mx,
    notices,
    routes,
    segments,
    simulators,
    sinks,
    store,
    suppressions,
    templates,
    workers,
)
from app.cli.console import JSON_KEY, examples, report_failure
from app.cli.failures import failure_of

PROCESSES = ("worker", "edge", "record", "letterbox")


class Commands(TyperGroup):
    """Runs a command; a foreseen failure becomes a message and an exit code, a bug keeps its traceback."""

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override]
        """Run the command that was asked for."""
        if ctx.invoked_subcommand not in PROCESSES:
            # A client tells in one sentence that Kafka is away; its library would in twenty lines.
            logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.Abort):
            raise
        except KeyboardInterrupt:
            raise typer.Exit(130) from None
        except Exception as error:
            if type(error).__module__.startswith("click"):
                raise
            failure = failure_of(error)
            if failure is None:
                raise
            report_failure(failure.message, failure.advice, failure.code, bool(ctx.meta.get(JSON_KEY)))
            raise typer.Exit(failure.code) from error


app = typer.Typer(
    name="fanfare",
    cls=Commands,
    help="Fanfare delivers campaigns: one message for each person, none lost, none twice.",
    epilog=examples(
        "fanfare demo",
        "fanfare up",
        "fanfare contacts import people.csv --list customers",
        "fanfare campaign create spring.json --start",
        "fanfare campaign watch c_...",
    ),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

local.attach(app)
demo.attach(app)
contacts.attach(app)
lists.attach(app)
campaign.attach(app)
messages.attach(app)
segments.attach(app)
templates.attach(app)
suppressions.attach(app)
inbound.attach(app)
keys.attach(app)
limits.attach(app)
notices.attach(app)
routes.attach(app)
sinks.attach(app)
simulators.attach(app)
account.attach(app)
mx.attach(app)
domain.attach(app)
store.attach(app)
workers.attach(app)
backlog.attach(app)
deadletters.attach(app)
bounce.attach(app)
bench.attach(app)


def main() -> None:
    """Entry point of the console script."""
    app(prog_name="fanfare")


if __name__ == "__main__":
    main()
