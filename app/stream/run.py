"""Runs one worker in this process until SIGTERM."""

import asyncio
import sys
from typing import NoReturn

import faust
import uvloop

from app.stream.app import StreamApp


def run_worker(app: StreamApp, loglevel: str = "warn") -> NoReturn:
    """Run *app* on uvloop until SIGTERM or SIGINT, then drain, commit and exit.

    Exit code 0 after an orderly stop, 70 when the worker ended itself (see app/stream/exits.py).
    """
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    worker = faust.Worker(app, loglevel=loglevel, loop=loop, redirect_stdouts=False, quiet=True)
    worker.execute_from_commandline()
    sys.exit(0)
