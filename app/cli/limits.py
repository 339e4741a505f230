"""`fanfare limits`: rates, caps and warm-ups above campaigns: set, removed, shown, and taken from a file."""

from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.console import AsJson, emit, examples, say, table
from app.cli.failures import CommandError, Exit
from app.cli.known import known
from app.cli.order import Key, new_id, order, send

if TYPE_CHECKING:
    from app.control.tail import Tail
    from app.routes import LimitSet, LimitStatus

limits = typer.Typer(
    help="Limits above campaigns: of accounts, providers, pools, routes, mailbox providers, countries and carriers.",
    no_args_is_help=True,
    rich_markup_mode=None,
    epilog=examples(
        "fanfare limits set group gmail --rate 200",
        "fanfare limits set pool warm --group gmail --warm-up 50..20000x2 --begins 2027-03-01",
        "fanfare limits list",
    ),
)

SCOPES = ("account", "provider", "pool", "route", "group", "country", "carrier", "sender")


class Unit(StrEnum):
    """What a limit counts."""

    MESSAGES = "messages"
    PARTS = "parts"
    PEOPLE = "people"


Scope = Annotated[str, typer.Argument(metavar="SCOPE", help=f"{', '.join(SCOPES[:-1])} or {SCOPES[-1]}.")]
Which = Annotated[
    str,
    typer.Argument(metavar="NAME", help="Which one: acme, gmail, example.com, PT ...; '*' is each without its own."),
]
Group = Annotated[
    str, typer.Option("--group", help="Of an account, provider, pool or route: only towards this MX group; '*': each.")
]


def attach(app: typer.Typer) -> None:
    """Add the commands to *app*."""
    app.add_typer(limits, name="limits")


@limits.command(
    "set",
    epilog=examples(
        "fanfare limits set group gmail --rate 200 --concurrency 50",
        "fanfare limits set account acme --rate 5000/hour --burst 50 --daily 60000 --zone Europe/Lisbon",
        "fanfare limits set provider relay --hourly 10000 --overflow",
        "fanfare limits set pool '*' --group yahoo --rate 20",
        "fanfare limits set pool warm --group gmail --warm-up 50,100,200,500 --begins 2027-03-01",
        "fanfare limits set pool warm --group outlook --warm-up 50..20000x2 --begins 2027-03-01",
        "fanfare limits set country PT --rate 30/min",
        "fanfare limits set sender '*' --rate 1 --burst 10 --unit parts",
        "fanfare limits set route wa --moving-daily 1000 --unit people",
    ),
)
def set_limit(
    scope: Scope,
    name: Which,
    rate: Annotated[str, typer.Option("--rate", help="Messages: 200 (a second), 30/min, 5000/hour, 100000/day.")] = "",
    burst: Annotated[float | None, typer.Option("--burst", help="Messages at once; default a second of rate.")] = None,
    concurrency: Annotated[int | None, typer.Option("--concurrency", help="Messages on the way at once.")] = None,
    hourly: Annotated[int | None, typer.Option("--hourly", help="Messages in an hour of the clock.")] = None,
    daily: Annotated[int | None, typer.Option("--daily", help="Messages in a day of the calendar.")] = None,
    moving_daily: Annotated[
        int | None,
        typer.Option("--moving-daily", help="Messages in any 24 hours; with --unit people a tier of WhatsApp."),
    ] = None,
    unit: Annotated[
        Unit, typer.Option("--unit", help="What rate, burst and caps count. people: --moving-daily alone does.")
    ] = Unit.MESSAGES,
    group: Group = "",
    warm_up: Annotated[
        str,
        typer.Option("--warm-up", help="Messages on day 1, 2 ...: 50,100,200; or first..last x factor: 50..20000x2."),
    ] = "",
    begins: Annotated[
        str, typer.Option("--begins", help="First day of the warm-up: 2027-03-01. Before it nothing is sent.")
    ] = "",
    zone: Annotated[
        str, typer.Option("--zone", help="Time zone in which hours and days begin: Europe/Lisbon; default UTC.")
    ] = "UTC",
    overflow: Annotated[
        bool, typer.Option("--overflow", help="What finds it full takes the next route, instead of waiting.")
    ] = False,
    key: Key = "",
    as_json: AsJson = False,
) -> None:
    """Set the whole limit: what is not given is not limited, even if it was.

    It holds for all campaigns together, within a second. The answer says what it was before.
    """
    given: dict[str, Any] = {
        "rate": rate or None, "burst": burst, "concurrency": concurrency, "hourly": hourly, "daily": daily,
        "moving_daily": moving_daily, "unit": str(unit),
        "time_zone": zone, "full": "overflow" if overflow else "wait", "warm_up": _warm_up(warm_up, begins),
    }  # fmt: skip
    limit = _limit({"scope": scope, "name": name, "group": group} | given)
    if limit.limits_nothing and burst is None:
        advice = (
            "give --rate, --concurrency, --hourly, --daily, --moving-daily or --warm-up; "
            "`fanfare limits remove` removes a limit"
        )
        raise CommandError("nothing is limited by that", advice, Exit.USAGE)
    from app.cli.limits_shown import named
    from app.delivery.limits.figures import spoken

    _order(limit, key, as_json, f"{named(limit)}: {spoken(limit)}")


@limits.command(
    "remove",
    epilog=examples("fanfare limits remove group gmail", "fanfare limits remove pool warm --group gmail"),
)
def remove(scope: Scope, name: Which, group: Group = "", key: Key = "", as_json: AsJson = False) -> None:
    """Remove a limit. What it was for falls back to the limits that are left, within a second."""
    from app.cli.limits_shown import named

    limit = _limit({"scope": scope, "name": name, "group": group})
    _order(limit, key, as_json, f"{named(limit)}: no limit of its own")


@limits.command("list", epilog=examples("fanfare limits list", "fanfare limits list --json"))
def list_limits(as_json: AsJson = False) -> None:
    """Show the limits above campaigns, and what is used of caps. A campaign's own are in its spec."""
    from app.cli.limits_shown import columns, row_of

    found, statuses = _known()
    if as_json:
        emit({"limits": [_as_json(each, found, statuses) for each in found]})
    elif found:
        table("Limits", columns(), [row_of(each, _usage(each, found, statuses)) for each in found], right=(2, 3, 4))
    else:
        say("No limits above campaigns. Set one: `fanfare limits set group gmail --rate 200`.")


@limits.command(
    "show", epilog=examples("fanfare limits show group gmail", "fanfare limits show pool warm --group gmail --json")
)
def show(scope: Scope, name: Which, group: Group = "", as_json: AsJson = False) -> None:
    """Show one limit, and what is used of it."""
    from app.cli.limits_shown import details, named

    wanted = _limit({"scope": scope, "name": name, "group": group})
    found, statuses = _known()
    limit = next((each for each in found if each.key == wanted.key), None)
    if limit is None:
        raise CommandError(f"there is no limit of {named(wanted)}", "`fanfare limits list` shows what there is")
    if as_json:
        emit(_as_json(limit, found, statuses))
        return
    table(named(limit), ("", ""), details(limit, _usage(limit, found, statuses)))


@limits.command(
    "apply",
    epilog=examples(
        "fanfare limits apply limits.json --dry-run", "fanfare limits apply limits.json",
        "fanfare limits apply limits.json --prune",
    ),
)  # fmt: skip
def apply(
    file: Annotated[Path, typer.Argument(metavar="FILE", help='{"limits": [...]}, as `limits list --json` prints it.')],
    prune: Annotated[bool, typer.Option("--prune", help="Remove the limits that are not in the file.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Set the limits of a file, and show what changes. Those that are as they should be are left alone."""
    from app.cli.limits_file import Changes, changes_of, read_limits

    changes: Changes = changes_of(read_limits(file), _known()[0], prune)
    if not as_json:
        for line in changes.lines():
            say(line)
    if not dry_run:
        from app.commands import Command

        for limit in changes.orders():
            send(Command(id=new_id(""), kind="limit.set", limit=limit))
    if as_json:
        emit(changes.as_json() | {"applied": not dry_run})
    else:
        say(("would change: " if dry_run else "changed: ") + changes.summary())


# -- what they have in common


def _limit(given: dict[str, Any]) -> "LimitSet":
    from app.routes import AskedLimit, LimitSet

    if given["scope"] not in SCOPES:
        raise CommandError(f"there are no limits of {given['scope']!r}", f"one of {', '.join(SCOPES)}", Exit.USAGE)
    return LimitSet.model_validate(AskedLimit.model_validate(given).model_dump())


def _warm_up(text: str, begins: str) -> dict[str, Any] | None:
    from app.routes import warm_up_in

    if not text:
        if begins:
            raise CommandError("--begins is the first day of a --warm-up", "give --warm-up 50..20000x2", Exit.USAGE)
        return None
    if not begins:
        advice = f"give --begins, such as --begins {date.today().isoformat()}"
        raise CommandError("a warm-up needs its first day", advice, Exit.USAGE)
    try:
        first = date.fromisoformat(begins)
    except ValueError as error:
        raise CommandError(
            f"--begins {begins!r} is no day", "a warm-up begins on a day such as 2027-03-01", Exit.USAGE
        ) from error
    try:
        return warm_up_in(text, first).model_dump()
    except ValueError as error:
        raise CommandError(f"--warm-up {error}", "such as 50,100,200 or 50..20000x2", Exit.USAGE) from error


def _order(limit: "LimitSet", key: str, as_json: bool, said: str) -> None:
    from app.commands import Command

    order(Command(id=new_id(key), kind="limit.set", limit=limit), as_json, said=said)


def _known() -> "tuple[list[LimitSet], list[LimitStatus]]":
    def read(tail: "Tail") -> "tuple[list[LimitSet], list[LimitStatus]]":
        return sorted(tail.limits.values(), key=lambda each: each.key), list(tail.limit_status.values())

    return known(read)


def _usage(limit: "LimitSet", found: "list[LimitSet]", statuses: "list[LimitStatus]") -> "list[LimitStatus]":
    import time

    from app.delivery.limits.usage import usage_of

    return usage_of(limit, {each.key for each in found}, statuses, time.time())


def _as_json(limit: "LimitSet", found: "list[LimitSet]", statuses: "list[LimitStatus]") -> dict[str, Any]:
    usage = [each.model_dump() for each in _usage(limit, found, statuses)]
    return limit.model_dump(mode="json") | {"usage": usage}
