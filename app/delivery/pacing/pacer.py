"""Pacing: demand of all partitions in, credit slips out, and every bound on the way debited.

Arithmetic on classes, not on messages: the work of a tick grows with the slices it grants, not with the classes that
wait. A class that is held back waits in the lines of the bounds that hold it back, one for each route that it might
take, and is looked at again when one of them has room. What goes before what is in docs/pacing.md.
"""

from collections.abc import Iterable, Mapping

from app.commands import CampaignEntry
from app.delivery.limits.book import STATE, LimitBook, StoredCap
from app.delivery.limits.bounds import Flow
from app.delivery.limits.caps import Cap, Zones
from app.delivery.limits.moving_caps import MovingCap
from app.delivery.limits.rates import Bucket
from app.delivery.pacing.grants import FREE_VALIDITY, Granting, slip_of
from app.delivery.pacing.heard import NOWHERE, WAITING, Cell, Given, Heard
from app.delivery.pacing.lines import Lines
from app.delivery.pacing.speeds import Speeds
from app.delivery.pacing.totals import Totals
from app.delivery.pacing.turns import Share, share_of
from app.delivery.pacing.why import Reasons
from app.delivery.partition_records import ClassKey, class_of
from app.delivery.routes.health import AllWell, Health
from app.records import Demand, Slip
from app.routes import LimitSet, Route
from app.topics import LANES

GRACE = 1.0  # seconds after its end from which on a slip that a snapshot does not reflect is lost
REPORTS_WITHIN = 5.0  # seconds: a partition that has an owner is heard in full more often than that
PAID_SECONDS = 60.0  # for which a slip that was paid from caps is remembered


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
        self.speeds = Speeds()
        self.numbers = [0] * partitions  # last slip number of each partition
        self._weights: dict[str, int] = {}  # of accounts
        self._shares: dict[tuple[str, str, bool], Share] = {}  # (campaign, lane, retry) -> its share
        self._lines = Lines(self.heard, self.totals, self._share)
        reasons = Reasons(self.health)
        self._granting = Granting(self.book, self._lines, reasons, self._share, self._count)
        self._states: dict[str, bool] = {}  # route -> whether anything may go over it, when last looked
        self._unsure_until = 0.0  # a snapshot from before may not know yet of a slip from before a restart
        self._ticks = 0
        self._now = 0.0

    @property
    def buckets(self) -> dict[str, Bucket]:
        """Every bucket by name."""
        return self.book.buckets

    @property
    def caps(self) -> dict[str, Cap | MovingCap]:
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
            self._lines.wake([self.book.nowhere])
        if before is None or before.spec.throttle != entry.spec.throttle:
            self._lines.wake(self.book.bounds_of(entry.id))
            self._recount(entry.id)
        if before is not None and before.spec.route_tags != entry.spec.route_tags:
            self._lines.wake_everybody(STATE)
        closed = self.book.bounds.get(STATE + entry.id)
        if closed is not None:
            self._lines.wake([closed])

    def forget_campaign(self, campaign: str) -> None:
        """The campaign has ended."""
        for bound in self.book.bounds_of(campaign):
            self._lines.empty(bound, self._lines.rest)
        self.book.forget_campaign(campaign)
        self._forget_shares(campaign)
        self.speeds.forget(campaign)
        self._recount(campaign)

    def account(self, name: str, weight: int) -> None:
        """Set the share of an account."""
        if self._weights.get(name, 1) != weight:
            self._weights[name] = weight
            self._shares.clear()

    def limit(self, limit: LimitSet) -> None:
        """Set a limit above campaigns, or remove it. It holds from the next tick on."""
        self._lines.wake(self.book.limit(limit))
        self._recount()

    def route(self, name: str, route: Route | None) -> None:
        """Set a route, or remove it. It holds from the next tick on."""
        self.book.route(name, route)
        self._lines.wake_everybody(STATE)
        self._recount()

    def implied(self, route: Route) -> None:
        """Set the route that there is as long as no other is."""
        self.book.implied(route)
        self._lines.wake_everybody(STATE)
        self._recount()

    def _forget_shares(self, campaign: str) -> None:
        for lane in LANES:
            for retry in (False, True):
                self._shares.pop((campaign, lane, retry), None)

    def _recount(self, campaign: str = "") -> None:
        """Count anew what is on the way, where somebody has to know it."""
        if not campaign or campaign in self.flow.of_campaign:
            self.book.recount(self._now)

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
                self._update(heard, key, 0, 0.0, {}, {})
        for key, each in named.items():
            on = each.open_on
            if each.open and not on:
                on = {self._somewhere(key): each.open}
            self._update(heard, key, each.due, each.next_due, on, each.calls)
        return True

    def _somewhere(self, key: ClassKey) -> str:
        """The route of releases of which it is not told: the first that the class may take."""
        steps = self.book.way(key, self._now).plan.steps
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
            for name, cap, weight in caps:
                cap.give_back(weight * max(0, min(count, most)), slip.at)
                self.touched.add(name)

    def _update(
        self, heard: Heard, key: ClassKey, due: int, next_due: float, on: dict[str, int], calls: dict[str, int]
    ) -> None:  # fmt: skip
        cell = heard.cells.get(key)
        if cell is None:
            cell = heard.cells[key] = Cell(heard.number, key)
        if on != cell.open:
            for route in on.keys() | cell.open.keys():
                self._count(heard, key, route, on.get(route, 0) - cell.open.get(route, 0))
            cell.open = {route: n for route, n in on.items() if n}
        if calls != cell.calls:
            for route in calls.keys() | cell.calls.keys():
                self._in_use(key, route, calls.get(route, 0) - cell.calls.get(route, 0))
            cell.calls = {route: n for route, n in calls.items() if n}
        if due != cell.due:
            self.totals.more_due(key, due - cell.due)
            cell.due = due
        cell.next_due = next_due
        self._place(cell)

    def _place(self, cell: Cell) -> None:
        """Give *cell* a turn when it has something to send; else it waits for nothing."""
        if cell.due > cell.pending:
            if cell.place == NOWHERE:
                self._lines.ready(cell)
        elif cell.place == WAITING:
            self._lines.leave(cell)
            self._lines.rest(cell)
        elif cell.place == NOWHERE:
            self._lines.drop_if_empty(cell)

    def _count(self, heard: Heard, key: ClassKey, route: str, more: int) -> None:
        """Note that *more* messages of the class are on the way."""
        if more:
            heard.rooms[key.lane][route].used += more
            self._in_use(key, route, more)

    def _in_use(self, key: ClassKey, route: str, more: int) -> None:
        """Note that *more* messages of the class take a place where only so many may be at once."""
        if more:
            self.flow.count(key.campaign, key.group, key.sender, route, more)
            for bound in self.book.option(key.campaign, key.group, key.sender, route, self._now).counted:
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
        self._ticks += 1
        first = self._ticks % len(self.heard)
        order = [heard for heard in (*self.heard[first:], *self.heard[:first]) if heard.full]
        granted = self._granting.serve(order, now)
        slips = []
        for heard in order:
            for validity, grants in granted[heard.number].items():
                number = self.numbers[heard.number] = self.numbers[heard.number] + 1
                slips.append(slip_of(heard, number, validity, grants, now))
                for grant, cell, _ in grants:
                    self.speeds.granted(cell.key, grant.count, now)
        return slips

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
            self._lines.wake_everybody(STATE)

    # -- asked -----------------------------------------------------------------------------

    @property
    def looks(self) -> int:
        """How often a class was looked at, ever: the work that was done."""
        return self._granting.looks

    @property
    def complete(self) -> bool:
        """Every partition has been heard in full since this process took over."""
        return all(heard.full for heard in self.heard)

    def counts(self, campaign: str) -> dict[str, int]:
        """The counters of *campaign* over all partitions."""
        return self.totals.counts(campaign)

    def count(self, campaign: str, names: Iterable[str]) -> int:
        """The sum of these counters of *campaign* over all partitions."""
        return self.totals.count(campaign, names)

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
        caps: Mapping[str, StoredCap | tuple[float, int] | tuple[float, int, bytes]] | None = None,
    ) -> None:  # fmt: skip
        """Take over stored (rate, burst, tokens), slip numbers, and what caps have used. Downtime is not refilled."""
        self._now = now
        self.book.restore(buckets, caps or {}, now)
        for partition, number in numbers.items():
            self.numbers[partition] = self.heard[partition].expected = number
        self._unsure_until = now + FREE_VALIDITY + GRACE
