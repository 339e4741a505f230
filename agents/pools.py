"""The pools of a sender worker: one for each provider route, made when it is first needed."""

import logging
from collections.abc import Awaitable, Callable
from functools import partial

from pydantic import ValidationError

from app.bounces import verp
from app.delivery.routes.checks import IMPLICIT
from app.ids import hook_token
from app.provider_accounts import HttpAccount, ProviderConfig, Smpp, SmtpServer
from app.providers.registry import adapter_of
from app.providers.smpp_pdu import Pdu
from app.routes import Route
from app.settings import Settings
from app.stream.directory import Directory
from app.transport.dkim_keys import DkimSigner, folder_in
from app.transport.http_pool import HttpPool
from app.transport.secrets import SecretKeeper, secret_at
from app.transport.smpp_pool import SmppPool
from app.transport.smtp import SmtpPool, unsigned

logger = logging.getLogger(__name__)

Pool = SmtpPool | HttpPool | SmppPool
Received = Callable[[str, Pdu], Awaitable[bool]]  # (route, what an SMSC sends by itself) -> whether it is stored


class Pools:
    """The pool of each route as `route.changed` has it now.

    A pool goes when the server of its route changes, or the route goes: what is under way over it finishes, and each
    of its connections ends with that. *before_write* is that of every pool. With *received*, the sessions of SMPP
    routes are bound as soon as the route is known: receipts come over them, also when nothing is sent.
    """

    def __init__(
        self,
        settings: Settings,
        directory: Directory,
        before_write: Callable[[], None],
        received: Received | None = None,
    ) -> None:
        self._settings, self._directory, self._before_write = settings, directory, before_write
        self._received = received
        self._secrets = SecretKeeper()
        self._signer = DkimSigner(folder_in(settings.state_dir))
        self._pools: dict[str, tuple[ProviderConfig | None, Pool]] = {}
        self._callbacks: dict[str, str] = {}
        self._bounces: dict[str, Callable[[bytes, int], str] | None] = {}
        directory.on_change(lambda name, _: self._changed(name))

    def of(self, route: str) -> Pool | None:
        """The pool of *route*, None when it is not here (yet), or nothing here can send over it.

        "smtp" is the server of FANFARE_SMTP_* as long as no route is stored by that name.
        """
        made = self._pools.get(route)
        if made is not None:
            return made[1]
        stored = self._stored(route)
        if stored is None and route != IMPLICIT:
            return None
        pool = self._implicit() if stored is None else self._made(stored)
        if pool is not None:
            self._pools[route] = (None if stored is None else stored.config, pool)
        return pool

    def callback_of(self, route: str) -> str:
        """The address of the webhooks of *route*, for providers that take one with each message."""
        known = self._callbacks.get(route)
        if known is None:
            stored = self._stored(route)
            if stored is None:
                return ""
            token = hook_token(self._settings.secret_path.read_bytes(), route)
            known = f"{self._settings.public_url.rstrip('/')}/hooks/{stored.adapter}/{token}"
            self._callbacks[route] = known
        return known

    def bounces_of(self, route: str) -> Callable[[bytes, int], str] | None:
        """What gives an attempt over *route* its envelope sender (VERP); None: it is the sender of the campaign."""
        if route not in self._bounces:
            stored = self._stored(route)
            own = self._settings.bounce_domains
            domain = own[0] if own and stored is None and route == IMPLICIT else ""
            if stored is not None and stored.smtp is not None:
                domain = stored.smtp.bounces
            key = verp.key_of(self._settings.secret_path.read_bytes()) if domain else b""
            self._bounces[route] = partial(verp.address_of, key, domain) if domain else None
        return self._bounces[route]

    async def close(self) -> None:
        """Close every idle connection."""
        for _, pool in self._pools.values():
            await pool.close()

    def _changed(self, route: str) -> None:
        self._callbacks.pop(route, None)
        self._bounces.pop(route, None)
        made = self._pools.get(route)
        stored = self._stored(route)
        if made is not None and made[0] != (None if stored is None else stored.config):
            del self._pools[route]
            made[1].let_go()
        if self._received is not None and stored is not None and stored.smpp is not None and stored.enabled:
            self.of(route)

    def _stored(self, route: str) -> Route | None:
        raw = self._directory.entries.get(route)
        if raw is None:
            return None
        try:
            return Route.model_validate_json(raw)
        except ValidationError as error:
            logger.error("route %s cannot be read, it is as if it were not there: %s", route, error)
            return None

    def _made(self, route: Route) -> Pool | None:
        config = route.config
        if isinstance(config, SmtpServer):
            return self._smtp(config)
        if isinstance(config, Smpp):
            return self._smpp(route.name, config)
        adapter = adapter_of(route.adapter, route.channel)
        if adapter is None or not isinstance(config, HttpAccount):
            logger.error("route %s: this version sends nothing over %s", route.name, route.adapter)
            return None
        return HttpPool(adapter, config, self._secrets, before_write=self._before_write)

    def _smpp(self, route: str, config: Smpp) -> SmppPool | None:
        if self._received is None:
            return None
        pool = SmppPool(config, partial(self._received, route), self._before_write)
        pool.start()
        return pool

    def _smtp(self, server: SmtpServer) -> SmtpPool:
        return SmtpPool(
            server.host, server.port, size=server.connections, per_connection=server.messages_per_connection,
            timeout=server.timeout, tls=server.tls, user=server.user, password=lambda: secret_at(server.password),
            helo=server.helo or self._settings.helo_name, before_write=self._before_write,
            signatures=self._signer.signatures if server.dkim else unsigned,
        )  # fmt: skip

    def _implicit(self) -> SmtpPool:
        told = self._settings
        return SmtpPool(
            told.smtp_host, told.smtp_port, size=told.smtp_connections,
            per_connection=told.smtp_messages_per_connection, timeout=told.smtp_timeout, tls=told.smtp_tls,
            user=told.smtp_user, password=told.smtp_password, helo=told.helo_name, before_write=self._before_write,
        )  # fmt: skip
