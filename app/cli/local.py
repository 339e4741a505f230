"""`fanfare up|down|status`: a whole installation on this machine."""

from typing import Annotated, Any

import typer

from app.cli.console import AsJson, emit, examples, say, table
from app.cli.failures import CommandError, Exit

CALM = 3  # restarts in 5 minutes, of a part that is well
SHOWN = ("name", "pid", "state", "restarts", "uptime", "memory_mb", "cpu_seconds")


def attach(app: typer.Typer) -> None:
    """Add the commands to *app*."""
    app.command("up", epilog=examples("fanfare up", "fanfare up --foreground", "fanfare up --sinks 3"))(up)
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
    as_json: AsJson = False,
) -> None:
    """Start everything: Kafka, ClickHouse, the mail sink and every Fanfare process."""
    from app.local import supervisor
    from app.settings import settings

    wanted = settings() if sinks is None else settings().model_copy(update={"sinks": sinks})
    if foreground:
        supervisor.run_foreground(wanted)
        return
    from app.cli.startup import start

    seconds = start(wanted)
    address = f"http://{settings().edge_host}:{settings().edge_port}/"
    if as_json:
        emit(
            {"running": True, "address": address, "seconds": round(seconds, 1), "parts": supervisor.status(settings())}
        )
    else:
        say(f"Fanfare is up after {seconds:.0f} s: {address}   (stop it with `fanfare down`)")


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
