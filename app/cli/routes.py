"""`fanfare routes`: provider routes: set, removed, shown, tried out, taken out of service and put back."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.console import AsJson, emit, examples, say, table
from app.cli.failures import CommandError, Exit
from app.cli.known import known
from app.cli.order import IfMatch, Key, new_id, order, send

if TYPE_CHECKING:
    from app.control.tail import Tail
    from app.routes import Route, RouteStatus

routes = typer.Typer(
    help="Provider routes: over which mail servers messages go, and what takes over.",
    no_args_is_help=True,
    rich_markup_mode=None,
    epilog=examples(
        "fanfare routes set relay-1 --host smtp.example.com --port 587 --user me --password env:RELAY_1_PASSWORD",
        "fanfare routes test relay-1",
        "fanfare routes list",
    ),
)

NOBODY = "nobody"

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the route.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, for those who look at it later.")]


def attach(app: typer.Typer) -> None:
    """Add the commands to *app*."""
    app.add_typer(routes, name="routes")


@routes.command("list", epilog=examples("fanfare routes list", "fanfare routes list --json"))
def list_routes(as_json: AsJson = False) -> None:
    """Show all routes: whether they are in service, how fast they are, and what share of messages is theirs."""
    from app.cli.routes_shown import COLUMNS, RIGHT, as_json_of, rows_of

    found, statuses = _known()
    if as_json:
        emit({"routes": [as_json_of(each, statuses.get(each.name)) for each in found]})
    elif found:
        table("Routes", COLUMNS, rows_of(found, statuses), right=RIGHT)
    else:
        say("No routes are stored: mail goes over the server of FANFARE_SMTP_HOST. `fanfare routes set` stores one.")


@routes.command("show", epilog=examples("fanfare routes show relay-1", "fanfare routes show relay-1 --json"))
def show(name: Name, as_json: AsJson = False) -> None:
    """Show one route: all of it, and how it stands."""
    from app.cli.routes_shown import as_json_of, details

    found, statuses = _known()
    route = _named(found, name)
    if as_json:
        emit(as_json_of(route, statuses.get(name)))
    else:
        table(name, ("", ""), details(route, statuses.get(name), _webhook(route)))


@routes.command(
    "set",
    epilog=examples(
        "fanfare routes set relay-1 --host smtp.example.com --port 587 --user me --password env:RELAY_1_PASSWORD",
        "fanfare routes set own --host 10.0.0.5 --tls never --pool warm --tier engaged --weight 3",
        "fanfare routes set relay-1 --fallback relay-2 --fallback relay-3",
        "fanfare routes set relay-1 --disable",
    ),
)
def set_route(
    name: Name,
    host: Annotated[str | None, typer.Option("--host", help="The mail server.")] = None,
    port: Annotated[int | None, typer.Option("--port", help="Default 25.")] = None,
    tls: Annotated[str | None, typer.Option("--tls", help="never, starttls (default) or implicit.")] = None,
    user: Annotated[str | None, typer.Option("--user", help="'' for none.")] = None,
    password: Annotated[
        str | None, typer.Option("--password", help="Where the senders find it: env:NAME or file:/path.")
    ] = None,
    connections: Annotated[int | None, typer.Option("--connections", help="Of one sender worker; default 32.")] = None,
    timeout: Annotated[float | None, typer.Option("--timeout", help="Seconds without a reply; default 30.")] = None,
    provider: Annotated[
        str | None, typer.Option("--provider", help="Whose it is: routes of one share its limits.")
    ] = None,
    pool: Annotated[
        str | None, typer.Option("--pool", help="Sender or IP pool; default the name of the route.")
    ] = None,
    account: Annotated[
        list[str] | None, typer.Option("--account", help="Only of this account; repeatable; 'any' for all.")
    ] = None,
    group: Annotated[
        list[str] | None, typer.Option("--group", help="Only to this MX group or domain; repeatable; 'any'.")
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option("--tag", help="Only campaigns with this route tag; repeatable; 'any'.")
    ] = None,
    tier: Annotated[
        list[str] | None, typer.Option("--tier", help="Only engaged, new or dormant people; repeatable; 'any'.")
    ] = None,
    weight: Annotated[int | None, typer.Option("--weight", help="Share among equals; 0: only as a fallback.")] = None,
    cost: Annotated[float | None, typer.Option("--cost", help="Of 1,000 messages: the cheaper one goes first.")] = None,
    fallback: Annotated[
        list[str] | None,
        typer.Option("--fallback", help="Takes over, in this order; repeatable; 'any' route, or 'nobody'."),
    ] = None,
    enabled: Annotated[bool | None, typer.Option("--enable/--disable", help="Disabled: it takes nothing new.")] = None,
    if_match: IfMatch = None,
    key: Key = "",
    as_json: AsJson = False,
) -> None:
    """Make a route, or change what is given of it. It counts within a second, for campaigns that run as well."""
    from app.commands import Command
    from app.routes import Route

    asked_server = {
        "host": host, "port": port, "tls": tls, "user": user, "password": password, "connections": connections,
        "timeout": timeout,
    }  # fmt: skip
    asked: dict[str, Any] = {
        "provider": provider, "pool": pool, "weight": weight, "cost": cost, "enabled": enabled,
        "accounts": _some(account), "groups": _some(group), "tags": _some(tag), "tiers": _some(tier),
    }  # fmt: skip
    changes = {field: value for field, value in asked.items() if value is not None}
    smtp = {field: value for field, value in asked_server.items() if value is not None}
    if fallback is not None:
        changes["fallbacks"] = None if fallback == ["any"] else [] if fallback == [NOBODY] else fallback
    before = next((each for each in _known()[0] if each.name == name), None)
    if before is None and host is None:
        raise CommandError(f"there is no route {name!r} yet", "a new one needs at least --host", Exit.USAGE)
    if before is not None and before.smtp is None and smtp:
        what = f"{name} goes over {before.adapter}: it has no mail server"
        raise CommandError(what, "`fanfare routes apply` sets accounts of providers from a file", Exit.USAGE)
    if not changes and not smtp:
        raise CommandError("nothing to set", "give what is to change, such as --weight 2", Exit.USAGE)
    old: dict[str, Any] = before.model_dump() if before is not None else {"name": name, "smtp": {}}
    server = None if old["smtp"] is None else old["smtp"] | smtp
    route = Route.model_validate(old | changes | {"smtp": server})
    match = if_match or (before.revision if before is not None else None)
    order(Command(id=new_id(key), kind="route.set", route=route, match=match), as_json, said=f"{name} is set")


@routes.command("remove", epilog=examples("fanfare routes remove relay-1"))
def remove(name: Name, if_match: IfMatch = None, key: Key = "", as_json: AsJson = False) -> None:
    """Remove a route that no other names as a fallback. What is under way over it finishes."""
    from app.commands import Command

    command = Command(id=new_id(key), kind="route.delete", thing=name, match=if_match)
    order(command, as_json, said=f"{name} is removed")


@routes.command("open", epilog=examples('fanfare routes open relay-1 --reason "maintenance of the provider"'))
def open_route(name: Name, reason: Reason = "", key: Key = "", as_json: AsJson = False) -> None:
    """Take a route out of service by hand, as its breaker would. It stays so until `fanfare routes close`."""
    from app.commands import Command

    command = Command(id=new_id(key), kind="route.open", thing=name, reason=reason)
    order(command, as_json, said=f"{name} is out of service")


@routes.command("close", epilog=examples("fanfare routes close relay-1"))
def close_route(name: Name, reason: Reason = "", key: Key = "", as_json: AsJson = False) -> None:
    """Put a route back into service; its breaker watches it again."""
    from app.commands import Command

    command = Command(id=new_id(key), kind="route.close", thing=name, reason=reason)
    order(command, as_json, said=f"{name} is in service")


@routes.command(
    "apply", epilog=examples("fanfare routes apply routes.json", "fanfare routes apply routes.json --prune")
)
def apply(
    file: Annotated[Path, typer.Argument(metavar="FILE", help='{"routes": [...]}, as `routes list --json` prints it.')],
    prune: Annotated[bool, typer.Option("--prune", help="Remove the routes that are not in the file.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Set the routes of a file, each after its fallbacks, and show what changes. Nothing is set unless all can be."""
    from app.cli.routes_file import planned, read_routes

    plan = planned(read_routes(file), {each.name: each for each in _known()[0]}, prune)
    if not as_json:
        for line in plan.lines():
            say(line)
    notes = [] if dry_run else carry_out(plan.commands())
    if as_json:
        emit({"set": [each.name for each in plan.set], "removed": plan.removed, "applied": not dry_run, "notes": notes})
        return
    for note in notes:
        say(f"note: {note}")
    said = f"{len(plan.set)} set, {len(plan.removed)} removed; {plan.same} as they were"
    say(("would be: " if dry_run else "done: ") + said)


@routes.command(
    "demo", epilog=examples("fanfare up --sinks 3", "fanfare routes demo", "fanfare sinks break relay-1 refuse")
)
def demo(as_json: AsJson = False) -> None:
    """Make a route of each mail sink of `fanfare up --sinks 3`: two share the mail, the last takes over from both."""
    from app.cli.routes_file import of_sinks, planned
    from app.cli.sinks import running

    plan = planned(of_sinks(running()), {each.name: each for each in _known()[0]}, False)
    carry_out(plan.commands())
    list_routes(as_json)


@routes.command(
    "test",
    epilog=examples(
        "fanfare routes test relay-1", "fanfare routes test relay-1 --to me@example.com --from news@example.com"
    ),
)
def test_route(
    name: Name,
    to: Annotated[str, typer.Option("--to", help="Also send one message to this address.")] = "",
    sender: Annotated[str, typer.Option("--from", help="Its sender; needed with --to.")] = "",
    as_json: AsJson = False,
) -> None:
    """Connect from here as senders do, and tell what the server says. Nothing is sent, unless --to asks for it.

    Of a provider with an HTTP API: ask for the account, and tell whether the credentials are taken.

    Secrets are read here: env:NAME is of this shell, not of the senders. A route that cannot be tried ends with 5.
    """
    from app.cli.routes_test import Untried, tried

    if bool(to) != bool(sender):
        raise CommandError("--to and --from go together", "give both, or neither", Exit.USAGE)
    route = _named(_known()[0], name)
    try:
        steps, wrong = tried(route, sender, to)
    except Untried as why:
        if as_json:
            emit({"route": name, "steps": [], "works": None, "wrong": str(why)})
            raise typer.Exit(Exit.UNTRIED) from why
        raise CommandError(f"{name} cannot be tried: {why}", _TRY_OTHERWISE, Exit.UNTRIED) from why
    if as_json:
        emit({"route": name, "steps": steps, "works": not wrong, "wrong": wrong})
        raise typer.Exit(Exit.FAILED if wrong else Exit.OK)
    for step in steps:
        say(f"  {step}")
    if wrong:
        raise CommandError(f"{name} does not work: {wrong}", "docs/routes.md has the usual reasons")
    say(f"{name} works.")


_TRY_OTHERWISE = "send a campaign to yourself over it: `fanfare campaign create` with its route_tags"

# -- what they have in common


def _known() -> "tuple[list[Route], dict[str, RouteStatus]]":
    def read(tail: "Tail") -> "tuple[list[Route], dict[str, RouteStatus]]":
        return sorted(tail.routes.values(), key=lambda each: each.name), dict(tail.route_status)

    return known(read)


def _named(found: "list[Route]", name: str) -> "Route":
    route = next((each for each in found if each.name == name), None)
    if route is None:
        raise CommandError(f"there is no route {name!r}", "`fanfare routes list` shows what there is")
    return route


def _some(given: list[str] | None) -> list[str] | None:
    return [] if given == ["any"] else given


def carry_out(commands: list[dict[str, Any]]) -> list[str]:
    """Give the orders one by one; what is to be noted about them."""
    from app.commands import Command

    notes: list[str] = []
    for fields in commands:
        done = send(Command.model_validate({"id": new_id("")} | fields))
        notes += [note for note in done.answer.notes if note not in notes]
    return notes


def _webhook(route: "Route") -> str:
    """The address for its provider, as far as the key of the installation is here."""
    from app.cli.routes_shown import webhook_of
    from app.settings import settings

    try:
        return webhook_of(route, settings().public_url, settings().secret_path.read_bytes())
    except OSError:
        return ""
