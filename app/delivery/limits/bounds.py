"""What bounds messages on their way: buckets, caps, numbers on the way, rooms of partitions, health of routes.

A class passes all bounds of its path at once, or waits in the lines of those that hold it back.
"""

from typing import TYPE_CHECKING, Literal

from app.delivery.limits.caps import Cap
from app.delivery.limits.moving_caps import MovingCap
from app.delivery.limits.rates import Bucket, bucket, burst_of
from app.delivery.pacing.turns import Line
from app.delivery.people.tier import AGAIN
from app.delivery.routes.health import Health

if TYPE_CHECKING:
    from app.delivery.pacing.heard import Cell

ANY = 1 << 53  # room for any number of messages
FOR_LONG = float("inf")
ON_THE_WAY = "on the way|"  # before the name of what has a number on the way
SHAPED = "shaped|"  # before pool and group

# What a message does that finds a route full by this bound: wait for it; take the next route, as its limit says;
# take the next route because this one is out of service.
Full = Literal["wait", "overflow", "away"]


class Bound:
    """One thing that messages pass on their way."""

    __slots__ = ("full", "line", "name", "of_route", "salt")

    def __init__(self, name: str, full: Full = "wait", salt: int = 0) -> None:
        self.name = name
        self.full: Full = full
        self.salt = salt
        self.of_route = False  # it counts all messages over a provider, pool or route
        self.line: Line[Cell] | None = None  # None: nobody waits

    def open_line(self) -> "Line[Cell]":
        """Its line, for who waits here."""
        if self.line is None:
            self.line = Line(self.salt)
        return self.line

    def room(self, _now: float) -> int:
        """How many messages may pass at *now*."""
        return 0

    def room_for(self, parts: int, now: float) -> int:  # noqa: ARG002 - most bounds count messages
        """How many messages of *parts* SMS each may pass at *now*."""
        return self.room(now)

    def lasts(self, _now: float) -> float:
        """Seconds for which a slip paid here may be valid, and its messages may start."""
        return FOR_LONG

    def take(self, count: int) -> None:
        """*count* messages pass, or as many parts where those count."""

    def lets_again(self) -> bool:
        """Whether who was paid for here within a day passes, whatever the room."""
        return False

    def weight(self, parts: int) -> int:  # noqa: ARG002 - most bounds count messages
        """What a message of *parts* SMS counts for here."""
        return 1


class Closed(Bound):
    """Lets nobody through: a campaign that does not run, a class without a route. Who waits is woken when that ends."""

    __slots__ = ()


class Metered(Bound):
    """A bucket or a cap, of messages or of the parts that they take; a cap of any 24 hours also of people.

    A message of several parts, whose turn it is, waits until there is room for all of them: nobody goes before it
    meanwhile. One of more parts than a full bucket holds passes when it is full, and the next waits until it is paid.
    """

    __slots__ = ("_awaited", "_next", "_touched", "in_parts", "in_people", "meter")

    def __init__(self, name: str, meter: Bucket | Cap | MovingCap, touched: set[str]) -> None:
        super().__init__(name)
        self.meter = meter
        self._touched = touched  # names of meters that are to be stored
        self._next: tuple[float, float] | None = None  # rate and burst of the bucket from the next look on
        self.in_parts = False
        self.in_people = False
        self._awaited = 0  # parts for which somebody waits whose turn it is

    def becomes(self, rate: float, burst: float) -> None:
        """The bucket is to have these limits, once what has come at the old rate until then is in it."""
        if isinstance(self.meter, Bucket):
            self._next = None if (self.meter.rate, self.meter.burst) == (rate, burst) else (rate, burst)

    def room(self, now: float) -> int:
        if self._next is not None and isinstance(self.meter, Bucket):
            self.meter.fill(now)
            self.meter.changed(*self._next)
            self._touched.add(self.name)
            self._next = None
        room = self.meter.room(now)
        if self._awaited:
            if self.in_parts and not self._fit(self._awaited, room):
                return 0
            self._awaited = 0
        return room

    def room_for(self, parts: int, now: float) -> int:
        room = self.room(now)
        if parts <= 1 or not self.in_parts or room <= 0:
            return room
        fit = self._fit(parts, room)
        if not fit:
            self._awaited = parts
        return fit

    def _fit(self, parts: int, room: int) -> int:
        """How many messages of *parts* fit into the *room*."""
        if room < parts and room > 0 and isinstance(self.meter, Bucket) and self.meter.is_full:
            return 1
        return room // parts

    def never_fits(self, parts: int) -> bool:
        """Whether a message of *parts* is more than the whole cap."""
        return self.in_parts and parts > 1 and not isinstance(self.meter, Bucket) and self.meter.largest < parts

    def lets_again(self) -> bool:
        return self.in_people

    def weight(self, parts: int) -> int:
        if self.in_people:
            return int(parts != AGAIN)
        return max(1, parts) if self.in_parts else 1

    def lasts(self, now: float) -> float:
        return self.meter.lasts(now)

    def take(self, count: int) -> None:
        self.meter.take(count)
        self._touched.add(self.name)

    def renew(self, count: int, now: float) -> None:
        """*count* people pass who were paid for here within a day."""
        if isinstance(self.meter, MovingCap):
            self.meter.renew(count, now)
            self._touched.add(self.name)


FlowKey = tuple[str, str, str]  # group, sender, route


class Flow:
    """How many messages are on the way: granted, or in open releases."""

    __slots__ = ("by_route", "of_campaign", "sure")

    def __init__(self) -> None:
        self.sure = False  # everything on the way is known
        self.by_route: dict[str, int] = {}
        self.of_campaign: dict[str, dict[FlowKey, int]] = {}  # campaign -> its messages

    def count(self, campaign: str, group: str, sender: str, route: str, more: int) -> None:
        """Note that *more* messages are on the way."""
        self.by_route[route] = self.by_route.get(route, 0) + more
        own = self.of_campaign.setdefault(campaign, {})
        key = group, sender, route
        total = own[key] = own.get(key, 0) + more
        if total == 0:
            del own[key]
            if not own:
                del self.of_campaign[campaign]


class Places(Bound):
    """A number of messages on the way at once."""

    __slots__ = ("_flow", "most", "used")

    def __init__(self, name: str, flow: Flow) -> None:
        super().__init__(name)
        self._flow = flow
        self.most = 0
        self.used = 0

    def room(self, _now: float) -> int:
        # Nothing, while it is not known what is on the way: a partition that was not heard yet may have releases.
        return self.most - self.used if self._flow.sure else 0


class Room(Bound):
    """What may be on the way over one route for one lane of a partition: so much as is answered in a moment."""

    __slots__ = ("_least", "_seconds", "_speeds", "route", "used")

    def __init__(self, route: str, partition: int, speeds: dict[str, float], least: int, seconds: float) -> None:
        super().__init__(f"speed|{route}", salt=partition)
        self.route = route
        self.used = 0
        self._speeds, self._least, self._seconds = speeds, least, seconds

    def room(self, _now: float) -> int:
        return int(max(self._least, self._speeds.get(self.route, 0.0) * self._seconds)) - self.used


class Service(Bound):
    """The breaker of a route: closed, any number may pass; open, none; in between a few at a time."""

    __slots__ = ("_flow", "_health", "route")

    def __init__(self, route: str, health: Health, flow: Flow) -> None:
        super().__init__(f"health|{route}", "away")
        self.route = route
        self._health, self._flow = health, flow

    def room(self, now: float) -> int:
        places = self._health.places(self.route, now)
        if places is None:
            return ANY
        return places - self._flow.by_route.get(self.route, 0) if places and self._flow.sure else 0


class Shaped(Bound):
    """How health holds a pool back towards a group: until a moment, by a rate, by a number on the way."""

    __slots__ = ("_bucket", "_buckets", "_flow", "_group", "_health", "_pool", "_touched", "used")

    def __init__(
        self, pool: str, group: str, health: Health, flow: Flow, buckets: dict[str, Bucket], touched: set[str]
    ) -> None:
        super().__init__(f"{SHAPED}{pool}|{group}")
        self._pool, self._group = pool, group
        self._health, self._flow, self._buckets, self._touched = health, flow, buckets, touched
        self._bucket: Bucket | None = None  # while there is a rate
        self.used = 0

    def room(self, now: float) -> int:
        self._bucket = None
        shaping = self._health.shaping(self._pool, self._group)
        if shaping is None:
            return ANY
        if now < shaping.suspended_until:
            return 0
        room = ANY
        if shaping.concurrency is not None:
            room = shaping.concurrency - self.used if self._flow.sure else 0
        if shaping.rate is not None:
            self._bucket = self._of_rate(shaping.rate, now)
            room = min(room, self._bucket.room(now))
        return room

    def lasts(self, _now: float) -> float:
        return FOR_LONG if self._bucket is None else self._bucket.validity

    def take(self, count: int) -> None:
        if self._bucket is not None:
            self._bucket.take(count)
            self._touched.add(self.name)

    def _of_rate(self, rate: float, now: float) -> Bucket:
        known = self._buckets.get(self.name)
        if known is None:  # empty: what it did until now was more than this rate
            known = self._buckets[self.name] = bucket(rate, None, now)
            known.tokens = 0.0
        elif known.rate != rate:
            known.fill(now)
            known.changed(rate, burst_of(rate, None))
        return known


Counted = Places | Shaped  # what has to know how many of its messages are on the way
