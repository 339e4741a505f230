"""Runs the edge in this process until SIGTERM."""

import logging
from collections.abc import Callable
from contextlib import suppress

import uvloop
from aiohttp import web

from agents.compose import link_key
from app.local.failure import LocalError
from app.local.state import EDGE, ready_path
from app.settings import Settings
from app.web.application import create_edge


def run_edge(settings: Settings) -> None:
    """Serve on edge_host:edge_port. Raises LocalError when the port is taken or the key is missing."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        secret = settings.secret_path.read_bytes()
    except OSError as error:
        raise LocalError(f"the key {settings.secret_path} cannot be read", "`fanfare up` makes it") from error
    app = create_edge(settings, link_key(secret), secret=secret)
    try:
        # No access log: paths hold signed tokens.
        web.run_app(
            app,
            host=settings.edge_host,
            port=settings.edge_port,
            access_log=None,
            print=_listens(settings),
            shutdown_timeout=5,
            loop=uvloop.new_event_loop(),
        )
    except OSError as error:
        raise LocalError(
            f"port {settings.edge_port} for the edge is taken or not allowed ({error.strerror})",
            "stop what listens there, or set FANFARE_EDGE_PORT to a free port",
        ) from error


def _listens(settings: Settings) -> Callable[[str], None]:
    """What aiohttp tells once this process listens itself: a file for the supervisor, to whom a port says not whose."""
    path = ready_path(settings.state_dir, EDGE)

    def told(_: str) -> None:
        with suppress(OSError):  # nobody supervises it where nobody can write
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()

    return told
