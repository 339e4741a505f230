"""The SMTP pools of a sender worker: one for each provider route, made when it is first needed."""

import logging
from collections.abc import Callable

from pydantic import ValidationError

from app.delivery.route_checks import IMPLICIT
from app.provider_accounts import SmtpServer
from app.routes import Route
from app.settings import Settings
from app.stream.directory import Directory
from app.transport.secrets import secret_at
from app.transport.smtp import SmtpPool

logger = logging.getLogger(__name__)


class Pools:
    """The pool of each route as `route.changed` has it now.

    A pool goes when the server of its route changes, or the route goes: what is under way over it finishes, and each
    of its connections ends with that. *before_write* is that of every pool.
    """

    def __init__(self, settings: Settings, directory: Directory, before_write: Callable[[], None]) -> None:
        self._settings, self._directory, self._before_write = settings, directory, before_write
        self._pools: dict[str, tuple[SmtpServer | None, SmtpPool]] = {}
        directory.on_change(lambda name, _: self._changed(name))

    def of(self, route: str) -> SmtpPool | None:
        """The pool of *route*, None when it is not here (yet).

        "smtp" is the server of FANFARE_SMTP_* as long as no route is stored by that name.
        """
        made = self._pools.get(route)
        if made is not None:
            return made[1]
        server = self._server_of(route)
        if server is None and route != IMPLICIT:
            return None
        pool = self._implicit() if server is None else self._made(server)
        self._pools[route] = (server, pool)
        return pool

    async def close(self) -> None:
        """Close every idle connection."""
        for _, pool in self._pools.values():
            await pool.close()

    def _changed(self, route: str) -> None:
        made = self._pools.get(route)
        if made is not None and made[0] != self._server_of(route):
            del self._pools[route]
            made[1].let_go()

    def _server_of(self, route: str) -> SmtpServer | None:
        raw = self._directory.entries.get(route)
        if raw is None:
            return None
        try:
            return Route.model_validate_json(raw).smtp
        except ValidationError as error:
            logger.error("route %s cannot be read, it is as if it were not there: %s", route, error)
            return None

    def _made(self, server: SmtpServer) -> SmtpPool:
        return SmtpPool(
            server.host, server.port, size=server.connections, per_connection=server.messages_per_connection,
            timeout=server.timeout, tls=server.tls, user=server.user, password=lambda: secret_at(server.password),
            helo=server.helo or self._settings.helo_name, before_write=self._before_write,
        )  # fmt: skip

    def _implicit(self) -> SmtpPool:
        told = self._settings
        return SmtpPool(
            told.smtp_host, told.smtp_port, size=told.smtp_connections,
            per_connection=told.smtp_messages_per_connection, timeout=told.smtp_timeout, tls=told.smtp_tls,
            user=told.smtp_user, password=told.smtp_password, helo=told.helo_name, before_write=self._before_write,
        )  # fmt: skip
