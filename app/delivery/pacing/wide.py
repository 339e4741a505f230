"""Steps of very many routes: which of them are worth a look, in one partition and lane, in one look-around.

Room does not grow while credit is given. So what was found full for everybody is not asked for again by each class, and
a class that is held back by very many bounds stands in the lines of a few: it is looked at again soon, whichever of the
others has room by then.
"""

from collections.abc import Sequence

from app.delivery.limits.bounds import Bound, Metered, Places, Room, Service

WIDE = 16  # routes of a step: up to these, each class looks at all
LINES = 16  # in which a class stands, at most
LOOKED_AT = 64  # classes that stand in fewer lines than hold them back, in one look-around


class Wide:
    """The routes of one step."""

    __slots__ = ("_gave_way", "full", "open")

    def __init__(self, step: Sequence[str]) -> None:
        self.open = dict.fromkeys(step)  # routes that may have room
        self.full: dict[Bound, None] = {}  # what the others are held back by
        self._gave_way = 0  # routes at which the class that is looked at has let others go first

    def begin(self) -> None:
        """Another class is looked at."""
        self._gave_way = 0

    def is_enough(self, route: str, by: Bound, now: float) -> bool:
        """Note that *by* has held a class back at *route*; whether that was so often that it is not its turn."""
        if by.room(now) > 0:
            self._gave_way += 1
        elif holds_all(by):
            del self.open[route]
            self.full[by] = None
        return self._gave_way == LINES


def holds_all(bound: Bound) -> bool:
    """Whether *bound*, when it has no room, has none for any message over its route."""
    if isinstance(bound, Metered):
        return bound.of_route and not (bound.in_parts or bound.in_people)
    return isinstance(bound, Room | Service) or (isinstance(bound, Places) and bound.of_route)


def few_of(held: Sequence[Bound], turn: int) -> Sequence[Bound]:
    """LINES of *held*, others each *turn*."""
    if len(held) <= LINES:
        return held
    first = turn * LINES % len(held)
    return (*held[first : first + LINES], *held[: max(0, first + LINES - len(held))])
