"""When hard bounces are too many to be true: an account in trouble, a provider gone wrong or a broken server may call
everybody gone. Then people rest for a week instead of being left alone for good, and the operator is told.

Who is gone for certain bounces again after that week, when others do not.
"""

from dataclasses import dataclass

WINDOW = 3_600.0  # seconds
FEW = 25  # hard bounces of a route in a partition in that time; up to them each is believed
SHARE = 4  # more than one in so many, of those that the route answered or reported on, is too many
REST = 7 * 86_400.0  # seconds


@dataclass(slots=True)
class _Window:
    begun: float
    answered: int  # by the route, before the window
    gone: int = 0
    others: int = 0


class Brake:
    """Of one partition, since its worker has it: what was reported of messages, by route, of late."""

    def __init__(self) -> None:
        self._windows: dict[str, _Window] = {}
        self._before: dict[str, _Window] = {}  # the window before that, while it is not too old

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

    def _window(self, route: str, answered: int, now: float) -> _Window:
        window = self._windows.get(route)
        if window is not None and 0 <= now - window.begun < WINDOW:
            return window
        fresh = _Window(now, answered if window is not None else 0)
        if window is not None:
            self._before[route] = window
        self._windows[route] = fresh
        return fresh
