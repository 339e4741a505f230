"""Which buckets and caps count for a limit, by their names: `pool|main|gmail`, `day|pool|main|gmail` and the like."""

from collections.abc import Collection, Iterable
from itertools import islice

from app.delivery.caps import DAILY, HOURLY, WARM_UP
from app.routes import EVERY, LimitSet, LimitStatus

ON_THE_WAY = "on the way|"  # + what it counts for: a limit of messages on the way
PREFIXES = (HOURLY, DAILY, WARM_UP, ON_THE_WAY)
MOST_SHOWN = 100  # of what one limit for '*' counts

Key = tuple[str, str, str]  # scope, name, group


def counted_by(name: str) -> Key | None:
    """What the bucket or cap *name* counts; None for one of a campaign."""
    for prefix in PREFIXES:
        name = name.removeprefix(prefix)
    scope, _, rest = name.partition("|")
    of, _, group = rest.partition("|")
    return None if scope == "campaign" or not of else (scope, of, group)


def in_force(key: Key, limits: Collection[Key]) -> Key | None:
    """The one of *limits* that rules what *key* names: its own, else that of its name for '*', and so on."""
    scope, name, group = key
    groups = (group, EVERY) if group else ("",)
    candidates = ((scope, of, towards) for of in (name, EVERY) for towards in groups)
    return next((each for each in candidates if each in limits), None)


def usage_of(
    limit: LimitSet, limits: Collection[Key], statuses: Iterable[LimitStatus], now: float
) -> list[LimitStatus]:
    """What of *statuses* counts for *limit*, beside the other *limits*. Of a window that is over nothing is used."""
    found = (each for each in statuses if _counts(each.name, limit, limits))
    return [
        each.model_copy(update={"used": 0, "resets_at": None})
        if each.resets_at is not None and each.resets_at <= now
        else each
        for each in islice(found, MOST_SHOWN)
    ]


def _counts(name: str, limit: LimitSet, limits: Collection[Key]) -> bool:
    key = counted_by(name)
    return key is not None and key[0] == limit.scope and in_force(key, limits) == limit.key
