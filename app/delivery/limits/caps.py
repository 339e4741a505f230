"""Caps: at most so many messages in an hour of the clock or a day of the calendar, and warm-ups that grow day by day.

A window belongs to a time zone. Its hours begin when the clock there shows a full hour; its days when the date
there changes, so a day in which clocks are put forward or back has 23 or 25 hours.

What leaves must fall into the window that it is counted in, on anybody's clock. So nothing is paid for in the
first moments of a window, when the clock of a worker may still show the window before, and what is paid for must
leave a margin before its end: it may take a moment on the wire.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import NamedTuple

from app.delivery.limits.rates import LEAST_VALIDITY
from app.routes import LimitSet, WarmUp

MARGIN = 1.0  # seconds before the end of a window, in which nothing that counts in it starts
SKEW = 0.25  # seconds: clocks that differ by more are refused at the start of a process
HOUR = 3_600
KEPT = 86_400.0  # seconds after the end of a window for which it is remembered: a clock may be set back
FOR_LONG = float("inf")
NO_CAP = 1 << 53  # room for any number of messages

# What the names of caps begin with; what they belong to follows: "day|pool|main|gmail".
HOURLY, DAILY, WARM_UP, MOVING = "hour|", "day|", "warm-up|", "24 h|"
CAPS = (HOURLY, DAILY, WARM_UP, MOVING)

Zones = Callable[[str], tzinfo | None]  # the time zone with that name, None for a name that is none


class Window(NamedTuple):
    """From *start* until just before *end*, in seconds since 1970."""

    start: float
    end: float


Windows = Callable[[float, tzinfo], Window]  # the one around a moment, by the clock of a zone


def hour_around(at: float, zone: tzinfo) -> Window:
    """The hour of the clock. One in which clocks are moved by a part of an hour lasts until the next full hour."""
    start = at - _past_full(at, zone)
    start -= _past_full(start, zone)  # 0, but where the clock was moved by half an hour in between
    end = start + HOUR
    past = _past_full(end, zone)
    return Window(start, end + (HOUR - past if past else 0))


def _past_full(at: float, zone: tzinfo) -> float:
    """Seconds since the clock showed a full hour, by the offset that holds at that moment."""
    offset = datetime.fromtimestamp(at, zone).utcoffset() or timedelta()
    return (at + offset.total_seconds()) % HOUR


def day_around(at: float, zone: tzinfo) -> Window:
    """The day of the calendar."""
    day = datetime.fromtimestamp(at, zone).date()
    if _first_of(day, zone) > at:  # the last tenth of a microsecond of a day is rounded into the next
        day -= timedelta(days=1)
    start, end = _first_of(day, zone), _first_of(day + timedelta(days=1), zone)
    if at >= end:  # after midnight clocks were put back to before midnight: it stays the day that had begun
        start, end = end, _first_of(day + timedelta(days=2), zone)
    return Window(start, end)


def _first_of(day: date, zone: tzinfo) -> float:
    """The first moment of a day; where its midnight is leapt over, the leap itself."""
    return datetime.combine(day, time(0), zone).timestamp()


class Steady(NamedTuple):
    """The same in every window."""

    each: int

    def on(self, _day: date) -> int:
        """Messages that a window of any day may have."""
        return self.each


class Growing(NamedTuple):
    """A warm-up. Before it begins nothing may leave; after its last day it caps nothing."""

    begins: date
    days: tuple[int, ...]

    def on(self, day: date) -> int:
        """Messages that *day* may have."""
        number = (day - self.begins).days
        if number < 0:
            return 0
        return self.days[number] if number < len(self.days) else NO_CAP


def growing(warm_up: WarmUp) -> Growing:
    """The plan of *warm_up*."""
    return Growing(warm_up.begins, tuple(warm_up.days()))


@dataclass(slots=True)
class Cap:
    """At most so many messages in each window: a `Meter`. It counts from the moment at which it is made."""

    plan: Steady | Growing
    windows: Windows
    zone: tzinfo
    window: Window  # the one that is counted
    most: int  # messages that it may have
    used: int = 0

    def room(self, now: float) -> int:
        """Messages that may still be paid for at *now*.

        None while a clock that has stepped back shows an earlier window: what was used in it is forgotten.
        """
        return max(0, self.most - self.used) if self.lasts(now) else 0

    def lasts(self, now: float) -> float:
        """Seconds for which a slip paid at *now* may be valid; 0 when it cannot be for at least LEAST_VALIDITY."""
        if now >= self.window.end:
            self._enter(self.windows(now, self.zone), 0)
        if now < self.window.start + SKEW:
            return 0.0
        left = self.window.end - MARGIN - now if self.most < NO_CAP else FOR_LONG  # once warm, it stays so
        return left if left >= LEAST_VALIDITY else 0.0

    def take(self, count: int) -> None:
        """Count *count* messages, for which `room` has just told that there is room."""
        self.used += count

    def give_back(self, count: int, taken_at: float) -> None:
        """*count* of the messages taken at that moment will never leave. Of an earlier window: nothing is gained."""
        if taken_at >= self.window.start:
            self.used = max(0, self.used - count)

    def changed(self, like: "Cap") -> None:
        """Take on what *like*, which is new, allows. What is used stays used, also in the windows of another zone."""
        window, self.plan = self.window, like.plan
        if self.zone != like.zone and like.window.end > window.start:
            self.zone, window = like.zone, like.window
        self._enter(window, self.used if self.window.end > window.start else 0)

    def _enter(self, window: Window, used: int) -> None:
        self.window, self.used = window, used
        self.most = self.plan.on(datetime.fromtimestamp(window.start, self.zone).date())

    @property
    def largest(self) -> int:
        """The most that a window of today's or of a later day may have."""
        return self.plan.each if isinstance(self.plan, Steady) else NO_CAP

    @property
    def resets_at(self) -> float:
        """When its window ends."""
        return self.window.end

    def is_spare(self, now: float) -> bool:
        """Whether nothing would be lost with it: its window is over for long."""
        return now >= self.window.end + KEPT

    @property
    def stored(self) -> tuple[float, int]:
        """(start of its window, used): all that a restart has to know."""
        return self.window.start, self.used

    def restore(self, start: float, used: int, _slots: bytes = b"") -> None:
        """Take over what was stored. Of a window that is over nothing stays; of a later one, all.

        One that begins at no window of this zone was of another: what it may share with this one stays, too.
        """
        before = self.windows(start, self.zone)
        if start >= self.window.end:  # the clock has stepped back
            self._enter(before, used)
        elif start >= self.window.start or (before.start != start and start + _longest(before) > self.window.start):
            self.used = used


def _longest(window: Window) -> float:
    """Seconds that a window of that kind has at most, in any zone."""
    return window.end - window.start + HOUR


def cap(plan: Steady | Growing, windows: Windows, zone: tzinfo, now: float) -> Cap:
    """A new cap, nothing of it used."""
    made = Cap(plan, windows, zone, windows(now, zone), 0)
    made.changed(made)
    return made


def caps_of(limit: LimitSet, name: str, now: float, zone_named: Zones) -> list[tuple[str, Cap]]:
    """(name, new cap) of every cap of *limit*, which counts for *name* ("pool|main|gmail").

    A zone that is no longer known counts as UTC.
    """
    if limit.hourly is None and limit.daily is None and limit.warm_up is None:
        return []
    zone = zone_named(limit.time_zone) or UTC
    caps = []
    if limit.hourly is not None:
        caps.append((HOURLY + name, cap(Steady(limit.hourly), hour_around, zone, now)))
    if limit.daily is not None:
        caps.append((DAILY + name, cap(Steady(limit.daily), day_around, zone, now)))
    if limit.warm_up is not None:
        caps.append((WARM_UP + name, cap(growing(limit.warm_up), day_around, zone, now)))
    return caps
