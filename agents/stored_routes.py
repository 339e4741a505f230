"""Which provider routes are stored, by route.changed. One that cannot be read is as if it were not there.

And whose provider repeats our id with its reports.
"""

import logging

from pydantic import ValidationError

from app.delivery.refs import NO_ECHO
from app.delivery.route_checks import IMPLICIT
from app.routes import Route
from app.stream.directory import Directory

logger = logging.getLogger(__name__)


class StoredRoutes:
    """The names of the routes that *directory* holds."""

    def __init__(self, directory: Directory) -> None:
        self._names: set[str] = set()
        self._silent: set[str] = set()
        directory.on_change(self._changed)

    def is_gone(self, route: str) -> bool:
        """Whether nothing can be sent over *route* any more; the implicit one is there as long as no other is."""
        return route not in self._names and (route != IMPLICIT or bool(self._names))

    def repeats_our_id(self, route: str) -> bool:
        """Whether reports over *route* name our message: else it is found by the provider's own id."""
        return route not in self._silent

    def _changed(self, name: str, value: bytes | None) -> None:
        self._names.discard(name)
        self._silent.discard(name)
        if value is None:
            return
        try:
            route = Route.model_validate_json(value)
        except ValidationError as error:
            logger.error("route %s cannot be read, it is as if it were not there: %s", name, error)
            return
        self._names.add(name)
        if route.adapter in NO_ECHO:
            self._silent.add(name)
