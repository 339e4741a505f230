"""`fanfare worker|edge|letterbox|record`: the processes of an installation, each in the foreground."""

from typing import Annotated, Any

import typer

from app.cli.console import examples
from app.cli.failures import CommandError, Exit

Slot = Annotated[
    int,
    typer.Option(
        "--slot", min=0, max=999, help="Which worker of this kind: names its data folder, group member and port."
    ),
]
LogLevel = Annotated[str, typer.Option("--loglevel", help="debug, info, warn or error.")]

worker = typer.Typer(
    help="Run one worker in the foreground (`fanfare up` starts all of them).",
    no_args_is_help=True,
    rich_markup_mode=None,
    epilog=examples(
        "fanfare worker recipients --slot 0", "fanfare worker senders email --slot 1", "fanfare worker senders sms"
    ),
)


def attach(app: typer.Typer) -> None:
    """Add the commands to *app*."""
    app.add_typer(worker, name="worker")
    app.command("edge", epilog=examples("fanfare edge", "FANFARE_EDGE_PORT=9000 fanfare edge"))(edge)
    app.command(
        "letterbox", epilog=examples("FANFARE_BOUNCE_DOMAIN=b.example.com FANFARE_BOUNCE_PORT=2526 fanfare letterbox")
    )(letterbox)
    app.command("record", epilog=examples("fanfare record"))(record)


@worker.command("recipients")
def recipients(slot: Slot = 0, loglevel: LogLevel = "warn") -> None:
    """Gate, release, settle: one owner for all that happens to a message."""
    from agents.planes import build_recipients
    from app.settings import settings

    _run(build_recipients(settings(), slot=slot), loglevel)


@worker.command("senders")
def senders(
    channel: Annotated[str, typer.Argument(help="Channel to send on: email, sms, whatsapp or voice.")] = "email",
    slot: Slot = 0,
    loglevel: LogLevel = "warn",
) -> None:
    """Send what was released on CHANNEL, each attempt at most once."""
    from app.topics import CHANNELS

    if channel not in CHANNELS:
        raise CommandError(f"there are no senders for {channel!r}", f"channels: {', '.join(CHANNELS)}", Exit.USAGE)
    from agents.planes import build_senders
    from app.settings import settings

    _run(build_senders(settings(), channel, slot=slot), loglevel)


@worker.command("pacing")
def pacing(slot: Slot = 0, loglevel: LogLevel = "warn") -> None:
    """Campaign lifecycle, limits and credits."""
    from agents.planes import build_pacing
    from app.settings import settings

    _run(build_pacing(settings(), slot=slot), loglevel)


@worker.command("intake")
def intake(slot: Slot = 0, loglevel: LogLevel = "warn") -> None:
    """The Kafka door, sealing audiences, expanding them into packs."""
    from agents.planes import build_intake
    from app.settings import settings

    _run(build_intake(settings(), slot=slot), loglevel)


def _run(app: Any, loglevel: str) -> None:
    from app.stream.run import run_worker

    run_worker(app, loglevel=loglevel)


def edge() -> None:
    """Serve the REST API, the live pages and the links in mails."""
    from app.settings import settings
    from app.web.serve import run_edge

    run_edge(settings())


def letterbox() -> None:
    """Take bounces, complaints and unsubscribe mail (`fanfare up` starts it when FANFARE_BOUNCE_DOMAIN is set)."""
    from app.settings import settings
    from app.web.letterbox import run_letterbox

    run_letterbox(settings())


def record() -> None:
    """Write events from Kafka into ClickHouse."""
    from app.clickhouse.record import run_record
    from app.settings import settings

    run_record(settings())
