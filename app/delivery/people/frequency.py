"""Frequency caps: at most so many messages of an account to one person in a sliding time, and who yields to whom.

Each message that counts leaves a *touch* in the record of its person: WAITING from the gate on (a reservation, for the
moment at which it is expected to leave), LEAVING once it is released, SENT once it was accepted, or may have been.

The cap is kept at the release alone. There a message needs fewer than `messages` others among those SENT in the window
before now and those LEAVING, whenever they left: of the messages accepted in any window, the one released last found
all the others there, so they were fewer. Reservations decide who it is: a message takes the place of a WAITING one of
lower priority, and yields to those of its own priority and above. Who has lost its place asks again at its turn.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from hashlib import blake2b
from itertools import islice
from typing import NamedTuple, Protocol

import msgspec

NEVER = float("inf")
MARGIN = 0.5  # seconds added to a window: the clocks of two processes may part by a quarter of a second each way
SENDING = 86_400.0  # seconds after a release in which its messages may still be accepted, with much to spare
MOST_WAITING = 50  # reservations of one person; who finds no place among them asks at its release
MOST_TRIES = 8  # times that are tried for a message that is put off; then it asks again at the last of them
GRAIN = 100  # people who are put off wait in this many steps of a window, so that they share packs
MOST_PUT_OFF = 62 * 86_400.0  # seconds after the seal: a campaign without an end must end, too
MOST_NAMED, LONGEST_NAME = 2, 40  # campaigns in a detail, characters
ACCOUNT_BYTES = 8  # of a key, after the 16 of the person
DAY = 86_400


class Stage(IntEnum):
    """How far a message is that counts."""

    WAITING = 0
    LEAVING = 1
    SENT = 2


class Touch(msgspec.Struct, array_like=True, frozen=True):
    """One message that counts for its person."""

    message: bytes
    campaign: str
    channel: str
    priority: int
    stage: Stage
    due: float  # WAITING: when it is expected to leave; LEAVING: when it left
    at: float = 0.0  # up to when it may have been accepted; 0: not at all so far


class Cap(NamedTuple):
    """At most *messages* by *channels* (none: by any) in *window* seconds."""

    messages: int
    window: float
    channels: frozenset[str] = frozenset()

    def counts(self, channel: str) -> bool:
        """Whether messages by *channel* count."""
        return not self.channels or channel in self.channels


@dataclass(frozen=True)
class AccountCaps:
    """The caps of one account."""

    caps: tuple[Cap, ...] = ()

    def of(self, channel: str) -> tuple[Cap, ...]:
        """Those that count messages by *channel*."""
        return tuple(cap for cap in self.caps if cap.counts(channel))

    def longest(self, channel: str) -> float:
        """Seconds after which a message by *channel* counts nowhere any more."""
        return max((cap.window + MARGIN for cap in self.caps if cap.counts(channel)), default=0.0)

    @property
    def stamp(self) -> int:
        """A number, not 0, that is another one for other caps."""
        said = ";".join(f"{cap.messages}/{cap.window}/{','.join(sorted(cap.channels))}" for cap in self.caps)
        return int.from_bytes(blake2b(said.encode(), digest_size=4).digest(), "big") or 1


NO_CAPS = AccountCaps()


@dataclass(frozen=True)
class CapRules:
    """What the caps of its account mean for one campaign."""

    account: str
    campaign: str
    channel: str
    caps: AccountCaps
    priority: int = 50
    defers: bool = False  # who has had enough messages is sent to later, and not dropped
    end: float = NEVER  # nothing is put off until then


class Room(NamedTuple):
    """*due* is when the message may leave: as it asked, later (put off), or NEVER (dropped); *detail* tells why."""

    due: float
    detail: str = ""


class TouchWrites(Protocol):
    """Where records go."""

    def touches(self, key: bytes, touches: list[Touch] | None) -> None: ...


Load = Callable[[list[bytes]], list[list[Touch]]]  # the records under these keys
Place = Callable[[str, float], tuple[float, str]]  # (zone, due) -> (due inside the hours, zone that counts)


def touch_key(account: str, person: bytes) -> bytes:
    """The key of the record of *person* in *account*: 16 + 8 bytes. Until persons have ids, a recipient is one."""
    return person + _account_hash(account)


@lru_cache(maxsize=10_000)
def _account_hash(account: str) -> bytes:
    return blake2b(account.encode(), digest_size=ACCOUNT_BYTES).digest()


def is_spent(touch: Touch, longest: float, now: float) -> bool:
    """Whether *touch* counts nowhere any more, where *longest* is the longest window."""
    since = now - longest
    match touch.stage:
        case Stage.SENT:
            return touch.at <= since
        case Stage.LEAVING:
            return touch.due <= since - SENDING
    return touch.due <= since


class Book:
    """The records that one step reads and changes. Nothing is read twice, and every change is in *writes*."""

    def __init__(self, load: Load, writes: TouchWrites, now: float) -> None:
        self.now = now
        self._load, self._writes = load, writes
        self._records: dict[bytes, list[Touch]] = {}

    def fetch(self, account: str, people: Iterable[bytes]) -> None:
        """Read the records of *people* in one go, but those that have been read."""
        keys = [key for key in (touch_key(account, person) for person in people) if key not in self._records]
        if keys:
            self._records.update(zip(keys, self._load(keys), strict=True))

    def record(self, account: str, person: bytes) -> list[Touch]:
        """The touches of *person*."""
        key = touch_key(account, person)
        if key not in self._records:
            self.fetch(account, [person])
        return self._records[key]

    def put(self, account: str, person: bytes, touches: list[Touch]) -> None:
        """Store the touches of *person*."""
        key = touch_key(account, person)
        self._records[key] = touches
        self._writes.touches(key, touches or None)


class Desk:
    """Where the messages of one campaign ask, and tell what became of them, in one step."""

    def __init__(self, book: Book, rules: CapRules, place: Place | None = None) -> None:
        self.rules = rules
        self.put_off: dict[bytes, Room] = {}  # message -> until when, of those that were told to wait
        self._book, self._place = book, place
        self._caps = rules.caps.of(rules.channel)
        self._longest: dict[str, float] = {}  # by channel

    def fetch(self, people: Iterable[bytes]) -> None:
        """Read what is known of *people*."""
        self._book.fetch(self.rules.account, people)

    def ask(self, person: bytes, message: bytes, due: float, zone: str = "", *, leaving: bool = False) -> Room:
        """Whether *message* may leave at *due*; *leaving*: it is about to. Asking again changes nothing."""
        mine, others = self._split(person, message)
        if not self._caps:
            if mine is not None:
                self._keep(person, others, mine)
            return Room(due)
        rules, now = self.rules, self._book.now
        yielding, blocked = arbitrate(others, self._caps, rules.priority, due, now, held=mine is not None)
        if blocked is None:
            at = 0.0 if mine is None else mine.at
            stage = Stage.LEAVING if leaving else Stage.WAITING
            self._enter(person, others, yielding, self._touch(message, stage, due, at))
            return Room(due)
        detail = blocked.told
        room = self._later(person, message, mine, others, blocked, zone) if rules.defers else None
        if room is not None:
            self.put_off[message] = Room(room, detail)
            return self.put_off[message]
        self._keep(person, others, mine)
        return Room(NEVER, f"{detail}; no room before the campaign ends" if rules.defers else detail)

    def _later(
        self, person: bytes, message: bytes, mine: Touch | None, others: list[Touch], blocked: "Blocked", zone: str
    ) -> float | None:
        """A later moment for *message*, reserved if there is room at it; None when there is none before the end."""
        rules, now = self.rules, self._book.now
        end = min(rules.end, int.from_bytes(message[:2], "big") * DAY + MOST_PUT_OFF)
        full: Blocked | None = blocked
        moment = now
        for _ in range(MOST_TRIES):
            if full is None:
                break
            moment = self._placed(full, max(moment + 1.0, now + 1.0), zone)
            if moment >= end:
                return None
            yielding, full = arbitrate(others, self._caps, rules.priority, moment, now, held=False)
        if full is None and (mine is None or not mine.at):
            self._enter(person, others, yielding, self._touch(message, Stage.WAITING, moment))
        else:
            self._keep(person, others, mine)
        return moment

    def _placed(self, blocked: "Blocked", earliest: float, zone: str) -> float:
        """The moment at which *blocked* leaves room, rounded up, inside the hours."""
        step = max(1.0, blocked.cap.window / GRAIN)
        moment = -(-max(blocked.until, earliest) // step) * step
        return moment if self._place is None else self._place(zone, moment)[0]

    def sent(self, person: bytes, message: bytes, at: float) -> None:
        """*message* was accepted at *at*, or may have been up to then."""
        mine, others = self._split(person, message)
        if mine is not None or self._caps:
            at = at if mine is None else max(at, mine.at)
            self._put(person, [*others, self._touch(message, Stage.SENT, at, at)])

    def back(self, person: bytes, message: bytes, due: float) -> None:
        """*message* was not accepted, and is tried again at *due*."""
        mine, others = self._split(person, message)
        if mine is not None and mine.at:
            self._keep(person, others, mine)
        elif mine is not None:
            self._put(person, [*others, self._touch(message, Stage.WAITING, due)])

    def not_sent(self, person: bytes, message: bytes) -> None:
        """*message* counted as sent because nobody knew, and was not: it waits again, and keeps its place."""
        mine, others = self._split(person, message)
        if mine is not None:
            self._put(person, [*others, self._touch(message, Stage.WAITING, self._book.now)])

    def free(self, person: bytes, message: bytes) -> None:
        """*message* has ended without having been accepted."""
        mine, others = self._split(person, message)
        if mine is not None:
            self._keep(person, others, mine)

    def _touch(self, message: bytes, stage: Stage, due: float, at: float = 0.0) -> Touch:
        rules = self.rules
        return Touch(message, rules.campaign, rules.channel, rules.priority, stage, due, at)

    def _split(self, person: bytes, message: bytes) -> tuple[Touch | None, list[Touch]]:
        """(the touch of *message*, those of others that still count)."""
        mine: Touch | None = None
        others: list[Touch] = []
        for touch in self._book.record(self.rules.account, person):
            if touch.message == message:
                mine = touch
            elif not is_spent(touch, self._window_of(touch.channel), self._book.now):
                others.append(touch)
        return mine, others

    def _window_of(self, channel: str) -> float:
        longest = self._longest.get(channel)
        if longest is None:
            longest = self._longest[channel] = self.rules.caps.longest(channel)
        return longest

    def _enter(self, person: bytes, others: list[Touch], yielding: Sequence[Touch], touch: Touch) -> None:
        gone = {each.message for each in yielding}
        left = [each for each in others if each.message not in gone]
        if touch.stage is Stage.WAITING and sum(each.stage is Stage.WAITING for each in left) >= MOST_WAITING:
            self._put(person, left)
        else:
            self._put(person, [*left, touch])

    def _keep(self, person: bytes, others: list[Touch], mine: Touch | None) -> None:
        """Take *mine* out, but for what may have been accepted of it before."""
        if mine is not None:
            again = [msgspec.structs.replace(mine, stage=Stage.SENT)] if mine.at else []
            self._put(person, [*others, *again])

    def _put(self, person: bytes, touches: list[Touch]) -> None:
        self._book.put(self.rules.account, person, touches)


class Blocked(NamedTuple):
    """A cap that leaves no room before *until*, and who fills it."""

    until: float
    cap: Cap
    filled: list[Touch]

    @property
    def told(self) -> str:
        """The cap and who fills it, for people: 2 of 2 messages in 24 h: c_x, c_y."""
        names = list(dict.fromkeys(touch.campaign[:LONGEST_NAME] for touch in self.filled))
        named = ", ".join(islice(names, MOST_NAMED))
        more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
        cap = self.cap
        messages = "message" if cap.messages == 1 else "messages"
        return f"{len(self.filled)} of {cap.messages} {messages} in {span(cap.window)}: {named}{more}"


def span(seconds: float) -> str:
    """*seconds* in the largest unit that divides them; a day is 24 h."""
    for unit, size, least in (("d", 86_400, 2), ("h", 3_600, 1), ("min", 60, 1)):
        if seconds >= size * least and seconds % size == 0:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:g} s"


Points = list[tuple[float, Touch]]  # when each of them counts


def arbitrate(
    others: Sequence[Touch], caps: Sequence[Cap], priority: int, moment: float, now: float, *, held: bool
) -> tuple[list[Touch], Blocked | None]:
    """Who yields to a message of *priority* that is to leave at *moment*, and the cap that has no room all the same.

    Only those who wait yield: of lower priority, and of the same to a message that *held* a place before.
    """
    yielding: list[Touch] = []
    blocked: Blocked | None = None
    for cap in caps:
        points = _points([touch for touch in others if touch not in yielding], cap, now)
        while filled := _fullest(points, cap, moment):
            weakest = _weakest(filled, priority, held)
            if weakest is None:
                until = filled[len(filled) - cap.messages][0] + cap.window + MARGIN
                if blocked is None or until > blocked.until:
                    blocked = Blocked(until, cap, [touch for _, touch in filled])
                break
            points.remove(weakest)
            yielding.append(weakest[1])
    return yielding, blocked


def _points(others: Sequence[Touch], cap: Cap, now: float) -> Points:
    """When each of *others* counts for *cap*. A reservation that is overdue by a window has lapsed."""
    found: Points = []
    for touch in others:
        if not cap.counts(touch.channel):
            continue
        if touch.stage is Stage.SENT:
            found.append((touch.at, touch))
        elif touch.stage is Stage.LEAVING or touch.due > now - cap.window:
            found.append((max(touch.due, now), touch))
    return found


def _fullest(points: Points, cap: Cap, moment: float) -> Points:
    """Those of the fullest window around *moment*, in the order of time; none when one more fits into each."""
    if len(points) < cap.messages:
        return []
    width = cap.window + MARGIN
    near = sorted((each for each in points if moment - width < each[0] < moment + width), key=lambda each: each[0])
    stop = sum(each[0] <= moment for each in near)
    best, first = (0, stop), 0
    for last in range(stop, len(near)):
        while near[last][0] - near[first][0] >= width:
            first += 1
        if last + 1 - first > best[1] - best[0]:
            best = first, last + 1
    return near[best[0] : best[1]] if best[1] - best[0] >= cap.messages else []


def _weakest(filled: Points, priority: int, held: bool) -> tuple[float, Touch] | None:
    """Of those that wait and must yield to *priority*, the one of the lowest, and of these the latest."""
    yields = [
        each
        for each in filled
        if each[1].stage is Stage.WAITING and (each[1].priority < priority or (held and each[1].priority == priority))
    ]
    return min(yields, key=lambda each: (each[1].priority, -each[0], each[1].message), default=None)
