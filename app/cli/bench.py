"""`fanfare bench`: measures each stage alone and the whole road."""

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from app.cli.console import AsJson, examples
from app.cli.failures import CommandError


def attach(app: typer.Typer) -> None:
    """Add the command to *app*."""
    app.command("bench", epilog=examples("fanfare bench", "fanfare bench --n 20000 --json", "fanfare bench --short"))(
        bench
    )


def bench(
    n: Annotated[int, typer.Option("--n", envvar="N", min=100, help="Recipients of the end-to-end run.")] = 100_000,
    short: Annotated[bool, typer.Option("--short", help="Everything once and small: does it run at all?")] = False,
    as_json: AsJson = False,
) -> None:
    """Measure and print a table; figures go to var/bench.json."""
    from app.settings import settings

    root = Path(__file__).parents[2]
    if not (root / "benchmarks").is_dir():
        raise CommandError("the benchmarks are not part of this installation", "clone the project and run `make bench`")
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--n", str(n), *(["--short"] if short else [])],
        cwd=root,
        check=False,
        stdout=sys.stderr if as_json else None,
    )
    if done.returncode:
        raise CommandError(f"the benchmark ended with exit code {done.returncode}", "its own messages stand above")
    if as_json:
        sys.stdout.write((settings().state_dir / "bench.json").read_text())
