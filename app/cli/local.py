"""`fanfare up|down|status`: a whole installation on this machine."""

from typing import Annotated, Any

import typer

from app.cli.console import AsJson, emit, examples, say, table
from app.cli.failures import CommandError, Exit

CALM = 3  # restarts in 5 minutes, of a part that is well
UP_SIMULATED = "fanfare up --simulate ses,twilio,whatsapp"
SHOWN = ("name", "pid", "state", "restarts", "uptime", "memory_mb", "cpu_seconds")


def attach(app: typer.Typer) -> None:
    """Add the commands to *app*."""
    app.command("up", epilog=examples("fanfare up", "fanfare up --foreground", "fanfare up --sinks 3", UP_SIMULATED))(
        up
    )
    app.command("down", epilog=examples("fanfare down"))(down)
    app.command("status", epilog=examples("fanfare status", "fanfare status --json"))(status)


def up(
    foreground: Annotated[
        bool, typer.Option("--foreground", "-f", help="Stay, show the log, stop everything on Ctrl-C.")
    ] = False,
    sinks: Annotated[
        int | None,
        typer.Option("--sinks", min=1, max=9, help="Mail sinks: routes to try out, see `fanfare routes demo`."),
    ] = None,
    simulate: Annotated[
        str | None,
        typer.Option("--simulate", metavar="NAMES", help="Simulate these providers, with routes to them; or all."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Start everything: Kafka, ClickHouse, the mail sink and every Fanfare process."""
    from app.local import supervisor
    from app.settings import settings

    asked = {field: value for field, value in (("sinks", sinks), ("simulate", simulate)) if value is not None}
    if simulate:
        _check_names(simulate)
    wanted = settings().model_copy(update=asked)
    if foreground:
        supervisor.run_foreground(wanted)
        return
    from app.cli.startup import start

    seconds = start(wanted)
    simulated = _simulated() if wanted.simulate else []
    address = f"http://{settings().edge_host}:{settings().edge_port}/"
    if as_json:
        emit(
            {"running": True, "address": address, "seconds": round(seconds, 1), "parts": supervisor.status(settings())}
        )
    else:
        say(f"Fanfare is up after {seconds:.0f} s: {address}   (stop it with `fanfare down`)")
        for line in simulated:
            say(line)


def _simulated() -> list[str]:
    """Makes routes to the simulators; what to try next."""
    from app.cli.simulators import set_routes, told_of
    from app.control.errors import NoAnswerError, UnreachableError

    try:
        return told_of(set_routes())
    except CommandError as error:
        if error.code is not Exit.NOT_REACHABLE:
            raise
        raise CommandError(
            error.message, "Fanfare ran already, without simulators: `fanfare down`, then up again", error.code
        ) from error
    except (NoAnswerError, UnreachableError) as error:
        said = f"Fanfare is up, but the routes to its simulators are not all made: {error.message}"
        raise CommandError(said, "`fanfare simulators routes` makes them", Exit.NOT_REACHABLE) from error


def _check_names(simulate: str) -> None:
    """Also of an installation that runs already, and would not read them."""
    from app.local.simulators.known import names_in

    try:
        names_in(simulate)
    except ValueError as error:
        raise CommandError(str(error), UP_SIMULATED, Exit.USAGE) from error


def down(as_json: AsJson = False) -> None:
    """Stop everything that `fanfare up` started. State stays where it is."""
    from app.local import supervisor
    from app.settings import settings

    was_running = supervisor.stop(settings())
    if as_json:
        emit({"was_running": was_running})
    else:
        say("Stopped. State is kept." if was_running else f"Nothing was running from {settings().state_dir.resolve()}.")


def status(as_json: AsJson = False) -> None:
    """Show every process: state, pid, restarts, port."""
    from app.local import supervisor
    from app.settings import settings

    parts = supervisor.status(settings())
    if not parts:
        raise CommandError(
            f"nothing was started from {settings().state_dir.resolve()}",
            "start it with `fanfare up`; what was started elsewhere is stopped there, or with FANFARE_STATE_DIR set",
            Exit.NOT_REACHABLE,
        )
    if as_json:
        emit({"parts": parts})
    else:
        rows = [[*(str(part[each]) for each in SHOWN), noted(part)] for part in parts]
        table(
            "Processes",
            ("process", "pid", "state", "restarts", "up, s", "MiB", "CPU, s", "note"),
            rows,
            right=(1, 3, 4, 5, 6),
        )


def noted(part: dict[str, Any]) -> str:
    """The note of a part; one that starts again and again is not well, whatever its state is just now."""
    if part["restarts_lately"] <= CALM:
        return str(part["note"])
    told = f"restarted {part['restarts_lately']} times in 5 minutes: its log tells why"
    return f"{told} ({part['note']})" if part["note"] else told
