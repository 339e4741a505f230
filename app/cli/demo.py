"""`fanfare demo`: everything at once, on this machine, in front of your eyes."""

from typing import Annotated

import typer

from app.cli.console import AsJson, examples

MOST = 1_000_000


def attach(app: typer.Typer) -> None:
    """Add the command to *app*."""
    app.command("demo", epilog=examples("fanfare demo", "fanfare demo --n 100000", "N=100000 make demo"))(demo)


def demo(
    n: Annotated[int, typer.Option("--n", envvar="N", min=10, max=MOST, help="People to send to.")] = 20_000,
    seed: Annotated[int, typer.Option("--seed", help="Other seed, other people.")] = 1,
    start: Annotated[bool, typer.Option("--start/--no-start", help="Start Fanfare first, if it does not run.")] = True,
    as_json: AsJson = False,
) -> None:
    """Start Fanfare if needed, import N people, send them a campaign and count what arrived."""
    import asyncio

    from app.cli.demo_run import run_demo
    from app.settings import settings

    asyncio.run(run_demo(settings(), n, seed, as_json=as_json, start_first=start))
