"""`fanfare sinks`: the embedded mail sinks, broken and mended to see what Fanfare does about it."""

from typing import Annotated

import typer

from app.cli.console import AsJson, emit, examples, say, table
from app.cli.failures import CommandError, Exit

sinks = typer.Typer(
    help="Mail sinks of this machine: mail servers that deliver to nobody, and fail when they are told to.",
    no_args_is_help=True,
    rich_markup_mode=None,
    epilog=examples("fanfare sinks list", "fanfare sinks break relay-1 refuse", "fanfare sinks mend relay-1"),
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Which one: relay-1; `sink` where there is only one.")]


def attach(app: typer.Typer) -> None:
    """Add the commands to *app*."""
    app.add_typer(sinks, name="sinks")


@sinks.command("list", epilog=examples("fanfare sinks list"))
def list_sinks(as_json: AsJson = False) -> None:
    """Show the mail sinks that run, and what they were told to do."""
    found = [{"name": name, "port": port, "trouble": _trouble(name)} for name, port in running().items()]
    if as_json:
        emit({"sinks": found})
        return
    table("Mail sinks", ("name", "port", "trouble"), [(a["name"], str(a["port"]), a["trouble"]) for a in found])


@sinks.command(
    "break",
    epilog=examples("fanfare sinks break relay-1 refuse", "fanfare sinks break relay-1 throttle", "fanfare sinks list"),
)
def break_sink(
    name: Name,
    trouble: Annotated[
        str,
        typer.Argument(
            metavar="TROUBLE",
            help="refuse, busy, closed, no-service, defer, block, silent, slow, drop or throttle.",
        ),
    ] = "refuse",
    as_json: AsJson = False,
) -> None:
    """Have a sink fail, until it is mended or Fanfare starts anew."""
    from app.local.sink_behaviour import TROUBLES

    if trouble not in TROUBLES:
        known = ", ".join(TROUBLES)
        raise CommandError(f"no sink knows the trouble {trouble!r}", f"one of {known}", Exit.USAGE)
    _order(name, f'{{"trouble": "{trouble}"}}')
    if as_json:
        emit({"name": name, "trouble": trouble})
    else:
        say(f"{name}: {TROUBLES[trouble][0]}. `fanfare sinks mend {name}` ends it.")


@sinks.command("mend", epilog=examples("fanfare sinks mend relay-1"))
def mend(name: Name, as_json: AsJson = False) -> None:
    """Have a sink work again as it was started."""
    _order(name, "{}")
    if as_json:
        emit({"name": name, "trouble": ""})
    else:
        say(f"{name} works again.")


def running() -> dict[str, int]:
    """Name and port of each sink that runs here. CommandError when there is none."""
    from app.local import supervisor
    from app.local.parts import sinks_of
    from app.settings import settings

    parts = {part["name"] for part in supervisor.status(settings())}
    for number in range(1, 10):
        wanted = sinks_of(settings().model_copy(update={"sinks": number}))
        if wanted.keys() == {name for name in parts if name == "sink" or name.startswith("relay-")}:
            return wanted
    raise CommandError(
        f"no mail sink runs from {settings().state_dir.resolve()}", "`fanfare up --sinks 3` starts some",
        Exit.NOT_REACHABLE,
    )  # fmt: skip


def _order(name: str, text: str) -> None:
    from app.local.parts import sink_orders
    from app.settings import settings

    known = running()
    if name not in known:
        raise CommandError(f"there is no mail sink {name!r}", f"there are: {', '.join(known)}", Exit.USAGE)
    path = sink_orders(settings().state_dir, name)
    draft = path.with_suffix(".new")
    draft.write_text(text)
    draft.replace(path)


def _trouble(name: str) -> str:
    import json

    from app.local.parts import sink_orders
    from app.settings import settings

    try:
        return str(json.loads(sink_orders(settings().state_dir, name).read_text()).get("trouble", ""))
    except (OSError, ValueError):
        return ""
