"""A limit in words and figures, with bars for what is used of its caps."""

from collections.abc import Iterable, Sequence

from app.cli.times import iso
from app.delivery.limits.bounds import ON_THE_WAY
from app.delivery.limits.caps import DAILY, HOURLY, MOVING, WARM_UP
from app.delivery.limits.figures import moving_of, plan_of, rate_of
from app.routes import LimitSet, LimitStatus

CELLS = 10  # of a bar
FULL, HALF, EMPTY = "█", "▌", "░"


def named(limit: LimitSet) -> str:
    """What a limit is for, in words."""
    return f"{limit.scope} {limit.name}" + (f" towards {limit.group}" if limit.group else "")


def columns() -> tuple[str, ...]:
    """The columns of a list of limits."""
    return "scope", "name", "rate", "at once", "on the way", "an hour", "a day", "when full", "used"


def row_of(limit: LimitSet, usage: Sequence[LimitStatus]) -> tuple[str, ...]:
    """One limit of a list."""
    return (
        limit.scope, limit.name + (f" > {limit.group}" if limit.group else ""), _rate(limit), _figure(limit.burst),
        _figure(limit.concurrency), _capped(limit, limit.hourly), _days(limit),
        limit.full if limit.scope in _DETOURS else "", _used(usage),
    )  # fmt: skip


def _rate(limit: LimitSet) -> str:
    """The rate, and what it counts where that is not messages."""
    return rate_of(limit) + (" parts" if limit.unit == "parts" and limit.rate is not None else "")


def _capped(limit: LimitSet, cap: int | None) -> str:
    """A cap, and what it counts where that is not messages."""
    return _figure(cap) + (" parts" if limit.unit == "parts" and cap is not None else "")


_COUNTED = {
    HOURLY: "the hour", DAILY: "the day", MOVING: "any 24 hours", WARM_UP: "warm-up", ON_THE_WAY: "on the way",
}  # fmt: skip
_DETOURS = ("provider", "pool", "route")


def details(limit: LimitSet, usage: Sequence[LimitStatus]) -> list[tuple[str, str]]:
    """All about one limit: (what, figure)."""
    rows = [
        ("rate", rate_of(limit)), ("at once", _figure(limit.burst)), ("on the way", _figure(limit.concurrency)),
        ("an hour", _figure(limit.hourly)), ("a day", _figure(limit.daily)),
        ("any 24 hours", _figure(limit.moving_daily)), ("warm-up", plan_of(limit)),
        ("counts", limit.unit if limit.unit != "messages" else ""), ("time zone", limit.time_zone),
        ("when full", limit.full),
    ]  # fmt: skip
    return [row for row in rows if row[1]] + [(counted(each.name), _told(each)) for each in usage]


def counted(name: str) -> str:
    """What a bucket or cap counts, in words: "24 h|route|wa" is of any 24 hours of the route wa."""
    what = next((prefix for prefix in _COUNTED if name.startswith(prefix)), "")
    scope, _, rest = name.removeprefix(what).partition("|")
    of, _, group = rest.partition("|")
    told = f"{scope} {of}" + (f" towards {group}" if group else "")
    return f"{_COUNTED[what]}: {told}" if what else told


def bar(used: float, most: float) -> str:
    """How much of *most* is used: ten cells."""
    halves = min(2 * CELLS, int(2 * CELLS * used / most)) if most > 0 else 2 * CELLS
    drawn = FULL * (halves // 2) + HALF * (halves % 2)
    return drawn + EMPTY * (CELLS - len(drawn))


def _days(limit: LimitSet) -> str:
    told = [
        _capped(limit, limit.daily),
        moving_of(limit).replace("hours", "h"),
        f"warm-up {plan_of(limit)}" if limit.warm_up else "",
    ]
    return " / ".join(filter(None, told))


def _used(usage: Iterable[LimitStatus]) -> str:
    caps = [each for each in usage if each.used is not None and each.most]
    if not caps:
        return ""
    fullest = max(caps, key=lambda each: (each.used or 0) / (each.most or 1))
    more = f" (of {len(caps)})" if len(caps) > 1 else ""
    return f"{bar(fullest.used or 0, fullest.most or 1)} {fullest.used or 0:,}/{fullest.most:,.0f}{more}"


def _told(status: LimitStatus) -> str:
    parts = []
    if status.used is not None and status.most is not None:
        parts.append(f"{bar(status.used, status.most)} {status.used:,} of {status.most:,.0f}")
    if status.on_the_way is not None:
        most = f" of {status.most:,.0f}" if status.most is not None and status.used is None else ""
        parts.append(f"{status.on_the_way:,}{most} on the way")
    if status.resets_at is not None:
        parts.append(f"begins anew at {iso(status.resets_at)}")
    return ", ".join(parts) or "in force"


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:,.10g}"
