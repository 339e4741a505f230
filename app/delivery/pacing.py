"""Pacing: demand of all partitions in, credit slips out, and every limit on the path debited.

Arithmetic on classes, not on messages: the work of a tick grows with the slices it grants, not with
the classes that wait. A class that a limit holds back is parked at that limit and looked at again when
the limit has a token; a class of a campaign that does not run is parked until the campaign changes.
"""

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from app.commands import CampaignEntry
from app.delivery.pacing_turns import Line, Turns
from app.delivery.partition import SLICE, ClassKey, class_of
from app.delivery.rates import Bucket, bucket, burst_of
from app.delivery.sharding import waits_as
from app.records import Demand, Grant, Slip
from app.routes import LimitSet
from app.topics import BULK, TRANSACTIONAL

ROUTE = "smtp"  # the one provider route there is so far
LEAST_OPEN = 4 * SLICE  # messages on the way for one partition, however slow the answers
OPEN_SECONDS = 0.75  # of recent answers that may be on the way
FREE_VALIDITY, FREE_NOT_AFTER = 3.0, 30.0  # seconds, where no rate limit lies on the path
GRACE = 1.0  # seconds after its end until an unconfirmed slip is taken for lost
CONCURRENCY = "on the way|"  # + scope|name: where classes are parked that wait for something on the way to end
STATE = "state|"  # + campaign: where classes are parked whose campaign does not run


@dataclass(slots=True)
class Cell:
    """One class in one partition."""

    due: int = 0
    next_due: float = 0.0
    open: int = 0
    pending: int = 0  # granted by slips that no snapshot reflects yet
    queued: bool = False  # has a turn coming, or is parked
    called: bool = False  # has stood in line at a limit, and got nothing since


@dataclass(slots=True)
class Heard:
    """What pacing knows of one partition."""

    full: bool = False
    version: int = -1
    at: float = 0.0
    cells: dict[ClassKey, Cell] = field(default_factory=dict)
    applied: int = -1  # last slip number that a snapshot reflects
    expected: int = -1  # last slip number given out before a restart
    urgent: Turns[ClassKey] = field(default_factory=Turns)  # the transactional lane
    bulk: Turns[ClassKey] = field(default_factory=Turns)
    slips: deque[Slip] = field(default_factory=deque)  # not reflected yet
    counters: dict[str, dict[str, int]] = field(default_factory=dict)
    answered: dict[str, int] = field(default_factory=dict)
    answered_at: float = 0.0
    speed: float = 0.0  # messages answered a second, smoothed
    on_the_way: Counter[str] = field(default_factory=Counter)  # lane -> open and pending messages

    def turns(self, lane: str) -> Turns[ClassKey]:
        """Who waits for credit in *lane*."""
        return self.urgent if lane == TRANSACTIONAL else self.bulk


class Pacer:
    """The one owner of every limit of a pacing group. Its memory is rebuilt from demand after a restart."""

    def __init__(self, partitions: int, route: str, account_rate: float = 0.0) -> None:
        self.heard = [Heard(urgent=Turns(number), bulk=Turns(number)) for number in range(partitions)]
        self.buckets: dict[str, Bucket] = {}
        self.numbers = [0] * partitions  # last slip number of each partition
        self.limits: dict[tuple[str, str], LimitSet] = {}
        self.touched: set[str] = set()  # buckets debited since they were last stored
        self.route = route
        self._account_rate = account_rate
        self._campaigns: dict[str, CampaignEntry] = {}
        self._concurrent: list[tuple[str, str]] = []  # limits with a concurrency
        self._paths: dict[str, dict[str, tuple[str, ...]]] = {}  # campaign -> group -> bucket names
        self._on_the_way: Counter[str] = Counter()  # campaign -> open and pending messages
        self._group_on_the_way: Counter[str] = Counter()  # the same by destination group
        self._parked: dict[str, Line[tuple[int, ClassKey]]] = {}  # bucket or reason -> (partition, class)
        self._unsure_until = 0.0  # until then slips from before a restart may still be spent
        self._sure = False  # everything on the way is known
        self._turn = 0

    # -- what is known ---------------------------------------------------------------------

    def campaign(self, entry: CampaignEntry) -> None:
        """Take over a campaign's state and limits."""
        before = self._campaigns.get(entry.id)
        self._campaigns[entry.id] = entry
        if before is not None and before.spec.throttle != entry.spec.throttle:
            self._forget_path(entry.id)
        self._wake(STATE + entry.id)

    def forget_campaign(self, campaign: str) -> None:
        """The campaign has ended."""
        parked = self._parked.pop(STATE + campaign, None)
        while parked and (waiting := parked.take()) is not None:
            self._drop_turn(self.heard[waiting[0]], waiting[1])
        if self._campaigns.pop(campaign, None) is None:
            return
        self._forget_path(campaign)
        for name in [name for name in self.buckets if name.startswith(f"campaign|{campaign}|")]:
            del self.buckets[name]
            self.touched.add(name)

    def limit(self, limit: LimitSet) -> None:
        """Set or (rate None) remove a limit above campaigns."""
        self.limits[limit.scope, limit.name] = limit
        self._concurrent = [scope for scope, each in self.limits.items() if each.concurrency is not None]
        self._paths.clear()
        for name in [name for name in self._parked if not name.startswith(STATE)]:
            self._wake(name)

    def _forget_path(self, campaign: str) -> None:
        """The limits of *campaign* are others now: who waits at an old one looks again."""
        self._paths.pop(campaign, None)
        own = f"campaign|{campaign}|"
        for name in [name for name in self._parked if f"{name.removeprefix(CONCURRENCY)}|".startswith(own)]:
            self._wake(name)

    def _wake(self, name: str, most: int = 1 << 60) -> None:
        """Give up to *most* classes that are parked at *name* their turn again."""
        parked = self._parked.get(name)
        while parked and most > 0 and (waiting := parked.take()) is not None:
            self._call(*waiting, at_limit=not name.startswith(STATE))
            most -= 1

    def _wake_urgent(self) -> None:
        """Give transactional classes their turn again before a bulk class takes what their limit has."""
        for name, parked in self._parked.items():
            while parked.urgent and not name.startswith(STATE):
                self._call(*parked.urgent.popleft(), at_limit=True)

    def _call(self, partition: int, key: ClassKey, *, at_limit: bool) -> None:
        heard = self.heard[partition]
        heard.cells[key].called = at_limit
        heard.turns(key.lane).add(key.campaign, key)

    def _park(self, partition: int, key: ClassKey, name: str) -> None:
        parked = self._parked.get(name)
        if parked is None:
            parked = self._parked[name] = Line()
        if key.lane == TRANSACTIONAL:
            parked.urgent.append((partition, key))
        else:
            parked.bulk.add(key.campaign, (partition, key))

    def _drop_turn(self, heard: Heard, key: ClassKey) -> None:
        cell = heard.cells[key]
        cell.queued = False
        self._drop_if_empty(heard, key, cell)

    def _drop_if_empty(self, heard: Heard, key: ClassKey, cell: Cell) -> None:
        if not (cell.due or cell.next_due or cell.open or cell.pending or cell.queued):
            del heard.cells[key]

    def hear(self, demand: Demand) -> bool:
        """Take in a snapshot; False when it is older than what is known."""
        heard = self.heard[demand.partition]
        if (demand.version, demand.at) < (heard.version, heard.at):
            return False
        self._measure_speed(heard, demand)
        heard.version, heard.at = demand.version, demand.at
        heard.applied = demand.slip
        while heard.slips and heard.slips[0].number <= demand.slip:
            self._settle_slip(heard, heard.slips.popleft())
        named = {class_of(each): each for each in demand.classes}
        if demand.full:
            heard.full = True
            heard.counters = dict(demand.counters)
            for key in [key for key in heard.cells if key not in named]:
                self._update(heard, key, 0, 0.0, 0)
        else:
            heard.counters.update(demand.counters)
        for key, each in named.items():
            self._update(heard, key, each.due, each.next_due, each.open)
        return True

    def _measure_speed(self, heard: Heard, demand: Demand) -> None:
        elapsed = demand.at - heard.answered_at
        if elapsed < 0.1:
            return
        before = sum(heard.answered.values())
        answered = max(0, sum(demand.answered.values()) - before) / elapsed if heard.answered_at else 0.0
        weight = min(1.0, elapsed / 0.5)
        heard.speed += (answered - heard.speed) * weight
        heard.answered, heard.answered_at = dict(demand.answered), demand.at

    def _update(self, heard: Heard, key: ClassKey, due: int, next_due: float, open_: int) -> None:
        cell = heard.cells.get(key)
        if cell is None:
            cell = heard.cells[key] = Cell()
        if open_ != cell.open:
            self._count(heard, key, open_ - cell.open)
        cell.due, cell.next_due, cell.open = due, next_due, open_
        self._enqueue(heard, key, cell)
        self._drop_if_empty(heard, key, cell)

    def _count(self, heard: Heard, key: ClassKey, more: int) -> None:
        """Note that *more* messages of the class are on the way."""
        heard.on_the_way[key.lane] += more
        self._on_the_way[key.campaign] += more
        self._group_on_the_way[key.group] += more

    def _enqueue(self, heard: Heard, key: ClassKey, cell: Cell) -> None:
        if cell.due > cell.pending and not cell.queued:
            heard.turns(key.lane).add(key.campaign, key)
            cell.queued = True

    def _settle_slip(self, heard: Heard, slip: Slip) -> None:
        for grant in slip.grants:
            key = class_of(grant)
            self._count(heard, key, -grant.count)
            cell = heard.cells[key]  # kept while anything is pending
            cell.pending -= grant.count
            self._enqueue(heard, key, cell)
            self._drop_if_empty(heard, key, cell)

    def counts(self, campaign: str) -> dict[str, int]:
        """The counters of *campaign* over all partitions."""
        total: Counter[str] = Counter()
        for heard in self.heard:
            total.update(heard.counters.get(campaign, {}))
        return dict(total)

    def due(self) -> dict[str, dict[str, int]]:
        """Messages that could leave now, by campaign and, as `waits_as` names it, destination group and tier."""
        due: dict[str, dict[str, int]] = {}
        for heard in self.heard:
            for key, cell in heard.cells.items():
                if cell.due:
                    groups = due.setdefault(key.campaign, {})
                    name = waits_as(key.group, key.tier)
                    groups[name] = groups.get(name, 0) + cell.due
        return due

    def queue(self) -> list[dict[str, object]]:
        """What waits for credit, class by class over all partitions: for the web view."""
        rows: dict[ClassKey, list[int]] = {}
        for heard in self.heard:
            for key, cell in heard.cells.items():
                row = rows.setdefault(key, [0, 0, 0])
                row[0] += cell.due
                row[1] += cell.open
                row[2] += cell.pending
        return [
            {"campaign": k.campaign, "lane": k.lane, "group": k.group, "due": due, "open": open_, "granted": granted}
            for k, (due, open_, granted) in sorted(rows.items())
        ]

    @property
    def complete(self) -> bool:
        """Every partition has been heard in full since this process took over."""
        return all(heard.full for heard in self.heard)

    # -- credit ----------------------------------------------------------------------------

    def tick(self, now: float) -> list[Slip]:
        """Slips for whatever is due and allowed at *now*. Store `numbers` and `touched` before producing them."""
        for each in self.buckets.values():
            each.fill(now)
        self._look_around(now)
        count = len(self.heard)
        self._turn = (self._turn + 1) % count
        order = [*range(self._turn, count), *range(self._turn)]
        grants: list[dict[float, list[Grant]]] = [{} for _ in range(count)]  # by partition: validity -> grants
        self._wake_urgent()
        woken = 1
        while True:
            for lane in (TRANSACTIONAL, BULK):  # what a bulk message takes, no transactional one lacks
                for partition in order:
                    self._serve(partition, lane, now, grants[partition])
            if not self._wake_at_limits(woken):
                break
            woken *= 2
        self._settle_turns()
        return [slip for p in order for slip in self._slips(p, now, grants[p])]

    def _settle_turns(self) -> None:
        """All had their chance: who still waits comes before who did not have to."""
        for name in [name for name, parked in self._parked.items() if not parked]:
            del self._parked[name]
        for parked in self._parked.values():
            parked.bulk.settle()
        for heard in self.heard:
            heard.bulk.settle()
            heard.urgent.settle()

    def _look_around(self, now: float) -> None:
        for heard in self.heard:
            while heard.slips and heard.slips[0].valid_until + GRACE < now:
                self._settle_slip(heard, heard.slips.popleft())
        reflected = all(heard.applied >= heard.expected for heard in self.heard)
        self._sure = self.complete and (reflected or now >= self._unsure_until)

    def _wake_at_limits(self, most: int) -> bool:
        """Wake up to *most* classes at each limit that has room for a message; whether there was any."""
        open_ = [name for name, parked in self._parked.items() if parked and self._has_room(name)]
        for name in open_:
            self._wake(name, most)
        return bool(open_)

    def _has_room(self, name: str) -> bool:
        """Whether a message more passes the limit at which classes are parked as *name*."""
        if name.startswith(CONCURRENCY):
            _, scope, of = name.split("|", 2)
            return self._sure and self._free_places(scope, of) > 0
        return name in self.buckets and self.buckets[name].tokens >= 1.0

    def room(self, partition: int, lane: str) -> int:
        """How many more messages of *lane* may be on the way: each has its own room, a full one holds up no other."""
        heard = self.heard[partition]
        return int(max(LEAST_OPEN, heard.speed * OPEN_SECONDS)) - heard.on_the_way[lane] if heard.full else 0

    def is_free(self, campaign: str) -> bool:
        """Whether *campaign* runs, and no limit of rate or number lies on the way of any of its messages."""
        entry = self._campaigns.get(campaign)
        if entry is None or entry.state != "RUNNING" or self._account_rate:
            return False
        own = entry.spec.throttle
        return not (own.rate or own.per_group or own.per_route or own.concurrency) and not any(
            (limit.rate or limit.concurrency) and (scope != "account" or name == entry.account)
            for (scope, name), limit in self.limits.items()
        )

    def _serve(self, partition: int, lane: str, now: float, grants: dict[float, list[Grant]]) -> None:
        """Grant slices of *lane*, each class in its turn, as far as limits and room go."""
        heard = self.heard[partition]
        if not heard.full:
            return
        room = self.room(partition, lane)
        turns = heard.turns(lane)
        while room > 0 and (key := turns.take()) is not None:
            room -= self._grant(partition, heard, key, room, now, grants)

    def _grant(
        self, partition: int, heard: Heard, key: ClassKey, room: int, now: float, grants: dict[float, list[Grant]]
    ) -> int:
        """Grant the class at most a slice, or park it; how much it got."""
        cell = heard.cells[key]
        if cell.due <= cell.pending:
            self._drop_turn(heard, key)
            return 0
        count, validity, held_by = self._allowed(key, cell, min(cell.due - cell.pending, room, SLICE), now)
        if count <= 0:
            self._park(partition, key, held_by)
            return 0
        entry = self._campaigns[key.campaign]
        share = count / entry.spec.weight
        for name in self._paths[key.campaign][key.group]:
            self.buckets[name].take(count)
            self.touched.add(name)
        for name in (*self._paths[key.campaign][key.group], *self._concurrency_of(key, entry)):
            if name in self._parked:
                self._parked[name].bulk.charge(key.campaign, share)
        heard.turns(key.lane).charge(key.campaign, share)
        cell.pending += count
        cell.called = False
        self._count(heard, key, count)
        grant = Grant(key.campaign, key.lane, key.group, self.route, count, key.tier, key.retry, key.pin)
        grants.setdefault(validity, []).append(grant)
        heard.turns(key.lane).add(key.campaign, key)
        return count

    def _slips(self, partition: int, now: float, grants: dict[float, list[Grant]]) -> list[Slip]:
        slips = []
        for validity, granted in grants.items():
            self.numbers[partition] += 1
            not_after = now + (FREE_NOT_AFTER if validity == FREE_VALIDITY else validity)
            slips.append(Slip(partition, self.numbers[partition], now, now + validity, not_after, granted))
        self.heard[partition].slips.extend(slips)
        return slips

    def _allowed(self, key: ClassKey, cell: Cell, wanted: int, now: float) -> tuple[int, float, str]:
        """(messages, validity of their slip, what held it back) that every limit on the path of *key* allows."""
        entry = self._campaigns.get(key.campaign)
        if entry is None or entry.state != "RUNNING":
            return 0, 0.0, STATE + key.campaign
        for name in self._concurrency_of(key, entry):
            _, scope, of = name.split("|", 2)
            # Nothing, while it is not known what is on the way: a partition that was not heard yet may have releases.
            wanted = min(wanted, self._free_places(scope, of)) if self._sure else 0
            if wanted <= 0 or self._stands_in_line(key, cell, name):
                return 0, 0.0, name
        validity = FREE_VALIDITY
        for name in self._path(key, entry, now):
            limit = self.buckets[name]
            if limit.tokens < 1.0 or self._stands_in_line(key, cell, name):
                return 0, 0.0, name
            wanted = min(wanted, int(limit.tokens))
            validity = min(validity, limit.validity)
        return wanted, validity, ""

    def _stands_in_line(self, key: ClassKey, cell: Cell, name: str) -> bool:
        """Whether others wait at the limit, and it has not been this one's turn: it queues with them."""
        return key.lane == BULK and not cell.called and bool(self._parked.get(name))

    def _concurrency_of(self, key: ClassKey, entry: CampaignEntry) -> list[str]:
        """Where classes are parked for every limit of messages on the way that counts for this class."""
        names = [f"{CONCURRENCY}campaign|{entry.id}"] if entry.spec.throttle.concurrency is not None else []
        if self._concurrent:
            concerned = (("account", entry.account), ("route", self.route), ("group", key.group))
            names += [f"{CONCURRENCY}{scope}|{of}" for scope, of in self._concurrent if (scope, of) in concerned]
        return names

    def _free_places(self, scope: str, of: str) -> int:
        """How many more messages that limit lets on the way."""
        if scope == "campaign":
            entry = self._campaigns.get(of)
            most = entry.spec.throttle.concurrency if entry is not None else None
        else:
            limit = self.limits.get((scope, of))
            most = limit.concurrency if limit is not None else None
        return most - self._under_way(scope, of) if most is not None else 1

    def _under_way(self, scope: str, name: str) -> int:
        if scope == "campaign":
            return self._on_the_way[name]
        if scope == "group":
            return self._group_on_the_way[name]
        campaigns = self._campaigns.values()
        return sum(self._on_the_way[each.id] for each in campaigns if scope == "route" or each.account == name)

    def _path(self, key: ClassKey, entry: CampaignEntry, now: float) -> tuple[str, ...]:
        paths = self._paths.setdefault(key.campaign, {})
        path = paths.get(key.group)
        if path is None:
            names = []
            for name, rate, burst in self._limits_of(key, entry):
                known = self.buckets.get(name)
                if known is None:
                    self.buckets[name] = bucket(rate, burst, now)
                elif (known.rate, known.burst) != (rate, burst_of(rate, burst)):
                    known.changed(rate, burst_of(rate, burst))
                names.append(name)
            path = paths[key.group] = tuple(names)
        return path

    def _limits_of(self, key: ClassKey, entry: CampaignEntry) -> Iterable[tuple[str, float, float | None]]:
        """(bucket name, rate, burst) of every rate limit that a message of this class counts against."""
        throttle = entry.spec.throttle
        if throttle.rate is not None:
            yield f"campaign|{entry.id}|", throttle.rate, throttle.burst
        group_rate = throttle.per_group.get(key.group, throttle.per_group.get("*"))
        if group_rate is not None:
            yield f"campaign|{entry.id}|{key.group}", group_rate, None
        route_rate = throttle.per_route.get(self.route, throttle.per_route.get("*"))
        if route_rate is not None:
            yield f"campaign|{entry.id}|route|{self.route}", route_rate, None
        for scope, name in (("account", entry.account), ("route", self.route), ("group", key.group)):
            limit = self.limits.get((scope, name))
            if limit is not None and limit.rate is not None:
                yield f"{scope}|{name}", limit.rate, limit.burst
            elif scope == "account" and limit is None and self._account_rate:
                yield f"account|{name}", self._account_rate, None

    # -- restart ---------------------------------------------------------------------------

    def restore(
        self, buckets: Mapping[str, tuple[float, float, float]], numbers: Mapping[int, int], now: float
    ) -> None:
        """Take over stored (rate, burst, tokens) and slip numbers. Downtime is not refilled."""
        for name, (rate, burst, tokens) in buckets.items():
            self.buckets[name] = Bucket(rate, burst, tokens, now)
        for partition, number in numbers.items():
            self.numbers[partition] = self.heard[partition].expected = number
        self._unsure_until = now + FREE_VALIDITY + GRACE
