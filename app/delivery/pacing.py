"""Pacing: demand of all partitions in, credit slips out, and every bound on the way debited.

Arithmetic on classes, not on messages: the work of a tick grows with the slices it grants, not with the classes that
wait. A class that is held back waits in the lines of the bounds that hold it back, one for each route that it might
take, and is looked at again when one of them has room. What goes before what is in docs/pacing.md.
"""

from collections.abc import Iterable, Mapping, Sequence

from app.commands import CampaignEntry
from app.delivery.bounds import Bound, Flow, Metered
from app.delivery.caps import Cap, Zones
from app.delivery.health import AllWell, Health
from app.delivery.limit_book import STATE, LimitBook, Option, Way
from app.delivery.pacing_heard import NOWHERE, READY, WAITING, Cell, Given, Heard, Paid
from app.delivery.pacing_totals import Totals
from app.delivery.pacing_turns import Share, share_of
from app.delivery.pacing_why import Reasons, with_wait
from app.delivery.partition import SLICE, ClassKey, class_of
from app.delivery.rates import LONGEST_VALIDITY, Bucket
from app.records import Demand, Grant, Slip
from app.routes import LimitSet, Route
from app.topics import BULK, LANES

FREE_VALIDITY, FREE_NOT_AFTER = 3.0, 30.0  # seconds, where no rate and no cap lies on the path
GRACE = 1.0  # seconds after its end from which on a slip that a snapshot does not reflect is lost
REPORTS_WITHIN = 5.0  # seconds: a partition that has an owner is heard in full more often than that
PAID_SECONDS = 60.0  # for which a slip that was paid from caps is remembered

Granted = dict[float, list[tuple[Grant, Cell]]]  # validity -> grants of one partition


def utc_only(_: str) -> None:
    """No time zone is known: days begin at midnight UTC."""


class Pacer:
    """The one owner of every limit of a pacing group. Its memory is rebuilt from demand after a restart."""

    def __init__(
        self, partitions: int, health: Health | None = None, account_rate: float = 0.0, zone_named: Zones = utc_only
    ) -> None:
        self.health = health if health is not None else AllWell()
        self.flow = Flow()
        self.book = LimitBook(account_rate, self.health, self.flow, zone_named)
        self.heard = [Heard(number) for number in range(partitions)]
        self.totals = Totals(partitions)
        self.numbers = [0] * partitions  # last slip number of each partition
        self.looks = 0  # at classes, ever: the work that was done
        self._reasons = Reasons(self.book.routes, self.health)
        self._weights: dict[str, int] = {}  # of accounts
        self._shares: dict[tuple[str, str, bool], Share] = {}  # (campaign, lane, retry) -> its share
        self._lines: dict[Bound, None] = {}  # in which somebody waits
        self._states: dict[str, bool] = {}  # route -> whether anything may go over it, when last looked
        self._unsure_until = 0.0  # a snapshot from before may not know yet of a slip from before a restart
        self._tick = 0
        self._now = 0.0

    @property
    def buckets(self) -> dict[str, Bucket]:
        """Every bucket by name."""
        return self.book.buckets

    @property
    def caps(self) -> dict[str, Cap]:
        """Every cap by name."""
        return self.book.caps

    @property
    def touched(self) -> set[str]:
        """Names of the buckets and caps debited since they were last stored."""
        return self.book.touched

    # -- what is known ---------------------------------------------------------------------

    def campaign(self, entry: CampaignEntry) -> None:
        """Take over a campaign's state and limits."""
        before = self.book.campaigns.get(entry.id)
        self.book.campaign(entry)
        self._forget_shares(entry.id)
        if before is None:
            self._wake_all([self.book.nowhere])
        if before is None or before.spec.throttle != entry.spec.throttle:
            self._wake_all(self.book.bounds_of(entry.id))
            self._recount(entry.id)
        if before is not None and before.spec.route_tags != entry.spec.route_tags:
            self._wake_everybody()
        self._wake_state(entry.id)

    def forget_campaign(self, campaign: str) -> None:
        """The campaign has ended."""
        for bound in self.book.bounds_of(campaign):
            while bound.line is not None and (cell := bound.line.take()) is not None:
                self._leave_lines(cell, but=bound)
                self._rest(cell)
        self.book.forget_campaign(campaign)
        self._forget_shares(campaign)
        self._recount(campaign)

    def account(self, name: str, weight: int) -> None:
        """Set the share of an account."""
        if self._weights.get(name, 1) != weight:
            self._weights[name] = weight
            self._shares.clear()

    def limit(self, limit: LimitSet) -> None:
        """Set a limit above campaigns, or remove it. It holds from the next tick on."""
        self._wake_all(self.book.limit(limit))
        self._recount()

    def route(self, name: str, route: Route | None) -> None:
        """Set a route, or remove it. It holds from the next tick on."""
        self.book.route(name, route)
        self._wake_everybody()
        self._recount()

    def implied(self, route: Route) -> None:
        """Set the route that there is as long as no other is."""
        self.book.implied(route)
        self._wake_everybody()
        self._recount()

    def _forget_shares(self, campaign: str) -> None:
        for lane in LANES:
            for retry in (False, True):
                self._shares.pop((campaign, lane, retry), None)

    def _recount(self, campaign: str = "") -> None:
        """Count anew what is on the way, where somebody has to know it."""
        if not campaign or campaign in self.flow.of_campaign:
            self.book.recount(self._now)

    # -- who waits -------------------------------------------------------------------------

    def _wake_everybody(self) -> None:
        self._wake_all(bound for bound in list(self._lines) if not bound.name.startswith(STATE))

    def _wake_state(self, campaign: str) -> None:
        bound = self.book.bounds.get(STATE + campaign)
        if bound is not None:
            self._wake_all([bound])

    def _wake_all(self, bounds: Iterable[Bound]) -> None:
        """Give all that wait there their turn again, as if they had just come."""
        for bound in bounds:
            while bound.line is not None and (cell := bound.line.take()) is not None:
                self._leave_lines(cell, but=bound)
                self._queue(cell)

    def _queue(self, cell: Cell) -> None:
        """*cell* has a turn coming."""
        cell.place = READY
        self.heard[cell.partition].ready[cell.key.lane].add(self._share(cell.key), cell)

    def _stand(self, cell: Cell, lines: Iterable[Bound], now: float) -> None:
        """*cell* waits until one of those that hold it back has room."""
        cell.place, cell.share, cell.lines = WAITING, self._share(cell.key), tuple(dict.fromkeys(lines))
        for bound in cell.lines:
            bound.open_line().add(cell.key.lane, cell.share, cell)
            self._lines[bound] = None
        cell.held_by = cell.lines[0].name
        if not cell.held_since:
            cell.held_since = now
        self.totals.held_back(cell.key.campaign, cell.key.group, cell.held_by)

    def _leave_lines(self, cell: Cell, but: Bound | None = None) -> None:
        share = cell.share
        assert share is not None
        for bound in cell.lines:
            if bound is not but and bound.line is not None:
                bound.line.remove(cell.key.lane, share, cell)
        cell.lines = ()

    def _rest(self, cell: Cell) -> None:
        """*cell* has nothing to send for now."""
        cell.place, cell.held_since = NOWHERE, 0.0
        self._drop_if_empty(cell)

    def _share(self, key: ClassKey) -> Share:
        share = self._shares.get((key.campaign, key.lane, key.retry))
        if share is None:
            entry = self.book.campaigns.get(key.campaign)
            account, weight = (entry.account, entry.spec.weight) if entry is not None else ("", 1)
            share = share_of(account, self._weights.get(account, 1), key.campaign, weight, key.lane, retry=key.retry)
            if entry is not None:
                self._shares[key.campaign, key.lane, key.retry] = share
        return share

    # -- demand ----------------------------------------------------------------------------

    def hear(self, demand: Demand) -> bool:
        """Take in a snapshot; False when it is older than what is known."""
        heard = self.heard[demand.partition]
        if (demand.version, demand.at) < (heard.version, heard.at):
            return False
        heard.measure_speed(demand)
        heard.version, heard.at, heard.applied = demand.version, demand.at, demand.slip
        self._take_back(heard, demand)
        while heard.slips and heard.slips[0].slip.number <= demand.slip:
            self._settle_slip(heard, heard.slips.popleft())
        named = {class_of(each): each for each in demand.classes}
        self.totals.hear(demand.partition, demand.counters, full=demand.full)
        if demand.full:
            heard.full = True
            for key in [key for key in heard.cells if key not in named]:
                self._update(heard, key, 0, 0.0, {})
        for key, each in named.items():
            on = each.open_on
            if each.open and not on:
                on = {self._somewhere(key): each.open}
            self._update(heard, key, each.due, each.next_due, on)
        return True

    def _somewhere(self, key: ClassKey) -> str:
        """The route of releases of which it is not told: the first that the class may take."""
        steps = self.book.way(key.campaign, key.group, key.tier, key.pin, self._now).plan.steps
        return steps[0][0] if steps else next(iter(self.book.routes), "")

    def _take_back(self, heard: Heard, demand: Demand) -> None:
        """Messages that were paid for and not taken still count in no cap. Each grant is taken back once."""
        if not demand.wasted or not heard.paid:
            return
        paid = {each.number: each for each in heard.paid}
        for number, index, count in demand.wasted:
            slip = paid.get(number)
            if slip is None or index in slip.returned or not 0 <= index < len(slip.grants):
                continue
            slip.returned.add(index)
            most, caps = slip.grants[index]
            for name, cap in caps:
                cap.give_back(max(0, min(count, most)), slip.at)
                self.touched.add(name)

    def _update(self, heard: Heard, key: ClassKey, due: int, next_due: float, on: dict[str, int]) -> None:
        cell = heard.cells.get(key)
        if cell is None:
            cell = heard.cells[key] = Cell(heard.number, key)
        if on != cell.open:
            for route in on.keys() | cell.open.keys():
                self._count(heard, key, route, on.get(route, 0) - cell.open.get(route, 0))
            cell.open = {route: n for route, n in on.items() if n}
        if due != cell.due:
            self.totals.more_due(key, due - cell.due)
            cell.due = due
        cell.next_due = next_due
        self._place(cell)

    def _place(self, cell: Cell) -> None:
        """Give *cell* a turn when it has something to send; else it waits for nothing."""
        if cell.due > cell.pending:
            if cell.place == NOWHERE:
                self._queue(cell)
        elif cell.place == WAITING:
            self._leave_lines(cell)
            self._rest(cell)
        elif cell.place == NOWHERE:
            self._drop_if_empty(cell)

    def _drop_if_empty(self, cell: Cell) -> None:
        if cell.is_empty:
            self.heard[cell.partition].cells.pop(cell.key, None)

    def _count(self, heard: Heard, key: ClassKey, route: str, more: int) -> None:
        """Note that *more* messages of the class are on the way."""
        if more:
            heard.room(route, key.lane).used += more
            self.flow.count(key.campaign, key.group, route, more)
            for bound in self.book.option(key.campaign, key.group, route, self._now).counted:
                bound.used += more

    def _settle_slip(self, heard: Heard, given: Given) -> None:
        for cell, route, count in given.grants:
            self._count(heard, cell.key, route, -count)
            cell.pending -= count
            self._place(cell)

    # -- credit ----------------------------------------------------------------------------

    def tick(self, now: float) -> list[Slip]:
        """Slips for whatever is due and allowed at *now*. Store `numbers` and `touched` before producing them."""
        self._now = now
        self._look_around(now)
        self._tick += 1
        first = self._tick % len(self.heard)
        order = [heard for heard in (*self.heard[first:], *self.heard[:first]) if heard.full]
        grants: dict[int, Granted] = {heard.number: {} for heard in order}
        opened = [bound for bound in self._lines if bound.room(now) > 0]
        for bound in opened:  # what a bulk message takes, no transactional one lacks
            while bound.line is not None and bound.room(now) > 0:
                cell = bound.line.take_urgent()
                if cell is None:
                    break
                self._call(bound, cell, now, grants)
        for lane in LANES:
            for heard in order:
                ready = heard.ready[lane]
                while (cell := ready.take()) is not None:
                    self._serve(heard, cell, None, now, grants[heard.number])
        while opened:  # a slice for each line and round, so that none empties what others share with it
            opened = [bound for bound in opened if bound.line and bound.room(now) > 0]
            for bound in opened:
                cell = bound.line.take() if bound.line is not None else None
                if cell is not None:
                    self._call(bound, cell, now, grants)
        self._settle_turns()
        return [slip for heard in order for slip in self._slips(heard, now, grants[heard.number])]

    def _call(self, bound: Bound, cell: Cell, now: float, grants: dict[int, Granted]) -> None:
        """It is the turn of *cell*, which was taken from the line of *bound*."""
        lines = cell.lines
        self._leave_lines(cell, but=bound)
        if self._serve(self.heard[cell.partition], cell, bound, now, grants[cell.partition]):
            if cell.due > cell.pending:
                self._stand(cell, lines, now)  # nothing has room now that had none before
            else:
                self._rest(cell)

    def _look_around(self, now: float) -> None:
        for heard in self.heard:
            # Only a snapshot from later than that tells: an owner may have died after it had spent a slip.
            while heard.slips and heard.slips[0].slip.valid_until + GRACE < min(now, heard.at):
                self._settle_slip(heard, heard.slips.popleft())
            while heard.paid and heard.paid[0].at + PAID_SECONDS < now:
                heard.paid.popleft()
        reflected = all(heard.applied >= heard.expected or heard.at >= self._unsure_until for heard in self.heard)
        self.flow.sure = self.complete and reflected
        states = {route: self.health.places(route, now) != 0 for route in self.book.routes}
        if states != self._states:  # who waits at a route that is out of service now may take another one
            self._states = states
            self._wake_everybody()

    def _settle_turns(self) -> None:
        """All had their chance: who still waits comes before who did not have to."""
        for bound in [bound for bound in self._lines if not bound.line]:
            bound.line = None
            del self._lines[bound]
        for bound in self._lines:
            if bound.line is not None:
                bound.line.bulk.settle()
        for heard in self.heard:
            for ready in heard.ready.values():
                ready.settle()

    def _serve(self, heard: Heard, cell: Cell, by: Bound | None, now: float, grants: Granted) -> bool:
        """Grant the class at most a slice, or have it wait; whether it got any. *by*: the bound that has called it."""
        self.looks += 1
        wanted = min(cell.due - cell.pending, SLICE)
        if wanted <= 0:
            self._rest(cell)
            return False
        key, way = cell.key, cell.way
        if way is None or way.stale:
            way = cell.way = self.book.way(key.campaign, key.group, key.tier, key.pin, now)
        # Who has given way in this tick does not do so again: it would wander between lines.
        polite = key.lane == BULK and cell.gave_way != self._tick
        share = self._share(key)
        wanted, held_by = _allowed(way.common, share, wanted, by, now, polite=polite)
        if held_by is not None:
            self._give_way(cell, (held_by,), now)
            return False
        held: list[Bound] = []
        for number, step in enumerate(way.steps):
            earlier = len(held)
            balance = way.balances[number]
            for option in step if len(step) == 1 else sorted(step, key=lambda each: balance.owed(each.route)):
                bounds = (*option.bounds, heard.room(option.route, key.lane))
                count, held_by = _allowed(bounds, share, wanted, by, now, polite=polite)
                if held_by is None:
                    balance.charge(option.route, count)
                    self._grant(heard, cell, way, number, option, count, held[:earlier], by, now, grants)
                    return True
                held.append(held_by)
            if any(bound.full == "wait" for bound in held[earlier:]):
                break
        self._give_way(cell, held, now)
        return False

    def _give_way(self, cell: Cell, held: Sequence[Bound], now: float) -> None:
        """*held* hold the class back: there is no room, or it is the turn of others."""
        if any(bound.room(now) > 0 for bound in held):
            cell.gave_way = self._tick
        self._stand(cell, held, now)

    def _grant(
        self, heard: Heard, cell: Cell, way: Way, step: int, option: Option, count: int, passed: list[Bound],
        by: Bound | None, now: float, grants: Granted,
    ) -> None:  # fmt: skip
        key, validity, share = cell.key, float("inf"), self._share(cell.key)
        for bound in (*way.common, *option.bounds):
            validity = min(validity, bound.lasts(now))
            bound.take(count)
            if bound.line is not None:
                bound.line.bulk.charge(share, count)
        room = heard.room(option.route, key.lane)
        if room.line is not None:
            room.line.bulk.charge(share, count)
        validity = FREE_VALIDITY if validity == float("inf") else min(validity, LONGEST_VALIDITY)
        heard.ready[key.lane].charge(share, count)
        cell.pending += count
        cell.gave_way = 0
        self._count(heard, key, option.route, count)
        why = self._reasons.why(way, step, option.route, key.pin, passed)
        if by is None:
            cell.held_since = 0.0  # nothing holds it back any more
        if cell.held_since:
            why = with_wait(why, cell.held_by, now - cell.held_since)
        grant = Grant(key.campaign, key.lane, key.group, option.route, count, key.tier, key.retry, key.pin, why)
        grants.setdefault(validity, []).append((grant, cell))
        if by is None:
            self._queue(cell)

    def _slips(self, heard: Heard, now: float, grants: Granted) -> list[Slip]:
        slips = []
        for validity, granted in grants.items():
            number = self.numbers[heard.number] = self.numbers[heard.number] + 1
            not_after = now + (FREE_NOT_AFTER if validity == FREE_VALIDITY else validity)
            slip = Slip(heard.number, number, now, now + validity, not_after, [grant for grant, _ in granted])
            heard.slips.append(Given(slip, [(cell, grant.route, grant.count) for grant, cell in granted]))
            paid = [(grant.count, self._caps_of(grant)) for grant, _ in granted]
            if any(caps for _, caps in paid):
                heard.paid.append(Paid(number, now, paid))
            slips.append(slip)
        return slips

    def _caps_of(self, grant: Grant) -> tuple[tuple[str, Cap], ...]:
        """The caps that a grant was paid from, by name."""
        way = self.book.way(grant.campaign, grant.group, grant.tier, grant.pin, self._now)
        bounds = (*way.common, *self.book.option(grant.campaign, grant.group, grant.route, self._now).bounds)
        return tuple(
            (each.name, each.meter) for each in bounds if isinstance(each, Metered) and isinstance(each.meter, Cap)
        )

    # -- asked -----------------------------------------------------------------------------

    @property
    def complete(self) -> bool:
        """Every partition has been heard in full since this process took over."""
        return all(heard.full for heard in self.heard)

    def counts(self, campaign: str) -> dict[str, int]:
        """The counters of *campaign* over all partitions."""
        return self.totals.counts(campaign)

    def due(self) -> Mapping[str, Mapping[str, int]]:
        """Messages that could leave now, by campaign and, as `waits_as` names it, destination group and tier."""
        return self.totals.due

    def held(self) -> dict[str, dict[str, tuple[int, str]]]:
        """campaign -> group -> (messages due, what holds them back)."""
        return self.totals.held_now()

    def on_the_way(self, route: str) -> int:
        """Messages on the way over *route*: granted, or in open releases."""
        return self.flow.by_route.get(route, 0)

    def awaited(self, route: str, now: float) -> int:
        """Those of them in partitions that report: of one whose worker has died nobody would hear an answer."""
        return sum(heard.on_the_way(route) for heard in self.heard if now - heard.at < REPORTS_WITHIN)

    # -- restart ---------------------------------------------------------------------------

    def restore(
        self, buckets: Mapping[str, tuple[float, float, float]], numbers: Mapping[int, int], now: float,
        caps: Mapping[str, tuple[float, int]] | None = None,
    ) -> None:  # fmt: skip
        """Take over stored (rate, burst, tokens), slip numbers, and what caps have used. Downtime is not refilled."""
        self._now = now
        self.book.restore(buckets, caps or {}, now)
        for partition, number in numbers.items():
            self.numbers[partition] = self.heard[partition].expected = number
        self._unsure_until = now + FREE_VALIDITY + GRACE


def _allowed(
    bounds: Iterable[Bound], share: Share, wanted: int, by: Bound | None, now: float, *, polite: bool
) -> tuple[int, Bound | None]:
    """(messages that pass, None), or (0, what holds the class back): no room, or others whose turn it is."""
    for bound in bounds:
        room = bound.room(now)
        if room <= 0:
            return 0, bound
        if polite and bound.line is not None and bound is not by and bound.line and not bound.line.is_before(share):
            return 0, bound
        if room < wanted:
            wanted = room
    return wanted, None
