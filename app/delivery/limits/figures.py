"""What a limit lets through, in figures and words; and what an edit takes away from it."""

from app.routes import LimitSet

SHORT = {"second": "s", "minute": "min", "hour": "h", "day": "day"}
WHOLE = "a limit is set as a whole: to keep it, give it again"


def spoken(limit: LimitSet) -> str:
    """What a limit lets through, for a sentence."""
    told = ", ".join(figures(limit).values()) or "nothing is limited"
    return f"{told}, counted in parts of SMS" if limit.unit == "parts" and not limit.limits_nothing else told


def moving_of(limit: LimitSet) -> str:
    """What is allowed in any 24 hours; empty where that is not limited."""
    if limit.moving_daily is None:
        return ""
    return f"{limit.moving_daily:,}{'' if limit.unit == 'messages' else f' {limit.unit}'} in any 24 hours"


def figures(limit: LimitSet) -> dict[str, str]:
    """What is limited, by its field: only what there is."""
    found = {
        "rate": rate_of(limit),
        "burst": f"{limit.burst:,g} at once" if limit.burst is not None else "",
        "concurrency": f"{limit.concurrency:,} on the way" if limit.concurrency is not None else "",
        "hourly": f"{limit.hourly:,} an hour" if limit.hourly is not None else "",
        "daily": f"{limit.daily:,} a day" if limit.daily is not None else "",
        "moving_daily": moving_of(limit),
        "warm_up": f"warm-up {plan_of(limit)}" if limit.warm_up is not None else "",
    }
    return {field: figure for field, figure in found.items() if figure}


def rate_of(limit: LimitSet) -> str:
    """A rate with its unit; empty where there is none."""
    return "" if limit.rate is None else f"{limit.rate:,.10g}/{SHORT[limit.per]}"


def plan_of(limit: LimitSet) -> str:
    """The days of a warm-up; empty where there is none."""
    if limit.warm_up is None:
        return ""
    days = limit.warm_up.days()
    shown = [f"{each:,}" for each in (days if len(days) < 6 else [*days[:3], days[-1]])]
    if len(days) >= 6:
        shown.insert(3, "...")
    return f"{' '.join(shown)}, {len(days)} days from {limit.warm_up.begins}"


def notes_on_edit(before: LimitSet | None, after: LimitSet) -> list[str]:
    """What whoever sets *after* in place of *before* should know: what it was, and which figures are gone."""
    if before is None or before == after:
        return []
    if after.limits_nothing:
        return [f"was: {spoken(before)}"]
    notes = [f"was: {_told(before)}; now: {_told(after)}"]
    kept = figures(after)
    gone = [figure for field, figure in figures(before).items() if field not in kept]
    if gone:
        notes.append(f"no longer limited: {', '.join(gone)} ({WHOLE})")
    return notes


def _told(limit: LimitSet) -> str:
    zone = f", days of {limit.time_zone}" if limit.time_zone != "UTC" else ""
    return spoken(limit) + zone + (", overflows when full" if limit.full == "overflow" else "")
