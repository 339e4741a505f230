"""One look at everything that waits: slices granted as far as every bound allows, and the slips made of them."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from app.delivery.limits.book import LimitBook, Option, Way
from app.delivery.limits.bounds import FOR_LONG, Bound, Metered, Room
from app.delivery.limits.rates import LONGEST_VALIDITY, Bucket
from app.delivery.pacing.heard import Caps, Cell, Given, Heard, Paid
from app.delivery.pacing.lines import Lines
from app.delivery.pacing.turns import Share
from app.delivery.pacing.why import Reasons, with_wait
from app.delivery.pacing.wide import LINES, LOOKED_AT, WIDE, Wide, few_of
from app.delivery.partition import SLICE
from app.delivery.partition_records import ClassKey
from app.delivery.people.tier import AGAIN, stamp_of
from app.delivery.routes.plan import Balance
from app.records import Grant, Slip
from app.topics import BULK, LANES

FREE_VALIDITY, FREE_NOT_AFTER = 3.0, 30.0  # seconds, where no rate and no cap lies on the path


class Asked(NamedTuple):
    """What a class wants when it is looked at."""

    share: Share
    wanted: int
    by: Bound | None  # that has called it
    polite: bool  # it gives way to others whose turn it is


Granted = tuple[Grant, Cell, Caps]  # to whom, and the caps that it was paid from


class Granting:
    """Serves classes: transactional ones first, then those that have just come, then those that wait in lines."""

    def __init__(
        self,
        book: LimitBook,
        lines: Lines,
        reasons: Reasons,
        share_of: Callable[[ClassKey], Share],
        count: Callable[[Heard, ClassKey, str, int], None],
    ) -> None:
        self._book, self._lines, self._reasons, self._share_of, self._count = book, lines, reasons, share_of, count
        self.looks = 0  # at classes, ever: the work that was done
        self._round = 0  # counts calls of *serve*
        self._now = 0.0
        self._heard: dict[int, Heard] = {}
        self._granted: dict[int, dict[float, list[Granted]]] = {}  # partition -> validity -> grants
        self._wide: dict[tuple[int, str, Balance], Wide] = {}  # of this look-around

    def serve(self, order: Sequence[Heard], now: float) -> dict[int, dict[float, list[Granted]]]:
        """Grant what is due in the partitions of *order*: partition -> validity -> grants of one slip."""
        self._now, self._round = now, self._round + 1
        self._granted = {heard.number: {} for heard in order}
        self._heard = {heard.number: heard for heard in order}
        self._wide.clear()
        self._lines.look_elsewhere(LOOKED_AT)
        opened = self._lines.with_room(now)
        for bound in opened:  # what a bulk message takes, no transactional one lacks
            while bound.line is not None and bound.room(now) > 0 and (cell := bound.line.take_urgent()) is not None:
                self._call(bound, cell)
        for lane in LANES:
            for heard in order:
                ready = heard.ready[lane]
                while (cell := ready.take()) is not None:
                    if self._look(cell, None):
                        self._lines.ready(cell)
        while opened:  # a slice for each line and round, so that none empties what others share with it
            opened = [bound for bound in opened if bound.line and bound.room(now) > 0]
            for bound in opened:
                if bound.line is not None and (cell := bound.line.take()) is not None:
                    self._call(bound, cell)
        self._lines.settle()
        return self._granted

    def _call(self, bound: Bound, cell: Cell) -> None:
        """It is the turn of *cell*, which was taken from the line of *bound*."""
        lines = cell.lines
        self._lines.leave(cell, but=bound)
        if self._look(cell, bound):
            if cell.due > cell.pending:
                self._lines.stand_again(cell, lines, bound)  # nothing has room now that had none before
            else:
                self._lines.rest(cell)

    def _look(self, cell: Cell, by: Bound | None) -> bool:
        """Grant the class at most a slice, or have it wait; whether it got any. *by*: the bound that has called it."""
        self.looks += 1
        wanted = min(cell.due - cell.pending, SLICE)
        if wanted <= 0:
            self._lines.rest(cell)
            return False
        key, way = cell.key, cell.way
        if way is None or way.stale:
            way = cell.way = self._book.way(key, self._now)
        # Who has given way in this round does not do so again: it would wander between lines.
        polite = key.lane == BULK and cell.gave_way != self._round
        asked = Asked(self._share_of(key), wanted, by, polite)
        wanted, held_by = self._allowed(way.common, key, asked)
        if held_by is not None:
            self._hold(cell, (held_by,))
            return False
        asked = asked._replace(wanted=wanted)
        held: list[Bound] = []
        for number in range(len(way.balances)):
            earlier = len(held)
            if self._try_step(cell, way, number, asked, held):
                return True
            if any(bound.full == "wait" for bound in held[earlier:]):
                break
        self._hold(cell, held)
        return False

    def _try_step(self, cell: Cell, way: Way, number: int, asked: Asked, held: list[Bound]) -> bool:
        """Grant the class what it has *asked* for over a route of one step; else *held* gets what holds it back."""
        key, balance, passed = cell.key, way.balances[number], len(held)
        rooms = self._heard[cell.partition].rooms[key.lane]
        wide = self._wide_step(cell, way, number)
        # Of very many routes the one goes first that has called, as it has room.
        called = asked.by.route if isinstance(asked.by, Room) else ""
        for route in balance.in_order() if wide is None else balance.some_in_order(wide.open, called):
            option = way.options.get(route) or self._option(way, key, route)
            bounds = (*option.bounds, rooms[route])
            count, held_by = self._allowed(bounds, key, asked)
            if held_by is None:
                balance.charge(route, count)
                why = self._why(cell, way, number, option, held[:passed], asked.by)
                self._grant(cell, (*way.common, *bounds), asked.share, route, count, why)
                return True
            held.append(held_by)
            if wide is not None and wide.is_enough(route, held_by, self._now):
                break
        if wide is not None:
            held[passed:] = dict.fromkeys((*held[passed:], *wide.full))
        return False

    def _wide_step(self, cell: Cell, way: Way, number: int) -> Wide | None:
        """What is known of a step of very many routes since this look-around began."""
        step = way.plan.steps[number]
        if len(step) <= WIDE:
            return None
        place = cell.partition, cell.key.lane, way.balances[number]
        wide = self._wide.get(place)
        if wide is None:
            wide = self._wide[place] = Wide(step)
        wide.begin()
        return wide

    def _option(self, way: Way, key: ClassKey, route: str) -> Option:
        made = self._book.option(key.campaign, key.group, key.sender, route, self._now, key.parts)
        way.options[route] = made
        return made

    def _allowed(self, bounds: Iterable[Bound], key: ClassKey, asked: Asked) -> tuple[int, Bound | None]:
        """(messages that pass, None), or (0, what holds the class back): no room, or others whose turn it is."""
        share, wanted, by, polite = asked
        now, parts = self._now, key.parts
        for bound in bounds:
            if parts == AGAIN and bound.lets_again():
                continue
            room = bound.room(now) if parts == 1 else bound.room_for(parts, now)
            if room <= 0:
                return 0, bound
            if polite and bound.line is not None and bound is not by and bound.line and not bound.line.is_before(share):
                return 0, bound
            if room < wanted:
                wanted = room
        return wanted, None

    def _hold(self, cell: Cell, held: Sequence[Bound]) -> None:
        """*held* hold the class back: there is no room, or it is the turn of others."""
        few = few_of(held, self.looks)  # who stands in as many lines as one may is looked at again anyway
        if any(bound.room(self._now) > 0 for bound in few):
            cell.gave_way = self._round
        self._lines.stand(cell, few, self._now)
        if len(few) == LINES:
            self._lines.elsewhere_too(cell)

    def _why(self, cell: Cell, way: Way, step: int, option: Option, passed: list[Bound], by: Bound | None) -> str:
        why = self._reasons.why(way, step, option.route, cell.key.pin, passed)
        if by is None:
            cell.held_since = 0.0  # nothing holds it back any more
        return with_wait(why, cell.held_by, self._now - cell.held_since) if cell.held_since else why

    def _grant(self, cell: Cell, bounds: Sequence[Bound], share: Share, route: str, count: int, why: str) -> None:
        key, validity = cell.key, FOR_LONG
        caps: Caps = ()
        people: list[str] = []
        for bound in bounds:
            validity = min(validity, bound.lasts(self._now))
            weight = bound.weight(key.parts)
            if isinstance(bound, Metered) and bound.in_people:
                people.append(bound.name)
            if weight:
                bound.take(count * weight)
            elif isinstance(bound, Metered):
                bound.renew(count, self._now)
            if weight and isinstance(bound, Metered) and not isinstance(bound.meter, Bucket):
                caps += ((bound.name, bound.meter, weight),)
            self._lines.charge(bound, share, count * weight)
        validity = FREE_VALIDITY if validity == FOR_LONG else min(validity, LONGEST_VALIDITY)
        heard = self._heard[cell.partition]
        if heard.ready[key.lane]:
            heard.ready[key.lane].charge(share, count)
        cell.pending += count
        cell.gave_way = 0
        self._count(heard, key, route, count)
        grant = Grant(
            key.campaign, key.lane, key.group, route, count, key.tier, key.retry, key.pin, why,
            key.channel, key.parts, key.sender, stamp_of(people),
        )  # fmt: skip
        self._granted[cell.partition].setdefault(validity, []).append((grant, cell, caps))


def slip_of(heard: Heard, number: int, validity: float, granted: Sequence[Granted], now: float) -> Slip:
    """The slip *number* with these grants; the partition is known to have it."""
    not_after = now + (FREE_NOT_AFTER if validity == FREE_VALIDITY else validity)
    slip = Slip(heard.number, number, now, now + validity, not_after, [grant for grant, _, _ in granted])
    heard.slips.append(Given(slip, [(cell, grant.route, grant.count) for grant, cell, _ in granted]))
    if any(caps for _, _, caps in granted):
        heard.paid.append(Paid(number, now, [(grant.count, caps) for grant, _, caps in granted]))
    return slip
