"""Who waits where: classes with a turn coming, and classes in the lines of what holds them back."""

from collections.abc import Callable, Iterable, Sequence
from itertools import islice

from app.delivery.limits.bounds import Bound, Closed
from app.delivery.pacing.heard import NOWHERE, READY, WAITING, Cell, Heard
from app.delivery.pacing.totals import Totals
from app.delivery.pacing.turns import Share
from app.delivery.partition_records import ClassKey


class Lines:
    """Each class is in one place: nowhere, among those that are ready, or in one line or several."""

    def __init__(self, heard: Sequence[Heard], totals: Totals, share_of: Callable[[ClassKey], Share]) -> None:
        self._heard, self._totals, self._share_of = heard, totals, share_of
        self._open: dict[Bound, None] = {}  # lines in which somebody waits, where room may come by itself
        self._closed: dict[Bound, None] = {}  # the same, where it does not
        self._elsewhere: dict[Cell, None] = {}  # who stands in fewer lines than hold it back
        self._stirred: dict[Bound, None] = {}  # in whose lines something has happened since all was settled

    # -- one class

    def ready(self, cell: Cell) -> None:
        """*cell* has a turn coming."""
        cell.place = READY
        self._heard[cell.partition].ready[cell.key.lane].add(self._share_of(cell.key), cell)

    def stand(self, cell: Cell, lines: Sequence[Bound], now: float) -> None:
        """*cell* waits until one of those that hold it back has room."""
        cell.place, cell.share = WAITING, self._share_of(cell.key)
        cell.lines = tuple(lines) if len(lines) == 1 else tuple(dict.fromkeys(lines))
        for bound in cell.lines:
            if bound.line is None:
                (self._closed if isinstance(bound, Closed) else self._open)[bound] = None
            bound.open_line().add(cell.key.lane, cell.share, cell)
            self._stirred[bound] = None
        cell.held_by = cell.lines[0].name
        if not cell.held_since:
            cell.held_since = now
        self._totals.held_back(cell.key.campaign, cell.key.group, cell.held_by)

    def elsewhere_too(self, cell: Cell) -> None:
        """*cell*, which waits, is held back by others as well, in whose lines it does not stand."""
        self._elsewhere[cell] = None

    def look_elsewhere(self, most: int) -> None:
        """Give those their turn again who have waited so for the longest: others may have room by now."""
        for cell in list(islice(self._elsewhere, most)):
            self.leave(cell)
            self.ready(cell)

    def stand_again(self, cell: Cell, lines: tuple[Bound, ...], by: Bound) -> None:
        """*cell*, which was called from the line of *by* and has got something, waits where it has waited before."""
        if len(lines) > 1:
            self.stand(cell, lines, cell.held_since)
            return
        share = self._share_of(cell.key)
        cell.place, cell.share, cell.lines = WAITING, share, lines
        by.open_line().add(cell.key.lane, share, cell)

    def leave(self, cell: Cell, but: Bound | None = None) -> None:
        """*cell* waits no more; it was taken from the line of *but*."""
        if self._elsewhere:
            self._elsewhere.pop(cell, None)
        for bound in cell.lines:
            if bound is not but and bound.line is not None and cell.share is not None:
                bound.line.remove(cell.key.lane, cell.share, cell)
            self._stirred[bound] = None
        cell.lines = ()

    def rest(self, cell: Cell) -> None:
        """*cell* has nothing to send for now."""
        cell.place, cell.held_since = NOWHERE, 0.0
        self.drop_if_empty(cell)

    def drop_if_empty(self, cell: Cell) -> None:
        """Forget a class of which there is nothing to know."""
        if cell.is_empty:
            self._heard[cell.partition].cells.pop(cell.key, None)

    # -- one line

    def charge(self, bound: Bound, share: Share, count: int) -> None:
        """*share* was given so many messages past *bound*: those who wait there come sooner."""
        if bound.line is not None:
            bound.line.bulk.charge(share, count)
            self._stirred[bound] = None

    def empty(self, bound: Bound, then: Callable[[Cell], None]) -> None:
        """Take all out of the line of *bound*."""
        while bound.line is not None and (cell := bound.line.take()) is not None:
            self.leave(cell, but=bound)
            then(cell)

    # -- all of them

    def wake(self, bounds: Iterable[Bound]) -> None:
        """Give all that wait there their turn again, as if they had just come."""
        for bound in bounds:
            self.empty(bound, self.ready)

    def wake_everybody(self, but: str) -> None:
        """The same for all, but for those that wait where the name begins with *but*."""
        self.wake([*self._open, *(bound for bound in self._closed if not bound.name.startswith(but))])

    def with_room(self, now: float) -> list[Bound]:
        """Bounds with room at which somebody waits."""
        return [bound for bound in self._open if bound.room(now) > 0]

    def settle(self) -> None:
        """All had their chance: who still waits comes before who did not have to."""
        for bound in self._stirred:
            if bound.line:
                bound.line.bulk.settle()
            else:
                bound.line = None
                self._open.pop(bound, None)
                self._closed.pop(bound, None)
        self._stirred.clear()
        for heard in self._heard:
            for ready in heard.ready.values():
                ready.settle()
