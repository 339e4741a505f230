"""Hours: when a campaign may write to somebody, by its send window and the quiet hours of its account.

The clock on the wall decides, the campaign's or the recipient's. Where clocks are put forward or back, the
hours go with them: an opening that the clock leaps over is the leap itself. The wall shows something else
only at the moments that `_moments` lists, so whether the hours are open is looked at there, and a whole
stretch between two changes is remembered.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import NamedTuple

from app.commands import CampaignEntry
from app.specs import Window

Zones = Callable[[str], tzinfo | None]  # the time zone with that name, None for a name that is none

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
HORIZON = 15  # days: a weekly hour may fall into a leap of the clock, and then comes a week later
LOOK_AGAIN = 7 * 86_400.0  # seconds, where window and quiet hours leave no moment
ALWAYS = float("inf")
MOST_KEPT = 50_000  # stretches remembered


@dataclass(frozen=True, slots=True)
class Span:
    """A window in minutes of the day."""

    opens: int
    closes: int
    days: frozenset[int]  # Monday is 0; one that spans midnight belongs to the day on which it opens

    def holds(self, wall: datetime) -> bool:
        """Whether it is open when the clock shows *wall*."""
        return self.covers(wall.weekday(), wall.hour * 60 + wall.minute)

    def covers(self, day: int, minute: int) -> bool:
        """Whether it is open at that minute of that day of the week."""
        if self.opens == self.closes:
            return day in self.days
        if self.opens < self.closes:
            return self.opens <= minute < self.closes and day in self.days
        return (minute >= self.opens and day in self.days) or (minute < self.closes and (day - 1) % 7 in self.days)


def span_of(window: Window) -> Span:
    """*window* as numbers."""
    return Span(_minutes(window.opens), _minutes(window.closes), frozenset(DAYS.index(day) for day in window.days))


def _minutes(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])


WHOLE_WEEK = span_of(Window())


def leave_no_moment(window: Window | None, quiet: Window | None) -> bool:
    """Whether *quiet* hours cover all of *window*, so that nobody is ever sent to. Two clocks may part: then not."""
    inside, outside = span_of(window or Window()), span_of(quiet) if quiet else None
    if outside is None or (window is not None and quiet is not None and window.local != quiet.local):
        outside = outside if outside == WHOLE_WEEK else None
    changes = {0, inside.opens, inside.closes} | ({outside.opens, outside.closes} if outside else set())
    return not any(
        inside.covers(day, minute) and not (outside and outside.covers(day, minute))
        for day in range(7)
        for minute in changes
    )


class Stretch(NamedTuple):
    """From *since* until *until* the hours are open, or all the time closed."""

    since: float
    until: float
    open: bool


class Rule(NamedTuple):
    """The hours of one campaign."""

    window: tuple[Span, bool] | None  # and whether the recipient's clock counts
    quiet: tuple[Span, bool] | None
    zone: str  # of the campaign

    @property
    def local(self) -> bool:
        """Whether the zone of the recipient matters."""
        return any(part is not None and part[1] for part in (self.window, self.quiet))


class Hours:
    """Whether campaigns may write now, and when next. Remembers what it found: cheap to ask for every pack."""

    def __init__(self, zones: Zones) -> None:
        self._zones = zones
        self._rules: dict[str, tuple[CampaignEntry, Rule | None]] = {}
        self._stretches: dict[tuple[Rule, str], Stretch] = {}

    def opening(self, entry: CampaignEntry, zone: str, at: float) -> float:
        """0 when *entry* may write to somebody in *zone* at the moment *at*, else the next moment when it may."""
        rule = self._rule(entry)
        if rule is None:
            return 0.0
        stretch = self._stretch(rule, zone, at)
        return 0.0 if stretch.open else stretch.until

    def closing(self, entry: CampaignEntry, zone: str, at: float) -> float:
        """The moment up to which it may, from *at* on: *at* itself when it may not now."""
        rule = self._rule(entry)
        if rule is None:
            return ALWAYS
        stretch = self._stretch(rule, zone, at)
        return stretch.until if stretch.open else at

    def closed_by(self, entry: CampaignEntry, at: float) -> str:
        """What keeps *entry* from writing at the moment *at* in its own zone: "window", "quiet", or "" for nothing."""
        rule = self._rule(entry)
        if rule is None or self._stretch(rule, "", at).open:
            return ""
        wall = datetime.fromtimestamp(at, self._zones(rule.zone) or UTC)
        return "window" if rule.window is not None and not rule.window[0].holds(wall) else "quiet"

    def placing(self, entry: CampaignEntry) -> Callable[[str, float], tuple[float, str]] | None:
        """What moves (zone, due) of a person to (due inside the hours, zone that counts); None without hours."""
        rule = self._rule(entry)
        if rule is None:
            return None

        def place(zone: str, due: float) -> tuple[float, str]:
            counts = zone if rule.local and zone and self._zones(zone) is not None else ""
            stretch = self._stretch(rule, counts, due)
            return (due if stretch.open else stretch.until), counts

        return place

    def _rule(self, entry: CampaignEntry) -> Rule | None:
        known = self._rules.get(entry.id)
        if known is None or known[0] is not entry:
            if len(self._rules) > MOST_KEPT:
                self._rules.clear()
            known = self._rules[entry.id] = (entry, rule_of(entry))
        return known[1]

    def _stretch(self, rule: Rule, zone: str, at: float) -> Stretch:
        key = (rule, zone if rule.local else "")
        stretch = self._stretches.get(key)
        if stretch is None or not stretch.since <= at < stretch.until:
            if len(self._stretches) > MOST_KEPT:
                self._stretches.clear()
            here = self._zones(rule.zone) or UTC
            there = (self._zones(zone) if zone else None) or here
            parts = [(each[0], there if each[1] else here) if each else None for each in (rule.window, rule.quiet)]
            stretch = self._stretches[key] = stretch_at(parts[0], parts[1], at)
        return stretch


def rule_of(entry: CampaignEntry) -> Rule | None:
    """The hours of *entry*; None for one that has none, or is transactional: those never wait."""
    window, quiet = entry.spec.window, entry.quiet
    if entry.spec.kind == "transactional" or (window is None and quiet is None):
        return None
    parts = [(span_of(each), each.local) if each else None for each in (window, quiet)]
    return Rule(parts[0], parts[1], entry.spec.time_zone)


Clocked = tuple[Span, tzinfo] | None


def stretch_at(window: Clocked, quiet: Clocked, at: float) -> Stretch:
    """The stretch around *at*, as long as it is known."""

    def is_open(moment: float) -> bool:
        inside = window is None or window[0].holds(datetime.fromtimestamp(moment, window[1]))
        return inside and not (quiet is not None and quiet[0].holds(datetime.fromtimestamp(moment, quiet[1])))

    now_open = is_open(at)
    changes = sorted({moment for part in (window, quiet) if part is not None for moment in _moments(*part, at)})
    for moment in changes:
        if moment > at and is_open(moment) != now_open:
            return Stretch(at, moment, now_open)
    return Stretch(at, at + LOOK_AGAIN, now_open)


def _moments(span: Span, zone: tzinfo, at: float) -> Iterator[float]:
    """Every moment from *at* to the horizon at which *span* may open or close by the clock of *zone*."""
    today = datetime.fromtimestamp(at, zone).date()
    walls = [time(0), time(*divmod(span.opens, 60)), time(*divmod(span.closes, 60))]
    for ahead in range(-1, HORIZON):
        day = today + timedelta(days=ahead)
        for wall in walls:
            for fold in (0, 1):  # a time that comes twice when clocks are put back
                yield datetime.combine(day, wall, zone).replace(fold=fold).timestamp()
        yield from _leap(day, zone)


def _leap(day: date, zone: tzinfo) -> Iterator[float]:
    """The moment of *day* at which the clock is put forward or back, to the minute."""
    first, last = (int(datetime.combine(each, time(12), zone).timestamp()) for each in (day, day + timedelta(days=1)))
    before = datetime.fromtimestamp(first, zone).utcoffset()
    if before == datetime.fromtimestamp(last, zone).utcoffset():
        return
    first, last = first // 60, last // 60
    while last - first > 1:
        middle = (first + last) // 2
        if datetime.fromtimestamp(middle * 60, zone).utcoffset() == before:
            first = middle
        else:
            last = middle
    yield last * 60.0
