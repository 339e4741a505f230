"""`fanfare limits`: rates above campaigns, of an account, a provider route or a destination group."""

from typing import Annotated

import typer

from app.cli.console import AsJson, emit, examples, say, table
from app.cli.failures import CommandError, Exit
from app.cli.known import known
from app.cli.order import Key, new_id, order

limits = typer.Typer(
    help="Limits above campaigns.",
    no_args_is_help=True,
    rich_markup_mode=None,
    epilog=examples("fanfare limits set group gmail --rate 200", "fanfare limits list"),
)

SCOPES = ("account", "route", "group")


def attach(app: typer.Typer) -> None:
    """Add the commands to *app*."""
    app.add_typer(limits, name="limits")


@limits.command(
    "set",
    epilog=examples(
        "fanfare limits set group gmail --rate 200 --concurrency 50",
        "fanfare limits set account acme --rate 1000 --burst 2000",
        "fanfare limits set group gmail",
    ),
)
def set_limit(
    scope: Annotated[str, typer.Argument(metavar="SCOPE", help="account, route or group (destination group).")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="Which one: acme, gmail, ...")],
    rate: Annotated[
        float | None, typer.Option("--rate", help="Messages a second. Left out: the limit is removed.")
    ] = None,
    burst: Annotated[float | None, typer.Option("--burst", help="Messages at once.")] = None,
    concurrency: Annotated[int | None, typer.Option("--concurrency", help="Messages on the way at once.")] = None,
    key: Key = "",
    as_json: AsJson = False,
) -> None:
    """Set or remove a limit. It holds for all campaigns together, within a second."""
    from app.commands import Command
    from app.routes import LimitSet

    if scope not in SCOPES:
        raise CommandError(f"there are no limits of {scope!r}", f"one of {', '.join(SCOPES)}", Exit.USAGE)
    limit = LimitSet.model_validate(
        {"scope": scope, "name": name, "rate": rate, "burst": burst, "concurrency": concurrency}
    )
    said = f"{scope} {name}: {rate:g}/s" if rate else f"{scope} {name}: no limit of its own"
    order(Command(id=new_id(key), kind="limit.set", limit=limit), as_json, said=said)


@limits.command("list", epilog=examples("fanfare limits list", "fanfare limits list --json"))
def list_limits(as_json: AsJson = False) -> None:
    """Show the limits above campaigns. A campaign's own are in its spec."""
    found = known(lambda tail: sorted(tail.limits.values(), key=lambda each: (each.scope, each.name)))
    if as_json:
        emit({"limits": [each.model_dump() for each in found]})
    elif found:
        rows = [(a.scope, a.name, _figure(a.rate), _figure(a.burst), _figure(a.concurrency)) for a in found]
        table("Limits", ("scope", "name", "messages/s", "at once", "on the way"), rows, right=(2, 3, 4))
    else:
        say("No limits above campaigns. Set one: `fanfare limits set group gmail --rate 200`.")


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:g}"
