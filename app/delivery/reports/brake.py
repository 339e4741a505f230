"""When hard bounces are too many to be true: an account in trouble, a provider gone wrong or a broken server may call
everybody gone. Then people rest for a week instead of being left alone for good, and the operator is told.

Who is gone for certain bounces again after that week, when others do not.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

WINDOW = 3_600.0  # seconds
FEW = 25  # hard bounces of a route in a partition in that time; up to them each is believed
SHARE = 4  # more than one in so many, of those that the route answered or reported on, is too many
REST = 7 * 86_400.0  # seconds


class Told(msgspec.Struct, array_like=True):
    """What was reported of messages of a route in a window of time."""

    begun: float
    answered: int = 0  # messages that the route has answered in it, as far as this process and those before it know
    gone: int = 0
    others: int = 0


class Kept(msgspec.Struct, array_like=True):
    """Of a route: this window, and the one before that; as it is stored."""

    now: Told
    before: Told | None = None


@dataclass(slots=True)
class _Window:
    begun: float
    answered: int  # by the route, before the window
    gone: int = 0
    others: int = 0


class Brake:
    """Of one partition: what was reported of messages, by route, of late.

    *kept* is what was stored of it, *answered* how many messages each route has answered since this process counts.
    """

    def __init__(self, kept: Mapping[str, Kept] | None = None, answered: Mapping[str, int] | None = None) -> None:
        self._windows: dict[str, _Window] = {}
        self._before: dict[str, _Window] = {}  # the window before that, while it is not too old
        self._changed: set[str] = set()
        self._stored = set(kept or ())
        for route, each in (kept or {}).items():
            known = (answered or {}).get(route, 0)
            self._windows[route] = _window_of(each.now, known)
            if each.before is not None:
                self._before[route] = _window_of(each.before, known)

    def doubts(self, route: str, gone: int, answered: int, now: float, others: int = 0) -> bool:
        """Whether *gone* more hard bounces of *route*, which has *answered* so many messages, are too many.

        *others*, who were reached, are reported together with them.
        """
        window, before = self._window(route, answered, now), self._before.get(route)
        parts = [window] if before is None or now - before.begun > 2 * WINDOW else [before, window]
        gone += sum(each.gone for each in parts)
        others += sum(each.others for each in parts)
        known = max(gone + others, answered - parts[0].answered)
        return gone > FEW and gone * SHARE > known

    def note(self, route: str, gone: int, others: int, answered: int, now: float) -> None:
        """*gone* hard bounces and *others*, who were reached, were reported of *route*."""
        window = self._window(route, answered, now)
        window.gone += gone
        window.others += others
        self._changed.add(route)

    def changes(self, answered: Mapping[str, int], now: float) -> dict[str, Kept | None]:
        """What is to be stored by route since this was asked last; None for what counts no longer."""
        changed, self._changed = self._changed, set()
        self._stored |= changed
        past = [route for route in self._stored if now - self._windows[route].begun > 2 * WINDOW]
        self._stored.difference_update(past)
        kept = {route: self._kept(route, answered.get(route, 0)) for route in changed}
        return kept | dict.fromkeys(past)

    def _kept(self, route: str, answered: int) -> Kept:
        before = self._before.get(route)
        return Kept(_told_of(self._windows[route], answered), None if before is None else _told_of(before, answered))

    def _window(self, route: str, answered: int, now: float) -> _Window:
        window = self._windows.get(route)
        if window is not None and 0 <= now - window.begun < WINDOW:
            return window
        fresh = _Window(now, answered if window is not None else 0)
        if window is not None:
            self._before[route] = window
        self._windows[route] = fresh
        return fresh


def _told_of(window: _Window, answered: int) -> Told:
    return Told(window.begun, answered - window.answered, window.gone, window.others)


def _window_of(told: Told, answered: int) -> _Window:
    return _Window(told.begun, answered - told.answered, told.gone, told.others)
