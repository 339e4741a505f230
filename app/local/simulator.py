"""Simulators of providers, in one process on loopback: nothing is sent, and what became of it is reported.

    python -m app.local.simulator --port 8400 --dir var/simulators --only ses,twilio

Each is under /NAME/ of that port, and alone on a port behind it (8401: ses, 8402: sendgrid ...). Orders go to
/control/NAME: docs/simulators.md.
"""

import argparse
import asyncio
import gc
import importlib
import json
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import uvloop

from app.local.simulators.doors import Doors
from app.local.simulators.frame import Simulator
from app.local.simulators.keys import Keys
from app.local.simulators.known import ALL, MODULES, names_in, ports_of
from app.local.simulators.orders import Orders, orders_in


def simulators_in(folder: Path, names: list[str], orders: Mapping[str, object], seed: int = 1) -> dict[str, Simulator]:
    """The simulators *names*, with keys and records in *folder*. *orders*: how each begins, by name."""
    keys = Keys(folder / "keys")
    made: dict[str, Simulator] = {}
    for name in names:
        module, _, kind = MODULES[name].partition(".")
        build = getattr(importlib.import_module(f"app.local.simulators.{module}"), kind)
        begins = orders_in(orders.get(name, {}), Orders(), Orders())
        made[name] = build(keys, folder, begins, seed)
    return made


async def _run(given: argparse.Namespace) -> None:
    names = names_in(given.only)
    begins = json.loads(given.begin.read_text()) if given.begin and given.begin.exists() else {}
    doors = Doors(simulators_in(given.dir, names, begins, given.seed))
    await doors.open(given.port, ports_of(names, given.port))
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    await stopped.wait()
    await doors.close()


def main() -> None:
    """Run until SIGTERM."""
    parser = argparse.ArgumentParser(prog="app.local.simulator", description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--port", type=int, default=8400)
    parser.add_argument("--dir", type=Path, required=True, help="keys and records")
    parser.add_argument("--only", default=ALL, help="which ones: ses,twilio")
    parser.add_argument("--begin", type=Path, help="JSON file: name of a simulator -> orders at the start")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    gc.set_threshold(50_000, 20, 1_000)  # messages that are remembered are in no cycle: looking them through is in vain
    try:
        uvloop.run(_run(given))
    except (OSError, ValueError) as error:
        sys.exit(f"the simulators cannot start: {error}. FANFARE_SIMULATOR_PORT sets another port.")


if __name__ == "__main__":
    main()
