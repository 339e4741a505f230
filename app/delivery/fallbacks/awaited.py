"""Messages that a provider has taken and of which news is awaited: they may go on to another channel, or call.

They lie packed by release, with their rows, under their places in it. A message is awaited as long as its place is in
the pack; its state names pack and place, so that a report finds it. As long as it is, it is counted in none of FINAL.
"""

import heapq
from typing import NamedTuple

import msgspec

AWAITED = "awaited"  # counter: messages taken, of which news is awaited
OVER = "awaited.over"  # of those: no longer
MOST_PLACES = 250  # messages in one pack: a place is a byte
MOST_AWAITED = 1_000_000  # messages of one partition: beyond that no more leave that would be awaited


class Awaited(msgspec.Struct, array_like=True):
    """Messages of one release of which news is awaited."""

    account: str
    campaign: str
    lane: str
    group: str
    route: str
    attempt: int
    at: float  # when they were taken
    until: float  # up to when news is awaited
    rows: int  # the number under which their rows lie
    places: bytes  # of those still awaited, in these rows
    ends: float = 0.0  # when the last of these calls is over for certain; 0: they are none
    since: float = 0.0
    zone: str = ""
    tier: str = ""
    counted: bool = False
    channel: str = "email"
    parts: int = 1
    sender: str = ""
    began: int = 1  # the attempt with which their channel began
    pin: str = ""
    retry: bool = False

    @property
    def count(self) -> int:
        """How many they are."""
        return len(self.places)


class Place(NamedTuple):
    """Where an awaited message lies."""

    number: int
    place: int


def mark_of(number: int, place: int) -> int:
    """The mark in the state of a message (MessageState.awaited)."""
    return number << 8 | place


def place_of(mark: int) -> Place | None:
    """Where a message with this mark lies; None for one that is not awaited."""
    return None if mark < 0 else Place(mark >> 8, mark & 0xFF)


class Awaiting:
    """All awaited packs of a partition, and when each is to be looked at."""

    def __init__(self) -> None:
        self.packs: dict[int, Awaited] = {}
        self.messages = 0  # in them
        self.of_campaign: dict[str, set[int]] = {}
        self.calls: dict[int, int] = {}  # pack -> its calls that are in progress, as far as anybody knows
        self._due: list[tuple[float, int]] = []
        self._ends: list[tuple[float, int]] = []

    def put(self, number: int, awaited: Awaited) -> int:
        """Note a pack, or what is left of it; how many more calls are in progress."""
        before = self.packs.get(number)
        self.packs[number] = awaited
        self.messages += awaited.count - (before.count if before is not None else 0)
        if before is None:
            self.of_campaign.setdefault(awaited.campaign, set()).add(number)
            heapq.heappush(self._due, (awaited.until, number))
            if awaited.ends:
                self.calls[number] = 0
                heapq.heappush(self._ends, (awaited.ends, number))
        if number not in self.calls:
            return 0
        more = awaited.count - self.calls[number]
        self.calls[number] = awaited.count
        return more

    def remove(self, number: int) -> int:
        """Forget a pack; how many of its calls were in progress."""
        gone = self.packs.pop(number)
        self.messages -= gone.count
        own = self.of_campaign[gone.campaign]
        own.discard(number)
        if not own:
            del self.of_campaign[gone.campaign]
        return self.calls.pop(number, 0)

    def due(self, now: float, most: int) -> list[int]:
        """At most *most* packs whose time is over; asked again, it gives the same until they are removed."""
        found: list[int] = []
        while self._due and self._due[0][0] <= now and len(found) < most:
            each = heapq.heappop(self._due)
            if each[1] in self.packs:
                found.append(each[1])
        for number in found:
            heapq.heappush(self._due, (self.packs[number].until, number))
        return found

    def ended(self, now: float) -> list[tuple[int, int]]:
        """(pack, calls) that are in progress no longer, whatever was told of them. Each is given once."""
        found = []
        while self._ends and self._ends[0][0] <= now:
            _, number = heapq.heappop(self._ends)
            if number in self.calls:
                found.append((number, self.calls.pop(number)))
        return found


Lot = tuple[float, float]  # seconds until news is no longer awaited; seconds that a call lasts, 0 for none


def lot_of(after: float | None, lasts: float) -> Lot | None:
    """How long news is awaited of a message that goes on *after* so many seconds (None: never), or is a call."""
    if after is None and not lasts:
        return None
    return max(after or 0.0, lasts), lasts
