"""Whose webhooks come to which address: routes by their token, with the secrets that check what comes."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hmac import compare_digest

from app import ids
from app.provider_accounts import ProviderConfig
from app.routes import Route
from app.transport.secrets import secrets_of

SECRETS_SECONDS = 5.0  # then they are read again: a file may have been replaced
LONGEST_TOKEN = 26


@dataclass(frozen=True, slots=True)
class RouteSecrets:
    """What was found where a route says its secrets stand."""

    found: Mapping[str, str]
    missing: list[str]  # why others were not
    config: ProviderConfig
    read_at: float


class HookRoutes:
    """Routes by their token, also disabled ones: what they have sent is still reported."""

    def __init__(self, secret: bytes, clock: Callable[[], float] = time.monotonic) -> None:
        self._secret, self._clock = secret, clock
        self._names: dict[str, str] = {}  # token -> route
        self._known: set[str] = set()  # routes that have one
        self._secrets: dict[str, RouteSecrets] = {}

    def find(self, routes: Mapping[str, Route], token: str) -> Route | None:
        """The route whose token is *token*, None when there is none."""
        if len(token) != LONGEST_TOKEN:
            return None
        if token not in self._names:
            self._learn(routes)
        name = self._names.get(token, "")
        # What the index says is compared once more, in a time that tells nothing of the token.
        return routes.get(name) if name and compare_digest(ids.hook_token(self._secret, name), token) else None

    def _learn(self, routes: Mapping[str, Route]) -> None:
        if routes.keys() == self._known:
            return
        self._known = set(routes)
        self._names = {ids.hook_token(self._secret, name): name for name in routes}
        self._secrets = {name: each for name, each in self._secrets.items() if name in routes}

    def secrets(self, route: Route) -> RouteSecrets:
        """What *route* says where its secrets stand, read at most some seconds ago."""
        kept, now = self._secrets.get(route.name), self._clock()
        if kept is None or kept.config is not route.config or now - kept.read_at > SECRETS_SECONDS:
            found, missing = secrets_of(route.config)
            kept = self._secrets[route.name] = RouteSecrets(found, missing, route.config, now)
        return kept
