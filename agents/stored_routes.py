"""Which provider routes are stored, by route.changed. One that cannot be read is as if it were not there.

And of which channel each is, whose provider repeats our id with its reports, how long a call over one lasts at most.
"""

import logging

from pydantic import ValidationError

from app.delivery.reports.refs import NO_ECHO
from app.delivery.routes.checks import IMPLICIT
from app.routes import Route
from app.stream.directory import Directory

CALL_MARGIN = 60.0  # seconds that a call may stand in the provider's queue, and its last report be on the way

logger = logging.getLogger(__name__)


class StoredRoutes:
    """The names of the routes that *directory* holds."""

    def __init__(self, directory: Directory) -> None:
        self._channels: dict[str, str] = {}
        self._silent: set[str] = set()
        self._lasts: dict[str, float] = {}
        self._accounts: dict[str, frozenset[str]] = {}
        directory.on_change(self._changed)

    def is_gone(self, route: str) -> bool:
        """Whether nothing can be sent over *route* any more; the implicit one is there as long as no other is."""
        return route not in self._channels and (route != IMPLICIT or bool(self._channels))

    def channel_of(self, route: str) -> str:
        """The channel of *route*; "" where it is not known."""
        return self._channels.get(route, "")

    def repeats_our_id(self, route: str) -> bool:
        """Whether reports over *route* name our message: else it is found by the provider's own id."""
        return route not in self._silent

    def call_lasts(self, route: str) -> float:
        """Seconds after which a call over *route* is over for certain, from when it was asked for."""
        return self._lasts.get(route, 0.0)

    def serves(self, route: str, account: str) -> bool:
        """Whether messages of *account* may go over *route*, as far as is known."""
        own = self._accounts.get(route)
        return not own or account in own

    def _changed(self, name: str, value: bytes | None) -> None:
        self._channels.pop(name, None)
        self._silent.discard(name)
        self._lasts.pop(name, None)
        self._accounts.pop(name, None)
        if value is None:
            return
        try:
            route = Route.model_validate_json(value)
        except ValidationError as error:
            logger.error("route %s cannot be read, it is as if it were not there: %s", name, error)
            return
        self._channels[name] = route.channel
        self._accounts[name] = frozenset(route.accounts)
        if route.adapter in NO_ECHO:
            self._silent.add(name)
        if route.channel == "voice" and route.twilio is not None:
            self._lasts[name] = route.twilio.ring + route.twilio.longest_call + CALL_MARGIN
