"""Runs one worker in this process until SIGTERM."""

import asyncio
import gc
import sys
from typing import NoReturn

import faust
import uvloop

from app.stream.app import StreamApp

SWITCH_SECONDS = 0.0005


def run_worker(app: StreamApp, loglevel: str = "warn") -> NoReturn:
    """Run *app* on uvloop until SIGTERM or SIGINT, then drain, commit and exit.

    Exit code 0 after an orderly stop, 70 when the worker ended itself (see app/stream/exits.py).
    """
    _collect_seldom()
    # The thread that fetches wants its turn several times for each fetch, and at Python's 5 ms waits for it every time.
    sys.setswitchinterval(SWITCH_SECONDS)
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    worker = faust.Worker(app, loglevel=loglevel, loop=loop, redirect_stdouts=False, quiet=True)
    worker.execute_from_commandline()
    sys.exit(0)


def _collect_seldom() -> None:
    """Leave what is imported out of the garbage collector, and run it a hundredth as often.

    Records make no cycles, and at Python's thresholds every fetch is searched through several times. A
    recovery of 500,000 entries takes 1.6 s of CPU so, 2.05 s otherwise (benchmarks/recovery_bench.py).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(70_000, 20, 20)
