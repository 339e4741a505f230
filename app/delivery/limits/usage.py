"""Which buckets and caps count for a limit, by their names: `pool|main|gmail`, `day|pool|main|gmail` and the like."""

from collections.abc import Collection, Iterable
from itertools import islice

from app.delivery.limits.bounds import ON_THE_WAY
from app.delivery.limits.caps import CAPS
from app.delivery.mx_groups import OTHER
from app.routes import EVERY, LimitSet, LimitStatus

PREFIXES = (*CAPS, ON_THE_WAY)
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
    """The one of *limits* that counts for what *key* names: by its own name before '*', then by its group before '*'.

    "other", the long tail of domains, is no thing that '*' stands for.
    """
    scope, name, group = key
    names = (name,) if scope == "group" and name == OTHER else (name, EVERY)
    groups = (group,) if group in ("", OTHER) else (group, EVERY)
    candidates = ((scope, of, towards) for of in names for towards in groups)
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
