"""What pacing knows of one partition: its classes, the credit that is out, and how fast it is answered."""

from collections import deque
from dataclasses import dataclass, field

from app.delivery.limits.book import Way
from app.delivery.limits.bounds import Bound, Room
from app.delivery.limits.caps import Cap
from app.delivery.limits.moving_caps import MovingCap
from app.delivery.pacing.turns import Share, Turns
from app.delivery.partition import SLICE
from app.delivery.partition_records import ClassKey
from app.records import Demand, Slip
from app.topics import LANES

LEAST_OPEN = 4 * SLICE  # messages on the way for one partition, route and lane, however slow the answers
OPEN_SECONDS = 0.75  # of recent answers that may be on the way

NOWHERE, READY, WAITING = 0, 1, 2  # where a class is: has nothing to send, has a turn coming, stands in lines


@dataclass(slots=True, eq=False)
class Cell:
    """One class in one partition."""

    partition: int
    key: ClassKey
    due: int = 0
    next_due: float = 0.0
    open: dict[str, int] = field(default_factory=dict)  # route -> messages in open releases
    calls: dict[str, int] = field(default_factory=dict)  # route -> calls in progress: answered, and not over
    pending: int = 0  # granted by slips that no snapshot reflects yet
    place: int = NOWHERE
    gave_way: int = 0  # the tick in which it let others go first
    way: Way | None = None
    share: Share | None = None  # under which it stands in lines
    lines: tuple[Bound, ...] = ()  # in which it stands
    held_by: str = ""  # name of the bound that held it back last
    held_since: float = 0.0  # 0: it is not held back

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to know of it."""
        return not (self.due or self.next_due or self.open or self.calls or self.pending or self.place)


@dataclass(slots=True)
class Given:
    """A slip that no snapshot reflects yet: which class has what over which route."""

    slip: Slip
    grants: list[tuple[Cell, str, int]]


Caps = tuple[tuple[str, Cap | MovingCap, int], ...]  # name, cap, what each message counts for there


@dataclass(slots=True)
class Paid:
    """What a slip was paid from, of what takes back messages that were never taken."""

    number: int
    at: float
    grants: list[tuple[int, Caps]]  # messages, and what paid for them
    returned: set[int] = field(default_factory=set)  # grants that were taken back


class Rooms(dict[str, Room]):
    """The rooms of one lane of a partition by route, each made on first use."""

    def __init__(self, partition: int, speeds: dict[str, float]) -> None:
        super().__init__()
        self._partition, self._speeds = partition, speeds

    def __missing__(self, route: str) -> Room:
        room = self[route] = Room(route, self._partition, self._speeds, LEAST_OPEN, OPEN_SECONDS)
        return room


class Heard:
    """One partition."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.full = False  # it was heard in full
        self.version = -1
        self.at = 0.0
        self.cells: dict[ClassKey, Cell] = {}
        self.applied = -1  # last slip number that a snapshot reflects
        self.expected = -1  # last slip number given out before a restart
        self.ready: dict[str, Turns[Cell]] = {lane: Turns(number) for lane in LANES}  # who has a turn coming
        self.slips: deque[Given] = deque()  # not reflected yet
        self.paid: deque[Paid] = deque()  # of late
        self.speeds: dict[str, float] = {}  # route -> messages answered a second, smoothed
        # Lane -> route -> what may be on the way: each has its own, a full one holds up no other.
        self.rooms = {lane: Rooms(number, self.speeds) for lane in LANES}
        self._answered: dict[str, int] = {}
        self._answered_at = 0.0

    def on_the_way(self, route: str) -> int:
        """Messages on the way over *route*."""
        return sum(rooms[route].used for rooms in self.rooms.values() if route in rooms)

    def measure_speed(self, demand: Demand) -> None:
        """Learn from what was answered since the last snapshot, route by route."""
        elapsed = demand.at - self._answered_at
        if elapsed < 0.1:
            return
        weight = min(1.0, elapsed / 0.5)
        for route in self._answered.keys() | demand.answered.keys():
            more = max(0, demand.answered.get(route, 0) - self._answered.get(route, 0))
            speed = self.speeds.get(route, 0.0)
            self.speeds[route] = speed + ((more / elapsed if self._answered_at else 0.0) - speed) * weight
        self._answered, self._answered_at = dict(demand.answered), demand.at
