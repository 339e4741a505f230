"""Pacing: demand of all partitions in, credit slips out, and every limit on the path debited.

Arithmetic on classes, not on messages: the work of a tick grows with the slices it grants, not with
the classes that wait.
"""

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from app.commands import CampaignEntry, LimitSet
from app.delivery.partition import SLICE, ClassKey
from app.delivery.rates import Bucket, bucket, burst_of
from app.records import Demand, Grant, Slip

LEAST_OPEN = 4 * SLICE  # messages on the way for one partition, however slow the answers
OPEN_SECONDS = 0.75  # of recent answers that may be on the way
FREE_VALIDITY, FREE_NOT_AFTER = 3.0, 30.0  # seconds, where no rate limit lies on the path
GRACE = 1.0  # seconds after its end until an unconfirmed slip is taken for lost


@dataclass(slots=True)
class Cell:
    """One class in one partition."""

    due: int = 0
    next_due: float = 0.0
    open: int = 0
    pending: int = 0  # granted by slips that no snapshot reflects yet
    queued: bool = False  # stands in the partition's rotation


@dataclass(slots=True)
class Heard:
    """What pacing knows of one partition."""

    full: bool = False
    version: int = -1
    at: float = 0.0
    cells: dict[ClassKey, Cell] = field(default_factory=dict)
    urgent: deque[ClassKey] = field(default_factory=deque)  # transactional lane, in rotation
    bulk: deque[ClassKey] = field(default_factory=deque)
    slips: deque[Slip] = field(default_factory=deque)  # not reflected yet
    counters: dict[str, dict[str, int]] = field(default_factory=dict)
    answered: dict[str, int] = field(default_factory=dict)
    answered_at: float = 0.0
    speed: float = 0.0  # messages answered a second, smoothed
    open: int = 0  # messages in open releases


class Pacer:
    """The one owner of every limit of a pacing group. Its memory is rebuilt from demand after a restart."""

    def __init__(self, partitions: int, route: str, account_rate: float = 0.0) -> None:
        self.heard = [Heard() for _ in range(partitions)]
        self.buckets: dict[str, Bucket] = {}
        self.numbers = [0] * partitions  # last slip number of each partition
        self.limits: dict[tuple[str, str], LimitSet] = {}
        self.touched: set[str] = set()  # buckets debited since they were last stored
        self._route = route
        self._account_rate = account_rate
        self._campaigns: dict[str, CampaignEntry] = {}
        self._paths: dict[ClassKey, tuple[str, ...]] = {}
        self._on_the_way: Counter[str] = Counter()  # campaign -> open and pending messages
        self._turn = 0

    # -- what is known ---------------------------------------------------------------------

    def campaign(self, entry: CampaignEntry) -> None:
        """Take over a campaign's state and limits."""
        before = self._campaigns.get(entry.id)
        self._campaigns[entry.id] = entry
        if before is None or before.spec.throttle != entry.spec.throttle:
            self._forget_paths()

    def forget_campaign(self, campaign: str) -> None:
        """The campaign has ended."""
        self._campaigns.pop(campaign, None)
        self._forget_paths()
        for name in [name for name in self.buckets if name.startswith(f"campaign|{campaign}|")]:
            del self.buckets[name]
            self.touched.add(name)

    def limit(self, limit: LimitSet) -> None:
        """Set or (rate None) remove a limit above campaigns."""
        self.limits[limit.scope, limit.name] = limit
        self._forget_paths()

    def _forget_paths(self) -> None:
        self._paths.clear()

    def hear(self, demand: Demand) -> bool:
        """Take in a snapshot; False when it is older than what is known."""
        heard = self.heard[demand.partition]
        if (demand.version, demand.at) < (heard.version, heard.at):
            return False
        self._measure_speed(heard, demand)
        heard.version, heard.at = demand.version, demand.at
        heard.counters.update(demand.counters)
        while heard.slips and heard.slips[0].number <= demand.slip:
            self._settle_slip(heard, heard.slips.popleft())
        named = {ClassKey(each.campaign, each.lane, each.group): each for each in demand.classes}
        if demand.full:
            heard.full = True
            for key in [key for key in heard.cells if key not in named]:
                self._update(heard, key, 0, 0.0, 0)
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
        self._on_the_way[key.campaign] += open_ - cell.open
        heard.open += open_ - cell.open
        cell.due, cell.next_due, cell.open = due, next_due, open_
        self._enqueue(heard, key, cell)
        if not (due or next_due or open_ or cell.pending or cell.queued):
            del heard.cells[key]

    def _enqueue(self, heard: Heard, key: ClassKey, cell: Cell) -> None:
        if cell.due > cell.pending and not cell.queued:
            (heard.urgent if key.lane == "transactional" else heard.bulk).append(key)
            cell.queued = True

    def _settle_slip(self, heard: Heard, slip: Slip) -> None:
        for grant in slip.grants:
            key = ClassKey(grant.campaign, grant.lane, grant.group)
            cell = heard.cells.get(key)
            self._on_the_way[grant.campaign] -= grant.count
            if cell is not None:
                cell.pending -= grant.count
                self._enqueue(heard, key, cell)

    def counts(self, campaign: str) -> dict[str, int]:
        """The counters of *campaign* over all partitions."""
        total: Counter[str] = Counter()
        for heard in self.heard:
            total.update(heard.counters.get(campaign, {}))
        return dict(total)

    def due(self) -> dict[str, dict[str, int]]:
        """Messages that could leave now, by campaign and destination group."""
        due: dict[str, dict[str, int]] = {}
        for heard in self.heard:
            for key, cell in heard.cells.items():
                if cell.due:
                    groups = due.setdefault(key.campaign, {})
                    groups[key.group] = groups.get(key.group, 0) + cell.due
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
        slips = []
        count = len(self.heard)
        self._turn = (self._turn + 1) % count
        for step in range(count):
            partition = (self._turn + step) % count
            slips += self._slips_for(partition, now)
        return slips

    def _slips_for(self, partition: int, now: float) -> list[Slip]:
        heard = self.heard[partition]
        if not heard.full:
            return []
        while heard.slips and heard.slips[0].valid_until + GRACE < now:
            self._settle_slip(heard, heard.slips.popleft())
        room = self._room(heard)
        limited: dict[float, list[Grant]] = {}  # validity -> grants
        for rotation in (heard.urgent, heard.bulk):
            room = self._serve(heard, rotation, room, now, limited)
        slips = []
        for validity, grants in limited.items():
            self.numbers[partition] += 1
            until, not_after = now + validity, now + (FREE_NOT_AFTER if validity == FREE_VALIDITY else validity)
            slip = Slip(partition, self.numbers[partition], now, until, not_after, grants)
            heard.slips.append(slip)
            slips.append(slip)
        return slips

    def _room(self, heard: Heard) -> int:
        granted = sum(grant.count for slip in heard.slips for grant in slip.grants)
        return int(max(LEAST_OPEN, heard.speed * OPEN_SECONDS)) - heard.open - granted

    def _serve(
        self, heard: Heard, rotation: deque[ClassKey], room: int, now: float, limited: dict[float, list[Grant]]
    ) -> int:
        """Grant slices to the classes of *rotation*, each in its turn; the room that is left."""
        idle = 0  # classes in a row that got nothing
        while room > 0 and rotation and idle < len(rotation):
            key = rotation.popleft()
            cell = heard.cells[key]
            if cell.due <= cell.pending:
                cell.queued = False
                if not (cell.due or cell.next_due or cell.open or cell.pending):
                    del heard.cells[key]
                continue
            rotation.append(key)
            count, validity = self._allowed(key, min(cell.due - cell.pending, room, SLICE), now)
            if count <= 0:
                idle += 1
                continue
            idle = 0
            for name in self._paths[key]:
                self.buckets[name].take(count)
                self.touched.add(name)
            cell.pending += count
            self._on_the_way[key.campaign] += count
            room -= count
            limited.setdefault(validity, []).append(Grant(key.campaign, key.lane, key.group, self._route, count))
        return room

    def _allowed(self, key: ClassKey, wanted: int, now: float) -> tuple[int, float]:
        """(messages, validity of their slip) that every limit on the path of *key* allows."""
        entry = self._campaigns.get(key.campaign)
        if entry is None or entry.state != "RUNNING":
            return 0, 0.0
        concurrency = entry.spec.throttle.concurrency
        if concurrency is not None:
            wanted = min(wanted, concurrency - self._on_the_way[key.campaign])
        path = self._path(key, entry, now)
        validity = FREE_VALIDITY
        for name in path:
            limit = self.buckets[name]
            wanted = min(wanted, int(limit.tokens))
            validity = min(validity, limit.validity)
        return wanted, validity

    def _path(self, key: ClassKey, entry: CampaignEntry, now: float) -> tuple[str, ...]:
        path = self._paths.get(key)
        if path is None:
            names = []
            for name, rate, burst in self._limits_of(key, entry):
                known = self.buckets.get(name)
                if known is None:
                    self.buckets[name] = bucket(rate, burst, now)
                elif (known.rate, known.burst) != (rate, burst_of(rate, burst)):
                    known.changed(rate, burst_of(rate, burst))
                names.append(name)
            path = self._paths[key] = tuple(names)
        return path

    def _limits_of(self, key: ClassKey, entry: CampaignEntry) -> Iterable[tuple[str, float, float | None]]:
        """(bucket name, rate, burst) of every rate limit that a message of this class counts against."""
        throttle = entry.spec.throttle
        if throttle.rate is not None:
            yield f"campaign|{entry.id}|", throttle.rate, throttle.burst
        group_rate = throttle.per_group.get(key.group, throttle.per_group.get("*"))
        if group_rate is not None:
            yield f"campaign|{entry.id}|{key.group}", group_rate, None
        for scope, name in (("account", entry.account), ("route", self._route), ("group", key.group)):
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
            self.numbers[partition] = number
